"""« Remplir un créneau » from the board and from an RDV, « Chercher un créneau » from a DI; what each planned."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from playwright.sync_api import Page, expect

from appointments.models import Appointment
from interventions.models import InterventionRequest, Technician
from invoicing.models import Address
from tests.browser.fields import toasts
from tests.browser.test_accessibility import violations
from tests.factories import AddressFactory, World, make_world
from tests.factories.appointments import at, book, technician
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def day() -> date:
    """The Wednesday after next Sunday."""
    today = timezone.localdate()
    return today + timedelta(days=9 - today.weekday())


@pytest.fixture
def who(world: World, day: date) -> Technician:
    """Arzhel, with a stop on that day from 8:00 to 9:00."""
    arzhel = technician(world, name="Arzhel")
    first = world.intervention(duration=Decimal(1), to_on=day + timedelta(days=30))
    book(world, first, who=arzhel, starts_at=moment(day, 8), state="confirmed")
    return arzhel


def moment(day: date, hour: int) -> datetime:
    return at(hour).replace(year=day.year, month=day.month, day=day.day)


def di(world: World, name: str, day: date, **place: Any) -> InterventionRequest:
    site = AddressFactory(partner=world.customer, zip="35235", city=name, **place)
    return world.intervention(duration=Decimal(1), address=site, to_on=day + timedelta(days=30))


def starts(intervention: InterventionRequest) -> list[tuple[str, str]]:
    rdvs = Appointment.objects.filter(intervention=intervention)
    return [(rdv.state, f"{timezone.localtime(rdv.starts_at):%d/%m %H:%M}") for rdv in rdvs]


def test_holes_of_the_board_are_filled_one_after_the_other(
    page: Page, login: Login, world: World, who: Technician, day: date
) -> None:
    one, two = di(world, "Acigné", day), di(world, "Brécé", day)
    login(page, world.planner).goto(f"/planning/?view=week&from={day}")
    cell = page.locator(f'td[id="c-{who.pk}-{day}"]')
    cell.hover()
    cell.locator(".of-cell-fill").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("09:00–12:00 (3 h)")

    dialog.get_by_role("button", name="Confirmer et suivant").first.click()
    expect(dialog).to_contain_text("10:15–12:00 (1 h 45)")
    dialog.get_by_role("button", name=f"Confirmer : {world.customer.name}, {two}").click()
    expect(dialog).to_have_count(0)
    expect(cell.locator(".of-rdv")).to_have_count(3)
    expect(toasts(page).last).to_contain_text("Arzhel.")
    assert page.url.endswith(f"/planning/?view=week&from={day}")
    assert (starts(one), starts(two)) == ([("draft", f"{day:%d/%m} 09:15")], [("draft", f"{day:%d/%m} 10:30")])


def test_hole_is_filled_from_its_cell_by_keyboard(
    page: Page, login: Login, world: World, who: Technician, day: date
) -> None:
    one = di(world, "Acigné", day)
    login(page, world.planner).goto(f"/planning/?view=week&from={day}")
    page.locator(f'td[id="c-{who.pk}-{day}"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Avant : aucun RDV, il part de sa base")
    page.get_by_role("button", name="Confirmer :").focus()
    page.keyboard.press("Enter")
    following = day + timedelta(days=1)
    expect(page.locator(f'td[id="c-{who.pk}-{following}"] .of-rdv')).to_have_count(1)
    assert starts(one) == [("draft", f"{following:%d/%m} 08:00")]


def test_hole_after_an_rdv_is_filled_from_its_menu(
    page: Page, login: Login, world: World, who: Technician, day: date
) -> None:
    """Fougères is 22 km from the RDV; Acigné has no coordinates, so that every radius holds it."""
    first = Appointment.objects.get()
    Address.objects.filter(pk=first.address_id).update(latitude=48, longitude=-1)
    one, far = di(world, "Acigné", day), di(world, "Fougères", day, latitude="48.2", longitude=-1)
    login(page, world.planner).goto(address(first))
    title = page.locator("#id_title")
    page.get_by_role("button", name="Action").click()
    page.locator(".of-menu-list a", has_text="Remplir un créneau").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("09:00–12:00 (3 h)")
    dialog.locator("summary").click()
    expect(dialog.get_by_text(str(far))).to_be_visible()
    dialog.locator('[name="act-radius"]').fill("5")
    dialog.get_by_role("button", name="Chercher", exact=True).click()
    offers = dialog.locator(".of-slots-list li")
    expect(offers).to_have_count(1)
    expect(offers).to_contain_text(str(one))
    dialog.get_by_role("button", name="Confirmer :").click()
    expect(toasts(page).last).to_contain_text("09:15, Arzhel.")
    expect(title).to_have_count(1)
    assert page.url.endswith(address(first))
    assert starts(one) == [("draft", f"{day:%d/%m} 09:15")]

    toasts(page).last.get_by_role("button", name="Annuler").click()
    page.wait_for_url(f"**{address(one)}")
    assert starts(one) == []


def test_place_of_an_intervention_is_chosen_and_undone(
    page: Page, login: Login, world: World, who: Technician, day: date
) -> None:
    one = di(world, "Acigné", day)
    login(page, world.planner).goto(address(one))
    page.get_by_role("button", name="Action").click()
    page.locator(".of-menu-list a", has_text="Chercher un créneau").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".of-slots-list li")).to_have_count(3)
    dialog.get_by_role("link", name="Autres").click()
    expect(dialog.locator(".of-slots-list li")).to_have_count(9)
    dialog.get_by_role("button", name="Choisir").first.click()
    expect(toasts(page).last).to_contain_text("Arzhel.")
    assert page.url.endswith(address(one))
    assert [state for state, _start in starts(one)] == ["draft"]

    toasts(page).last.get_by_role("button", name="Annuler").click()
    expect(toasts(page).last).to_contain_text("est annulé")
    assert page.url.endswith(address(one))
    assert starts(one) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dialogs_break_no_rule(page: Page, login: Login, world: World, who: Technician, day: date, scheme: Any) -> None:
    one = di(world, "Acigné", day)
    page.emulate_media(color_scheme=scheme)
    login(page, world.planner).goto(f"/planning/?view=week&from={day}")
    cell = page.locator(f'td[id="c-{who.pk}-{day}"]')
    cell.hover()
    cell.locator(".of-cell-fill").click()
    page.locator("dialog summary").click()
    expect(page.locator("dialog [name='act-radius']")).to_be_visible()
    assert violations(page) == []
    page.goto(f"/planning/find/?intervention={one.pk}")
    assert violations(page) == []
