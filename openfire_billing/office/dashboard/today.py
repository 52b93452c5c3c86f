"""Today's appointments, a row for each technician: who is where, when, and who is away."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias

from django.db.models import FilteredRelation, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from appointments.availability import Recurrence
from appointments.choices import AppointmentState
from appointments.models import Absence, Slot
from appointments.querysets import day_bounds
from appointments.services.calendars import local
from appointments.services.days import end_text
from interventions.models import Technician
from openfire_billing.kernel.formats import names_text
from openfire_billing.office.dashboard.reader import Reader, Work, page_url

FIRST_HOUR, LAST_HOUR = 7, 19  # of the bar; what is earlier or later stands at its end
PARTS = 4  # columns of the bar in an hour
COLUMNS = (LAST_HOUR - FIRST_HOUR) * PARTS
_SHOWN = (  # columns of a slot: the whole records that it joins have 150
    "technician",
    "starts_at",
    "ends_at",
    "technician__name",
    *(f"appointment__{name}" for name in ("state", "partner__name", "address__city", "task__name")),
)
Away: TypeAlias = tuple[int, datetime, datetime]  # id of a technician, from when to when


@dataclass(frozen=True)
class Block:
    """A stretch of a technician's day: columns of the bar from `start` to `end`, counted from 1, and its text."""

    start: int
    end: int
    hours: str
    who: str = ""
    town: str = ""
    task: str = ""
    state: str = ""
    colour: str = ""
    url: str = ""

    @property
    def title(self) -> str:
        """Return « 08:00–09:30 · Aubry Maëlle · Rennes · Ramonage · Confirmé »."""
        return " · ".join(filter(None, [self.hours, self.who, self.town, self.task, self.state]))


@dataclass
class Row:
    """The day of one technician."""

    name: str
    blocks: list[Block] = field(default_factory=list)
    absences: list[Block] = field(default_factory=list)

    @property
    def in_order(self) -> list[Block]:
        """Return absences and appointments in the order of the day."""
        return sorted([*self.absences, *self.blocks], key=lambda block: (block.start, block.end))


def today_of(reader: Reader) -> dict[str, Any] | None:
    """Return the rows of today, the columns of now, who has no appointment, and links; None when it is not his work.

    The number of queries does not depend on how many technicians or appointments there are.
    """
    if not reader.does(Work.PLANNING, permission="appointments.view_appointment"):
        return None
    start, end = day_bounds(reader.today)
    slots = (
        Slot.objects.filter(appointment__company__in=reader.companies, starts_at__lt=end, ends_at__gt=start)
        .filter(appointment__state__in=sorted(AppointmentState.occupying))
        .select_related("technician", "appointment__partner", "appointment__address", "appointment__task")
        .only(*_SHOWN)
        .order_by("starts_at", "pk")
    )
    names, away = _active(reader)
    absences = Absence.objects.filter(technician__in=names, starts_at__lt=end, ends_at__gt=start).order_by("pk")
    away += absences.values_list("technician", "starts_at", "ends_at")
    rows = _rows(reader.today, slots, names, sorted(away, key=lambda absence: absence[1]))
    free = [name for pk, name in names.items() if pk not in rows]
    return {
        "rows": sorted(rows.values(), key=lambda row: row.name),
        "has_appointments": any(row.blocks for row in rows.values()),
        "hours": [f"{hour} h" for hour in range(FIRST_HOUR, LAST_HOUR)],
        "now": _now(reader.today),
        "free": names_text(free, 8) if rows else "",
        "planning_url": reverse("planning:board"),
    }


def _active(reader: Reader) -> tuple[dict[int, str], list[Away]]:
    """Return the names of the active technicians, by id, and their recurring absences of today, in one query."""
    day, zone = reader.today, timezone.get_default_timezone()
    today = FilteredRelation("recurring_absences", condition=Q(recurring_absences__weekday=day.weekday()))
    active = Technician.objects.filter(company__in=reader.companies, is_active=True).annotate(rule=today)
    columns = ("pk", "name", "rule__first_on", "rule__cycle", "rule__until", "rule__starts", "rule__ends")
    names: dict[int, str] = {}
    away: list[Away] = []
    for pk, name, first_on, cycle, until, starts, ends in active.values_list(*columns):
        names[pk] = name
        if first_on is None:
            continue
        rule = Recurrence(day.weekday(), first_on, cycle, until or date.max, None if starts is None else (starts, ends))
        if rule.is_on(day):
            away.append((pk, *rule.stretch_on(day, zone)))
    return names, away


def _rows(day: date, slots: Iterable[Slot], active: Mapping[int, str], absences: Iterable[Away]) -> dict[int, Row]:
    """Return {id of a technician: his row}."""
    names: dict[int, str] = {}
    found: dict[int, list[Block]] = defaultdict(list)
    away: dict[int, list[Block]] = defaultdict(list)
    for slot in slots:
        rdv, begins, ends = slot.appointment, *_within(day, slot.starts_at, slot.ends_at)
        names[slot.technician_id] = slot.technician.name
        found[slot.technician_id].append(
            Block(
                *_columns(day, begins, ends),
                hours=f"{begins:%H:%M}–{end_text(day, ends)}",
                who=rdv.partner.name,
                town=rdv.address.city,
                task=rdv.task.name,
                state=rdv.get_state_display(),
                colour=rdv.COLOURS[rdv.state],
                url=page_url("appointments_appointment", rdv.pk),
            )
        )
    for technician, starts_at, ends_at in absences:
        begins, ends = _within(day, starts_at, ends_at)
        names[technician] = active[technician]
        whole = ends - begins >= timedelta(hours=LAST_HOUR - FIRST_HOUR)
        hours = _("toute la journée") if whole else f"{begins:%H:%M}–{end_text(day, ends)}"
        away[technician].append(Block(*_columns(day, begins, ends), hours=hours, state=_("Absent")))
    return {pk: Row(name, found[pk], away[pk]) for pk, name in names.items()}


def _within(day: date, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
    """Return what a stretch takes of the day, in France."""
    start, end = day_bounds(day)
    return local(max(start, starts_at)), local(min(end, ends_at))


def _columns(day: date, begins: datetime, ends: datetime) -> tuple[int, int]:
    """Return the first column of the bar that a stretch takes and the one after its last: at least one column."""
    opening = datetime.combine(day, time(FIRST_HOUR), tzinfo=begins.tzinfo)
    part = timedelta(hours=1) / PARTS
    first = min(max((begins - opening) // part, 0), COLUMNS - 1)
    last = min(max(-((opening - ends) // part), first + 1), COLUMNS)
    return first + 1, last + 1


def _now(day: date) -> dict[str, Any] | None:
    """Return where now is on the bar, in thousandths, and its hour; None outside the bar."""
    now = timezone.localtime()
    opening = datetime.combine(day, time(FIRST_HOUR), tzinfo=now.tzinfo)
    passed = (now - opening) / timedelta(hours=LAST_HOUR - FIRST_HOUR)
    return {"percent": f"{passed * 100:.1f}", "text": f"{now:%H:%M}"} if 0 <= passed <= 1 else None
