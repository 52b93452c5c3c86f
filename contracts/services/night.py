"""The night's run, that nobody watches: visits first, then billing; taken up again when it stops; told when it fails."""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from contracts.choices import RunKind, RunState
from contracts.models import BillingRun, Contract
from contracts.models.runs import night_of
from contracts.services.billing import bill_chunk
from contracts.services.due import recheck_due
from contracts.services.runs import chunks_of, expect, finish_run, remaining, start_run, touch
from contracts.services.visits import horizon, plan_visits
from invoicing.models import Company
from openfire_billing.celery import send_after_commit
from openfire_billing.errors import BusinessError

log = logging.getLogger(__name__)

STILL = 10 * 60  # seconds without a sign of life after which a run is taken up again
GRACE = timedelta(hours=1)  # after 05:00, before anybody is told that the night did not happen


def start_night(*, on: date) -> BillingRun | None:
    """The run of this night: a new one, or the one that stopped short; None when it is done or going on.

    Two beats, or a beat that fires twice, meet on the unique key of the night.
    """
    try:
        with transaction.atomic():
            run = BillingRun.objects.create(on=on, kind=RunKind.NIGHT)
    except IntegrityError:
        return take_over(BillingRun.objects.nights().get(on=on))
    for older in BillingRun.objects.nights().running().filter(on__lt=on):
        finish_run(older, state=RunState.SHORT)  # this night bills all that is due, theirs included
    return run


def take_over(run: BillingRun, *, still: int = STILL) -> BillingRun | None:
    """Take up a run that gave no sign of life; None when it did, or when somebody else was quicker."""
    if not run.is_still(still):
        return None
    taken = BillingRun.objects.running().filter(pk=run.pk, touched_at=run.touched_at).update(touched_at=timezone.now())
    if not taken:
        return None
    run.refresh_from_db()
    return run


def run_night(run: BillingRun) -> None:
    """Check the due days, plan the visits to come, then hand the billing to the workers in chunks."""
    late = recheck_due(Contract.objects.billable().values("pk"), on=run.on)
    if late:
        log.error("Due days that were too late, mended: %s", ", ".join(late))
        run.note = _("Échéances recalculées, qui auraient attendu : %s.") % ", ".join(late[:50])
    touch(run)
    outcomes = plan_visits(until=horizon(run.on), on=run.on, by=None)
    refused = [outcome.refusal for outcome in outcomes if outcome.is_refused]
    run.visits += len(outcomes) - len(refused)
    run.note = "\n".join(filter(None, [run.note, *refused[:50]]))
    run.save(update_fields=["visits", "note"])
    expect(run)
    hand_out(run)


def hand_out(run: BillingRun) -> BillingRun:
    """Queue what a run has left to do, a task a chunk. A broker out of reach is survived: the sweep comes back."""
    touch(run)
    empty = True
    for ids in chunks_of(run):
        empty = False
        send_after_commit("contracts.tasks.bill_chunk", run.pk, ids)
    return finish_run(run) if empty else run


def work_chunk(run: BillingRun, ids: Sequence[int]) -> None:
    """What a worker does of a run: bill a chunk, then finish the run when nothing is left of it."""
    if not run.is_running:
        return
    bill_chunk(run, ids)
    touch(run)
    if not remaining(run).exists():
        finish_run(run)


def resume_runs(*, still: int = STILL) -> int:
    """Take up the runs that stopped: killed worker, broker gone. Returns how many."""
    count = 0
    for run in BillingRun.objects.running().order_by("pk"):
        taken = take_over(run, still=still)
        if taken is not None:
            count += 1
            hand_out(taken)
    return count


def start_manual(*, on: date, by: Any, is_dry: bool = False, force: bool = False, selection: Any = None) -> BillingRun:
    """A run asked for by somebody, handed to the workers: its page shows how far it is."""
    run = start_run(on=on, by=by, is_dry=is_dry, force=force, selection=selection)
    return hand_out(run)


def selection_of(user: Any, *, on: date, contracts: Sequence[int] | None = None) -> list[int] | None:
    """Ids of the contracts a run asked for by `user` looks at, of his companies only: those given, else those due.

    None = all those due, when he works for every company.
    """
    everywhere = user.is_superuser or not Company.objects.exclude(accesses__user=user).exists()
    wanted = Contract.objects.filter(company__in=Company.objects.visible_to(user))
    if contracts is not None:
        return sorted(wanted.filter(pk__in=contracts).values_list("pk", flat=True))
    return None if everywhere else sorted(wanted.due(on).values_list("pk", flat=True))


def retry_run(run: BillingRun, *, on: date, by: Any) -> BillingRun:
    """Another run over what this one set aside, or left when it stopped."""
    if run.is_running and not run.is_still(STILL):
        raise BusinessError(_("%s est en cours : attendez sa fin.") % run)
    ids = list(run.outcomes.filter(result="refused").values_list("contract_id", flat=True))
    ids += list(remaining(run).values_list("pk", flat=True)) if run.state != RunState.DONE else []
    ids = selection_of(by, on=on, contracts=ids) or []
    if not ids:
        raise BusinessError(_("%s n'a rien mis de côté : rien à relancer.") % run)
    if run.is_running:
        finish_run(run, state=RunState.SHORT)
    return start_manual(on=on, by=by, selection=ids)


def night_alarm(now: datetime) -> tuple[str, str]:
    """(code, sentence) when the last night had no run or ended short; ("", "") when all is well.

    `missing`: no run; `short`: not finished. Nothing is told when no contract was to be billed then.
    """
    night = night_of(now - GRACE)
    if not Contract.objects.billable().filter(validated_on__lt=night).exists():
        return "", ""
    day = date_format(night, "d/m/Y")
    whole = BillingRun.objects.filter(on__gte=night, is_dry=False, selection__isnull=True)
    if whole.filter(state=RunState.DONE).exists():  # by itself, or asked for since
        return "", ""
    run = BillingRun.objects.nights().filter(on=night).first()
    if run is None:
        return "missing", _("Aucun passage de facturation dans la nuit du %s : lancez-le depuis cette page.") % day
    if run.is_running and not run.is_still(STILL):
        return "", ""
    return "short", _("Le passage de facturation du %s ne s'est pas terminé : relancez-le depuis sa page.") % day
