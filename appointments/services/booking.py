"""Booking: the time an RDV takes of its technicians, refused when they are taken, away or unable.

The technicians' rows are locked before their calendars are read, so that one of several concurrent bookings of an hour
passes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from appointments.availability import Calendar, Stretch, after, overlap, place, working_from
from appointments.choices import AppointmentState
from appointments.models import Appointment, Slot
from appointments.services.calendars import calendars_of, hours_to_length, local
from appointments.services.locks import lock_technicians
from interventions.models import InterventionRequest, Technician
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError


def occupy(
    appointment: Appointment,
    technicians: Sequence[Technician],
    *,
    by: By,
    place: Sequence[Stretch] | None = None,
    despite_absences: bool = False,
) -> None:
    """Compute the RDV's end and take its technicians' time. An RDV without a date takes none.

    `place`: pieces already found free under the technicians' lock; nothing is computed again. `despite_absences`: what
    was there before an absence was recorded is put back.

    Raises BusinessError: nobody chosen, unable, another company's, outside hours, taken; unless `override` says why.
    """
    Slot.objects.filter(appointment=appointment).delete()
    if appointment.state not in AppointmentState.occupying or appointment.starts_at is None:
        return
    if place is not None:
        _settle(appointment, technicians, place, blocks=True)
        return
    people = lock_technicians(technicians)
    if not people:
        raise BusinessError(_("%s : choisissez au moins un intervenant.") % appointment, code="missing_field")
    refuse_unable(appointment, people)
    start = local(appointment.starts_at)
    last = local(appointment.ends_at).date() if appointment.is_end_forced and appointment.ends_at else start.date()
    calendars = calendars_of(
        people, first_day=start.date(), last_day=max(last, start.date() + timedelta(days=30)), without=appointment
    )
    if despite_absences:
        calendars = {pk: replace(calendar, absences=()) for pk, calendar in calendars.items()}
    pieces = _pieces(appointment, calendars, start)
    code, problem = _problem(appointment, people, calendars, pieces)
    if problem and not appointment.override:
        raise BusinessError(
            _(
                "%s. Choisissez un autre créneau ou un autre intervenant, "
                "ou dites dans « Dérogation (motif) » pourquoi passer outre."
            )
            % problem,
            code=code,
            documents=_in_the_way(appointment, people, pieces) if code == "slot_taken" else (),
        )
    if problem:
        record(
            appointment,
            "overridden",
            by=by,
            text=_("Dérogation « %(why)s » : %(problem)s") % {"why": appointment.override, "problem": problem},
        )
    _settle(appointment, people, pieces, blocks=not problem)


def free_time(appointments: Iterable[Appointment]) -> None:
    """Give back the time that locked RDVs take of their technicians, before each takes another."""
    Slot.objects.filter(appointment__in=[appointment.pk for appointment in appointments]).delete()


def _settle(appointment: Appointment, people: Sequence[Technician], pieces: Sequence[Stretch], *, blocks: bool) -> None:
    """Write the RDV's times and its technicians' slots."""
    if not appointment.is_end_forced:
        appointment.ends_at = pieces[-1][1]
    appointment.starts_at = pieces[0][0]
    appointment.save(update_fields=["starts_at", "ends_at"])
    try:
        with atomic():
            Slot.objects.bulk_create(
                Slot(appointment=appointment, technician=person, starts_at=start, ends_at=end, blocks=blocks)
                for person in people
                for start, end in pieces
            )
    except IntegrityError as taken:
        raise BusinessError(
            _("%s : un intervenant vient d'être pris à cette heure. Choisissez un autre créneau.") % appointment,
            code="slot_taken",
            documents=_in_the_way(appointment, people, pieces),
        ) from taken


def _in_the_way(appointment: Appointment, people: Sequence[Technician], pieces: Sequence[Stretch]) -> list[Appointment]:
    """Return the other RDVs of these technicians that take some of this time, in their order."""
    first, last = pieces[0][0], pieces[-1][1]
    slots = Slot.objects.filter(technician__in=people, starts_at__lt=last, ends_at__gt=first)
    slots = slots.exclude(appointment=appointment).select_related("appointment").order_by("starts_at", "pk")
    found = {
        slot.appointment_id: slot.appointment
        for slot in slots
        if any(overlap(piece, (slot.starts_at, slot.ends_at)) for piece in pieces)
    }
    return list(found.values())


def refuse_unable(appointment: Appointment, people: Sequence[Technician]) -> None:
    """Refuse technicians of another company, and those who cannot do the task."""
    for person in people:
        if person.company_id != appointment.company_id:
            raise BusinessError(
                _("%(person)s travaille pour %(company)s : choisissez un intervenant de %(wanted)s.")
                % {"person": person, "company": person.company, "wanted": appointment.company},
                code="other_company",
            )
        able = person.tasks.all()
        if able and appointment.task not in able:
            raise BusinessError(
                _("%(person)s ne sait pas faire « %(task)s » : choisissez un autre intervenant, ou complétez sa fiche.")
                % {"person": person, "task": appointment.task},
                code="technician_unable",
            )


def may_span(appointment: Appointment | InterventionRequest) -> bool:
    """Return whether the work may go on after the midday break."""
    return appointment.template.spans_break if appointment.template else True


def length_of(appointment: Appointment) -> timedelta:
    """Return the time that an RDV takes: that to its end when it is forced, else that of its work."""
    if appointment.is_end_forced and appointment.starts_at and appointment.ends_at:
        return appointment.ends_at - appointment.starts_at
    return hours_to_length(appointment.duration)


def _pieces(appointment: Appointment, calendars: dict[int, Calendar], start: datetime) -> list[Stretch]:
    """Return the stretches the RDV takes: forced, the whole day, or its length of work over its lead's hours."""
    calendar = calendars[appointment.lead_id] if appointment.lead_id in calendars else next(iter(calendars.values()))
    if appointment.is_end_forced and appointment.ends_at:
        return [(start, local(appointment.ends_at))]
    if appointment.is_all_day:
        return calendar.working(start.date()) or [(start, after(start, timedelta(hours=8)))]
    length = hours_to_length(appointment.duration)
    found = place(start, length, working_from(calendar, start.date(), days=30), spans=may_span(appointment))
    return found or [(start, after(start, length))]


def _problem(
    appointment: Appointment, people: Sequence[Technician], calendars: dict[int, Calendar], pieces: Sequence[Stretch]
) -> tuple[str, str]:
    """Return the code and the sentence of why the time cannot be taken; two "" when it can."""
    when = local(pieces[0][0])
    for person in people:
        calendar = calendars[person.pk]
        busy = next((t for piece in pieces for t in calendar.taken if overlap(piece, t)), None)
        if busy:
            return "slot_taken", str(
                _("%(person)s est déjà pris le %(day)s de %(start)s à %(end)s")
                % {
                    "person": person,
                    "day": f"{local(busy[0]):%d/%m/%Y}",
                    "start": f"{local(busy[0]):%H:%M}",
                    "end": f"{local(busy[1]):%H:%M}",
                }
            )
        for piece in pieces:
            if not calendar.admits(piece):
                return "technician_absent", str(
                    _(
                        "%(person)s ne travaille pas le %(day)s de %(start)s à %(end)s (horaires, pause, absence ou jour férié)"
                    )
                    % {
                        "person": person,
                        "day": f"{when:%d/%m/%Y}",
                        "start": f"{local(piece[0]):%H:%M}",
                        "end": f"{local(piece[1]):%H:%M}",
                    }
                )
    return "", ""
