"""Absences of technicians: recorded, deleted; the RDVs that they leave without him, given to others."""

from collections.abc import Sequence
from datetime import date, datetime

from django.utils.translation import gettext as _

from appointments.choices import AppointmentState
from appointments.models import Absence, Appointment
from appointments.querysets import AppointmentQuerySet, day_bounds
from appointments.services.calendars import local
from appointments.services.moves import FoundMove, find_moves
from appointments.services.moving import Place, drop_appointment
from interventions.models import Technician
from invoicing.services.locks import lock_record
from invoicing.services.records.history import record
from invoicing.services.records.saving import save_record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError


def record_absence(technician: Technician, *, first: date, last: date, reason: str = "", by: By) -> Absence:
    """Record that a technician is away from one day to another, both included. Raises ValidationError (Django's)."""
    start, _end = day_bounds(first)
    _start, end = day_bounds(last)
    values = {"technician": technician, "starts_at": start, "ends_at": end, "reason": reason}
    return save_record(Absence(), values=values, by=by)


def delete_absence(absence: Absence, *, seen: int | None = None, by: By) -> Absence:
    """Delete an absence, and return it as it was. Raises BusinessError when it is gone, StaleForm when it changed since
    `seen`.
    """
    with atomic():
        locked = lock_record(absence, seen=seen)
        record(locked, "deleted", by=by, text=_("Fiche supprimée : %s") % locked)
        locked.delete()
    return absence


def left_alone(absence: Absence) -> AppointmentQuerySet[Appointment]:
    """Return the open RDVs of a technician during his absence, in their order, with what `find_moves` reads."""
    rows = Appointment.objects.filter(
        slots__technician=absence.technician_id,
        slots__starts_at__lt=absence.ends_at,
        slots__ends_at__gt=absence.starts_at,
        state__in=sorted(AppointmentState.open),
    )
    rows = rows.select_related("partner", "address", "task", "template", "lead", "company", "intervention")
    return rows.prefetch_related("technicians", "intervention__technicians").order_by("starts_at", "pk").distinct()


def replace_technician(
    appointment: Appointment,
    people: Sequence[Technician],
    *,
    leaving: Technician,
    seen: int,
    not_before: datetime,
    by: By,
) -> Appointment:
    """Give an RDV the best place of `find_moves`, with another technician. Raises BusinessError when there is none, and
    what `drop_appointment` raises.
    """
    found = find_moves(appointment, people, leaving=leaving, not_before=not_before, count=1)
    if not found:
        raise refusal_of_no_place(appointment)
    return take_move(found[0], leaving=leaving, seen=seen, on=local(not_before).date(), by=by)


def take_move(found: FoundMove, *, leaving: Technician, seen: int, on: date, by: By) -> Appointment:
    """Give an RDV a place with another technician. Raises what `drop_appointment` raises."""
    start = local(found.starts_at)
    place = Place(found.technician, start.date(), start.time())
    return drop_appointment(found.appointment, place=place, from_row=leaving, seen=seen, on=on, by=by)


def refusal_of_no_place(appointment: Appointment) -> BusinessError:
    """Return the refusal of an RDV for which nobody has time."""
    return BusinessError(
        _(
            "%(rdv)s : aucun autre intervenant qui sait faire « %(task)s » n'a la place dans sa période. "
            "Déplacez-le à la main, ou appelez le client pour le reporter."
        )
        % {"rdv": appointment, "task": appointment.task},
        code="no_free_slot",
    )
