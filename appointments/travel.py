"""How long it takes to go from one place to another, as the crow flies: pure, no Django.

A road is longer than the straight line by `DETOUR` and is driven at `SPEED`. Without coordinates the time is estimated
from what both addresses share: a town, a postcode, a sector.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from openfire_billing.kernel.folding import fold

EARTH_KM = 6371.0088  # mean radius
DETOUR = 1.3
SPEED = 50  # km an hour
_folded = lru_cache(maxsize=10_000)(fold)  # thousands of addresses have a few hundred towns
SAME_TOWN, SAME_POSTCODE, SAME_SECTOR, ELSEWHERE = 10, 15, 25, 60  # minutes, without coordinates


@dataclass(frozen=True)
class Location:
    """An address: its coordinates in degrees where they are known, its town, postcode and sector (its id).

    `is_town`: the coordinates are those of its town.
    """

    address: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    city: str = ""
    zip: str = ""
    sector: int | None = None
    is_town: bool = False

    @property
    def is_located(self) -> bool:
        return self.latitude is not None and self.longitude is not None


@dataclass(frozen=True)
class Travel:
    """Minutes, rounded up. `km`: by road, None when the time is estimated without coordinates."""

    minutes: int
    km: float | None = None

    @property
    def is_estimated(self) -> bool:
        return self.km is None


def great_circle(start: Location, end: Location) -> float:
    """Return the distance of two located places along the surface of the earth, in kilometres."""
    first, last = math.radians(start.latitude or 0), math.radians(end.latitude or 0)
    height = math.sin((last - first) / 2) ** 2
    width = math.sin(math.radians((end.longitude or 0) - (start.longitude or 0)) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, height + math.cos(first) * math.cos(last) * width)))


def travel(start: Location, end: Location) -> Travel:
    """Return the way from one place to another."""
    if start.address is not None and start.address == end.address:
        return Travel(0, 0.0)
    if start.is_located and end.is_located and not _is_one_town(start, end):
        km = great_circle(start, end) * DETOUR
        return Travel(math.ceil(round(km * 60 / SPEED, 6)), km)
    return Travel(_estimate(start, end))


def _is_one_town(start: Location, end: Location) -> bool:
    """Return whether two locations are in one town, and one of them is known by that town alone."""
    return (start.is_town or end.is_town) and _same_town(start, end)


def _same_town(start: Location, end: Location) -> bool:
    is_same_department = start.zip[:2] == end.zip[:2]  # towns of the same name are many
    return bool(start.city) and is_same_department and _folded(start.city) == _folded(end.city)


def _estimate(start: Location, end: Location) -> int:
    if _same_town(start, end):
        return SAME_TOWN
    if start.zip and start.zip == end.zip:
        return SAME_POSTCODE
    if start.sector is not None and start.sector == end.sector:
        return SAME_SECTOR
    return ELSEWHERE
