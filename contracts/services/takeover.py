"""Runs that stopped are resumed: what is left is queued, chunk by chunk; a run that never advances is given up."""

from collections.abc import Sequence

from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contracts.choices import RunKind, RunState
from contracts.models import BillingRun
from contracts.models.runs import SKEW
from contracts.services.billing import bill_chunk
from contracts.services.runs import CHUNK, chunks_of, finish_run, list_contracts, remaining, touch
from openfire_billing.celery import send_after_commit

STILL = 10 * 60  # seconds without a sign of life after which a run is taken up again
MOST_RESUMED = 3  # times in a row a run is resumed without a chunk done
NAMED = 20  # contracts named when a run is given up


def take_over(run: BillingRun, *, still: int = STILL) -> BillingRun | None:
    """Resume a run without a sign of life for `still` seconds. Return it; None when it is alive, or taken over by
    another.
    """
    if not run.is_still(still):
        return None
    as_read = BillingRun.objects.running().filter(pk=run.pk, touched_at=run.touched_at)
    if not as_read.update(touched_at=timezone.now(), resumed=F("resumed") + 1):
        return None
    run.refresh_from_db()
    return run


def hand_out(run: BillingRun) -> BillingRun:
    """Queue what a run has left to bill, a task for each chunk; finish it when nothing is left.

    When the broker is out of reach, `resume_runs` queues it later. A run that was resumed twice without a chunk done is
    queued payer by payer, so that the one that stops its worker stops no other.
    """
    run = list_contracts(run)
    touch(run)
    empty = True
    for ids in chunks_of(run, CHUNK if run.resumed < MOST_RESUMED - 1 else 1):
        empty = False
        send_after_commit("contracts.tasks.bill_chunk", run.pk, ids)
    return finish_run(run) if empty else run


def work_chunk(run: BillingRun, ids: Sequence[int]) -> None:
    """Bill these contracts of a run, set `resumed` back to 0, and finish the run when no contract is left. Does nothing
    when the run is no longer running.
    """
    if not run.is_running:
        return
    bill_chunk(run, ids)
    touch(run)
    if run.resumed:
        BillingRun.objects.filter(pk=run.pk).update(resumed=0)
    if not remaining(run).exists():
        finish_run(run)


def give_up(run: BillingRun) -> None:
    """Finish a run as interrupted, with the contracts that it could not bill."""
    left = remaining(run).order_by("pk")
    named = ", ".join(str(contract) for contract in left[:NAMED])
    if (more := left.count() - NAMED) > 0:
        named = ngettext("%(named)s et %(more)d autre", "%(named)s et %(more)d autres", more) % {
            "named": named,
            "more": more,
        }
    text = _(
        "Arrêté après %(count)s reprises sans avancer. Le processus s'est arrêté chaque fois avant d'avoir facturé : "
        "%(contracts)s. Tous les autres contrats du passage ont leur résultat. "
        "Corrigez ces fiches ou prévenez votre support, puis relancez."
    ) % {"count": MOST_RESUMED, "contracts": named}
    BillingRun.objects.filter(pk=run.pk).update(note="\n".join(filter(None, [run.note, text])))
    finish_run(run, state=RunState.SHORT)


def free_future_nights() -> None:
    """Make the nights started in the future, by a clock that ran ahead, runs on demand, and finish those at work.

    Their true night will have a run of its own.
    """
    now = timezone.now()
    note = _("L'horloge de la machine avançait quand ce passage a commencé : sa nuit aura le sien.")
    ahead = list(BillingRun.objects.nights().filter(started_at__gt=now + SKEW))
    BillingRun.objects.filter(pk__in=[run.pk for run in ahead]).update(
        kind=RunKind.MANUAL, started_at=now, note=Concat("note", Value(f"\n{note}"))
    )
    for run in ahead:
        finish_run(run, state=RunState.SHORT)
