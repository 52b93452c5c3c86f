"""The calendars of technicians, read in a few queries, and the time an RDV takes of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TypeAlias

from django.db.models import FilteredRelation, IntegerField, PositiveSmallIntegerField, Q, QuerySet, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from appointments.availability import Calendar, Cycle, Hours, Recurrence, Stretch, Week
from appointments.models import Absence, Appointment, DayHours, OnCall, RecurringAbsence, Slot, WorkingWeek
from appointments.querysets import day_bounds
from interventions.models import Technician
from invoicing.models import Company
from openfire_billing.kernel.french_days import department_of, public_holidays

_Rows: TypeAlias = "QuerySet[Slot] | QuerySet[Absence] | QuerySet[OnCall]"
# Used until a company sets its own: Monday to Friday, 8 to 12 and 13:30 to 17:30.
USUAL_WEEK = Week({day: [(time(8), time(12)), (time(13, 30), time(17, 30))] for day in range(5)})


def calendars_of(
    technicians: Iterable[Technician], *, first_day: date, last_day: date, without: Appointment | None = None
) -> dict[int, Calendar]:
    """Return the calendars of technicians between two days, both included, read in four queries. `without`: an RDV
    whose time is not counted.

    What is taken, away, on call or of one day is read for the day after the last one too, for work that goes on.
    """
    people = list(technicians)
    ids = [technician.pk for technician in people]
    companies = {technician.company_id for technician in people}
    stretches = _stretches(ids, first_day, last_day, without)
    day_hours, recurring = _days(ids, first_day, last_day + timedelta(days=1))
    cycles = _cycles(companies, ids)
    closed = _days_off(companies, first_day, last_day)
    zone = timezone.get_default_timezone()
    return {
        technician.pk: Calendar(
            week=USUAL_WEEK,
            zone=zone,
            days_off=closed[technician.company_id],
            absences=tuple(stretches[_AWAY, technician.pk]),
            taken=sorted(stretches[_TAKEN, technician.pk]),
            cycles=(*cycles[technician.company_id, technician.pk], *cycles[technician.company_id, None]),
            day_hours=day_hours[technician.pk],
            recurring=tuple(recurring[technician.pk]),
            on_call=tuple(stretches[_ON_CALL, technician.pk]),
        )
        for technician in people
    }


_TAKEN, _AWAY, _ON_CALL = 0, 1, 2  # what a stretch of a technician is


def _stretches(
    ids: Sequence[int], first_day: date, last_day: date, without: Appointment | None
) -> dict[tuple[int, int], list[Stretch]]:
    """Return {(kind, technician): stretches} of RDVs, absences and on-call that touch these days and the next, in one
    query.
    """
    start, _end = day_bounds(first_day)
    _start, end = day_bounds(last_day, 2)
    slots = Slot.objects.all()
    if without is not None and without.pk:
        slots = slots.exclude(appointment=without)
    kinds: dict[int, _Rows] = {_TAKEN: slots, _AWAY: Absence.objects.all(), _ON_CALL: OnCall.objects.all()}
    first, *others = (
        rows.filter(technician__in=ids, starts_at__lt=end, ends_at__gt=start)
        .order_by()
        .values_list("technician", "starts_at", "ends_at", Value(kind, IntegerField()))
        for kind, rows in kinds.items()
    )
    found: dict[tuple[int, int], list[Stretch]] = defaultdict(list)
    for technician, starts_at, ends_at, kind in first.union(*others, all=True):
        found[kind, technician].append((starts_at, ends_at))
    return found


def _days(
    ids: Sequence[int], first_day: date, last_day: date
) -> tuple[dict[int, dict[date, Hours]], dict[int, list[Recurrence]]]:
    """Return the hours of these days by technician, and the recurring absences that may fall on them, in one query."""
    hours = DayHours.objects.filter(technician__in=ids, on__range=(first_day, last_day)).order_by()
    absences = RecurringAbsence.objects.filter(technician__in=ids, first_on__lte=last_day).order_by()
    absences = absences.filter(Q(until=None) | Q(until__gte=first_day))
    own = Value(0, PositiveSmallIntegerField())  # no cycle: the hours of one day
    rows = absences.values_list("technician", "first_on", "until", "starts", "ends", "weekday", "cycle").union(
        hours.values_list("technician", "on", "on", "starts", "ends", own, own), all=True
    )
    day_hours: dict[int, dict[date, Hours]] = defaultdict(dict)
    recurring: dict[int, list[Recurrence]] = defaultdict(list)
    for technician, first_on, until, starts, ends, weekday, cycle in rows:
        span = (starts, ends) if starts is not None and ends is not None else None
        if cycle:
            recurring[technician].append(Recurrence(weekday, first_on, cycle, until or date.max, span))
        elif span:
            day_hours[technician][first_on] = sorted([*day_hours[technician].get(first_on, ()), span])
    return day_hours, recurring


def _cycles(companies: Collection[int], ids: Sequence[int]) -> dict[tuple[int, int | None], list[Cycle]]:
    """Return the weeks of these technicians and those of their companies, in one query.

    A week without hours is one in which nothing is worked. Hours of a turn that its cycle does not have are left out.
    """
    weeks = WorkingWeek.objects.filter(Q(technician=None) | Q(technician__in=ids), company__in=companies)
    header = ("pk", "company", "technician", "cycle", "first_monday", "from_on", "to_on")
    rows = weeks.order_by("pk").values_list(*header, "hours__rank", "hours__weekday", "hours__starts", "hours__ends")
    found: dict[tuple[int, int | None], list[Cycle]] = defaultdict(list)
    for week, hours in groupby(rows, key=lambda row: row[: len(header)]):
        _pk, company, technician, cycle, first_monday, from_on, to_on = week
        turns: list[dict[int, list[tuple[time, time]]]] = [defaultdict(list) for _turn in range(cycle)]
        for rank, weekday, starts, ends in sorted(row[len(header) :] for row in hours if row[-1] is not None):
            if rank <= cycle:
                turns[rank - 1][weekday].append((starts, ends))
        found[company, technician].append(
            Cycle([Week(dict(turn)) for turn in turns], first_monday, from_on or date.min, to_on or date.max)
        )
    return found


def _days_off(companies: Collection[int], first_day: date, last_day: date) -> dict[int, dict[date, str]]:
    """Return the closing days of companies and the public holidays of their departments, with their names, in one query."""
    touching = Q(closing_days__from_on__lte=last_day, closing_days__to_on__gte=first_day)
    rows = (
        Company.objects.filter(pk__in=companies)
        .annotate(closing=FilteredRelation("closing_days", condition=touching))
        .order_by()
        .values_list("pk", "zip", "closing__from_on", "closing__to_on", "closing__name")
    )
    found: dict[int, dict[date, str]] = {}
    for pk, postcode, from_on, to_on, name in rows:
        department = department_of(postcode)
        if pk not in found:
            years = range(first_day.year, last_day.year + 1)
            found[pk] = {day: str(_("Férié")) for year in years for day in public_holidays(year, department)}
        if from_on is not None:
            days = (from_on + timedelta(days=n) for n in range((to_on - from_on).days + 1))
            found[pk] |= dict.fromkeys(days, name or str(_("Fermé")))
    return found


def closed_days(company: Company, today: date) -> set[date]:
    """Return the closing days of a company, from two months ago on and for a year at most each."""
    closings = company.closing_days.filter(to_on__gte=today - timedelta(days=60)).order_by()
    return {
        first + timedelta(days=n)
        for first, last in closings.values_list("from_on", "to_on")
        for n in range(min((last - first).days, 365) + 1)
    }


def hours_to_length(hours: Decimal) -> timedelta:
    """Return a duration in hours as a timedelta, to the minute."""
    return timedelta(minutes=round(float(hours) * 60))


def hours_to_minutes(hours: Decimal) -> int:
    """Return a duration in hours in whole minutes."""
    return round(float(hours) * 60)


def local(moment: datetime) -> datetime:
    """Return the instant in the time zone of France."""
    return timezone.localtime(moment, timezone.get_default_timezone())
