"""For how long something has been waiting: the four ages in which the first page adds amounts, and its lists filter.

Pure: no Django, no clock.
"""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Age:
    """From `least` to `most` whole days after a day, both included; None without a limit."""

    slug: str
    least: int | None
    most: int | None

    def days(self, today: date) -> tuple[date | None, date | None]:
        """Return the first and the last day that are of this age today; None without a limit."""
        return (
            None if self.most is None else today - timedelta(days=self.most),
            None if self.least is None else today - timedelta(days=self.least),
        )


NOT_LATE = Age("not-late", None, 0)  # the day itself, and days to come
AGES = (NOT_LATE, Age("to-30", 1, 30), Age("to-60", 31, 60), Age("over-60", 61, None))


def age_of(day: date | None, today: date) -> Age:
    """Return the age of a day; no day is never late."""
    late = (today - day).days if day else 0
    return next(age for age in AGES if age.most is None or late <= age.most)
