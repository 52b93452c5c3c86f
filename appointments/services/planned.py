"""What the RDVs of a DI write on it: hours planned, and how the last one ended."""

from decimal import Decimal

from django.utils import timezone

from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLineClaim
from appointments.services.calendars import local
from interventions.models import InterventionRequest
from interventions.services.documents import MOST
from interventions.services.planning import record_planning
from invoicing.models import Invoice
from openfire_billing.db.people import By


def tell_intervention(intervention: InterventionRequest | None, *, by: By) -> None:
    """Write on the locked DI its open hours, how its last RDV ended and when it was done."""
    if intervention is None:
        return
    appointments = list(Appointment.objects.filter(intervention=intervention).order_by("starts_at", "pk"))
    planned = [a for a in appointments if a.is_open and a.starts_at]
    ended = [a for a in appointments if a.state in (AppointmentState.DONE, AppointmentState.UNFINISHED)]
    last = ended[-1] if ended else None
    done_at = last and (last.done_at or last.ends_at)
    record_planning(
        intervention,
        open=sum((a.duration for a in planned), Decimal(0)),
        last=None if last is None else "done" if last.state == AppointmentState.DONE else "unfinished",
        done_on=local(done_at).date() if done_at else None,
        by=by,
    )


def invoices_of(appointment: Appointment) -> list[Invoice]:
    """Return the first invoices that bill lines of an RDV, which refusals name."""
    claims = AppointmentLineClaim.objects.filter(appointment_line__appointment=appointment)
    return list(Invoice.objects.filter(lines__in=claims.values("invoice_line")).order_by("pk").distinct()[:MOST])


def is_billed(appointment: Appointment) -> bool:
    """Return whether an invoice line bills something of the RDV."""
    return any(line.billed for line in appointment.lines.left_to_bill(timezone.localdate()))
