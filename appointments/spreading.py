"""The visits of a month spread over the days of their sectors: pure, no Django.

Visits are taken in the order of the end of their period, then the longest first, then by id. Each goes to the day with
the most time left among those of its sector, inside its period, of technicians able to do it; of days with as much, the
earliest, then that of the lowest technician id. It begins in the first free stretch of the day that holds the way there,
the work in one piece and the way to the next stop; where none does and the work may go on after a break, in the first one
from which it does. A day on which it does not fit is passed over for the next one in that order.

The time left of a day is its free time, less the ways between its stops where the free time between them must hold these
ways. The ways from and to the base are driven outside working hours, as everywhere in the planning.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

from appointments.availability import Stretch, next_quarter, place
from appointments.travel import Location, Travel, travel
from openfire_billing.kernel.words import gettext as _

Ways = Callable[[Location, Location], Travel]


@dataclass(frozen=True)
class Visit:
    """A visit to place. `work`: minutes. `opens`, `closes`: its period, both days included. `able`: ids of technicians.

    `spans`: the work may go on after a break of the same day.
    """

    pk: int
    work: int
    opens: date
    closes: date
    location: Location
    able: frozenset[int] = frozenset()
    spans: bool = True

    @property
    def rank(self) -> tuple[date, int, int]:
        """The order in which visits are placed."""
        return self.closes, -self.work, self.pk


@dataclass(frozen=True)
class Stop:
    """An RDV of a day: from when to when, and where."""

    start: datetime
    end: datetime
    location: Location


@dataclass
class Day:
    """A day of a technician (his id) kept for sectors (their ids). `free`: stretches worked and not taken, in order."""

    technician: int
    on: date
    sectors: frozenset[int]
    free: list[Stretch]
    stops: list[Stop] = field(default_factory=list)

    @property
    def key(self) -> tuple[int, date]:
        return self.technician, self.on

    def left(self, ways: Ways = travel) -> int:
        """Return the minutes that are free, less the ways between stops that free time must hold."""
        stops = sorted(self.stops, key=lambda stop: (stop.start, stop.end))
        minutes = sum(_minutes(stretch) for stretch in self.free)
        for before, after in pairwise(stops):
            between = sum(_minutes((max(a, before.end), min(b, after.start))) for a, b in self.free)
            minutes -= min(between, ways(before.location, after.location).minutes)
        return minutes

    def hold(self, visit: Visit, ways: Ways = travel) -> list[Stretch]:
        """Return the pieces that the work of a visit would take of this day, [] when it does not fit."""
        for chain in self._chains(visit.spans):
            before = max((stop for stop in self.stops if stop.end <= chain[0][0]), key=_by_end, default=None)
            after = min((stop for stop in self.stops if chain[-1][1] <= stop.start), key=_by_start, default=None)
            reach, leave = (ways(stop.location, visit.location).minutes if stop else 0 for stop in (before, after))
            start = next_quarter(chain[0][0] + timedelta(minutes=reach))
            pieces = place(start, timedelta(minutes=visit.work), chain, spans=len(chain) > 1)
            if pieces and pieces[0][0] < chain[0][1] and pieces[-1][1] + timedelta(minutes=leave) <= chain[-1][1]:
                return pieces
        return []

    def take(self, pieces: Sequence[Stretch], location: Location) -> None:
        """Put a visit on this day."""
        start, end = pieces[0][0], pieces[-1][1]
        self.stops.append(Stop(start, end, location))
        kept = [((a, min(b, start)), (max(a, end), b)) for a, b in self.free]
        self.free = [(a, b) for parts in kept for a, b in parts if a < b]

    def _chains(self, spans: bool) -> Iterator[list[Stretch]]:
        """Yield each free stretch; then, for work that `spans` breaks, each with those after it up to the next stop."""
        yield from ([stretch] for stretch in self.free)
        for first in range(len(self.free)) if spans else ():
            for last in range(first + 1, len(self.free)):
                begins, ends = self.free[last - 1][1], self.free[last][0]
                if any(stop.start < ends and begins < stop.end for stop in self.stops):
                    break
                yield self.free[first : last + 1]


@dataclass(frozen=True)
class Placed:
    """A visit on a day of a technician (his id). `pieces`: the stretches its work takes."""

    visit: Visit
    technician: int
    on: date
    pieces: tuple[Stretch, ...]

    @property
    def starts_at(self) -> datetime:
        return self.pieces[0][0]

    @property
    def ends_at(self) -> datetime:
        return self.pieces[-1][1]


@dataclass(frozen=True)
class Refused:
    """A visit that no day holds, and why, in words."""

    visit: Visit
    why: str


@dataclass(frozen=True)
class Spread:
    """What became of visits, in the order they were placed. `before`, `after`: {(technician, day): minutes left}."""

    placed: tuple[Placed, ...]
    refused: tuple[Refused, ...]
    before: dict[tuple[int, date], int]
    after: dict[tuple[int, date], int]


def spread(visits: Iterable[Visit], days: Iterable[Day], *, first: date, last: date, ways: Ways = travel) -> Spread:
    """Place visits on days between `first` and `last`, both included: the days of a month that are not past.

    The days given are changed: what is placed takes their time. One day at most for a technician and date.
    """
    within = [day for day in days if first <= day.on <= last]
    before = {day.key: day.left(ways) for day in within}
    after = dict(before)
    placed: list[Placed] = []
    refused: list[Refused] = []
    for visit in sorted(visits, key=lambda visit: visit.rank):
        opens, closes = max(first, visit.opens), min(last, visit.closes)
        of_sector = [
            day for day in within if visit.location.sector in day.sectors and opens <= day.on <= closes
        ]  # of a visit without a sector: none, as no day is kept for None
        wanted = [day for day in of_sector if day.technician in visit.able]
        for day in sorted(wanted, key=lambda day: (-after[day.key], day.on, day.technician)):
            if pieces := day.hold(visit, ways):
                day.take(pieces, visit.location)
                after[day.key] = day.left(ways)
                placed.append(Placed(visit, day.technician, day.on, tuple(pieces)))
                break
        else:
            refused.append(Refused(visit, _why(visit, of_sector, wanted, opens, closes)))
    return Spread(tuple(placed), tuple(refused), before, after)


def _why(visit: Visit, of_sector: Sequence[Day], wanted: Sequence[Day], opens: date, closes: date) -> str:
    """Return why no day holds a visit. `opens`, `closes`: the days looked at."""
    if closes < opens:
        return str(_("période finie le %s") % f"{visit.closes:%d/%m}")
    if visit.location.sector is None:
        return str(_("secteur inconnu"))
    if not visit.able:
        return str(_("aucun intervenant habilité"))
    if not of_sector:
        return str(_("pas de jour de ce secteur d'ici au %s") % f"{closes:%d/%m}")
    if not wanted:
        return str(_("les intervenants de ces jours-là ne sont pas habilités"))
    return str(_("plus de place ces jours-là"))


def _minutes(stretch: Stretch) -> int:
    """Return the minutes of a stretch, 0 when it ends before it begins."""
    start, end = stretch
    return max(0, int((end.timestamp() - start.timestamp()) // 60))


def _by_end(stop: Stop) -> datetime:
    return stop.end


def _by_start(stop: Stop) -> datetime:
    return stop.start
