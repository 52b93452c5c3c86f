"""Calendar periods: whole days, half-open [start, end), counted from an anchor and never from the previous result.

Pure: no Django, no clock.
"""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)  # that may be typed: what is counted from it is a date too
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Period:
    """Days from `start` included to `end` excluded. Always at least one day."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"Empty period: {self.start} to {self.end}.")

    @property
    def last_day(self) -> date:
        """The last day included, as people read it."""
        return self.end - ONE_DAY

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def overlap(self, other: "Period") -> "Period | None":
        """Return the days common to both, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None


def day_of_month(month: date, months_later: int, day: int) -> date:
    """Return the `day` of the month `months_later` after that of `month`, or that month's last day when it is shorter."""
    years, index = divmod(month.month - 1 + months_later, 12)
    year, number = month.year + years, index + 1
    return date(year, number, min(day, calendar.monthrange(year, number)[1]))


def end_of_month(day: date) -> date:
    """Return the last day of `day`'s month."""
    return day_of_month(day, 0, 31)
