"""« Visites du mois »: from the board to RDVs that are confirmed, the clicks counted; a phone; what its button says."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from playwright.sync_api import Page, expect

from appointments.models import Appointment
from appointments.services.tours import assign_sectors
from tests.appointments.month import visit
from tests.browser.fields import toasts
from tests.browser.test_accessibility import violations
from tests.factories import AddressFactory, SectorFactory, World, make_world
from tests.factories.appointments import technician

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def month(world: World) -> date:
    """The first of next month. Three visits to plan on its first three working days, and one of no sector."""
    first = (timezone.localdate().replace(day=1) + timedelta(days=32)).replace(day=1)
    period = {"from_on": first, "to_on": first + timedelta(days=27)}
    days = [day for day in (first + timedelta(days=n) for n in range(20)) if day.weekday() in (1, 2, 3)]
    assign_sectors([technician(world, name="Ana")], days[:3], [SectorFactory(name="Rennes")], by=world.planner)
    for _ in range(3):
        visit(world, **period)
    visit(world, address=AddressFactory(partner=world.customer, zip="29000", city="Quimper"), **period)
    return first


class Clicks:
    """Clicks, counted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, target: Any) -> None:
        self.count += 1
        target.click()


def test_from_the_board_to_confirmed_rdvs(page: Page, login: Login, world: World, month: date) -> None:
    click = Clicks()
    login(page, world.planner).goto(f"/planning/?view=month&from={month}")

    click(page.get_by_role("link", name="Visites du mois"))
    expect(page.get_by_role("heading", name="Sans place (1)")).to_be_visible()
    assert violations(page) == []
    click(page.get_by_role("button", name="Créer 3 RDV en brouillon"))
    click(toasts(page).get_by_role("link", name="Les voir et les confirmer"))
    click(page.locator("#action-toggle"))
    click(page.locator(".of-many button", has_text="Confirmer"))
    click(page.locator("[data-once]"))

    expect(page.locator(".of-report")).to_contain_text("3 documents traités")
    assert click.count == 6
    assert list(Appointment.objects.values_list("state", flat=True)) == ["confirmed"] * 3


def test_button_says_how_many_are_ticked(page: Page, login: Login, world: World, month: date) -> None:
    login(page, world.planner).goto(f"/planning/visits/?month={month:%Y-%m}")
    ticks = page.get_by_role("checkbox")
    expect(ticks).to_have_count(3)

    ticks.nth(1).uncheck()
    expect(page.get_by_role("button", name="Créer 2 RDV en brouillon")).to_be_enabled()
    ticks.nth(0).uncheck()
    ticks.nth(2).uncheck()
    expect(page.get_by_role("button", name="Créer 0 RDV en brouillon")).to_be_disabled()
    ticks.nth(2).check()
    page.get_by_role("button", name="Créer 1 RDV en brouillon").click()

    expect(toasts(page)).to_contain_text("1 RDV créé en brouillon.")
    assert Appointment.objects.count() == 1
    expect(page.get_by_role("checkbox")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(phone: Page, login: Login, world: World, month: date, scheme: Any) -> None:
    phone.emulate_media(color_scheme=scheme)
    login(phone, world.planner).goto(f"/planning/visits/?month={month:%Y-%m}")
    expect(phone.get_by_role("button", name="Créer 3 RDV en brouillon")).to_be_visible()

    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(phone) == []
