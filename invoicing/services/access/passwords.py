"""Demands of a new password: one row for each, whether the e-mail is a user's or not, answered by a task."""

from collections.abc import Callable

from invoicing.models import PasswordRequest
from openfire_billing.celery import send_after_commit


def ask_password(email: str, *, site: str) -> None:
    """Keep a demand of a new password. Known and unknown e-mails take the same work.

    `site`: the address of the site, for the link of the mail.
    """
    PasswordRequest.objects.create(email=email, site=site[:200])
    send_after_commit("openfire_billing.office.tasks.answer_password_requests")


def answer_requests(answer: Callable[[str, str], None]) -> int:
    """Call `answer(email, site)` for each demand, then delete it. Returns how many there were."""
    requests = list(PasswordRequest.objects.all())
    for request in requests:
        answer(request.email, request.site)
        request.delete()
    return len(requests)
