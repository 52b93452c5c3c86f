"""The run of the night: visits first, then billing; resumed when it stops; reported when it fails."""

import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.db import IntegrityError
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from contracts.choices import RunKind, RunState, RunStep
from contracts.models import BillingRun, Contract
from contracts.models.runs import night_of
from contracts.services.next_dates import recheck_due
from contracts.services.runs import enter_step, finish_run, touch
from contracts.services.takeover import STILL, hand_out, take_over
from contracts.services.visits import horizon, plan_visits
from openfire_billing.db.transactions import atomic

log = logging.getLogger(__name__)

NIGHTS_OF_CHECK = 7
GRACE = timedelta(hours=1)  # after 05:00, before the night is reported as missing


def start_night(*, on: date, owner: str = "") -> BillingRun | None:
    """Return the run of this night: a new one, or the one to go on with; None when it is finished or running.

    `owner`: the task that starts it; its retry goes on with the run at once. Two beats, or a beat that fires twice, meet
    on the unique key of the night.
    """
    try:
        with atomic():
            run = BillingRun.objects.create(on=on, kind=RunKind.NIGHT, step=RunStep.DUE_DAYS, owner=owner)
    except IntegrityError:
        run = BillingRun.objects.nights().get(on=on)
        return run if owner and run.owner == owner and run.is_running else take_over(run)
    for other in BillingRun.objects.nights().running().exclude(pk=run.pk):
        finish_run(other, state=RunState.SHORT)  # this night bills all that is due, theirs included
    return run


def run_night(run: BillingRun) -> None:
    """Check due days, plan the visits to come, then hand the billing to the workers in chunks.

    A run that stopped goes on at its step.
    """
    if run.step == RunStep.DUE_DAYS:
        late = recheck_due(_checked_on(run.on), on=run.on, alive=lambda: touch(run))
        note = ""
        if late:
            log.error("Due days that were too late, mended: %s", ", ".join(late))
            note = _("Échéances recalculées, qui auraient attendu : %s.") % ", ".join(late[:50])
        run = enter_step(run, RunStep.VISITS, note=note)
    if run.step == RunStep.VISITS:
        plan_visits(until=horizon(run.on), on=run.on, by=None, run=run)
        run = enter_step(run, RunStep.CONTRACTS)
    hand_out(run)


def _checked_on(on: date) -> "QuerySet[Contract, Mapping[str, object]]":
    """Return the seventh of the contracts whose due days are checked that night: all of them within a week."""
    contracts = Contract.objects.billable().annotate(part=F("pk") % NIGHTS_OF_CHECK)
    return contracts.filter(part=on.toordinal() % NIGHTS_OF_CHECK).values("pk")


def resume_runs(*, still: int = STILL) -> int:
    """Resume the runs that stopped: killed worker, broker gone. Return how many.

    A night of a later day, started by a clock that ran ahead, is closed.
    """
    count = 0
    for run in BillingRun.objects.running().order_by("pk"):
        taken = take_over(run, still=still)
        if taken is None:
            continue
        count += 1
        if taken.kind != RunKind.NIGHT:
            hand_out(taken)
        elif taken.on > timezone.localdate():
            finish_run(taken, state=RunState.SHORT)
        else:
            run_night(taken)
    return count


def night_alarm(now: datetime) -> tuple[str, str]:
    """Return (code, sentence) when the last night had no run or ended short; ("", "") when all is well.

    `missing`: no run; `short`: not finished. Nothing is reported when no contract was to be billed then.
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
