"""The page of components: for staff, on a machine in DEBUG."""

from typing import Any

from django.test import Client

from openfire_billing.office.roles import PLANNER
from tests.factories import World

PAGE = "/admin/composants/"


def test_page_shows_each_state_and_the_figures_of_the_totals(world: World, settings: Any) -> None:
    settings.DEBUG = True
    page = world.office(PLANNER).get(PAGE).content.decode()
    assert [page.count(f'of-badge of-{colour}"') for colour in ("grey", "blue", "amber", "green", "red", "violet")] == [
        1
    ] * 6
    assert "184,62" in page


def test_page_is_for_staff_in_debug_alone(world: World, settings: Any) -> None:
    assert world.office(PLANNER).get(PAGE).status_code == 404
    settings.DEBUG = True
    assert Client().get(PAGE).status_code == 302
