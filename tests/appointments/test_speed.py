"""Queries do not grow with rows; a hundred DIs are placed at once in the time of a breath."""

import time
from datetime import date
from typing import Any

import pytest

from appointments.models import Appointment
from appointments.services.planning import plan_interventions
from openfire_billing.office.roles import ACCOUNTANT
from tests.factories import World, item
from tests.factories.appointments import alone, at, book, technician
from tests.factories.pages import address


def _queries(world: World, url: str, captured: Any) -> int:
    office = world.office(ACCOUNTANT)
    office.get(url)  # once for the caches
    with captured as queries:
        assert office.get(url).status_code == 200
    return len(queries)


@pytest.mark.parametrize("url", ["/admin/appointments/appointment/", "/planning/?from=2026-12-01"])
def test_lists_ask_as_much_for_one_as_for_many(world: World, url: str, django_assert_max_num_queries: Any) -> None:
    who = technician(world)
    book(world, world.intervention(), who=who, starts_at=at(8, day=1, month=12), state="confirmed")
    one = _queries(world, url, django_assert_max_num_queries(40))
    for day in range(1, 5):
        for hour in (10, 14, 16):
            rdv = alone(world, who=technician(world) if day == 4 else who, starts_at=at(hour, day=day, month=12))
            assert rdv.pk
    assert _queries(world, url, django_assert_max_num_queries(40)) == one


def test_form_asks_as_much_for_one_line_as_for_fifty(world: World, django_assert_max_num_queries: Any) -> None:
    small = book(world, world.intervention(), state="draft")
    large = book(world, world.intervention(*[item() for _n in range(50)]), state="draft")
    counts = [_queries(world, address(rdv), django_assert_max_num_queries(40)) for rdv in (small, large)]
    assert counts[0] == counts[1]


def test_hundred_interventions_placed_at_once(world: World) -> None:
    """Under two seconds on the reference machine; the limit here leaves room for a busy one."""
    for _n in range(4):
        technician(world)
    interventions = [world.intervention(from_on=date(2026, 11, 25), to_on=date(2026, 12, 31)) for _n in range(100)]
    start = time.perf_counter()
    outcomes = plan_interventions(interventions, not_before=at(7), by=world.planner)
    elapsed = time.perf_counter() - start
    assert [o.refusal for o in outcomes if o.is_refused] == []
    assert Appointment.objects.count() == 100
    assert elapsed < 6
