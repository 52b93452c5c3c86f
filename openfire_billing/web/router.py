"""A router that answers tables of times by road (OSRM's `table/v1`), at the setting ROUTER_URL.

Asked: `{ROUTER_URL}/table/v1/driving/lon,lat;lon,lat;…?annotations=duration,distance`. Answered: `durations` in seconds and
`distances` in metres, null where no road leads.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from openfire_billing.web.outgoing import NoAnswer, get_from_service

MOST_POINTS = 100  # of a request
WITHIN = 2  # seconds of a request
MOST_FAILURES, OFF_FOR = 3, 60  # so many failures in a row, and nothing is asked for so many seconds
_MOST_READ = 2_000_000  # bytes of an answer
_FAILURES, _OFF = "router-failures", "router-off"  # keys of the cache

Point: TypeAlias = tuple[str, str]  # latitude, longitude, as text in degrees


@dataclass(frozen=True)
class Road:
    """A way by road, in whole seconds and metres."""

    seconds: int
    metres: int


def is_on() -> bool:
    """Return whether a router is set and did not just fail several times."""
    return bool(settings.ROUTER_URL) and not cache.get(_OFF)


def table(points: Sequence[Point]) -> list[list[Road | None]]:
    """Return the road from each of at most MOST_POINTS points to each, None where none leads.

    Raises NoAnswer when the router is late, fails or answers something else; after MOST_FAILURES of them `is_on` is False
    for a while.
    """
    places = ";".join(f"{longitude},{latitude}" for latitude, longitude in points)
    url = f"{settings.ROUTER_URL}/table/v1/driving/{places}?annotations=duration,distance"
    try:
        status, content = get_from_service(url, within=WITHIN, most=_MOST_READ)
        if status != 200:
            raise NoAnswer(f"HTTP {status}")
        found = _read(content, len(points))
    except NoAnswer:
        failures = (cache.get(_FAILURES) or 0) + 1
        cache.set(_FAILURES, failures, OFF_FOR)
        if failures >= MOST_FAILURES:
            cache.set(_OFF, True, OFF_FOR)
            cache.delete(_FAILURES)
        raise
    cache.delete(_FAILURES)
    return found


def _read(content: bytes, count: int) -> list[list[Road | None]]:
    try:
        answer = json.loads(content)
        durations, distances = answer["durations"], answer["distances"]
        rows = [
            [_road(seconds, metres) for seconds, metres in zip(*pair, strict=True)]
            for pair in zip(durations, distances, strict=True)
        ]
    except (ValueError, KeyError, TypeError) as wrong:
        raise NoAnswer(_("Le routeur répond autre chose qu'un tableau.")) from wrong
    if len(rows) != count or any(len(row) != count for row in rows):
        raise NoAnswer(_("Le routeur répond un tableau d'une autre taille."))
    return rows


def _road(seconds: object, metres: object) -> Road | None:
    """Return a way; None for null. Raises ValueError for what is no number."""
    if seconds is None or metres is None:
        return None
    if not isinstance(seconds, int | float) or not isinstance(metres, int | float):
        raise ValueError(seconds)  # noqa: TRY004 (of a text that is read)
    if not (math.isfinite(seconds) and math.isfinite(metres) and seconds >= 0 and metres >= 0):
        raise ValueError(seconds)
    return Road(math.ceil(seconds), round(metres))
