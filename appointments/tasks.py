"""Celery tasks of appointments."""

from celery import shared_task
from django.utils import timezone

from appointments.services import reminders
from appointments.services.roads import forget_ways


@shared_task
def send_reminders() -> int:
    """Put the reminders of RDVs that are due in the outbox. Returns how many will leave."""
    return reminders.send_reminders(now=timezone.now())


@shared_task
def forget_travel() -> int:
    """Delete the ways by road that are too old to be used. Returns how many."""
    return forget_ways()
