"""Slots and tours that two planners take at once, and a confirmation cut in the middle: nothing is half done."""

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client

from appointments.models import Appointment, Slot, Tour
from appointments.services.states import delete_appointments
from appointments.services.tours import assign_sectors
from interventions.models import InterventionRequest, Technician
from invoicing.models import HistoryLine, IdempotencyKey
from openfire_billing.kernel.errors import StaleForm
from tests.appointments.month import PAGE, boxes, days_of, visit
from tests.appointments.month import press as press_visits
from tests.factories import AddressFactory, SectorFactory, World, everything, make_world
from tests.factories.api import Api, refused
from tests.factories.appointments import at, book, technician
from tests.faults.cuts import forked, killed, lines_of, number_of

Threads = Callable[..., list[Any]]


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    """It is Tuesday 24 November 2026, 7:00."""
    with time_machine.travel(at(7, day=24), tick=True):
        yield make_world()


@pytest.fixture
def who(world: World) -> Technician:
    return technician(world, name="Maëva")


def di(world: World, **values: Any) -> InterventionRequest:
    """An hour of work, in the same town as everything else."""
    site = AddressFactory(partner=world.customer, zip="35235", city="Thorigné-Fouillard")
    return world.intervention(
        address=site, to_on=world.today + timedelta(days=60), **{"duration": Decimal(1), **values}
    )


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def confirm(client: Client, who: Technician, one: InterventionRequest, *, key: str = "", start: int = 540) -> Any:
    """Press « Confirmer » in the dialog of Wednesday's morning: at 9:00 unless told. Return (status, page or address)."""
    url = f"/planning/fill/?technician={who.pk}&day=2026-11-25&start=480&end=720"
    wanted = {"_confirm": f"{one.pk}-{start}-60-{one.version}", "_once": key or f"key{one.pk}"}
    answer = client.post(url, wanted, HTTP_X_REQUESTED_WITH="fetch")
    return answer.status_code, answer.content.decode()


def choose(client: Client, who: Technician, one: InterventionRequest) -> Any:
    """Press « Choisir » beside Wednesday 9:00 in the dialog of a DI. Return (status, page or address)."""
    wanted = {"_choose": f"{who.pk}_{at(9).isoformat()}", "_once": f"key{one.pk}{who.pk}", "_version": one.version}
    answer = client.post(f"/planning/find/?intervention={one.pk}", wanted, HTTP_X_REQUESTED_WITH="fetch")
    return answer.status_code, answer.content.decode()


def test_visits_of_a_month_created_by_two_at_once_have_one_rdv_each(
    in_threads: Threads, world: World, who: Technician
) -> None:
    days_of(world, who, SectorFactory(), 3, 4)
    wanted = [visit(world) for _ in range(6)]
    clients = [client_of(world.planner), client_of(world.manager)]
    chosen = boxes(clients[0].get(PAGE).content.decode())

    answers = in_threads(2, lambda number: press_visits(clients[number], chosen[:: 1 - 2 * number], key=f"k{number}"))

    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [302, 409]
    refused = unescape(answers[statuses.index(409)].content.decode())
    assert [f"{di} est déjà entièrement planifiée" in refused for di in wanted] == [True] * 6
    assert sorted(Appointment.objects.values_list("intervention", flat=True)) == [di.pk for di in wanted]
    assert Slot.objects.count() == 6


def test_visits_of_a_month_at_the_hours_of_others_are_made_by_one(
    in_threads: Threads, world: World, who: Technician
) -> None:
    """Two planners who chose different visits for the same hours of the same technician."""
    days_of(world, who, SectorFactory(), 3)
    pages = []
    for _ in range(2):
        mine = [visit(world) for _ in range(2)]
        others = InterventionRequest.objects.exclude(pk__in=[di.pk for di in mine])
        others.update(is_active=False)
        pages.append(boxes(client_of(world.planner).get(PAGE).content.decode()))
        others.update(is_active=True)
    clients = [client_of(world.planner), client_of(world.manager)]

    answers = in_threads(2, lambda number: press_visits(clients[number], pages[number], key=f"k{number}"))

    assert sorted(answer.status_code for answer in answers) == [302, 409]
    assert Appointment.objects.count() == Slot.objects.count() == 2
    loser = next(answer for answer in answers if answer.status_code == 409)
    assert unescape(loser.content.decode()).count("Maëva n'est plus libre jeudi 3 décembre à") == 2


@pytest.mark.parametrize("press", [confirm, choose])
def test_slot_confirmed_by_two_at_once_is_one_s(
    in_threads: Threads, world: World, who: Technician, press: Callable[..., Any]
) -> None:
    wanted = [di(world), di(world)]
    clients = [client_of(world.planner), client_of(world.manager)]

    answers = in_threads(2, lambda number: press(clients[number], who, wanted[number]))

    winner = [status for status, _said in answers].index(200)
    status, said = answers[1 - winner]
    assert status == 409
    assert "Maëva est déjà pris le 25/11/2026 de 09:00 à 10:00. Choisissez un autre créneau" in said
    for one in wanted:
        one.refresh_from_db()
    assert [one.state for one in (wanted[winner], wanted[1 - winner])] == ["planned", "to_plan"]
    assert Appointment.objects.get().intervention == wanted[winner]
    assert (Slot.objects.count(), IdempotencyKey.objects.count()) == (1, 1)


