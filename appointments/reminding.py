"""When the customer of an appointment is reminded of it: the rule of days and hours. Pure: no database."""

from collections.abc import Container
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from openfire_billing.kernel.french_days import public_holidays

LAST_HOUR = time(20)  # of a day on which reminders leave
LATELY = timedelta(hours=2)  # a customer who agreed to his appointment so lately is not reminded
_WORKED = range(5)  # Monday to Friday


def is_worked(day: date, *, department: str, closed: Container[date] = ()) -> bool:
    """Return whether a company works a day: Monday to Friday, no public holiday of its department, not a closing day."""
    return day.weekday() in _WORKED and day not in closed and day not in public_holidays(day.year, department)


def reminder_day(day: date, *, department: str, closed: Container[date] = ()) -> date:
    """Return the last day before `day` on which a company works."""
    before = day - timedelta(days=1)
    while not is_worked(before, department=department, closed=closed):
        before -= timedelta(days=1)
    return before


def days_due(
    today: date, *, department: str, closed: Container[date] = (), within: int = 60
) -> list[tuple[date, date]]:
    """Return (day of appointments, day of its reminder) of the days from `today` on whose reminder is due today or before."""
    found = []
    for ahead in range(within):
        day = today + timedelta(days=ahead)
        due = reminder_day(day, department=department, closed=closed)
        if due > today:
            break
        found.append((day, due))
    return found


def moments(due: date, hour: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when reminders begin to leave on a day, by the clock of the wall, and when they do not leave any more."""
    return datetime.combine(due, hour, tzinfo=zone), datetime.combine(due, LAST_HOUR, tzinfo=zone)
