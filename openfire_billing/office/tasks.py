"""The heartbeat of beat."""

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

HEARTBEAT = "beat-heartbeat"


@shared_task
def heartbeat() -> None:
    """Store the time at which beat last ran, for the health check: in seconds since 1970, since the cache holds JSON."""
    cache.set(HEARTBEAT, timezone.now().timestamp(), timeout=None)
