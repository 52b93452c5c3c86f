"""The run of the night: visits first, then billing; resumed when it stops; reported when it fails."""

import logging
from datetime import date, datetime, time, timedelta

from django.db import IntegrityError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from contracts.choices import RunKind, RunState
from contracts.models import BillingRun, Contract
from contracts.models.runs import SKEW, night_of
from contracts.services.next_dates import recheck_due
from contracts.services.runs import expect, finish_run, touch
from contracts.services.takeover import STILL, hand_out, take_over
from contracts.services.visits import horizon, plan_visits
from openfire_billing.db.transactions import atomic

log = logging.getLogger(__name__)

GRACE = timedelta(hours=1)  # after 05:00, before the night is reported as missing


def start_night(*, on: date) -> BillingRun | None:
    """Return the run of this night: a new one, or the one that stopped short; None when it is finished or running.

    Two beats, or a beat that fires twice, meet on the unique key of the night.
    """
    try:
        with atomic():
            run = BillingRun.objects.create(on=on, kind=RunKind.NIGHT)
    except IntegrityError:
        return take_over(BillingRun.objects.nights().get(on=on))
    for older in BillingRun.objects.nights().running().filter(on__lt=on):
        finish_run(older, state=RunState.SHORT)  # this night bills all that is due, theirs included
    return run


def run_night(run: BillingRun) -> None:
    """Check the due days, plan the visits to come, then hand the billing to the workers in chunks."""
    late = recheck_due(Contract.objects.billable().values("pk"), on=run.on)
    if late:
        log.error("Due days that were too late, mended: %s", ", ".join(late))
        run.note = _("Échéances recalculées, qui auraient attendu : %s.") % ", ".join(late[:50])
    touch(run)
    outcomes = plan_visits(until=horizon(run.on), on=run.on, by=None, alive=lambda: touch(run))
    refused = [outcome.refusal for outcome in outcomes if outcome.is_refused]
    run.visits += len(outcomes) - len(refused)
    run.note = "\n".join(filter(None, [run.note, *refused[:50]]))
    run.save(update_fields=["visits", "note"])
    expect(run)
    hand_out(run)


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
        if runs.filter(billed__gt=0).exists() or not any(run.expected for run in done):
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
