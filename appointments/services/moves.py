"""Where an RDV goes when its technician cannot come: the best places with somebody else.

Nothing is written or locked: a place found is taken by `drop_appointment`, which looks at it again under its locks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from appointments.availability import Calendar, first_free, together, without
from appointments.models import Appointment
from appointments.querysets import day_bounds
from appointments.ranking import Ranked
from appointments.services.booking import length_of, may_span
from appointments.services.calendars import calendars_of, local
from appointments.services.places import MOST_DAYS, best_places, days_searched
from appointments.services.planning import is_able
from interventions.models import Technician


@dataclass(frozen=True)
class FoundMove:
    """A place of an RDV with another technician: `drop_appointment` takes it. `ranked`: None for the first free time of
    an RDV that no hole holds whole.
    """

    appointment: Appointment
    technician: Technician
    starts_at: datetime
    ranked: Ranked | None = None


def find_moves(
    appointment: Appointment,
    people: Sequence[Technician],
    *,
    leaving: Technician,
    not_before: datetime,
    count: int = 3,
) -> list[FoundMove]:
    """Return the best places of an RDV, of different half days, with somebody able to do it in the place of `leaving`.

    Searches as `find_places` does, from the day of the RDV on, among the technicians that its DI names, if it names others.
    The other technicians of the RDV stay: a place is free for them too.
    Without a hole that holds the whole RDV, returns the first free time of one technician, if there is one. `people`:
    with their company and tasks loaded. `appointment`: with its address, task, DI and technicians.
    """
    request, others = appointment.intervention, [row for row in appointment.technicians.all() if row != leaving]
    named = [row for row in request.technicians.all() if row != leaving] if request else []
    able = {
        person.pk: person
        for person in people
        if person not in (leaving, *others) and (not named or person in named) and is_able(person, appointment)
    }
    if not able or appointment.starts_at is None:
        return []
    moment = max(local(not_before), day_bounds(local(appointment.starts_at).date())[0])
    first = moment.date()
    last = first + timedelta(days=MOST_DAYS - 1)
    if request is not None:
        first, last = days_searched(request, first)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if not days:
        return []
    alone = calendars_of([*able.values(), *others], first_day=first, last_day=last, without=appointment)
    calendars = {
        pk: together(*_lead_first(appointment, leaving, pk, others, alone), days=days) if others else alone[pk]
        for pk in able
    }
    if not appointment.is_all_day:
        best = best_places(
            appointment,
            appointment.address,
            work=int(length_of(appointment).total_seconds()) // 60,
            period=(first, last),
            stars=request.priority if request else 0,
            people=list(able.values()),
            calendars=calendars,
            days=(first, last),
            not_before=moment,
            count=count,
        )
        if best:
            return [FoundMove(appointment, able[pk], ranked.starts_at, ranked) for pk, ranked in best]
    starts = {pk: _first_time(appointment, calendar, days, moment) for pk, calendar in calendars.items()}
    free = [(start, pk) for pk, start in starts.items() if start is not None]
    return [FoundMove(appointment, able[pk], start) for start, pk in sorted(free)[:1]]


def _lead_first(
    appointment: Appointment,
    leaving: Technician,
    new: int,
    others: Sequence[Technician],
    calendars: Mapping[int, Calendar],
) -> tuple[Calendar, list[Calendar]]:
    """Return the calendar of who will lead the RDV, then those who come along: who leads in the place of a lead is new."""
    ids = [new, *(person.pk for person in others)]
    lead = new if appointment.lead_id in (None, leaving.pk) else appointment.lead_id
    return calendars[lead], [calendars[pk] for pk in ids if pk != lead]


def _first_time(
    appointment: Appointment, calendar: Calendar, days: Sequence[date], not_before: datetime
) -> datetime | None:
    """Return the first free time of an RDV; of one that takes the whole day, the first hour of a free day."""
    if appointment.is_all_day:
        worked = (calendar.working(day) for day in days)
        free = (
            stretches[0][0] for stretches in worked if stretches and without(stretches, calendar.taken) == stretches
        )
        return next((start for start in free if start >= not_before), None)
    length, spans = length_of(appointment), may_span(appointment) and not appointment.is_end_forced
    found = first_free(calendar, length=length, not_before=not_before, last_day=days[-1], spans=spans)
    return local(found[0][0]) if found else None
