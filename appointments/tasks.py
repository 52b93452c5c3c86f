"""Celery tasks of appointments."""

from celery import shared_task

from appointments.services.roads import forget_ways


@shared_task
def forget_travel() -> int:
    """Delete the ways by road that are too old to be used. Returns how many."""
    return forget_ways()
