"""When somebody can work: pure calendar, no Django, no clock.

A stretch is a half-open interval of aware instants. Working hours are wall-clock times of France, so a day on which
the clocks change has the hours people see.

What decides of a day, the first that applies:

1. absences, recurring ones too, take their time out of whatever follows, on-call stretches included;
2. the hours given to that very day, even when the company is closed or the day is a public holiday;
3. closing days and public holidays: nothing is worked;
4. the weeks of the technician that are valid that day, else those of the company;
5. the usual hours.

On-call stretches are no working hours: nothing is proposed in them, but an appointment may be put there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

Stretch = tuple[datetime, datetime]
Hours = Sequence[tuple[time, time]]
MOST_DAYS = 120


@dataclass(frozen=True)
class Week:
    """Working hours by weekday (0 = Monday): stretches of wall-clock times, in order."""

    hours: Mapping[int, Hours]


@dataclass(frozen=True)
class Cycle:
    """Weeks that take turns from `first_monday`, valid between two days, both included.

    The week of a day is counted in days since the first Monday, before it too: a year of 53 weeks changes no turn.
    """

    weeks: Sequence[Week]
    first_monday: date
    from_on: date = date.min
    to_on: date = date.max

    def is_valid_on(self, day: date) -> bool:
        return self.from_on <= day <= self.to_on

    def hours_on(self, day: date) -> Hours:
        """Return the hours of a day, by its week of the cycle."""
        turn = (day - self.first_monday).days // 7 % len(self.weeks)
        return self.weeks[turn].hours.get(day.weekday(), ())


@dataclass(frozen=True)
class Recurrence:
    """An absence of one weekday, every `cycle` weeks from the first such day on or after `first_on`.

    `until`: the last day, included. `hours`: None for the whole day.
    """

    weekday: int
    first_on: date
    cycle: int = 1
    until: date = date.max
    hours: tuple[time, time] | None = None

    def is_on(self, day: date) -> bool:
        first = self.first_on + timedelta(days=(self.weekday - self.first_on.weekday()) % 7)
        return first <= day <= self.until and (day - first).days % (7 * self.cycle) == 0

    def stretch_on(self, day: date, zone: tzinfo) -> Stretch:
        """Return the time that the absence takes on one of its days."""
        if self.hours is None:
            return _at(day, time(), zone), _at(day + timedelta(days=1), time(), zone)
        return _at(day, self.hours[0], zone), _at(day, self.hours[1], zone)


@dataclass
class Calendar:
    """All that decides whether one technician works, and the time taken of him.

    `week`: the usual hours. `cycles`: those that replace them, the first one valid on a day counts. `day_hours`: what
    replaces the hours of a day. `days_off`: closing days and public holidays, with what they are called.
    """

    week: Week
    zone: tzinfo
    days_off: Mapping[date, str] = field(default_factory=dict)
    absences: Sequence[Stretch] = ()
    taken: list[Stretch] = field(default_factory=list)
    cycles: Sequence[Cycle] = ()
    day_hours: Mapping[date, Hours] = field(default_factory=dict)
    recurring: Sequence[Recurrence] = ()
    on_call: Sequence[Stretch] = ()

    def working(self, day: date) -> list[Stretch]:
        """Return the stretches worked that day, absences taken out. Appointments are not."""
        stretches = [(_at(day, start, self.zone), _at(day, end, self.zone)) for start, end in self._hours(day)]
        return without(stretches, self.away(day)) if stretches else []

    def free(self, day: date) -> list[Stretch]:
        """Return the stretches worked that day and not taken."""
        return self.free_of(self.working(day))

    def free_of(self, worked: Iterable[Stretch]) -> list[Stretch]:
        """Return what is not taken of stretches that are worked."""
        return without(worked, self.taken)

    def is_away(self, day: date) -> bool:
        """Return whether an absence takes some of that day."""
        return any(overlap(hole, self._whole(day)) for hole in self.away(day))

    def is_on_call(self, day: date) -> bool:
        """Return whether some of that day is on call, absences taken out."""
        return any(overlap(stretch, self._whole(day)) for stretch in without(self.on_call, self.away(day)))

    def _whole(self, day: date) -> Stretch:
        return _at(day, time(), self.zone), _at(day + timedelta(days=1), time(), self.zone)

    def admits(self, piece: Stretch) -> bool:
        """Return whether working hours and on-call stretches, absences taken out, hold the whole of `piece`."""
        first, last = (moment.astimezone(self.zone).date() for moment in piece)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        held = [stretch for day in days for stretch in self.working(day)]
        if self.on_call:
            held += without(self.on_call, [hole for day in days for hole in self.away(day)])
        # two instants of one zone are compared by what a clock shows, which an hour of autumn shows twice
        return not without([(piece[0].astimezone(UTC), piece[1].astimezone(UTC))], held)

    def _hours(self, day: date) -> Hours:
        if (hours := self.day_hours.get(day)) is not None:
            return hours
        if day in self.days_off:
            return ()
        cycle = next((cycle for cycle in self.cycles if cycle.is_valid_on(day)), None)
        return self.week.hours.get(day.weekday(), ()) if cycle is None else cycle.hours_on(day)

    def away(self, day: date) -> list[Stretch]:
        """Return all absences, and the recurring ones of that day."""
        return [*self.absences, *(rule.stretch_on(day, self.zone) for rule in self.recurring if rule.is_on(day))]


def together(lead: Calendar, others: Iterable[Calendar], days: Iterable[date]) -> Calendar:
    """Return the calendar of work that `others` do with `lead`: by his hours, and taken where one of them is taken or
    does not work. `days`: those that are looked at.
    """
    others, days = list(others), list(days)
    if not others:
        return lead
    taken = [*lead.taken, *(stretch for other in others for stretch in other.taken)]
    for day in days:
        worked = lead.working(day)
        for other in others:
            taken += without(worked, other.working(day))
    return replace(lead, taken=sorted(taken))


def _at(day: date, hour: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, hour, tzinfo=zone)


def without(stretches: Iterable[Stretch], holes: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches less the holes."""
    left = list(stretches)
    if not left:
        return left
    first, last = min(begin for begin, _finish in left), max(finish for _begin, finish in left)
    for start, end in holes:
        if end <= first or last <= start:
            continue
        kept: list[Stretch] = []
        for begin, finish in left:
            if end <= begin or finish <= start:
                kept.append((begin, finish))
                continue
            if begin < start:
                kept.append((begin, start))
            if end < finish:
                kept.append((end, finish))
        left = kept
    return sorted(left)


