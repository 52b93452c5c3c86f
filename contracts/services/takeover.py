"""Runs that stopped are resumed: what is left is queued, chunk by chunk."""

from collections.abc import Sequence

from django.utils import timezone

from contracts.models import BillingRun
from contracts.services.billing import bill_chunk
from contracts.services.runs import chunks_of, finish_run, list_contracts, remaining, touch
from openfire_billing.celery import send_after_commit

STILL = 10 * 60  # seconds without a sign of life after which a run is taken up again


def take_over(run: BillingRun, *, still: int = STILL) -> BillingRun | None:
    """Resume a run without a sign of life for `still` seconds. Return it; None when it is alive, or taken over by
    another.
    """
    if not run.is_still(still):
        return None
    taken = BillingRun.objects.running().filter(pk=run.pk, touched_at=run.touched_at).update(touched_at=timezone.now())
    if not taken:
        return None
    run.refresh_from_db()
    return run


def hand_out(run: BillingRun) -> BillingRun:
    """Queue what a run has left to bill, a task for each chunk; finish it when nothing is left.

    When the broker is out of reach, `resume_runs` queues it later.
    """
    run = list_contracts(run)
    touch(run)
    empty = True
    for ids in chunks_of(run):
        empty = False
        send_after_commit("contracts.tasks.bill_chunk", run.pk, ids)
    return finish_run(run) if empty else run


def work_chunk(run: BillingRun, ids: Sequence[int]) -> None:
    """Bill a chunk of a run, then finish the run when nothing is left of it. Called by a worker."""
    if not run.is_running:
        return
    bill_chunk(run, ids)
    touch(run)
    if not remaining(run).exists():
        finish_run(run)
