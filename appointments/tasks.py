"""Celery tasks of appointments."""

from celery import shared_task
from django.utils import timezone

from appointments.services import reminders


@shared_task
def send_reminders() -> int:
    """Put the reminders of RDVs that are due in the outbox. Returns how many will leave."""
    return reminders.send_reminders(now=timezone.now())
