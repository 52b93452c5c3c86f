"""Demands of a new password: one row for each, whether the e-mail is a user's or not, answered by a task."""

from collections.abc import Callable
from datetime import datetime

from invoicing.models import PasswordRequest
from invoicing.services.access.guesses import is_demand_taken
from openfire_billing.celery import send_after_commit


def ask_password(email: str, *, address: str, at: datetime) -> None:
    """Keep a demand of a new password; beyond the limits, leave it. Known and unknown e-mails take the same work.

    `address`: the IP address that the demand comes from.
    """
    if is_demand_taken(email=email, address=address, at=at):
        PasswordRequest.objects.create(email=email, at=at)
        send_after_commit("openfire_billing.office.tasks.answer_password_requests")


def answer_requests(answer: Callable[[str], None]) -> int:
    """Call `answer(email)` for each demand, then delete it. Returns how many there were."""
    requests = list(PasswordRequest.objects.all())
    for request in requests:
        answer(request.email)
        request.delete()
    return len(requests)
