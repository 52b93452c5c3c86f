"""« Chercher un créneau »: the best places of an intervention, among technicians and days.

Nothing is written or locked: a place found is taken by `appoint`, which looks at it again under its locks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice

from appointments.availability import Calendar, Stretch, place, without, working_from
from appointments.models import Appointment
from appointments.ranking import Candidate, Hole, Ranked, best_of_half_days, fits, rank_one, start_in
from appointments.services.booking import may_span
from appointments.services.calendars import calendars_of, hours_to_minutes, local
from appointments.services.days import split_by_day
from appointments.services.planning import able_technicians
from appointments.services.roads import AS_THE_CROW_FLIES, Ways, ways_between
from appointments.services.slots import ROUTED, TO_PLAN, Found
from appointments.services.stops import (
    Stops,
    Wanted,
    candidate_of,
    hole_of,
    known_addresses,
    later_than,
    location_at,
    stops_of,
)
from appointments.services.tours import sectors_of_days
from appointments.travel import Location
from interventions.models import InterventionRequest, Technician
from interventions.services.promises import last_days_of
from interventions.services.sectors import sector_ids_of
from invoicing.models import Address
from openfire_billing.web.router import is_on

BEST, MOST = 3, 9  # places proposed at first, and with the others
MOST_DAYS = 30  # of a search; and of one work


@dataclass(frozen=True)
class _Held:
    """A place that holds the whole work. `technician`: his id. `again`: the same place by other ways, None when the work
    does not fit then; `locations`: those of the stops before and after.
    """

    technician: int
    hole: Hole
    candidate: Candidate
    ends_at: datetime
    again: Callable[[Ways], "_Held | None"]
    locations: tuple[Location | None, Location | None]


def find_places(
    intervention: InterventionRequest, people: Sequence[Technician], *, not_before: datetime, count: int = BEST
) -> list[Found]:
    """Return the best places of an intervention, of different half days, among the technicians of `people` able to do it.

    Searches its period, 30 days of it at most; of a late one, 30 days from `not_before`. Work that may go on after a break
    may take several days. The queries do not depend on the number of technicians or days. `people`: with their company and
    tasks loaded.
    """
    able = {person.pk: person for person in able_technicians(intervention, people)}
    work = hours_to_minutes(intervention.remaining_duration)
    if not able or not work or intervention.state not in TO_PLAN:
        return []
    first, last = days_searched(intervention, local(not_before).date())
    people = list(able.values())
    period = (intervention.from_on, intervention.to_on)
    one = _wanted(intervention, intervention.address, work=work, period=period, stars=intervention.priority)
    search = _Search(one, people, first, last, not_before)
    held = search.held(calendars_of(people, first_day=first, last_day=last))
    if not held and may_span(intervention):
        beyond = last + timedelta(days=MOST_DAYS)  # where work begun by then may end
        held = search.held(calendars_of(people, first_day=first, last_day=beyond), spans=True)
    if is_on():
        held = _by_road(one, held)
    return [Found(intervention, able[one.technician], ranked, one.ends_at) for one, ranked in _best_places(held, count)]


def _by_road(one: Wanted, held: Sequence[_Held]) -> list[_Held]:
    """Return the best places as the crow flies, by road; those that do not hold the work then are left out."""
    best = [found for found, _ranked in _best_places(held, ROUTED)]
    ways = ways_between([one.location, *(place for found in best for place in found.locations)])
    return [found for found in (place.again(ways) for place in best) if found is not None]


def best_places(
    document: InterventionRequest | Appointment,
    address: Address,
    *,
    work: int,
    period: tuple[date, date],
    stars: int,
    people: Sequence[Technician],
    calendars: Mapping[int, Calendar],
    days: tuple[date, date],
    not_before: datetime,
    count: int,
) -> list[tuple[int, Ranked]]:
    """Return (id of a technician, place) of the best places of `work` minutes at an address, between two days.

    `calendars`: by the id of a technician. Looks at each half day that holds the whole work in one piece.
    """
    one = _wanted(document, address, work=work, period=period, stars=stars)
    held = _Search(one, people, *days, not_before).held(calendars)
    return [(one.technician, ranked) for one, ranked in _best_places(held, count)]


def _wanted(
    document: InterventionRequest | Appointment, address: Address, *, work: int, period: tuple[date, date], stars: int
) -> Wanted:
    sector = sector_ids_of({address.pk: address.zip})[address.pk]
    location = location_at(address, pk=address.pk, sector=sector)
    return Wanted(document.pk, work, *period, stars, location)


def days_searched(intervention: InterventionRequest, today: date) -> tuple[date, date]:
    """Return the first and last day of the search; the last is before the first when its contract ended."""
    first = max(today, intervention.from_on)
    last = first + timedelta(days=MOST_DAYS - 1)
    if intervention.to_on >= first:
        last = min(last, intervention.to_on)
    return first, min(last, last_days_of([intervention.pk]).get(intervention.pk, last))


@dataclass(frozen=True)
class _Search:
    """Whose days are searched for an intervention, from which day to which, both included."""

    wanted: Wanted
    people: Sequence[Technician]
    first: date
    last: date
    not_before: datetime

    def held(self, calendars: Mapping[int, Calendar], *, spans: bool = False) -> list[_Held]:
        """Return a place for each half day of each technician that holds the whole work, in one piece or (`spans`) in
        several with breaks and nights between them. `calendars`: by the id of a technician.
        """
        beyond = self.last + timedelta(days=MOST_DAYS if spans else 0)
        stops, sectors = (
            stops_of(self.people, self.first, beyond),
            sectors_of_days(self.people, self.first, self.last),
        )
        known = known_addresses(self.people, {self.wanted.location.address})
        found: list[_Held] = []
        for pk in (person.pk for person in self.people):
            days = _Days(calendars[pk])
            for day in (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)):
                facts = {
                    "in_sector": any(one.pk == self.wanted.location.sector for one in sectors.get((pk, day), ())),
                    "is_known": (pk, self.wanted.location.address) in known,
                }
                for stretch in later_than(self.not_before, days.free(day)):
                    if spans:
                        tried = (self._in(pk, pieces, stops, facts) for pieces in days.pieces_from(stretch))
                        found += islice(filter(None, tried), 1)
                    else:
                        tried = (self._in(pk, [half], stops, facts) for half in _half_days(stretch))
                        found += filter(None, tried)
        return found

    def _in(
        self,
        technician: int,
        pieces: Sequence[Stretch],
        stops: Stops,
        facts: Mapping[str, bool],
        ways: Ways = AS_THE_CROW_FLIES,
    ) -> _Held | None:
        """Return the place of the intervention that begins in the first of these pieces and ends in the last; None when
        the work does not fit.
        """
        start, end = pieces[0][0], pieces[-1][1]
        worked = sum((finish - begin for begin, finish in pieces), timedelta())
        hole, before, after = hole_of(
            stops[technician, start.date()],
            stops[technician, end.date()],
            (start, end),
            pause=int((end - start - worked).total_seconds()) // 60,
            ways=ways,
        )
        candidate = candidate_of(self.wanted, before, after, ways=ways, **facts)
        if not fits(hole, candidate):
            return None
        length = timedelta(minutes=candidate.work)
        taken = place(start_in(hole, candidate), length, pieces, spans=True)
        if not taken:
            return None
        again = partial(self._in, technician, pieces, stops, facts)
        return _Held(technician, hole, candidate, taken[-1][1], again, (before, after))


class _Days:
    """What a technician works, and what of it is free."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._taken = _by_day(calendar.taken)

    def free(self, day: date) -> list[Stretch]:
        """Return what is free of a day."""
        return without(self._calendar.working(day), self._taken.get(day, ()))

    def pieces_from(self, stretch: Stretch) -> Iterator[list[Stretch]]:
        """Yield a free stretch with the hours worked after it: one more each time, until an RDV is in the way."""
        start, end = stretch
        pieces = [stretch]
        yield pieces
        for begins, ends in working_from(self._calendar, start.date(), days=MOST_DAYS):
            if begins < end < ends:
                return  # the stretch ends at an RDV
            if begins < end:
                continue
            free = without([(begins, ends)], self._taken.get(begins.date(), ()))
            if not free or free[0][0] != begins:
                return
            pieces = [*pieces, free[0]]
            yield pieces
            if free[0][1] != ends:
                return


def _half_days(stretch: Stretch) -> Iterator[Stretch]:
    """Yield a free stretch of a morning, and what of it is after noon."""
    start, end = stretch
    yield stretch
    noon = start.replace(hour=12, minute=0, second=0, microsecond=0)
    if start < noon < end:
        yield noon, end


def _by_day(stretches: Iterable[Stretch]) -> dict[date, list[Stretch]]:
    """Return the stretches by the days they touch."""
    found: dict[date, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        for day, _start, _end in split_by_day(*stretch):
            found[day].append(stretch)
    return found


def _best_places(held: Sequence[_Held], count: int) -> list[tuple[_Held, Ranked]]:
    """Return the best places, and their scores: each day that passes costs a point."""
    first = min((one.hole.start.date() for one in held), default=date.max)
    places: dict[Ranked, _Held] = {}
    for one in held:
        ranked = rank_one(one.hole, one.candidate, waited=(one.hole.start.date() - first).days)
        if ranked is not None:
            places.setdefault(ranked, one)
    return [(places[ranked], ranked) for ranked in best_of_half_days(places, count=count)]
