"""`/healthz`: whether the database and the broker answer, and when beat last ran."""

from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from contracts.services.night import night_alarm
from invoicing.services.documents.jobs import late_documents
from openfire_billing.celery import app
from openfire_billing.db.guards import missing_guards
from openfire_billing.office.tasks import HEARTBEAT

LATE_AFTER = timedelta(minutes=5)


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer, else 503.

    The answer also gives the age of beat (seconds, or null), the last night, the PDFs that wait, the guards that lack.
    """
    database, broker = _database(), _broker()
    seen = _last_beat()
    age = (timezone.now() - seen).total_seconds() if seen else None
    answer: dict[str, Any] = {
        "database": database,
        "broker": broker,
        "beat_age": age,
        "night": _night() if database == "ok" else "unknown",
        "documents": _documents() if database == "ok" else "unknown",
        "guards": _guards() if database == "ok" else "unknown",
        "beat": "ok" if age is not None and age < LATE_AFTER.total_seconds() else "late",
    }
    return JsonResponse(answer, status=200 if database == broker == "ok" else 503)


def _night() -> str:
    """Return ok, or what is wrong with the last night's billing: `missing` (no run), `short` (not finished)."""
    try:
        return night_alarm(timezone.now())[0] or "ok"
    except Exception as failure:  # tables not made yet
        return type(failure).__name__


def _documents() -> Any:
    """Return how many PDFs failed or wait for too long, and the kind of the newest failure, since the address is
    public.
    """
    try:
        waiting, reason = late_documents()
    except Exception as failure:  # tables not made yet
        return type(failure).__name__
    kind = reason.partition(":")[0].strip()
    return {"waiting": waiting, "reason": f"{kind}…)" if "(" in kind and ":" in reason else kind}


def _guards() -> Any:
    """Return ok, or how many of the triggers that protect posted rows the database lacks."""
    try:
        missing = missing_guards()
    except Exception as failure:  # whatever the driver raises
        return type(failure).__name__
    return {"missing": len(missing)} if missing else "ok"


def _last_beat() -> Any:
    try:
        return cache.get(HEARTBEAT)
    except Exception:  # a cache out of reach counts as a beat never seen
        return None


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as failure:  # whatever the driver raises, the answer is "not there"
        return type(failure).__name__
    return "ok"


def _broker() -> str:
    try:
        with app.connection_for_write() as link:
            link.ensure_connection(max_retries=1, timeout=2)
    except Exception as failure:  # whatever the transport raises, the answer is "not there"
        return type(failure).__name__
    return "ok"
