"""What the planning of appointments writes on a DI."""

from datetime import date
from decimal import Decimal
from typing import Literal

from django.utils.translation import gettext_lazy as _

from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from interventions.services.promises import check_promises
from invoicing.services.records.history import move, record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic

Last = Literal["done", "unfinished"] | None


def record_planning(
    intervention: InterventionRequest, *, open: Decimal, last: Last, done_on: date | None, by: By
) -> InterventionRequest:
    """Write on a locked DI its hours of open appointments, how its last one ended, and when it was done.

    Réalisée: nothing open and the last one done. Unfinished alone counts as nothing. A draft or cancelled DI, or one
    finished by hand with nothing planned since, keeps its state. Raises BusinessError when the DI may not leave
    « Réalisée »: its contract billed the visit.
    """
    with atomic():
        before, intervention.planned_duration = intervention.planned_duration, open
        if not intervention.is_validated:
            intervention.save(update_fields=["planned_duration"])
            return intervention
        state = _state(intervention, open, last)
        intervention.done_on = done_on if state == InterventionState.DONE and last == "done" else intervention.done_on
        if state != intervention.state:
            if intervention.state == InterventionState.DONE:
                check_promises([intervention], "reopen", by=by)
            move(
                intervention,
                state,
                by=by,
                act="planned",
                text=_("Planning mis à jour"),
                save=("planned_duration", "done_on"),
                is_derived=True,
            )
        elif before != open:
            intervention.save(update_fields=["planned_duration", "done_on"])
            record(intervention, "planned", by=by, text=_("Planning mis à jour"))
    return intervention


def _state(intervention: InterventionRequest, open: Decimal, last: Last) -> InterventionState:
    if open <= 0:
        if last == "done":
            return InterventionState.DONE
        if last is None and intervention.state == InterventionState.DONE:
            return InterventionState.DONE
        return InterventionState.TO_PLAN
    return InterventionState.PARTLY_PLANNED if open < intervention.duration else InterventionState.PLANNED
