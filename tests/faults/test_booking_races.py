"""Twenty connections at one hour, two ways of billing one DI: the database decides once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from appointments.models import Appointment, Slot
from appointments.services.billing import invoice_appointment
from appointments.services.saving import save_appointment
from interventions.services.billing import invoice_intervention
from invoicing.models import Invoice
from openfire_billing.kernel.errors import BusinessError
from tests.factories import make_world
from tests.factories.appointments import at, book, technician


def test_twenty_book_the_same_technician_and_hour_one_wins(in_threads: Callable[..., list[Any]]) -> None:
    world = make_world()
    who = technician(world, name="Maëva")
    day = at(9, day=2, month=12)

    def act(number: int) -> Any:
        rdv = {"company": world.company, "partner": world.customer, "task": world.task, "starts_at": day}
        return save_appointment(None, rdv, technicians=[who], on=day.date(), by=world.planner)

    outcomes = in_threads(20, act)

    won = [outcome for outcome in outcomes if isinstance(outcome, Appointment)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, BusinessError)]
    assert (len(won), len(lost)) == (1, 19)
    assert all("est déjà pris" in str(refusal) for refusal in lost)
    assert (Appointment.objects.count(), Slot.objects.count()) == (1, 1)


def test_twenty_drops_on_one_hour_of_the_board_leave_one(in_threads: Callable[..., list[Any]]) -> None:
    world = make_world()
    who = technician(world, name="Maëva")
    rdvs = [book(world, world.intervention(), starts_at=at(9), state="draft") for _ in range(20)]

    def act(number: int) -> Any:
        client = Client()
        client.force_login(world.planner)
        rdv = rdvs[number]
        place = {"view": "day", "from": "2026-12-02", "to": who.pk, "day": "2026-12-02", "start": 600}
        answer = client.post(f"/planning/appointments/{rdv.pk}/move/", {**place, "seen": rdv.version, "key": number})
        return answer.status_code, answer.json()["code"] if answer.status_code == 409 else ""

    outcomes = in_threads(20, act)

    assert sorted(outcomes) == [(200, ""), *[(409, "slot_taken")] * 19]
    assert Slot.objects.filter(technician=who).count() == 1
    assert Slot.objects.count() == 20


def test_database_alone_refuses_two_places(transactional_db: None) -> None:
    world = make_world()
    who = technician(world)
    day = at(9, day=2, month=12)
    values = {"company": world.company, "partner": world.customer, "task": world.task, "starts_at": day}
    rdv = save_appointment(None, values, technicians=[who], on=day.date(), by=world.planner)
    with pytest.raises(IntegrityError, match="appointments_slot_not_in_two_places"):
        Slot.objects.create(
            appointment=rdv, technician=who, starts_at=at(10, day=2, month=12), ends_at=at(11, day=2, month=12)
        )


@pytest.mark.parametrize("turn", range(5))
def test_road_a_and_road_b_at_once_bill_once(in_threads: Callable[..., list[Any]], turn: int) -> None:
    world = make_world()
    intervention = world.intervention()
    rdv = book(world, intervention, starts_at=at(9, day=2, month=12), state="confirmed")

    def act(number: int) -> Any:
        if number % 2:
            return invoice_intervention(intervention, on=world.today, by=world.biller)
        return invoice_appointment(rdv, on=world.today, by=world.biller)

    outcomes = in_threads(8, act)

    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert all(isinstance(o, BusinessError) for o in outcomes if isinstance(o, Exception)), outcomes
    assert Invoice.objects.count() == 1
