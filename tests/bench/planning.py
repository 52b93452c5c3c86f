"""How fast the planning board opens, follows and drops, and how fast slots are searched, in a firm of fifty technicians.

Their week holds four RDVs a day each; beside it, thousands of DIs wait to be planned.
"""

import gzip
import itertools
import math
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import DecimalField, ExpressionWrapper, F, Value
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from appointments.choices import AppointmentState
from appointments.models import Appointment, Slot
from appointments.querysets import day_bounds
from appointments.reminding import moments, reminder_day
from appointments.services.calendars import local
from appointments.services.places import find_places
from appointments.services.reminders import send_reminders
from appointments.services.saving import move_appointment
from appointments.services.slots import Gap, fill_proposals
from appointments.services.tour_orders import propose_order
from appointments.services.tours import assign_sectors
from appointments.tour_order import Work, better_order, timed
from contracts.models import ContractLine, ContractRequest
from interventions.choices import InterventionState
from interventions.models import InterventionRequest, Sector, Task, Technician
from invoicing.models import Address, Company, Message, Partner
from invoicing.models.parties.places import located_models
from invoicing.services.parties.places import locate_waiting
from openfire_billing.db import bulk
from openfire_billing.kernel.formats import PARIS
from openfire_billing.kernel.french_days import department_of
from openfire_billing.kernel.memory import freeze_loaded
from openfire_billing.office.demonstration import load_demonstration
from tests.bench.drawing import measure_drawing
from tests.bench.office import Opened, line_of, rounded
from tests.bench.throwaway import cpu_of, session_of_database, sweep
from tests.bench.volume import Firm, load_customers, spread, write
from tests.bench.volume_work import appointment_row, intervention_row
from tests.factories.geocoder import geocoder

TIMES = 40
HOURS = (8, 9, 14, 15)  # of RDVs of an hour: 10 to 12, and 16 to the evening are free
CUSTOMERS = 6_000
VISITS = 200  # of contracts, proposed together
MOST_QUERIES, MOST_KB = 12, 40  # of a page of the week
JOURNAL = "invoicing_historyline"


@dataclass
class Answered(Opened):
    """A door, and what its answer weighs on the way. `journal`: the queries that read the journal, the most asked."""

    gzip_kb: float = 0
    journal: int = 0
    most_queries: int | None = None
    most_kb: int | None = None

    @property
    def is_late(self) -> bool:
        return super().is_late or bool(self.beyond)

    @property
    def beyond(self) -> str:
        """What is over its limit, the time left out: « 13 queries > 12 », or ""."""
        found = []
        if self.most_queries is not None and self.queries > self.most_queries:
            found.append(f"{self.queries} queries > {self.most_queries}")
        if self.most_kb is not None and self.gzip_kb > self.most_kb:
            found.append(f"{self.gzip_kb:.1f} kB > {self.most_kb}")
        return ", ".join(found)


