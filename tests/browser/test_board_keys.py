"""The planning board by keyboard alone; what each act wrote, read back from the database."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, expect

from appointments.models import Appointment
from interventions.models import Technician
from tests.browser.board import THURSDAY, WEDNESDAY, WEEK, card, cell, when
from tests.factories import World, make_world
from tests.factories.appointments import at, book, technician

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def people(world: World) -> tuple[Technician, Technician]:
    return technician(world, name="Arzhel"), technician(world, name="Brieuc")


def test_by_keyboard_alone(page: Page, login: Login, world: World, people: tuple[Technician, Technician]) -> None:
    """Tab to the board, arrows to the card, M, arrows, Enter: another row and another day. Then Enter opens the card."""
    rdv = book(world, world.intervention(), who=people[0], starts_at=at(9, day=23), state="draft")
    login(page, world.planner).goto(WEEK)
    page.locator("[data-search]").focus()
    for _ in range(60):
        if page.evaluate("Boolean(document.activeElement.closest('#board td.of-cell'))"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.rdv") == str(rdv.pk)
    for key in ("m", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator("[data-said]")).to_have_text("Brieuc, mercredi 25 novembre, 08:00")
    page.keyboard.press("Enter")
    expect(cell(page, people[1], WEDNESDAY).locator(".of-rdv")).to_have_count(1)
    assert when(rdv) == ("25/11 08:00", ["Brieuc"], "Brieuc")
    expect(card(page, rdv)).to_be_focused()

    page.keyboard.press("m")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    assert when(rdv) == ("25/11 08:00", ["Brieuc"], "Brieuc")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] h2")).to_have_text(world.customer.name)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_row_of_the_list_is_placed(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    di = world.intervention()
    login(page, world.planner).goto(WEEK)
    row = page.locator(f'[data-wait="{di.pk}"][data-kind=intervention]')
    row.focus()
    press(page, "m", "ArrowRight", "Escape")
    expect(row).to_be_focused()
    press(page, "m", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight")
    expect(page.locator("[data-said]")).to_have_text("Brieuc, jeudi 26 novembre, 08:00")
    expect(page.locator(".of-drag-label")).to_have_text("Placer 08:00")
    press(page, "Enter")
    expect(cell(page, people[1], THURSDAY).locator(".of-rdv")).to_have_count(1)
    expect(row).to_have_count(0)
    rdv = Appointment.objects.get()
    assert (rdv.intervention, when(rdv)) == (di, ("26/11 08:00", ["Brieuc"], "Brieuc"))
    expect(cell(page, people[1], THURSDAY)).to_be_focused()


def test_end_is_changed_a_copy_is_made_and_a_technician_is_added(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    arzhel, brieuc = people
    rdv = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    login(page, world.planner).goto(WEEK)
    card(page, rdv).focus()
    press(page, "f", "ArrowRight", "ArrowRight", "ArrowLeft")
    expect(page.locator("[data-said]")).to_have_text("Fin : 10:45")
    press(page, "Enter")
    expect(card(page, rdv)).to_have_attribute("data-end", "645")
    rdv.refresh_from_db()
    assert (str(rdv.duration), rdv.ends_at) == ("1.75", at(10, 45))

    card(page, rdv).focus()
    press(page, "c", "ArrowDown", "ArrowRight", "Enter")
    expect(cell(page, brieuc, THURSDAY).locator(".of-rdv")).to_have_count(1)
    copy = Appointment.objects.exclude(pk=rdv.pk).get()
    assert (when(copy), when(rdv)) == (("26/11 08:00", ["Brieuc"], "Brieuc"), ("25/11 09:00", ["Arzhel"], "Arzhel"))

    card(page, rdv).focus()
    press(page, "a", "ArrowDown", "Enter")
    expect(cell(page, brieuc, WEDNESDAY).locator(".of-rdv")).to_have_count(1)
    assert when(rdv) == ("25/11 09:00", ["Arzhel", "Brieuc"], "Arzhel")


def test_hour_is_chosen_in_the_day(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    arzhel, brieuc = people
    rdv = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    di = world.intervention()
    login(page, world.planner).goto(f"/planning/?view=day&from={WEDNESDAY}")
    card(page, rdv).focus()
    press(page, "m", "ArrowDown", "Shift+ArrowRight", "ArrowRight")
    expect(page.locator("[data-said]")).to_have_text("Brieuc, mercredi 25 novembre, 10:15")
    press(page, "Enter")
    expect(cell(page, brieuc, WEDNESDAY).locator(".of-rdv")).to_have_count(1)
    assert when(rdv) == ("25/11 10:15", ["Brieuc"], "Brieuc")

    row = page.locator(f'[data-wait="{di.pk}"][data-kind=intervention]')
    row.focus()
    press(page, "m", "Shift+ArrowRight", "Enter")
    expect(cell(page, arzhel, WEDNESDAY).locator(".of-rdv")).to_have_count(1)
    assert when(Appointment.objects.get(intervention=di)) == ("25/11 09:00", ["Arzhel"], "Arzhel")
