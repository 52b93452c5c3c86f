"""`/healthz`: whether the database and the broker answer, when beat last ran, what waits."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Min
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from contracts.models import Contract
from contracts.services.night import night_alarm
from invoicing.choices import MessageState
from invoicing.models import DocumentJob, Message
from invoicing.services.documents.jobs import late_documents
from openfire_billing.celery import app
from openfire_billing.db.guards import missing_guards
from openfire_billing.office.tasks import HEARTBEAT

LATE_AFTER = timedelta(minutes=5)
SKEW = timedelta(minutes=2)  # by which the clocks of two machines may differ


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer, else 503.

    The answer also gives the age of beat (seconds, or null), the last night, and what waits: counts, ages in
    seconds, the guards that lack. The address is public: nothing in it names a document or a person.
    """
    database, broker = _database(), _broker()
    age = _beat_age()
    is_there = database == "ok"
    answer: dict[str, Any] = {
        "database": database,
        "broker": broker,
        "beat_age": age,
        "night": _answer_of(_night) if is_there else "unknown",
        "contracts": _answer_of(_contracts) if is_there else "unknown",
        "documents": _answer_of(_documents) if is_there else "unknown",
        "messages": _answer_of(_messages) if is_there else "unknown",
        "guards": _answer_of(_guards) if is_there else "unknown",
        "beat": "ok" if age is not None and -SKEW.total_seconds() < age < LATE_AFTER.total_seconds() else "late",
    }
    return JsonResponse(answer, status=200 if database == broker == "ok" else 503)


def _answer_of(question: Callable[[], Any]) -> Any:
    """Return the answer of a question to the database; the name of the failure when its tables are not made yet."""
    try:
        return question()
    except Exception as failure:
        return type(failure).__name__


def _night() -> str:
    """Return ok, or what is wrong with the last night's billing: the code of `night_alarm`."""
    return night_alarm(timezone.now())[0] or "ok"


def _contracts() -> dict[str, int]:
    """Return how many contracts the night sets aside."""
    return {"set_aside": Contract.objects.set_aside().count()}


def _documents() -> dict[str, Any]:
    """Return what is known of the PDFs to render.

    `waiting`: those that failed or wait for too long; `reason`: the kind of the newest failure; `queued`: all of them;
    `oldest`: the age of the oldest, in seconds, or null.
    """
    waiting, reason = late_documents()
    kind = reason.partition(":")[0].strip()
    queued = DocumentJob.objects.all()
    return {
        "waiting": waiting,
        "reason": f"{kind}…)" if "(" in kind and ":" in reason else kind,
        "queued": queued.count(),
        "oldest": _age(queued.aggregate(at=Min("invoice__posted_at"))["at"]),
    }


def _messages() -> dict[str, Any]:
    """Return how many messages wait and how many failed, and the age of the oldest that waits, in seconds, or null."""
    waiting = Message.objects.filter(state__in=MessageState.pending)
    return {
        "waiting": waiting.count(),
        "failed": Message.objects.filter(state__in=MessageState.stopped).count(),
        "oldest": _age(waiting.aggregate(at=Min("created_at"))["at"]),
    }


def _guards() -> Any:
    """Return ok, or how many of the triggers that protect posted rows the database lacks."""
    missing = missing_guards()
    return {"missing": len(missing)} if missing else "ok"


def _age(moment: datetime | None) -> int | None:
    """Return how many whole seconds ago a moment was."""
    return int((timezone.now() - moment).total_seconds()) if moment else None


def _beat_age() -> float | None:
    """Return how many seconds ago beat ran, negative when its clock ran ahead; None when it was never seen."""
    try:
        seen = cache.get(HEARTBEAT)
    except Exception:  # a cache out of reach counts as a beat never seen
        return None
    return timezone.now().timestamp() - seen if isinstance(seen, float) else None


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
