"""The calendars of technicians, read in a few queries, and the time an RDV takes of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

import holidays
from django.utils import timezone

from appointments.availability import Calendar, Stretch, Week
from appointments.models import Absence, Appointment, ClosingDay, Slot, WorkingHours
from appointments.querysets import day_bounds
from interventions.models import Technician

# Used until a company sets its own: Monday to Friday, 8 to 12 and 13:30 to 17:30.
USUAL_WEEK = Week({day: [(time(8), time(12)), (time(13, 30), time(17, 30))] for day in range(5)})


_SUBDIVISIONS = {"57": "57", "67": "6AE", "68": "6AE", **{d: d for d in ("971", "972", "973", "974", "976")}}


@lru_cache(maxsize=64)
def public_holidays(year: int, department: str) -> frozenset[date]:
    """Return the public holidays of France that year, with those of Alsace, Moselle or the overseas department."""
    return frozenset(holidays.country_holidays("FR", subdiv=_SUBDIVISIONS.get(department), years=year))


def calendars_of(
    technicians: Iterable[Technician], *, first_day: date, last_day: date, without: Appointment | None = None
) -> dict[int, Calendar]:
    """Return the calendars of technicians between two days, both included. `without`: an RDV whose time is not counted."""
    people = list(technicians)
    ids = [technician.pk for technician in people]
    companies = {technician.company_id for technician in people}
    start, _end = day_bounds(first_day)
    _start, end = day_bounds(last_day, 2)
    weeks = _weeks(companies)
    absences: dict[int, list[Stretch]] = defaultdict(list)
    for row in Absence.objects.filter(technician__in=ids, starts_at__lt=end, ends_at__gt=start):
        absences[row.technician_id].append((row.starts_at, row.ends_at))
    taken: dict[int, list[Stretch]] = defaultdict(list)
    slots = Slot.objects.filter(technician__in=ids, starts_at__lt=end, ends_at__gt=start)
    if without is not None and without.pk:
        slots = slots.exclude(appointment=without)
    for slot in slots:
        taken[slot.technician_id].append((slot.starts_at, slot.ends_at))
    closed = _days_off(people, first_day, last_day)
    zone = timezone.get_default_timezone()
    return {
        technician.pk: Calendar(
            week=weeks.get((technician.company_id, technician.pk))
            or weeks.get((technician.company_id, None))
            or USUAL_WEEK,
            zone=zone,
            days_off=closed[technician.company_id],
            absences=tuple(absences[technician.pk]),
            taken=sorted(taken[technician.pk]),
        )
        for technician in people
    }


def _weeks(companies: Iterable[int]) -> dict[tuple[int, int | None], Week]:
    hours: dict[tuple[int, int | None], dict[int, list[tuple[time, time]]]] = defaultdict(lambda: defaultdict(list))
    for row in WorkingHours.objects.filter(company__in=companies).order_by("starts"):
        hours[row.company_id, row.technician_id][row.weekday].append((row.starts, row.ends))
    return {key: Week(dict(week)) for key, week in hours.items()}


def _days_off(people: Sequence[Technician], first_day: date, last_day: date) -> dict[int, frozenset[date]]:
    found: dict[int, set[date]] = defaultdict(set)
    companies = {technician.company_id: technician.company for technician in people}
    for pk, company in companies.items():
        for year in range(first_day.year, last_day.year + 1):
            found[pk] |= public_holidays(year, company.zip[:3] if company.zip.startswith("97") else company.zip[:2])
    for closing in ClosingDay.objects.filter(company__in=companies, from_on__lte=last_day, to_on__gte=first_day):
        days = (closing.to_on - closing.from_on).days + 1
        found[closing.company_id] |= {closing.from_on + timedelta(days=n) for n in range(days)}
    return {pk: frozenset(found[pk]) for pk in companies}


def hours_to_length(hours: Decimal) -> timedelta:
    """Return a duration in hours as a timedelta, to the minute."""
    return timedelta(minutes=round(float(hours) * 60))


def local(moment: datetime) -> datetime:
    """Return the instant in the time zone of France."""
    return timezone.localtime(moment, timezone.get_default_timezone())
