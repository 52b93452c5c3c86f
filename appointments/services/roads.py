"""Ways between places: by road where the router knows them, else as the crow flies. Never asked for inside a transaction."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import combinations_with_replacement

from django.utils import timezone

from appointments.models import TravelPair
from appointments.travel import Location, Travel, travel
from openfire_billing.web.outgoing import NoAnswer
from openfire_billing.web.router import MOST_POINTS, Point, Road, is_on, table

KEPT = timedelta(days=30)
PLACES = 4  # decimals of a point: some ten metres
_CHUNK = MOST_POINTS // 2  # points of a block; two blocks make a request


class Ways:
    """The ways between places: `ways(start, end)`. Those by road are given, the others are as the crow flies."""

    def __init__(self, roads: dict[tuple[Point, Point], Road | None] | None = None) -> None:
        self._roads = roads or {}

    def __call__(self, start: Location, end: Location) -> Travel:
        direct = travel(start, end)
        if direct.is_estimated or (start.address is not None and start.address == end.address):
            return direct
        road = self._roads.get((point_of(start), point_of(end)))
        return direct if road is None else Travel(math.ceil(road.seconds / 60), road.metres / 1000)


AS_THE_CROW_FLIES = Ways()


def point_of(location: Location) -> Point:
    """Return the point of a located place, as it is asked for and kept."""
    return f"{location.latitude:.{PLACES}f}", f"{location.longitude:.{PLACES}f}"


def ways_between(locations: Iterable[Location | None], *, is_asked: bool = True) -> Ways:
    """Return the ways between all these places, None left out: kept ones in one query, the others asked of the router.

    Without a router, or when it does not answer, they are as the crow flies. `is_asked` False inside a transaction: kept
    ones alone.
    """
    if not is_on():
        return AS_THE_CROW_FLIES
    points = sorted({point_of(one) for one in locations if one is not None and one.is_located})
    if len(points) < 2:
        return AS_THE_CROW_FLIES
    roads = _kept(points)
    new: dict[tuple[Point, Point], Road | None] = {}
    for asked in _requests(points, roads) if is_asked else ():
        try:
            rows = table(asked)
        except NoAnswer:
            if not is_on():
                break
            continue
        new |= {(start, end): rows[i][j] for i, start in enumerate(asked) for j, end in enumerate(asked) if i != j}
    if new:
        _keep(new)
    return Ways(roads | new)


def _kept(points: Sequence[Point]) -> dict[tuple[Point, Point], Road | None]:
    texts = {_text(point): point for point in points}
    rows = TravelPair.objects.filter(start__in=list(texts), end__in=list(texts), at__gte=timezone.now() - KEPT)
    return {
        (texts[start], texts[end]): None if seconds is None or metres is None else Road(seconds, metres)
        for start, end, seconds, metres in rows.order_by().values_list("start", "end", "seconds", "metres")
    }


def _requests(points: Sequence[Point], roads: dict[tuple[Point, Point], Road | None]) -> Iterator[list[Point]]:
    """Yield the points of each request, MOST_POINTS at most, so that every pair that is not kept is in one of them."""
    wanted = [
        point
        for point in points
        if any(other != point and ((point, other) not in roads or (other, point) not in roads) for other in points)
    ]
    if len(wanted) <= MOST_POINTS:
        if wanted:
            yield wanted
        return
    blocks = [wanted[first : first + _CHUNK] for first in range(0, len(wanted), _CHUNK)]
    for one, other in combinations_with_replacement(range(len(blocks)), 2):
        if one != other:
            yield [*blocks[one], *blocks[other]]


def _keep(roads: dict[tuple[Point, Point], Road | None]) -> None:
    at = timezone.now()
    TravelPair.objects.bulk_create(
        [
            TravelPair(
                start=_text(start),
                end=_text(end),
                seconds=road.seconds if road else None,
                metres=road.metres if road else None,
                at=at,
            )
            for (start, end), road in sorted(roads.items(), key=lambda pair: pair[0])
        ],
        batch_size=2000,
        update_conflicts=True,
        unique_fields=["start", "end"],
        update_fields=["seconds", "metres", "at"],
    )


def _text(point: Point) -> str:
    return ",".join(point)


def forget_ways() -> int:
    """Delete the ways that are too old to be used. Returns how many."""
    return TravelPair.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]