@dataclass
class Figures:
    """What was there, and each door."""

    database: str
    technicians: int = 0
    appointments: int = 0
    waiting: int = 0
    load_s: float = 0
    doors: list[Answered] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The figures, times to a tenth."""
        return rounded({**asdict(self), "beyond": "; ".join(f"{d.door}: {d.beyond}" for d in self.doors if d.beyond)})


def measure(
    technicians: int,
    appointments: int,
    interventions: int,
    *,
    only: str = "",
    times: int = TIMES,
    customers: int = CUSTOMERS,
    is_drawn: bool = True,
    addresses: int = 5_000,
    say: Callable[[str], Any] = lambda text: None,
) -> Figures:
    """Fill the empty, migrated database, then open each door (those whose name holds `only`) `times` times.

    `is_drawn`: in Chromium too. `addresses`: located once by a worker. `only` "worked": what a worker does.
    """
    started = time.perf_counter()
    week = _Week(technicians, appointments, interventions, customers=customers)
    figures = Figures(connection.vendor, load_s=time.perf_counter() - started)
    figures.technicians = len(week.people)
    figures.appointments = len(week.appointments)
    figures.waiting = interventions
    say(f"{figures.appointments} RDV and {interventions} DI loaded in {figures.load_s:.0f} s")
    asking = _Asking(times)
    freeze_loaded()  # as the server does once it is loaded
    for door, ask in _doors(week, times):
        if only in door.door:
            figures.doors.append((_Asking(min(times, 5)) if door.door == REMINDERS else asking).open(door, ask))
            size = f"  {door.gzip_kb:.1f} kB gzip" if door.gzip_kb else ""
            say(f"{line_of(door)}{size}{f'  {door.beyond}' if door.beyond else ''}")
    if only in WORKED:
        for door in _once(addresses):
            figures.doors.append(door)
            say(line_of(door))
    if is_drawn and only in DRAWN:
        for door, seconds in zip(_drawn_doors(), measure_drawing(week.people, week.monday), strict=True):
            door.tell([(clock, 0, 0) for clock in seconds])
            figures.doors.append(door)
            say(line_of(door))
    return figures


DRAWN, WORKED = "drawn in Chromium", "worked"
REMINDERS = "reminders of a day"


def _drawn_doors() -> list[Answered]:
    return [Answered(f"page of the week, {DRAWN}", 1000), Answered(f"a drop, {DRAWN}", 250)]


class _Week:
    """The firm, and the week that is measured: the next one, from its Monday."""

    def __init__(self, technicians: int, appointments: int, interventions: int, *, customers: int) -> None:
        on = timezone.localdate()
        load_demonstration(on=on)
        Technician.objects.update(is_active=False)
        self.company, self.by = Company.objects.get(), User.objects.get(username="gestion")
        self.monday = on + timedelta(days=7 - on.weekday())
        firm = Firm(self.company, self.by, on)
        load_customers(firm, customers)
        _locate()
        self.people = [
            Technician.objects.create(name=f"Intervenant {n + 1}", company=self.company, phone="")
            for n in range(technicians)
        ]
        self.waiting = _load_waiting(firm, interventions)
        _load_visits(self.waiting, self.monday)
        self.appointments = _load_week(firm, appointments, self.people, self.monday)
        self.reminded = self.monday + timedelta(days=22)
        _load_reminded(firm, 2 * appointments, self.reminded)
        sectors = list(Sector.objects.order_by("pk"))
        days = [self.monday + timedelta(days=n) for n in range(5)]
        for number, sector in enumerate(sectors):
            if people := self.people[number :: len(sectors)]:
                assign_sectors(people, days, [sector], by=self.by)
        sweep()


def _locate() -> None:
    """Give addresses a place, by the hundreds of their town: a degree of latitude, a third of one of longitude."""
    towns = Address.objects.order_by("city").values_list("city", flat=True).distinct()
    for number, city in enumerate(towns):
        north, east = Decimal(47) + Decimal(number % 6) / 4, Decimal(-4) + Decimal(number // 6) / 3
        Address.objects.filter(city=city).update(
            latitude=_beside(north, F("pk") % 97), longitude=_beside(east, F("pk") % 89)
        )


def _beside(degrees: Decimal, thousandths: Any) -> ExpressionWrapper:
    return ExpressionWrapper(
        Value(degrees) + thousandths * Value(Decimal("0.001")),
        output_field=DecimalField(max_digits=9, decimal_places=6),
    )


def _load_waiting(firm: Firm, count: int) -> list[int]:
    """Load DIs to plan, late ones and those of the next two months. Return their ids."""
    rows = _interventions(firm, count, InterventionState.TO_PLAN, lambda n: firm.on + timedelta(days=n % 75 - 20))
    write(InterventionRequest, rows)
    return [row["id"] for row in rows]


def _load_visits(waiting: list[int], monday: date) -> None:
    """Make the first DIs to plan visits of a contract, of the month that is measured."""
    line = ContractLine.objects.order_by("pk")[:1].get()
    visits = waiting[:VISITS]
    ContractRequest.objects.bulk_create(
        ContractRequest(line=line, chain=line, intervention_id=pk, year=1000 + number, rank=1, of=1)
        for number, pk in enumerate(visits)
    )
    InterventionRequest.objects.filter(pk__in=visits).update(from_on=monday, to_on=monday + timedelta(days=20))


def _interventions(firm: Firm, count: int, state: str, begins: Callable[[int], date]) -> list[dict[str, Any]]:
    tasks = list(Task.objects.select_related("type").order_by("pk"))
    places = dict(firm.customers)
    with transaction.atomic():
        ids = bulk.take_ids(InterventionRequest, count)
    found = []
    for number, pk in enumerate(ids):
        customer = firm.customers[spread(number, 70, len(firm.customers))][0]
        task = tasks[spread(number, 52, len(tasks))]
        row = intervention_row(
            firm, number, pk, begins(number), state, customer=customer, place=places[customer], task=task
        )
        found.append({**row, "number": f"DI/{state[:1].upper()}{number:06d}", "priority": number % 4})
    return found


def _load_week(firm: Firm, count: int, people: list[Technician], monday: date) -> list[int]:
    """Load the RDVs of a week, four a day and technician, with the DI of each. Return their ids."""
    requests = _interventions(firm, count, InterventionState.PLANNED, lambda n: monday - timedelta(days=3))
    with transaction.atomic():
        ids = bulk.take_ids(Appointment, count)
    rows, slots, who = [], [], []
    for rank, (pk, request) in enumerate(zip(ids, requests, strict=True)):
        turn, person = divmod(rank, len(people))
        day, hour = divmod(turn, len(HOURS))
        start = day_bounds(monday + timedelta(days=day))[0] + timedelta(hours=HOURS[hour])
        when = {"starts_at": start, "ends_at": start + timedelta(hours=1)}
        technician = people[person].pk
        row = appointment_row(firm, rank, pk, request, **when, lead_id=technician)
        rows.append({**row, "number": f"RDV/P{rank:06d}", "duration": Decimal(1)})
        slots.append({"appointment_id": pk, "technician_id": technician, **when})
        who.append({"appointment_id": pk, "technician_id": technician})
    for model, made in (
        (InterventionRequest, requests),
        (Appointment, rows),
        (Slot, slots),
        (Appointment.technicians.through, who),
    ):
        write(model, made)
    return ids


def _load_reminded(firm: Firm, count: int, day: date) -> None:
    """Load confirmed RDVs of one day, each of a customer with a mobile. They take no technician's time."""
    Partner.objects.update(mobile="06 39 98 12 34")
    Company.objects.update(sends_reminders=True)
    requests = _interventions(firm, count, InterventionState.DONE, lambda n: day - timedelta(days=3))
    start = day_bounds(day)[0] + timedelta(hours=9)
    when = {"starts_at": start, "ends_at": start + timedelta(hours=1)}
    with transaction.atomic():
        ids = bulk.take_ids(Appointment, count)
    rows = [
        {
            **appointment_row(firm, rank, pk, request, **when),
            "number": f"RDV/R{rank:06d}",
            "state": AppointmentState.CONFIRMED,
            "done_at": None,
        }
        for rank, (pk, request) in enumerate(zip(ids, requests, strict=True))
    ]
    write(InterventionRequest, requests)
    write(Appointment, rows)


