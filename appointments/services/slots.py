"""« Remplir un créneau »: the interventions that fit into a hole of a technician's day.

Nothing is written or locked: what is proposed is planned by `appoint`, which looks at the time again under its locks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Q

from appointments.availability import Calendar, Stretch, after, next_quarter
from appointments.ranking import Candidate, Hole, Ranked, rank, start_in
from appointments.services.calendars import calendars_of, hours_to_minutes, local
from appointments.services.roads import AS_THE_CROW_FLIES, Ways, ways_between
from appointments.services.stops import (
    LOCATED,
    Wanted,
    candidate_of,
    hole_of,
    known_addresses,
    later_than,
    location_of,
    stops_of,
)
from appointments.services.tours import sectors_of_days
from appointments.travel import Location, great_circle
from interventions.choices import InterventionState
from interventions.models import InterventionRequest, Technician
from interventions.services.promises import last_days_of
from interventions.services.sectors import sector_ids_of
from openfire_billing.web.router import is_on

RADIUS = 30  # km around the stops of a hole
ROUTED = 25  # proposals, the best as the crow flies, whose ways are asked of the router
LEAST = 15  # minutes of work that are worth a visit, when the duration does not count


@dataclass(frozen=True)
class Gap:
    """Time of a technician to be filled. What of it he does not work, or is taken, is left out."""

    technician: Technician
    starts_at: datetime
    ends_at: datetime


def free_gaps(person: Technician, day: date, *, not_before: datetime, begins: datetime | None = None) -> list[Gap]:
    """Return the free time of a technician's day from `not_before` on that is long enough to be worth a visit.

    `begins`: the gap that holds this moment begins then. `person`: with his company loaded.
    """
    calendar = calendars_of([person], first_day=day, last_day=day)[person.pk]
    gaps = []
    for start, end in later_than(next_quarter(not_before), calendar.free(day)):
        first = local(begins) if begins is not None and start < begins < end else start
        if end - first >= timedelta(minutes=LEAST):
            gaps.append(Gap(person, first, end))
    return gaps


@dataclass(frozen=True)
class Options:
    """What is searched for. `radius`: km around the stops before and after, 0 for no limit. `sectors`, `tasks`, `tags`:
    ids, none for all. `ignores_duration`: work longer than the hole is proposed for the time there is.
    """

    radius: int = RADIUS
    sectors: frozenset[int] = frozenset()
    tasks: frozenset[int] = frozenset()
    tags: frozenset[int] = frozenset()
    ignores_duration: bool = False


@dataclass(frozen=True)
class Found:
    """A place of an intervention: `appoint` takes it with this technician, start and duration in hours."""

    intervention: InterventionRequest
    technician: Technician
    ranked: Ranked
    ends_at: datetime

    @property
    def starts_at(self) -> datetime:
        return self.ranked.starts_at

    @property
    def duration(self) -> Decimal:
        return Decimal((100 * self.ranked.candidate.work + 30) // 60) / 100


def fill_proposals(gap: Gap, *, options: Options | None = None, on: date, count: int = 20) -> list[Found]:
    """Return the interventions that fit best into a hole, in a constant number of queries. `on`: today."""
    options, person = options or Options(), gap.technician
    day = local(gap.starts_at).date()
    calendar = calendars_of([person], first_day=day, last_day=day)[person.pk]
    stretch = _free_part(calendar, gap, day)
    if stretch is None:
        return []
    stops = stops_of([person], day, day)[person.pk, day]
    hole, before, coming = hole_of(stops, stops, stretch)
    wanted = [
        one
        for one in _waiting(person, day, options)
        if _is_near(one.location, before, coming, options.radius)
        and (not options.sectors or one.location.sector in options.sectors)
    ]
    served = {sector.pk for sector in sectors_of_days([person], day, day).get((person.pk, day), ())}
    known = known_addresses([person], {one.location.address for one in wanted})
    last_days = last_days_of([one.pk for one in wanted])

    def ranked(rows: Iterable[Wanted], hole: Hole, ways: Ways) -> list[Ranked]:
        candidates = [
            candidate_of(
                one,
                before,
                coming,
                ways=ways,
                is_late=one.closes < on,
                is_served=last_days.get(one.pk, day) >= day,
                in_sector=one.location.sector in served,
                is_known=(person.pk, one.location.address) in known,
            )
            for one in rows
        ]
        return rank(hole, list(_shortened(hole, candidates)) if options.ignores_duration else candidates)

    best = ranked(wanted, hole, AS_THE_CROW_FLIES)
    if is_on():  # the router is asked of the best alone
        first = {one.candidate.pk for one in best[:ROUTED]}
        routed = [one for one in wanted if one.pk in first]
        ways = ways_between([before, coming, *(one.location for one in routed)])
        best = ranked(routed, hole_of(stops, stops, stretch, ways=ways)[0], ways)
    best = best[:count]
    rows = InterventionRequest.objects.select_related("partner", "address", "task", "company").in_bulk(
        [ranked.candidate.pk for ranked in best]
    )
    return [
        Found(rows[one.candidate.pk], person, one, after(one.starts_at, timedelta(minutes=one.candidate.work)))
        for one in best
        if one.candidate.pk in rows
    ]


TO_PLAN = (InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED)


def _free_part(calendar: Calendar, gap: Gap, day: date) -> Stretch | None:
    """Return the first free stretch of a gap on its day; None when there is none."""
    for start, end in calendar.free(day):
        part = max(local(start), local(gap.starts_at)), min(local(end), local(gap.ends_at))
        if part[0] < part[1]:
            return part
    return None


def _is_near(location: Location, before: Location | None, after: Location | None, radius: int) -> bool:
    """Return whether a location is within the radius of a stop. Where coordinates are missing, nobody can tell."""
    stops = [stop for stop in (before, after) if stop is not None]
    if not radius or not stops or not location.is_located or not all(stop.is_located for stop in stops):
        return True
    return any(great_circle(stop, location) <= radius for stop in stops)


def _waiting(person: Technician, day: date, options: Options) -> list[Wanted]:
    """Return the interventions to plan that a technician could do on a day, in three queries and that of his tasks."""
    named = InterventionRequest.technicians.through.objects.filter(interventionrequest=OuterRef("pk"))
    rows = InterventionRequest.objects.active().filter(
        Q(Exists(named.filter(technician=person.pk))) | ~Exists(named),
        company=person.company_id,
        state__in=TO_PLAN,
        from_on__lte=day,
        duration__gt=F("planned_duration"),
    )
    if able := {task.pk for task in person.tasks.all()}:
        rows = rows.filter(task__in=able)
    if options.tasks:
        rows = rows.filter(task__in=options.tasks)
    if options.tags:
        rows = rows.filter(
            Exists(
                InterventionRequest.tags.through.objects.filter(
                    interventionrequest=OuterRef("pk"), tag__in=options.tags
                )
            )
        )
    columns = ("pk", "duration", "planned_duration", "from_on", "to_on", "priority", "address")
    found = list(rows.order_by().values_list(*columns, *(f"address__{name}" for name in LOCATED)))
    sectors = sector_ids_of({address: zip_code for *_others, address, _lat, _long, _city, zip_code, _state in found})
    wanted = []
    for pk, duration, planned, opens, closes, stars, address, latitude, longitude, city, zip_code, state in found:
        location = location_of(address, latitude, longitude, city, zip_code, state, sectors[address])
        wanted.append(Wanted(pk, hours_to_minutes(duration - planned), opens, closes, stars, location))
    return wanted


def _shortened(hole: Hole, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Yield the candidates, their work cut to the time that the hole leaves; those it leaves next to nothing are left out."""
    for candidate in candidates:
        leave = timedelta(minutes=0 if hole.ends_at_base else candidate.leave)
        most = int((hole.end - leave - start_in(hole, candidate)).total_seconds()) // 60
        if most >= min(LEAST, candidate.work):
            yield replace(candidate, work=min(most, candidate.work))
