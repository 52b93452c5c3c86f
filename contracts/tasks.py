"""Tasks of contracts: the night, its chunks, and the sweep that resumes stopped runs. Each may run any number of times."""

from celery import Task, shared_task
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from contracts.models import BillingRun
from contracts.services import night, takeover
from openfire_billing.kernel.errors import Unavailable

AWAY = (OperationalError, InterfaceError, Unavailable)


@shared_task(bind=True, autoretry_for=AWAY, retry_backoff=5, max_retries=5)
def bill_night(self: Task) -> int | None:
    """Plan visits, then bill, at NIGHT_HOUR in Paris. A second call the same night finds its run and does nothing.

    The same task delivered or tried again goes on with the run it started.
    """
    run = night.start_night(on=timezone.localdate(), owner=self.request.id or "")
    if run is None:
        return None
    night.run_night(run)
    return int(run.pk)


@shared_task(autoretry_for=AWAY, retry_backoff=5, max_retries=5)
def bill_chunk(run_id: int, ids: list[int]) -> None:
    """Bill a chunk of a run."""
    run = BillingRun.objects.filter(pk=run_id).first()
    if run is not None:
        takeover.work_chunk(run, ids)


@shared_task
def resume_runs() -> int:
    """Resume the runs that stopped."""
    return night.resume_runs()
