"""What the board shows: technicians, days, their RDVs, the hours worked and taken, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from appointments.availability import Calendar, Stretch
from appointments.choices import AppointmentState
from appointments.models import Slot
from appointments.planning.rows import ALL_ROWS, Rows, narrowed, rows_in
from appointments.querysets import day_bounds
from appointments.services.calendars import calendars_of, local
from appointments.services.days import end_text, rank_text, split_by_day
from appointments.services.tours import sectors_of_days
from interventions.models import Sector, Technician
from invoicing.models import Company
from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY

DAY, WEEK, MONTH = "day", "week", "month"
VIEWS = (DAY, WEEK, MONTH)


@dataclass(frozen=True)
class Asked:
    """What the address of the board asks for. `first`: a day, a Monday or the first of a month. `has_rows`: it names the
    rows itself.
    """

    view: str
    first: date
    rows: Rows = ALL_ROWS
    has_rows: bool = False

    @property
    def days(self) -> list[date]:
        """The days shown."""
        if self.view == DAY:
            return [self.first]
        count = 7 if self.view == WEEK else (self.after - self.first).days
        return [self.first + timedelta(days=n) for n in range(count)]

    @property
    def before(self) -> date:
        """The first day of the board before this one."""
        if self.view == MONTH:
            return (self.first - timedelta(days=1)).replace(day=1)
        return self.first - timedelta(days=1 if self.view == DAY else 7)

    @property
    def after(self) -> date:
        """The first day of the board after this one."""
        if self.view == MONTH:
            return (self.first + timedelta(days=31)).replace(day=1)
        return self.first + timedelta(days=1 if self.view == DAY else 7)

    def query(self, *, view: str = "", first: date | None = None, with_rows: bool | None = None) -> str:
        """Return the parameters of an address of the board, with its rows when this one names them."""
        values = {"view": view or self.view, "from": (first or self.first).isoformat()}
        rows = self.rows.values() if (self.has_rows if with_rows is None else with_rows) else {}
        return urlencode({**values, **rows})


def asked_in(values: Any, kept: Rows | None = None) -> Asked:
    """Read `view`, `from` and the rows of an address. What is missing or wrong: this week, the rows that are `kept`."""
    view = values.get("view") if values.get("view") in VIEWS else WEEK
    day = day_of(values.get("from", "")) or timezone.localdate()
    first = {DAY: day, WEEK: day - timedelta(days=day.weekday()), MONTH: day.replace(day=1)}[view]
    rows = rows_in(values)
    return Asked(view, first, rows if rows is not None else kept or ALL_ROWS, has_rows=rows is not None)


def day_of(text: str) -> date | None:
    """Read « 2026-11-30 »; None for anything else, and for a day out of the product's calendar."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY + timedelta(days=31) <= day <= LAST_DAY - timedelta(days=62) else None


class Booked(NamedTuple):
    """What a card shows of an RDV. A board has a thousand of them: they are read without objects of models."""

    pk: int
    state: str
    version: int
    customer: str
    city: str
    task: str
    answer: str


@dataclass(frozen=True)
class Card:
    """What an RDV takes of a technician on a day, breaks left out of `length`. `rank_text`: « jour 2 sur 3 », or ""."""

    appointment: Booked
    starts: datetime
    ends: datetime
    length: timedelta
    rank_text: str

    @property
    def hours(self) -> str:
        """Return « 09:00–10:30 »."""
        return f"{self.starts:%H:%M}–{end_text(self.starts.date(), self.ends)}"


@dataclass
class Cell:
    """The day of a technician. `worked`, `free`: stretches. `sectors`: those it is kept for.

    `why`: what makes that nothing is worked: « Férié », the name of a closing day, « Absent »; "" on a day that is worked,
    and on one that never is.
    """

    technician: Technician
    day: date
    worked: list[Stretch]
    free: list[Stretch]
    why: str = ""
    is_on_call: bool = False
    sectors: Sequence[Sector] = ()
    cards: list[Card] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"c-{self.technician.pk}-{self.day}"

    @property
    def booked(self) -> timedelta:
        """The time its RDVs take."""
        return sum((card.length for card in self.cards), timedelta(0))

    @property
    def capacity(self) -> timedelta:
        """The time worked, absences left out."""
        return sum((end - start for start, end in self.worked), timedelta(0))


@dataclass(frozen=True)
class Board:
    """Rows, each with a cell a day."""

    asked: Asked
    rows: list[tuple[Technician, list[Cell]]]

    def cells(self) -> Iterator[Cell]:
        for _technician, cells in self.rows:
            yield from cells


def technicians_of(user: Any) -> list[Technician]:
    """Return the active technicians that the user may plan, by name."""
    people = Technician.objects.filter(company__in=Company.objects.visible_to(user), is_active=True)
    return list(people.select_related("company").order_by("name", "pk"))


