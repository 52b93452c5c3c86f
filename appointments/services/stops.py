"""What a search for slots reads: the stops of technicians' days, the ways between them, who came last to an address."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import OuterRef, Subquery

from appointments.availability import Stretch
from appointments.choices import AppointmentState
from appointments.models import Appointment, Slot
from appointments.querysets import day_bounds
from appointments.ranking import Candidate, Hole
from appointments.services.calendars import local
from appointments.services.roads import AS_THE_CROW_FLIES, Ways
from appointments.travel import Location
from interventions.models import Technician
from interventions.services.sectors import sector_ids_of
from invoicing.choices import LocationState
from invoicing.models.parties.places import Located

LOCATED = (
    "latitude",
    "longitude",
    "city",
    "zip",
    "location_state",
)  # columns of an address, as `location_of` takes them


@dataclass(frozen=True)
class Wanted:
    """An intervention to plan, as it is read among thousands. `work` in minutes."""

    pk: int
    work: int
    opens: date
    closes: date
    stars: int
    location: Location


@dataclass(frozen=True)
class Stop:
    """An RDV of a technician: from when to when, and where."""

    start: datetime
    end: datetime
    location: Location


Stops = dict[tuple[int, date], list[Stop]]  # by technician and day: those that begin or end that day


def stops_of(people: Sequence[Technician], first_day: date, last_day: date) -> Stops:
    """Return {(id of a technician, day): the stops that begin or end then, in order}, in three queries."""
    start, _end = day_bounds(first_day)
    _start, end = day_bounds(last_day, 2)
    address = "appointment__address"
    rows = list(
        Slot.objects.filter(technician__in=[person.pk for person in people], starts_at__lt=end, ends_at__gt=start)
        .order_by("starts_at", "pk")
        .values_list("technician", "starts_at", "ends_at", address, *(f"{address}__{name}" for name in LOCATED))
    )
    sectors = sector_ids_of({pk: zip_code for _who, _start, _end, pk, _lat, _long, _city, zip_code, _state in rows})
    stops: Stops = defaultdict(list)
    for who, starts, ends, pk, latitude, longitude, city, zip_code, state in rows:
        location = location_of(pk, latitude, longitude, city, zip_code, state, sectors[pk])
        for day in {local(starts).date(), local(ends).date()}:
            stops[who, day].append(Stop(starts, ends, location))
    return stops


def location_of(
    pk: int | None,
    latitude: Decimal | None,
    longitude: Decimal | None,
    city: str,
    zip_code: str,
    state: str,
    sector: int | None,
) -> Location:
    """Return where an address is, from its columns LOCATED and the id of its sector."""
    north, east = (None if degrees is None else float(degrees) for degrees in (latitude, longitude))
    return Location(pk, north, east, city, zip_code, sector, is_town=state == LocationState.TOWN)


def location_at(place: Located, *, pk: int | None = None, sector: int | None = None) -> Location:
    """Return where a loaded record is. `pk`: of an address."""
    latitude, longitude, city, zip_code, state = (getattr(place, name) for name in LOCATED)
    return location_of(pk, latitude, longitude, city, zip_code, state, sector)


def hole_of(
    leaving: Sequence[Stop],
    coming: Sequence[Stop],
    stretch: Stretch,
    *,
    pause: int = 0,
    ways: Ways = AS_THE_CROW_FLIES,
) -> tuple[Hole, Location | None, Location | None]:
    """Return the hole of a free stretch, and the locations of the stops before and after it, None for none.

    `leaving`: the stops of the day it begins. `coming`: those of the day it ends. `pause`: see `Hole`.
    """
    start, end = stretch
    before = next((stop.location for stop in reversed(leaving) if stop.end <= start), None)
    after = next((stop.location for stop in coming if end <= stop.start), None)
    direct = ways(before, after).minutes if before and after else 0
    hole = Hole(start, end, direct, leaves_base=before is None, ends_at_base=after is None, pause=pause)
    return hole, before, after


def candidate_of(
    one: Wanted,
    before: Location | None,
    after: Location | None,
    *,
    ways: Ways = AS_THE_CROW_FLIES,
    **facts: bool,
) -> Candidate:
    """Return an intervention with its ways from the stop before and to the one after. `facts`: what else is known of it."""
    reach_leave = [ways(stop, one.location) if stop else None for stop in (before, after)]
    reach, leave = (way.minutes if way else 0 for way in reach_leave)
    return Candidate(
        one.pk,
        work=one.work,
        reach=reach,
        leave=leave,
        opens=one.opens,
        closes=one.closes,
        stars=one.stars,
        is_estimated=any(way.is_estimated for way in reach_leave if way),
        **facts,
    )


def known_addresses(people: Sequence[Technician], addresses: Iterable[int | None]) -> set[tuple[int, int | None]]:
    """Return (technician, address) of those who did the last RDV at an address."""
    done = Appointment.objects.filter(state=AppointmentState.DONE)
    last = done.filter(address=OuterRef("address")).order_by("-starts_at", "-pk").values("pk")[:1]
    rows = done.filter(
        technicians__in=[person.pk for person in people], address__among=sorted(pk for pk in addresses if pk)
    )
    return set(rows.filter(pk=Subquery(last)).order_by().values_list("technicians", "address"))


def later_than(moment: datetime, stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Yield what is left of stretches from a moment on, in French time."""
    for start, end in stretches:
        if moment < end:
            yield max(local(start), local(moment)), local(end)
