"""When somebody can work: pure calendar, no Django, no clock.

A stretch is a half-open interval of aware instants. Working hours are wall-clock times of France, so a day on which
the clocks change has the hours people see.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo

Stretch = tuple[datetime, datetime]
MOST_DAYS = 120


@dataclass(frozen=True)
class Week:
    """Working hours by weekday (0 = Monday): stretches of wall-clock times, in order."""

    hours: Mapping[int, Sequence[tuple[time, time]]]


@dataclass
class Calendar:
    """All that decides whether one technician works: week, days off (closing days, holidays), absences, time taken."""

    week: Week
    zone: tzinfo
    days_off: frozenset[date] = frozenset()
    absences: Sequence[Stretch] = ()
    taken: list[Stretch] = field(default_factory=list)

    def working(self, day: date) -> list[Stretch]:
        """Return the stretches worked that day, absences taken out. Appointments are not."""
        if day in self.days_off:
            return []
        stretches = [
            (datetime.combine(day, start, tzinfo=self.zone), datetime.combine(day, end, tzinfo=self.zone))
            for start, end in self.week.hours.get(day.weekday(), ())
        ]
        return without(stretches, self.absences)

    def free(self, day: date) -> list[Stretch]:
        """Return the stretches worked that day and not taken."""
        return without(self.working(day), self.taken)


def without(stretches: Iterable[Stretch], holes: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches less the holes."""
    left = list(stretches)
    for start, end in holes:
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
        taken.append((piece_start, _after(piece_start, piece)))
        left -= piece
        if not left:
            return taken
        if not spans:
            return []
    return []


def _length(start: datetime, end: datetime) -> timedelta:
    """Return the time elapsed between two instants, whatever the clocks do in between."""
    return timedelta(seconds=end.timestamp() - start.timestamp())


def _after(start: datetime, length: timedelta) -> datetime:
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
