"""The days an RDV takes, each with its hours, read from the time its technicians are taken (`Slot`)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from appointments.availability import Stretch
from appointments.models import Appointment, Slot
from appointments.querysets import day_bounds
from appointments.services.calendars import local
from interventions.models import Technician


@dataclass(frozen=True)
class DayOf:
    """One day of an RDV, in France. `starts`, `ends`: first and last instants of that day; `ends` None when unknown.

    `rank`, `of`: 2 and 3 on the second of three days.
    """

    appointment: Appointment
    day: date
    starts: datetime
    ends: datetime | None
    rank: int
    of: int

    @property
    def start_text(self) -> str:
        """Return « 08:00 »."""
        return f"{self.starts:%H:%M}"

    @property
    def end_text(self) -> str:
        """Return « 17:30 », « 24:00 » for midnight, "" when it is unknown."""
        return end_text(self.day, self.ends) if self.ends else ""

    @property
    def hours(self) -> str:
        """Return « 08:00–17:30 », « 08:00 » when the end is unknown."""
        return f"{self.start_text}–{self.end_text}" if self.ends else self.start_text

    @property
    def rank_text(self) -> str:
        """Return « jour 2 sur 3 », "" for an RDV of one day."""
        return rank_text(self.rank, self.of)


def rank_text(rank: int, of: int) -> str:
    """Return « jour 2 sur 3 », "" for an RDV of one day."""
    return _("jour %(rank)s sur %(of)s") % {"rank": rank, "of": of} if of > 1 else ""


def end_text(day: date, end: datetime) -> str:
    """Return the end of a stretch of `day`, in France: « 17:30 », « 24:00 » for the midnight that ends the day."""
    return f"{end:%H:%M}" if end.date() == day else "24:00"


def split_by_day(start: datetime, end: datetime) -> Iterator[tuple[date, datetime, datetime]]:
    """Yield (day, start, end) of each day in France of a stretch. One that ends at midnight does not reach the next day."""
    while start < end:
        day = local(start).date()
        stop = min(end, day_bounds(day)[1])
        yield day, local(start), local(stop)
        start = stop


def days_of(appointments: Iterable[Appointment], technician: Technician | None = None) -> dict[int, list[DayOf]]:
    """Return {id of an RDV: its days, in order}, in one query.

    The days are those of `technician`, of each RDV's lead when it is None. Without time taken, an RDV has the one day it
    begins; without a date, none.
    """
    rows = list(appointments)
    taken = _taken(rows)
    return {row.pk: _days(row, taken.get((row.pk, technician.pk if technician else row.lead_id), ())) for row in rows}


def days_by_technician(appointments: Iterable[Appointment]) -> dict[tuple[int, int | None], list[DayOf]]:
    """Return {(id of an RDV, id of a technician it takes): days, in order}, in one query."""
    rows = {row.pk: row for row in appointments}
    return {(pk, person): _days(rows[pk], stretches) for (pk, person), stretches in _taken(rows.values()).items()}


def nearest_day(days: Sequence[DayOf], on: date) -> DayOf:
    """Return the day that is `on`, else the next one, else the last one."""
    return next((day for day in days if day.day >= on), days[-1])


def _taken(appointments: Iterable[Appointment]) -> Mapping[tuple[int, int | None], list[Stretch]]:
    """Return {(id of an RDV, id of a technician): stretches, in order}."""
    slots = Slot.objects.filter(appointment__in=[row.pk for row in appointments]).order_by("starts_at", "pk")
    taken: dict[tuple[int, int | None], list[Stretch]] = defaultdict(list)
    for slot in slots:
        taken[slot.appointment_id, slot.technician_id].append((slot.starts_at, slot.ends_at))
    return taken


def _days(appointment: Appointment, stretches: Iterable[Stretch]) -> list[DayOf]:
    """Return the days of stretches in order, from the first start of each day to its last end."""
    hours: dict[date, tuple[datetime, datetime | None]] = {}
    for stretch in stretches:
        for day, start, end in split_by_day(*stretch):
            hours[day] = (hours[day][0] if day in hours else start, end)
    if not hours and appointment.starts_at is not None:
        begins = local(appointment.starts_at)
        ends = local(appointment.ends_at) if appointment.ends_at else None
        hours[begins.date()] = (begins, ends if appointment.last_day == begins.date() else None)
    return [
        DayOf(appointment, day, start, end, rank, len(hours))
        for rank, (day, (start, end)) in enumerate(hours.items(), 1)
    ]