def board_of(
    user: Any,
    asked: Asked,
    *,
    only: Iterable[tuple[int, date]] | None = None,
    people: Sequence[Technician] | None = None,
) -> Board:
    """Read the board. `only`: cells, by the id of a technician and a day; the others are not read. `people`: the rows, in
    their order, when they are known.
    """
    people = narrowed(technicians_of(user), asked.rows) if people is None else people
    days = asked.days
    wanted = None if only is None else {(pk, day) for pk, day in only if day in set(days)}
    if wanted is not None:
        people = [person for person in people if any(pk == person.pk for pk, _day in wanted)]
        days = [day for day in days if any(day == other for _pk, other in wanted)]
    if not people or not days:
        return Board(asked, [])
    sectors = sectors_of_days(people, days[0], days[-1])
    if asked.rows.sectors and wanted is None:
        served = {pk for (pk, _day), found in sectors.items() if any(one.pk in asked.rows.sectors for one in found)}
        people = [person for person in people if person.pk in served]
    cards = _cards(_taken(people, days))
    calendars = calendars_of(people, first_day=days[0], last_day=days[-1])
    rows = [
        (
            person,
            [
                _cell(person, day, calendars[person.pk], cards[person.pk, day], sectors.get((person.pk, day), ()))
                for day in days
                if wanted is None or (person.pk, day) in wanted
            ],
        )
        for person in people
    ]
    return Board(asked, rows)


_Taken: TypeAlias = tuple[int, datetime, datetime, Booked]  # id of a technician, start, end, what is booked


def _taken(people: Sequence[Technician], days: Sequence[date]) -> Iterator[_Taken]:
    """Yield the time taken of these technicians by the RDVs that touch these days, their other days included."""
    start, _end = day_bounds(days[0])
    _start, end = day_bounds(days[-1])
    names = ("pk", "state", "version", "partner__name", "address__city", "task__name", "customer_answer")
    rows = (
        Slot.objects.filter(technician__in=people, appointment__starts_at__lt=end, appointment__ends_at__gt=start)
        .filter(appointment__state__in=sorted(AppointmentState.occupying))
        .order_by("starts_at", "pk")
        .values_list("technician", "starts_at", "ends_at", *(f"appointment__{name}" for name in names))
    )
    for technician, starts_at, ends_at, *shown in rows:
        yield technician, starts_at, ends_at, Booked(*shown)


def _cards(taken: Iterable[_Taken]) -> dict[tuple[int, date], list[Card]]:
    """Return {(id of a technician, day): cards}. The pieces of one RDV on one day make one card."""
    pieces: dict[tuple[int, int], dict[date, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
    appointments = {}
    for technician, starts_at, ends_at, booked in taken:
        appointments[booked.pk] = booked
        for day, start, end in split_by_day(starts_at, ends_at):
            pieces[booked.pk, technician][day].append((start, end))
    cards: dict[tuple[int, date], list[Card]] = defaultdict(list)
    for (appointment, technician), days in pieces.items():
        for rank, (day, stretches) in enumerate(days.items(), 1):
            length = sum((end - start for start, end in stretches), timedelta(0))
            text = rank_text(rank, len(days))
            card = Card(appointments[appointment], stretches[0][0], stretches[-1][1], length, text)
            cards[technician, day].append(card)
    for found in cards.values():
        found.sort(key=lambda card: card.starts)
    return cards


def _cell(person: Technician, day: date, calendar: Calendar, cards: list[Card], sectors: Sequence[Sector]) -> Cell:
    worked = calendar.working(day)
    why = "" if worked else calendar.days_off.get(day) or (str(_("Absent")) if calendar.is_away(day) else "")
    return Cell(
        technician=person,
        day=day,
        worked=worked,
        free=calendar.free_of(worked),
        why=why,
        is_on_call=calendar.is_on_call(day),
        sectors=sectors,
        cards=cards,
    )


def cells_with(user: Any, asked: Asked, appointments: Iterable[int]) -> Board:
    """Read the cells that hold one of these RDVs."""
    start, _end = day_bounds(asked.days[0])
    _start, end = day_bounds(asked.days[-1])
    taken = Slot.objects.filter(appointment__in=list(appointments), starts_at__lt=end, ends_at__gt=start)
    only = {(slot.technician_id, day) for slot in taken for day, _s, _e in split_by_day(slot.starts_at, slot.ends_at)}
    return board_of(user, asked, only=only)


def minutes_of(moment: datetime, day: date) -> int:
    """Return the minutes since the midnight that begins `day`, on the clock of France; 1440 for the one that ends it."""
    at = local(moment)
    return at.hour * 60 + at.minute if at.date() == day else 1440
