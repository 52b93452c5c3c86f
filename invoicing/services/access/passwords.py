"""Requests for a new password: one row for each, whether the e-mail is a user's or not, answered by a task."""

import logging
from collections.abc import Callable
from datetime import datetime

from invoicing.models import PasswordRequest
from invoicing.services.access.guesses import is_demand_taken
from openfire_billing.celery import send_after_commit
from openfire_billing.db.transactions import atomic

log = logging.getLogger(__name__)


def ask_password(email: str, *, address: str, at: datetime) -> None:
    """Store a request for a new password; beyond the limits, ignore it.

    The same work is done for a known and an unknown e-mail, so that the time of the answer reveals nothing. `address`:
    the IP address that the request comes from.
    """
    if is_demand_taken(email=email, address=address, at=at):
        PasswordRequest.objects.create(email=email, at=at)
        send_after_commit("openfire_billing.office.tasks.answer_password_requests")


def answer_requests(answer: Callable[[str], None]) -> int:
    """Delete each request and call `answer(email)`, in one transaction. Returns how many were answered.

    A request that another task answers is left to it. One that fails stays for the next time, and the others go on.
    """
    answered = 0
    for request in PasswordRequest.objects.order_by("pk"):
        try:
            with atomic():
                if PasswordRequest.objects.filter(pk=request.pk).delete()[0]:
                    answer(request.email)
                    answered += 1
        except Exception:  # whatever stops one request, the others are answered
            log.exception("request for a new password", extra={"request": request.pk})
    return answered
