"""Drops of the planning board: an RDV given another day, hour or technician, or another length; a DI placed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TypedDict

from django.utils.translation import gettext_lazy as _

from appointments.availability import first_free, overlap, together
from appointments.models import Appointment
from appointments.querysets import day_bounds
from appointments.services.booking import free_time, length_of, may_span, refuse_unable
from appointments.services.calendars import calendars_of, hours_to_length, local
from appointments.services.days import days_by_technician
from appointments.services.locks import lock_appointment, lock_appointments, lock_technicians
from appointments.services.saving import appoint, move_appointment, save_appointment
from appointments.services.states import delete_appointments, duplicate_appointment
from interventions.models import InterventionRequest, Technician
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError

_FIRST_HOUR = time(8)  # of an RDV that had no hour and that no free place takes
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Place:
    """A cell of the board: the row of a technician, a day. `start`: an hour of that day; None: its first free place, from
    `earliest` on if there is one.
    """

    technician: Technician
    day: date
    start: time | None = None
    earliest: datetime | None = None


class Before(TypedDict):
    """What an RDV had before it was moved. `seen`: the version that the move left."""

    starts_at: datetime | None
    ends_at: datetime | None
    is_end_forced: bool
    duration: Decimal
    override: str
    lead: Technician | None
    technicians: Sequence[Technician]
    seen: int


def drop_appointment(
    appointment: Appointment,
    *,
    place: Place,
    from_row: Technician | None = None,
    from_day: date | None = None,
    is_added: bool = False,
    override: str = "",
    seen: int,
    on: date,
    by: By,
) -> Appointment:
    """Give an RDV the row, the day and the hour of a cell.

    The technician of the row replaces `from_row` (as lead too, if he was it), or joins the others (`is_added`). Without a
    `from_row`, he replaces the lead. `from_day`: the day of the card, when the RDV takes several: all move by as many days,
    and by as much time as the hour of the cell is away from that of the card. The first free place of a cell is one of all
    technicians of the RDV. An end that is forced keeps its distance from the start. An earlier reason to override is not
    kept. Raises what `move_appointment` raises.
    """
    people = list(appointment.technicians.all())
    if place.technician not in people:
        refuse_unable(appointment, [place.technician])
    leaving = None if is_added else from_row or appointment.lead
    wanted = [place.technician if person == leaving else person for person in people]
    if place.technician not in wanted:
        wanted.append(place.technician)
    wanted = list(dict.fromkeys(wanted))
    lead = place.technician if appointment.lead in (None, leaving) else appointment.lead
    wanted.sort(key=lambda person: person != lead)  # the hours are those of the lead
    starts_at = _start_of(appointment, place, wanted, from_day, from_row, is_added=is_added)
    return move_appointment(
        appointment,
        starts_at=starts_at,
        ends_at=forced_end_at(appointment, starts_at),
        technicians=wanted,
        lead=lead,
        override=override,
        seen=seen,
        on=on,
        by=by,
    )


def copy_to(
    appointment: Appointment,
    *,
    place: Place,
    from_row: Technician | None = None,
    override: str = "",
    on: date,
    by: By,
) -> Appointment:
    """Duplicate an RDV, as a draft, in a cell. Raises what `drop_appointment` raises."""
    with atomic():
        copy = duplicate_appointment(appointment, by=by)
        return drop_appointment(
            copy, place=place, from_row=from_row, override=override, seen=copy.version, on=on, by=by
        )


def resize_appointment(
    appointment: Appointment, *, ends_at: datetime, override: str = "", seen: int, on: date, by: By
) -> Appointment:
    """Give an RDV another end: a forced end moves; else its duration is the work time of its lead until then.

    An RDV of the whole day then takes the hours of its duration. Raises BusinessError when the end is not after the start,
    when the lead does not work until then, or the RDV has no date; and what `save_appointment` raises.
    """
    if appointment.starts_at is None:
        raise BusinessError(
            _("%s n'a pas encore de date : placez-le d'abord sur le planning.") % appointment, code="missing_field"
        )
    if ends_at <= appointment.starts_at:
        raise BusinessError(
            _("%s : la fin du RDV n'est pas après son début. Tirez le bord plus loin.") % appointment, field="ends_at"
        )
    values: dict[str, object] = {"override": override}
    if appointment.is_end_forced:
        values["ends_at"] = ends_at
    else:
        duration = _work_time(appointment, ends_at)
        if duration == appointment.duration and not appointment.is_all_day:
            raise BusinessError(
                _(
                    "%s : rien ne change, l'intervenant ne travaille pas jusque-là. "
                    "Tirez le bord jusqu'à une heure travaillée, ou forcez la fin sur la fiche."
                )
                % appointment,
                field="ends_at",
            )
        values |= {"duration": duration, "ends_at": None, "is_all_day": False}
    return save_appointment(appointment.pk, values, seen=seen, on=on, by=by)


def place_intervention(
    intervention: InterventionRequest, *, place: Place, override: str = "", seen: int | None = None, on: date, by: By
) -> Appointment:
    """Make the RDV of a DI in a cell. Raises what `appoint` raises."""
    length = hours_to_length(intervention.remaining_duration or intervention.duration)
    return appoint(
        intervention,
        technicians=[place.technician],
        starts_at=_at(
            place.day, place.start or _first_hour(place, [place.technician], length, spans=may_span(intervention))
        ),
        override=override,
        is_for_rest=True,
        seen=seen,
        on=on,
        by=by,
    )


def _start_of(
    appointment: Appointment,
    place: Place,
    people: Sequence[Technician],
    from_day: date | None,
    from_row: Technician | None,
    *,
    is_added: bool,
) -> datetime:
    """Return the start that a drop gives an RDV. `people`: who will do it, the lead first."""
    if is_added and appointment.starts_at is not None and place.day == (from_day or appointment.day):
        return local(appointment.starts_at)  # the others keep their hour
    if appointment.starts_at is not None and from_day is not None and from_day != appointment.day:
        hour = time() if place.start is None else _card_start(appointment, from_row, from_day)
        moved = datetime.combine(place.day, place.start or time()) - datetime.combine(from_day, hour)
        start = local(appointment.starts_at).replace(tzinfo=None) + moved  # by the clock of the wall
        return _at(start.date(), start.time())
    if place.start is not None:
        return _at(place.day, place.start)
    spans = may_span(appointment) and not appointment.is_end_forced
    return _at(place.day, _first_hour(place, people, length_of(appointment), spans=spans, without=appointment))


def _card_start(appointment: Appointment, row: Technician | None, day: date) -> time:
    """Return the hour at which an RDV begins on a day in the row of a technician."""
    days = days_by_technician([appointment]).get((appointment.pk, row.pk if row else appointment.lead_id), ())
    return next((found.starts.time() for found in days if found.day == day), time())


def _first_hour(
    place: Place,
    people: Sequence[Technician],
    length: timedelta,
    *,
    spans: bool,
    without: Appointment | None = None,
) -> time:
    """Return the hour of the first place of a day that is free for all of `people`, the lead first.

    Without one, the hour the RDV has, whose refusal says why.
    """
    days = [place.day + timedelta(days=n) for n in range(31)]
    calendars = calendars_of(people, first_day=place.day, last_day=days[-1], without=without)
    lead, *others = (calendars[person.pk] for person in people)
    calendar = together(lead, others, days)
    begins, next_day = day_bounds(place.day)
    earliest = [place.earliest] if place.earliest and begins < place.earliest < next_day else []
    for moment in (*earliest, begins):
        found = first_free(calendar, length=length, not_before=local(moment), last_day=place.day, spans=spans)
        if found:
            return local(found[0][0]).time()
    if without is not None and without.starts_at is not None:
        return local(without.starts_at).time()
    worked = calendar.working(place.day)
    return local(worked[0][0]).time() if worked else _FIRST_HOUR


def forced_end_at(appointment: Appointment, starts_at: datetime) -> datetime | None:
    """Return where a forced end goes with another start, at the distance it has; None when the end is not forced."""
    if not appointment.is_end_forced or appointment.starts_at is None or appointment.ends_at is None:
        return None
    return starts_at + (local(appointment.ends_at) - local(appointment.starts_at))  # by the clock of the wall


def _work_time(appointment: Appointment, ends_at: datetime) -> Decimal:
    """Return the hours that the lead works from the start to `ends_at`, at least a quarter; all of them when he does not
    work then.
    """
    assert appointment.starts_at is not None
    start, end = local(appointment.starts_at), local(ends_at)
    people = [person for person in (appointment.lead, *appointment.technicians.all()) if person is not None]
    whole = end - start
    worked = timedelta(0)
    if people:
        calendar = calendars_of(people[:1], first_day=start.date(), last_day=end.date())[people[0].pk]
        for offset in range((end.date() - start.date()).days + 1):
            for piece in calendar.working(start.date() + timedelta(days=offset)):
                if overlap(piece, (start, end)):
                    worked += min(piece[1], end) - max(piece[0], start)
    length = max(worked or whole, _QUARTER)
    return Decimal(round(length.total_seconds() / 36)) / 100


def _at(day: date, hour: time) -> datetime:
    start, _end = day_bounds(day)
    return datetime.combine(day, hour, tzinfo=start.tzinfo)


def put_back(
    appointment: Appointment,
    *,
    starts_at: datetime | None,
    ends_at: datetime | None,
    is_end_forced: bool,
    duration: Decimal,
    override: str,
    lead: Technician | None,
    technicians: Sequence[Technician],
    seen: int,
    on: date,
    by: By,
) -> Appointment:
    """Give an RDV back the time and the technicians that it had before a drop. `seen`: the version that the drop left.

    An absence recorded meanwhile does not stand in the way: the RDV was there before it. Raises what `save_appointment` raises: StaleForm when it changed since, BusinessError when the time is taken.
    """
    values = {
        "starts_at": starts_at,
        "ends_at": ends_at if is_end_forced else None,
        "is_end_forced": is_end_forced,
        "duration": duration,
        "override": override,
        "lead": lead,
    }
    return save_appointment(
        appointment.pk, values, technicians=technicians, seen=seen, on=on, by=by, despite_absences=True
    )


def put_all_back(moves: Sequence[tuple[Appointment, Before]], *, on: date, by: By) -> list[Appointment]:
    """Give RDVs back what they had before they were moved together, all or none: each with what it had.

    Raises what `put_back` raises.
    """
    with atomic():
        people = {person for rdv, values in moves for person in (*rdv.technicians.all(), *values["technicians"])}
        lock_appointments([rdv for rdv, _values in moves])
        lock_technicians(people)
        free_time([rdv for rdv, _values in moves])  # they may take each other's hours
        return [put_back(rdv, **values, on=on, by=by) for rdv, values in moves]


def take_off(appointment: Appointment, *, seen: int, by: By) -> Appointment:
    """Delete the RDV that a drop made, and return it as it was. `seen`: the version that the drop left.

    Raises StaleForm when it changed since, WrongState when it is no draft any more.
    """
    with atomic():
        locked = lock_appointment(appointment, seen=seen)
        delete_appointments([locked], by=by)
    return appointment
