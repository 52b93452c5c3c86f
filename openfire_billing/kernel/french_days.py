"""Days and hours of France: public holidays by department, and when a commercial text message may be sent.

Hours: article L. 34-5 of the « Code des postes et des communications électroniques » and the usage of the operators.
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

_SUBDIVISIONS = {"57": "57", "67": "6AE", "68": "6AE", **{d: d for d in ("971", "972", "973", "974", "976")}}
_ZONES = {
    "971": "America/Guadeloupe",
    "972": "America/Martinique",
    "973": "America/Cayenne",
    "974": "Indian/Reunion",
    "975": "America/Miquelon",
    "976": "Indian/Mayotte",
    "977": "America/St_Barthelemy",
    "978": "America/Marigot",
}
OPENS, CLOSES = time(8), time(20)  # of commercial messages
_SUNDAY = 6


@lru_cache(maxsize=64)
def public_holidays(year: int, department: str) -> frozenset[date]:
    """Return the public holidays of France that year, with those of Alsace, Moselle or the overseas department."""
    return frozenset(holidays.country_holidays("FR", subdiv=_SUBDIVISIONS.get(department), years=year))


def department_of(postcode: str) -> str:
    """Return the department of a French postcode: « 35 », « 20 » for Corsica, « 974 » overseas."""
    return postcode[:3] if postcode.startswith(("97", "98")) else postcode[:2]


def commercial_moment(at: datetime, department: str) -> datetime:
    """Return the first moment from `at` on at which a commercial message may reach a department: 8 to 20 h of its own
    clock, neither a Sunday nor a public holiday.
    """
    zone = ZoneInfo(_ZONES.get(department, "Europe/Paris"))
    there = at.astimezone(zone)
    if _is_open(there.date(), department) and OPENS <= there.time() < CLOSES:
        return at
    day = there.date() if there.time() < OPENS else there.date() + timedelta(days=1)
    while not _is_open(day, department):
        day += timedelta(days=1)
    return datetime.combine(day, OPENS, tzinfo=zone).astimezone(at.tzinfo)


def _is_open(day: date, department: str) -> bool:
    return day.weekday() != _SUNDAY and day not in public_holidays(day.year, department)
