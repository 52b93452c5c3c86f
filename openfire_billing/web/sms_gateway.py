"""An SMS gateway reached by HTTP, described by settings: its address, its headers, and the JSON that it takes.

What it calls back (delivery, answers) is signed with SMS_HTTP["secret"]: the headers of `signature_of`.
"""

import hmac
import json
from hashlib import sha256
from typing import Any

from django.conf import settings

from openfire_billing.web.outgoing import NotReached, post_to_service

OLDEST = 300  # seconds after which a signed call is refused


class NotSent(Exception):
    """Raised by an SMS backend when the text message has surely not left, so that it may be sent again."""


class Doubtful(Exception):
    """The gateway answered something from which nobody knows whether the text message left."""


def send(to: str, body: str, *, key: str) -> str:
    """Send one SMS. Returns the reference of the gateway, "" without one.

    Raises NotSent when the gateway was not reached or refused (4xx), Doubtful or NoAnswer when it may have left.
    """
    described = settings.SMS_HTTP
    values = {"{to}": to, "{text}": body, "{key}": key}
    try:
        sent = json.dumps(_filled(described["body"], values)).encode()
        headers = {
            "Content-Type": "application/json",
            **{k: _filled(v, values) for k, v in described["headers"].items()},
        }
        status, answer = post_to_service(described["url"], sent, headers)
    except NotReached as failure:
        raise NotSent(str(failure)) from failure
    if 400 <= status < 500:
        raise NotSent(f"HTTP {status}: {answer[:200].decode(errors='replace')}")
    if not 200 <= status < 300:
        raise Doubtful(f"HTTP {status}")
    return _reference(answer, described["reference"])


def _filled(template: Any, values: dict[str, str]) -> Any:
    """Return a JSON value whose texts have their variables replaced."""
    if isinstance(template, dict):
        return {name: _filled(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values) for value in template]
    if not isinstance(template, str):
        return template
    for name, value in values.items():
        if template == name:
            return value
        if name != "{text}":  # a text is put in last: what it holds is not read as a variable
            template = template.replace(name, value)
    return template.replace("{text}", values["{text}"])


def _reference(answer: bytes, path: str) -> str:
    """Return the value at a path (« messages.0.id ») of a JSON answer; "" when it is not there: the message left all the same."""
    try:
        found = json.loads(answer)
        for step in path.split("."):
            found = found[int(step)] if isinstance(found, list) else found[step]
    except (ValueError, LookupError, TypeError):
        return ""
    return str(found)[:100] if isinstance(found, str | int) else ""


def signature_of(body: bytes, seconds: str) -> str:
    """Return the signature of a call: HMAC-SHA256, in hexadecimal, of its moment, a point and its body."""
    return hmac.new(settings.SMS_HTTP["secret"].encode(), f"{seconds}.".encode() + body, sha256).hexdigest()


def is_genuine(body: bytes, seconds: str, signature: str, *, now: float) -> bool:
    """Return whether a call is signed with our secret, within OLDEST seconds. `seconds`: since 1970, as it says."""
    if not settings.SMS_HTTP["secret"] or not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
        return False
    is_recent = abs(now - int(seconds)) <= OLDEST
    return hmac.compare_digest(signature_of(body, seconds).encode(), signature.encode()) and is_recent