# The doors

_Ask = Callable[[], Callable[[], Any]]  # gets ready, which is not timed, and returns what is timed


def _doors(week: _Week, times: int) -> Iterator[tuple[Answered, _Ask]]:
    """Yield each door with what opens it. Those that change something come last."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username="planning"))
    monday = week.monday.isoformat()

    def page(view: str) -> str:
        return f"/planning/?view={view}&from={monday}"

    get = client.get
    limits = {"most_queries": MOST_QUERIES, "most_kb": MOST_KB}
    yield Answered("page of the week", 250, **limits), lambda: partial(get, page("week"))
    yield Answered("page of a day", 250, most_queries=MOST_QUERIES), lambda: partial(get, page("day"))
    yield Answered("page of a month", 250, most_queries=MOST_QUERIES), lambda: partial(get, page("month"))
    waiting = partial(get, "/planning/waiting/", headers={"x-requested-with": "fetch"})
    yield Answered("what is to place", 250), lambda: waiting
    yield Answered("Remplir un créneau", 300), _fill(week)
    yield Answered("Chercher un créneau", 500), _find(week)
    yield Answered("Visites du mois", 2_000), lambda: partial(get, f"/planning/visits/?month={week.monday:%Y-%m}")
    quiet = _quiet_cursor(client, page("week"), monday)
    yield Answered("Optimiser la tournée", 500), _optimise(week)
    yield Answered("changes, none", 20), lambda: partial(_changes, client, monday, quiet)
    yield Answered("changes, one", 250), _one_change(week, client, monday, quiet)
    yield Answered("a drop", 250), _drop(week, client, monday)
    yield Answered(REMINDERS, 10_000), _reminders(week)


def _changes(client: Client, monday: str, cursor: str) -> Any:
    return client.get("/planning/changes/", {"view": "week", "from": monday, "since": cursor})


def _quiet_cursor(client: Client, page: str, monday: str) -> str:
    """Return a cursor after which nothing happened. Lines of the last minute are answered once more: they are followed."""
    cursor = _cursor_in(client.get(page))
    while (answer := _changes(client, monday, cursor)).status_code == 200:
        cursor = _cursor_in(answer)
        time.sleep(1)
    return cursor


def _cursor_in(answer: Any) -> str:
    return re.findall(r'data-cursor="([^"]+)"', answer.content.decode())[0]


def _fill(week: _Week) -> _Ask:
    """The free end of a morning, each time of another technician and day."""
    gaps = itertools.cycle(
        Gap(person, start + timedelta(hours=10), start + timedelta(hours=12))
        for day in range(5)
        for person in week.people
        for start in [day_bounds(week.monday + timedelta(days=day))[0]]
    )

    def ask() -> Callable[[], Any]:
        gap = next(gaps)
        person = Technician.objects.select_related("company").get(pk=gap.technician.pk)
        return partial(fill_proposals, Gap(person, gap.starts_at, gap.ends_at), on=timezone.localdate())

    return ask


def _find(week: _Week) -> _Ask:
    """Thirty days of every technician, each time for another late DI, whose period has no end."""
    today = timezone.localdate()
    late = InterventionRequest.objects.filter(pk__in=week.waiting, to_on__lt=today).order_by("pk")
    wanted = itertools.cycle(late.values_list("pk", flat=True)[:TIMES])

    def ask() -> Callable[[], Any]:
        rows = InterventionRequest.objects.select_related("address", "task", "company")
        people = list(Technician.objects.filter(is_active=True).select_related("company").prefetch_related("tasks"))
        return partial(find_places, rows.get(pk=next(wanted)), people, not_before=timezone.now())

    return ask


def _optimise(week: _Week) -> _Ask:
    """The day of a technician as it is and in a better order, each time another."""
    turns = itertools.cycle(itertools.product(range(5), [person.pk for person in week.people]))

    def ask() -> Callable[[], Any]:
        day, pk = next(turns)
        person = Technician.objects.select_related("company").get(pk=pk)
        return partial(propose_order, person, week.monday + timedelta(days=day), now=timezone.now())

    return ask


def _orders() -> _Ask:
    """A hundred stops of ten technicians, whose days a worker orders one after the other."""
    days, hours = [], [(480, 720), (810, 1050)]
    for seed in range(10):
        chance = random.Random(seed)
        points = [(chance.uniform(0, 15), chance.uniform(0, 15)) for _ in range(11)]

        def ways(start: int, end: int, points: list[tuple[float, float]] = points) -> int:
            return round(math.dist(points[start], points[end]))

        works = [Work(n, 480, 15) for n in range(10)]
        found = timed(range(10), works, hours, ways)
        assert found is not None
        days.append(([Work(n, start, 15) for n, start in enumerate(found.starts)], ways))

    def act() -> int:
        return sum(better_order(works, hours, ways) is not None for works, ways in days)

    return lambda: act


def _located(count: int) -> Callable[[], int]:
    """Addresses that nobody located, which a geocoder of this machine answers at once."""
    for model in located_models():
        model._default_manager.update(location_source="hand")
    rows = list(Address.objects.order_by("pk").values_list("pk", flat=True)[:count])
    Address.objects.filter(pk__in=rows).update(location_source="", located_text="")

    def act() -> int:
        with geocoder() as told, override_settings(GEOCODER_URL=told.url):
            told.usual = ("48.117300", "-1.677800", "0.93", "housenumber", "35000")
            found, _are_left = locate_waiting(until=time.monotonic() + 120)
        if found != len(rows):
            raise RuntimeError(f"{found} of {len(rows)} addresses located")
        return found

    return act


def _once(addresses: int) -> Iterator[Answered]:
    """Yield what is timed once: the work of a worker."""
    for door, act in (
        (Answered("100 stops of 10 technicians", 5_000), _orders()()),
        (Answered(f"{addresses} addresses located", 30_000), _located(addresses)),
    ):
        started = time.perf_counter()
        with CaptureQueriesContext(connection) as captured:
            act()
        door.queries = len(captured)
        door.tell([(time.perf_counter() - started, 0, 0)])
        yield door


def _one_change(week: _Week, client: Client, monday: str, cursor: str) -> _Ask:
    """Another planner moved an RDV since: to and fro between two hours of its day."""
    latest = [cursor]
    turns = itertools.cycle(week.appointments)

    def ask() -> Callable[[], Any]:
        answer = _changes(client, monday, latest[0])
        if answer.status_code == 200:
            latest[0] = _cursor_in(answer)
        moved = Appointment.objects.get(pk=next(turns))
        _move(moved, local(moved.starts_at) + timedelta(days=7), by=week.by)
        _move(moved, moved.starts_at, by=week.by)
        return partial(_changes, client, monday, latest[0])

    return ask


def _move(appointment: Appointment, to: datetime, *, by: Any) -> None:
    move_appointment(appointment, starts_at=to, on=timezone.localdate(), by=by)


def _drop(week: _Week, client: Client, monday: str) -> _Ask:
    """A card of the start of the week to the first free place of another row, each time another card."""
    turns = itertools.cycle(range(len(week.appointments)))

    def ask() -> Callable[[], Any]:
        rank = next(turns)
        rdv = Appointment.objects.get(pk=week.appointments[rank])
        row = week.people[(rank + 1) % len(week.people)].pk
        values = {
            "view": "week",
            "from": monday,
            "seen": rdv.version,
            "key": f"bench{rank}-{rdv.version}",
            "leaving": rdv.lead_id,
            "to": row,
            "from_day": local(rdv.starts_at).date(),
            "day": week.monday + timedelta(days=1 + rank // len(week.people) % 4),
        }
        return partial(client.post, f"/planning/appointments/{rdv.pk}/move/", values)

    return ask


def _reminders(week: _Week) -> _Ask:
    """The reminders of all RDVs of a day, at the hour of the company: none was sent before."""
    due = reminder_day(week.reminded, department=department_of(week.company.zip))
    now, _ends = moments(due, time_of_day(17), PARIS)

    def ask() -> Callable[[], Any]:
        Message.objects.all().delete()
        return partial(send_reminders, now=now)

    return ask


class _Asking:
    """Opens a door again and again."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.pid = session_of_database()
        self.found = 0  # answers of the door that hold something

    def open(self, door: Answered, ask: _Ask) -> Answered:
        """Twice, so that templates and plans are loaded, its queries counted; then timed."""
        self.found = 0
        for _turn in range(2):
            act = ask()
            cache.clear()
            with CaptureQueriesContext(connection) as captured:
                answer = act()
            self.check(answer)
            door.queries = max(door.queries, len(captured))
            door.journal = max(door.journal, sum(JOURNAL in query["sql"] for query in captured))
        if hasattr(answer, "content"):
            door.gzip_kb = len(gzip.compress(answer.content, 6)) / 1000
        door.tell([self.time(ask()) for _turn in range(self.times)])
        if not self.found:
            raise RuntimeError(f"{door.door}: nothing was ever found")
        return door

    def time(self, act: Callable[[], Any]) -> tuple[float, float, float]:
        """Return the seconds of one answer: by the clock, of this process's work, of the database session's."""
        cache.clear()
        clock, own, session = time.perf_counter(), time.thread_time(), cpu_of(self.pid)
        answer = act()
        spent = time.perf_counter() - clock, time.thread_time() - own, cpu_of(self.pid) - session
        self.check(answer)
        return spent

    def check(self, answer: Any) -> None:
        """Stop at a page that refuses; count what found something."""
        if getattr(answer, "status_code", 200) not in (200, 304):
            raise RuntimeError(f"{answer.request['PATH_INFO']}: {answer.status_code} {answer.content.decode()[:300]}")
        self.found += bool(answer)
