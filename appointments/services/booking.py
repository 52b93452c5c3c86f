"""Booking: the time an RDV takes of its technicians, refused when they are taken, away or unable.

The technicians' rows are locked before their calendars are read, so that one of several concurrent bookings of an hour
passes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from appointments.availability import Calendar, Stretch, overlap, place, working_from
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
    appointment: Appointment, technicians: Sequence[Technician], *, by: By, place: Sequence[Stretch] | None = None
) -> None:
    """Compute the RDV's end and take its technicians' time. An RDV without a date takes none.

    `place`: pieces already found free under the technicians' lock; nothing is computed again.

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
    _refuse_unable(appointment, people)
    start = local(appointment.starts_at)
    last = local(appointment.ends_at).date() if appointment.is_end_forced and appointment.ends_at else start.date()
    calendars = calendars_of(
        people, first_day=start.date(), last_day=max(last, start.date() + timedelta(days=30)), without=appointment
    )
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
        )
    if problem:
        record(
            appointment,
            "overridden",
            by=by,
            text=_("Dérogation « %(why)s » : %(problem)s") % {"why": appointment.override, "problem": problem},
        )
    _settle(appointment, people, pieces, blocks=not problem)


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
        ) from taken


def _refuse_unable(appointment: Appointment, people: Sequence[Technician]) -> None:
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
                % {"person": person, "task": appointment.task}
            )


def may_span(appointment: Appointment | InterventionRequest) -> bool:
    """Return whether the work may go on after the midday break."""
    return appointment.template.spans_break if appointment.template else True


def _pieces(appointment: Appointment, calendars: dict[int, Calendar], start: datetime) -> list[Stretch]:
    """Return the stretches the RDV takes: forced, the whole day, or its length of work over its lead's hours."""
    calendar = calendars[appointment.lead_id] if appointment.lead_id in calendars else next(iter(calendars.values()))
    if appointment.is_end_forced and appointment.ends_at:
        return [(start, local(appointment.ends_at))]
    if appointment.is_all_day:
        return calendar.working(start.date()) or [(start, start + timedelta(hours=8))]
    length = hours_to_length(appointment.duration)
    found = place(start, length, working_from(calendar, start.date(), days=30), spans=may_span(appointment))
    return found or [(start, start + length)]


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
            if not any(
                begin <= piece[0] and piece[1] <= finish for begin, finish in calendar.working(local(piece[0]).date())
            ):
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
