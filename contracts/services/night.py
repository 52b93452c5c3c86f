"""The run of the night: visits first, then billing; resumed when it stops; reported when it fails."""

import logging
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from django.db import IntegrityError
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from contracts.choices import RunKind, RunState, RunStep
from contracts.models import BillingRun, Contract
from contracts.models.runs import SKEW, night_of
from contracts.services.next_dates import recheck_due
from contracts.services.runs import enter_step, finish_run, touch
from contracts.services.takeover import MOST_RESUMED, STILL, free_future_nights, give_up, hand_out, take_over
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
    """Resume the runs that stopped: killed worker, broker gone. Return how many. Gives up those that never advance."""
    free_future_nights()
    count = 0
    for run in BillingRun.objects.running().order_by("pk"):
        taken = take_over(run, still=still)
        if taken is None:
            continue
        if taken.resumed > MOST_RESUMED:
            give_up(taken)
            continue
        count += 1
        if taken.kind == RunKind.NIGHT:
            run_night(taken)
        else:
            hand_out(taken)
    return count


def night_alarm(now: datetime) -> tuple[str, str]:
    """Return (code, sentence) when the last night had no run or did not bill; ("", "") when all is well.

    `missing`: no run; `short`: not finished; `unbilled`: contracts were due, none was billed. A run counts when it was
    started since that day began, by the clock: its billing date may be any later day. Nothing is reported when no
    contract was to be billed then.
    """
    night = night_of(now - GRACE)
    if not Contract.objects.billable().filter(validated_on__lt=night).exists():
        return "", ""
    day = date_format(night, "d/m/Y")
    begun = timezone.make_aware(datetime.combine(night, time.min))
    runs = BillingRun.objects.filter(is_dry=False, started_at__gte=begun, started_at__lte=now + SKEW)
    whole = runs.filter(on__gte=night, selection__isnull=True)
    if done := list(whole.filter(state=RunState.DONE)):  # by itself, or asked for since
        since = runs.filter(billed__gt=0, started_at__gte=min(run.started_at for run in done))
        if since.exists() or not any(run.expected for run in done):
            return "", ""
        text = _(
            "Le passage de facturation du %s n'a rien facturé de ce qu'il devait : ouvrez sa page, lisez les raisons."
        )
        return "unbilled", text % day
    run = whole.nights().first()
    if run is None:
        return "missing", _("Aucun passage de facturation dans la nuit du %s : lancez-le depuis cette page.") % day
    if run.is_running and not run.is_still(STILL):
        return "", ""
    return "short", _("Le passage de facturation du %s ne s'est pas terminé : relancez-le depuis sa page.") % day
