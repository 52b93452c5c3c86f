"""What is announced of an appointment to its customer: an hour, or a stretch of its day. Pure: no database."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

HOUR, AROUND, RANGE, HALF_DAY = "hour", "around", "range", "half_day"
NOON = time(12)
_MORNING, _AFTERNOON, _EVENING = time(8), time(13, 30), time(18)


@dataclass(frozen=True)
class Announced:
    """A stretch of a day, in the zone of the appointment. `ends`: None when one hour is announced, `starts`.

    `half`: « le matin » or « l'après-midi » when the half day alone is announced.
    """

    starts: datetime
    ends: datetime | None = None
    half: str = ""

    @property
    def words(self) -> str:
        """Return « à 9 h », « entre 8 h et 10 h », « le matin »."""
        if self.ends is None:
            return f"à {hour_text(self.starts)}"
        return self.half or f"entre {hour_text(self.starts)} et {hour_text(self.ends)}"


def hour_text(moment: datetime | time) -> str:
    """Return « 8 h 30 », « 14 h »."""
    return f"{moment.hour} h {moment.minute:02d}" if moment.minute else f"{moment.hour} h"


def announced_of(
    start: datetime, *, how: str, minutes: int, own_from: time | None = None, own_to: time | None = None
) -> Announced:
    """Return what is announced of an appointment that begins at `start`, an instant in its zone.

    `how`: HOUR, AROUND (`minutes` long, `start` in its middle), RANGE (the stretch of `minutes` counted from midnight that
    holds `start`) or HALF_DAY. `own_from`, `own_to`: what this appointment announces instead; one hour alone, or a stretch.
    A stretch stays within the day.
    """
    if own_from is not None:
        begins = datetime.combine(start, own_from, tzinfo=start.tzinfo)
        return Announced(begins, datetime.combine(start, own_to, tzinfo=start.tzinfo) if own_to else None)
    if how == HALF_DAY:
        return _half_day(start)
    if how == HOUR:
        return Announced(start)
    at = start.hour * 60 + start.minute
    first = at - minutes // 2 if how == AROUND else at - at % minutes
    last = first + minutes
    return Announced(_at(start, max(first, 0)), _at(start, min(last, 24 * 60 - 1)))


def holds(own_from: time | None, own_to: time | None, start: datetime) -> bool:
    """Return whether the hours that an appointment announces itself fit one that begins at `start`."""
    if own_from is None:
        return True
    hour = start.time()
    return own_from <= hour <= own_to if own_to else own_from == hour


def _half_day(start: datetime) -> Announced:
    if start.time() < NOON:
        first, last, half = min(_MORNING, start.time()), NOON, "le matin"
    else:
        first, last, half = min(_AFTERNOON, start.time()), max(_EVENING, start.time()), "l'après-midi"
    zone = start.tzinfo
    begins, ends = datetime.combine(start, first, tzinfo=zone), datetime.combine(start, last, tzinfo=zone)
    return Announced(begins, ends if ends > begins else begins + timedelta(hours=1), half)


def _at(start: datetime, minutes: int) -> datetime:
    return datetime.combine(start, time(minutes // 60, minutes % 60), tzinfo=start.tzinfo)
