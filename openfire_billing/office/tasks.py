"""Periodic tasks of the office: the heartbeat of beat, forgotten passwords, old sessions, files of imports."""

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from invoicing.services.access.passwords import answer_requests
from invoicing.services.access.sessions import forget_old_access
from openfire_billing.office.account_pages import mail_addresses
from openfire_billing.office.importing.kept import forget_files

HEARTBEAT = "beat-heartbeat"


@shared_task
def heartbeat() -> None:
    """Store the time at which beat last ran, for the health check: in seconds since 1970, since the cache holds JSON."""
    cache.set(HEARTBEAT, timezone.now().timestamp(), timeout=None)


@shared_task
def answer_password_requests() -> int:
    """Queue the mails of forgotten passwords. Returns how many demands were answered, unknown addresses included."""
    return answer_requests(mail_addresses)


@shared_task
def forget_access() -> int:
    """Delete old sessions and failed logins. Returns how many rows of ours were deleted."""
    return forget_old_access(now=timezone.now())


@shared_task
def forget_imports() -> int:
    """Delete the files of imports that were shown and never written. Returns how many."""
    return forget_files(now=timezone.now())
