"""The heartbeat of beat."""

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

HEARTBEAT = "beat-heartbeat"


@shared_task
def heartbeat() -> None:
    """Store the time at which beat last ran, for the health check."""
    cache.set(HEARTBEAT, timezone.now(), timeout=None)
