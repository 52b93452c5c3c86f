"""Sending messages: mail through Django, SMS through a small backend (console, memory, or a path)."""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web import sms_gateway
from openfire_billing.web.sms_gateway import NotSent

sms_outbox: list[tuple[str, str]] = []


class SmsBackend(Protocol):
    """Sends `body` to `to`, in E.164 (+33612345678). `key`: ours, the same each time. Returns the provider's reference, or "".

    Raises NotSent when the text message has surely not left. After any other error it may have left, and is not sent
    again by itself.
    """

    def __call__(self, to: str, body: str, *, key: str) -> str: ...


def console(to: str, body: str, *, key: str) -> str:
    """Print the SMS, for development."""
    print(f"SMS à {to} : {body}")
    return ""


def memory(to: str, body: str, *, key: str) -> str:
    """Keep the SMS in `sms_outbox`, for tests."""
    sms_outbox.append((to, body))
    return ""


def knows_keys() -> bool:
    """Return whether the SMS gateway sends a message once for its key, however often it is asked."""
    return settings.SMS_BACKEND == "http" and bool(settings.SMS_HTTP["is_idempotent"])


def send_sms(to: str, body: str, *, key: str) -> str:
    """Send one SMS by the backend named in SMS_BACKEND: `console`, `memory`, `http`, or a dotted path to a callable."""
    backends: dict[str, SmsBackend] = {"console": console, "memory": memory, "http": sms_gateway.send}
    backend = backends.get(settings.SMS_BACKEND)
    if backend is None:
        module, _dot, name = settings.SMS_BACKEND.rpartition(".")
        try:
            backend = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as missing:
            raise NotSent(str(missing)) from missing
    return backend(to, body, key=key)


def _each(addresses: str) -> list[str]:
    return [address for text in addresses.split(",") if (address := text.strip())]


def send_mail(
    *,
    to: str,
    cc: str = "",
    subject: str,
    body: str,
    sender: str = "",
    reply_to: str = "",
    attachments: Sequence[tuple[str, bytes, str]] = (),
    message_id: str = "",
) -> None:
    """Send one mail. `to`, `cc`: addresses apart by « , ». `attachments`: (file name, bytes, MIME type). `reply_to`: who gets the answers, when not the sender.

    Raises what the mail backend raises, and BusinessError on a server without mail settings.
    """
    if not settings.MAIL_IS_SENT:
        raise BusinessError(_("Aucun serveur de messagerie n'est réglé : définissez EMAIL_URL, puis renvoyez."))
    message = EmailMessage(
        subject=subject,
        body=body,
        from_email=sender or None,
        to=_each(to),
        cc=_each(cc),
        reply_to=[reply_to] if reply_to else None,
        headers={"Message-ID": message_id} if message_id else None,
    )
    for name, content, kind in attachments:
        message.attach(name, content, kind)
    message.send()
