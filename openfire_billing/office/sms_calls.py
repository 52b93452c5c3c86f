"""What the SMS gateway calls: the delivery of a message, and the answers of customers. Signed, accepted in any order."""

import json
import logging
from datetime import UTC, datetime
from time import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from invoicing.choices import MessageState
from invoicing.services.documents.texts import note_answer
from invoicing.services.records.messages import note_delivery
from openfire_billing.web.sms_gateway import is_genuine

log = logging.getLogger(__name__)
MOST = 10_000  # bytes of a call
_STATES = {"delivered": MessageState.DELIVERED, "undelivered": MessageState.UNDELIVERED}


@csrf_exempt
@require_POST
def sms_status(request: HttpRequest, backend: str) -> HttpResponse:
    """Take {"id" or "reference", "status": "delivered" | "undelivered", "at": seconds since 1970, optional}.

    403 for a call that is not signed with our secret, 400 for one that cannot be read; 200 for one about a message that
    is not ours, which is logged.
    """
    call = _call(request, backend)
    if isinstance(call, HttpResponse):
        return call
    reference, state = call.get("id") or call.get("reference"), _STATES.get(str(call.get("status")))
    if not isinstance(reference, str) or not reference or state is None:
        return HttpResponse(status=400)
    if not note_delivery(reference[:160], state, at=_moment(call.get("at"))):
        log.info("delivery of a message that is not ours", extra={"reference": reference[:160]})
    return HttpResponse(status=200)


@csrf_exempt
@require_POST
def sms_inbound(request: HttpRequest, backend: str) -> HttpResponse:
    """Take {"from": number, "text": answer}. STOP ends the commercial messages of the companies that wrote to the number."""
    call = _call(request, backend)
    if isinstance(call, HttpResponse):
        return call
    number, text = call.get("from"), call.get("text")
    if not isinstance(number, str) or not isinstance(text, str):
        return HttpResponse(status=400)
    note_answer(number, text)
    return HttpResponse(status=200)


def _call(request: HttpRequest, backend: str) -> dict[str, Any] | HttpResponse:
    """Return the body of a genuine call, or the answer that refuses it."""
    if backend != settings.SMS_BACKEND:
        return HttpResponse(status=404)
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        return HttpResponse(status=400)
    if length > MOST:
        return HttpResponse(status=413)
    body = request.body
    seconds, signature = request.headers.get("X-Timestamp", ""), request.headers.get("X-Signature", "")
    if not is_genuine(body, seconds, signature, now=time()):
        return HttpResponse(status=403)
    try:
        call = json.loads(body)
    except ValueError:
        return HttpResponse(status=400)
    return call if isinstance(call, dict) else HttpResponse(status=400)


def _moment(seconds: Any) -> datetime:
    """Return a moment given in seconds since 1970; now for one that is none, or that is to come."""
    now = timezone.now()
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= now.timestamp():
        return now
    return datetime.fromtimestamp(seconds, tz=UTC)