@pytest.mark.parametrize("press", [confirm, choose])
def test_intervention_placed_by_two_at_once_is_placed_once(
    in_threads: Threads, world: World, press: Callable[..., Any]
) -> None:
    one, people = di(world), [technician(world, name=name) for name in ("Maëva", "Tugdual")]
    clients = [client_of(world.planner), client_of(world.manager)]
    keys = [{"key": "a"}, {"key": "b"}] if press is confirm else [{}, {}]

    answers = in_threads(2, lambda number: press(clients[number], people[number], one, **keys[number]))

    assert sorted(status for status, _said in answers) == [200, 409]
    (said,) = (said for status, said in answers if status == 409)
    assert f"{one} est déjà entièrement planifiée" in said
    assert (Appointment.objects.count(), Slot.objects.count(), IdempotencyKey.objects.count()) == (1, 1, 1)


def test_tour_assigned_by_two_at_once_keeps_the_sectors_of_one(
    in_threads: Threads, world: World, who: Technician
) -> None:
    """Both saw the same version; the sectors of the other one are not mixed in."""
    before, north, south = (SectorFactory(name=name, covers="") for name in ("Centre", "Nord", "Sud"))
    (tour,) = assign_sectors([who], [at(9).date()], [before], by=world.planner)
    programs = [Api(world.planner), Api(world.manager)]

    answers = in_threads(
        2,
        lambda number: programs[number].patch(
            f"tours/{tour.pk}/", {"sectors": [(north, south)[number].pk], "version": tour.version}
        ),
    )

    winner = [answer.status_code for answer in answers].index(200)
    assert "Modifié entre-temps par" in refused(answers[1 - winner])
    tour = Tour.objects.get()
    assert ([one.name for one in tour.sectors.all()], tour.version) == ([("Nord", "Sud")[winner]], 2)
    assert HistoryLine.objects.of(tour).count() == 2


def test_day_without_a_tour_assigned_by_two_at_once_has_one(in_threads: Threads, world: World, who: Technician) -> None:
    """Neither saw a version: the later one replaces the sectors of the earlier one, whole."""
    sectors = [SectorFactory(name=name, covers="") for name in ("Nord", "Sud")]
    days = [at(9, day=day).date() for day in (25, 26)]

    outcomes = in_threads(2, lambda number: assign_sectors([who], days, [sectors[number]], by=world.planner))

    assert [len(changed) for changed in outcomes] == [2, 2]
    assert len({tuple(one.name for one in tour.sectors.all()) for tour in Tour.objects.all()}) == 1
    assert [(tour.on, tour.version) for tour in Tour.objects.order_by("on")] == [(day, 2) for day in days]
    with pytest.raises(StaleForm):
        assign_sectors([who], days[:1], sectors, seen=1, by=world.planner)


# (file, function and line, whether the act is done by then)
CUTS = [
    ("appointments/services/saving.py", "_create:first", False),
    ("appointments/services/saving.py", "_create:middle", False),
    ("appointments/services/booking.py", "_settle:last", False),
    ("appointments/services/saving.py", "_carry_over:last", False),
    ("appointments/planning/fill.py", "_plan:last", True),
]


def test_confirmation_killed_in_the_middle_leaves_nothing_or_all(world: World, who: Technician) -> None:
    """The process is killed at a line of the product; the button is pressed again, and plans once."""
    client = client_of(world.planner)
    book(world, di(world), who=who, starts_at=at(8), state="confirmed")
    for number, (ending, cut, is_done) in enumerate(CUTS):
        one = di(world)
        function, _colon, place = cut.partition(":")
        lines = lines_of(partial(confirm, client, who, one, key="trial"), ending)
        delete_appointments(list(Appointment.objects.filter(intervention=one)), by=world.planner)
        one.refresh_from_db()
        rows = everything()

        connections.close_all()  # the child must not share a connection
        act = partial(confirm, client, who, one, key=f"key{number}")
        code, _answer = forked(partial(killed, act, ending, function, number_of(lines, function, place)))

        assert code == -signal.SIGKILL, cut
        assert (everything() == rows) is not is_done, cut
        status, _said = act()
        found = InterventionRequest.objects.get(pk=one.pk)
        rdv = Appointment.objects.get(intervention=one)
        assert (status, found.state, rdv.state, rdv.slots.count()) == (200, "planned", "draft", 1), cut
        assert [rdv.starts_at, rdv.ends_at] == [at(9), at(10)]
        delete_appointments([rdv], by=world.planner)