def overlap(first: Stretch, second: Stretch) -> bool:
    """Return whether two stretches share an instant (touching ends do not)."""
    return first[0] < second[1] and second[0] < first[1]


def place(
    start: datetime, length: timedelta, stretches: Iterator[Stretch] | Iterable[Stretch], *, spans: bool
) -> list[Stretch]:
    """Return the stretches that `length` of work takes from `start`, inside `stretches` (in order). [] when it does not
    fit.

    `start` must lie inside one of them. `spans`: the work may go on after a break, else it is in one piece.
    """
    taken: list[Stretch] = []
    left = length
    for begin, finish in stretches:
        if finish <= start:
            continue
        if not taken and start < begin:
            return []
        piece_start = max(begin, start)
        piece = min(left, _length(piece_start, finish))
        taken.append((piece_start, after(piece_start, piece)))
        left -= piece
        if not left:
            return taken
        if not spans:
            return []
    return []


def _length(start: datetime, end: datetime) -> timedelta:
    """Return the time elapsed between two instants, whatever the clocks do in between."""
    return timedelta(seconds=end.timestamp() - start.timestamp())


def after(start: datetime, length: timedelta) -> datetime:
    """Return the instant `length` later, whatever the clocks do in between."""
    return datetime.fromtimestamp(start.timestamp() + length.total_seconds(), tz=start.tzinfo)


def next_quarter(moment: datetime) -> datetime:
    """Return the quarter of an hour that begins at `moment` or after it."""
    minute = moment.replace(second=0, microsecond=0)
    if minute < moment:
        minute += timedelta(minutes=1)
    return minute + timedelta(minutes=-minute.minute % 15)


def working_from(calendar: Calendar, day: date, *, free: bool = False, days: int = MOST_DAYS) -> Iterator[Stretch]:
    """Yield the stretches worked (or free) from `day` on, day after day."""
    for offset in range(days):
        yield from (calendar.free if free else calendar.working)(day + timedelta(days=offset))


def first_free(
    calendar: Calendar, *, length: timedelta, not_before: datetime, last_day: date, spans: bool
) -> list[Stretch]:
    """Return the first free place of `length` from `not_before`, begun on `last_day` at the latest. [] when there is
    none.

    It begins on a quarter of an hour, whenever the technician is free before: after an appointment too.
    Work in several pieces must follow the working hours without a hole: an appointment in between ends the place.
    """
    day = not_before.date()
    while day <= last_day:
        for begin, _finish in calendar.free(day):
            start = next_quarter(max(begin, not_before))
            taken = place(start, length, working_from(calendar, day), spans=spans)
            if taken and not any(overlap(piece, busy) for piece in taken for busy in calendar.taken):
                return taken
        day += timedelta(days=1)
    return []
