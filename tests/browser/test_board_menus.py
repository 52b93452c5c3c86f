"""« X est absent » and « Assigner un secteur » from the menus of the board's rows and cells; rows ordered and narrowed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from playwright.sync_api import Page, expect

from appointments.models import Absence, Appointment, Tour
from appointments.services.tours import assign_sectors
from interventions.models import Technician
from tests.browser.board import cell, cell_menu, row_menu, when
from tests.browser.fields import choose, toasts
from tests.browser.test_accessibility import violations
from tests.factories import SectorFactory, World, make_world
from tests.factories.appointments import at, book, technician

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def people(world: World) -> tuple[Technician, Technician]:
    return technician(world, name="Arzhel"), technician(world, name="Brieuc")


@pytest.fixture
def day() -> date:
    """The Wednesday after next Sunday."""
    today = timezone.localdate()
    return today + timedelta(days=9 - today.weekday())


def rdv_at(world: World, who: Technician, day: date, hour: int) -> Appointment:
    start: datetime = at(hour).replace(year=day.year, month=day.month, day=day.day)
    return book(world, world.intervention(to_on=day + timedelta(days=40)), who=who, starts_at=start, state="confirmed")


def test_absent_technician_s_rdvs_are_given_to_others_and_taken_back(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], day: date
) -> None:
    arzhel, _brieuc = people
    one, two, three = (rdv_at(world, arzhel, day, hour) for hour in (8, 10, 14))
    login(page, world.planner).goto(f"/planning/?view=week&from={day}")
    page.evaluate("window.mark = 1")
    cell_menu(page, arzhel, f"{day}", "Absent ce jour-là")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator('[name="act-first"]')).to_have_value(f"{day:%d/%m/%Y}")
    dialog.locator('[name="act-reason"]').fill("Grippe")
    dialog.get_by_role("button", name="Enregistrer l'absence").click()
    expect(dialog.locator(".of-absent-row")).to_have_count(3)
    expect(dialog.locator(".of-absent-row").first.locator("button")).to_have_count(3)
    assert [(row.technician, row.reason) for row in Absence.objects.all()] == [(arzhel, "Grippe")]
    assert violations(page) == []

    dialog.get_by_role("button", name=f"Placer {one} :").first.click()
    expect(dialog.locator(".of-absent-row")).to_have_count(2)
    assert when(one)[1:] == (["Brieuc"], "Brieuc")

    dialog.get_by_role("button", name="Tout replacer").click()
    expect(dialog).to_have_count(0)
    expect(toasts(page)).to_contain_text("2 RDV replacés")
    expect(cell(page, arzhel, f"{day}").locator(".of-rdv")).to_have_count(0)
    expect(cell(page, arzhel, f"{day}").locator(".of-cell-why")).to_have_text("Absent")
    starts = [when(rdv)[0] for rdv in (one, two, three)]
    assert len(set(starts)) == 3
    assert [when(rdv)[1] for rdv in (two, three)] == [["Brieuc"], ["Brieuc"]]

    toasts(page).get_by_role("button", name="Annuler").last.click()
    expect(cell(page, arzhel, f"{day}").locator(".of-rdv")).to_have_count(2)
    assert [when(rdv)[1] for rdv in (one, two, three)] == [["Brieuc"], ["Arzhel"], ["Arzhel"]]
    assert page.evaluate("window.mark") == 1

    row_menu(page, arzhel, "Arzhel est absent")
    page.get_by_role("dialog").locator('[name="act-first"]').fill(f"{day:%d/%m/%Y}")
    expect(page.get_by_role("dialog")).to_contain_text("L'absence est enregistrée")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_sectors_are_assigned_to_a_cell_and_to_the_days_of_a_row(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], day: date
) -> None:
    arzhel, _brieuc = people
    SectorFactory(name="Nord", code="NO", colour="blue", covers="")
    south = SectorFactory(name="Sud", code="SU", colour="red", covers="")
    monday = day - timedelta(days=2)
    login(page, world.planner).goto(f"/planning/?view=week&from={day}")
    page.evaluate("window.mark = 1")
    cell_menu(page, arzhel, f"{day}", "Assigner un secteur")
    dialog = page.get_by_role("dialog")
    choose(page, "act-sectors", "Nord")
    expect(dialog.locator(".of-chips").filter(has_text="Nord")).to_have_count(1)
    dialog.get_by_role("button", name="Assigner").click()
    expect(cell(page, arzhel, f"{day}").locator(".of-sector")).to_have_text("NO")
    expect(toasts(page)).to_contain_text("1 journée en Nord.")

    row_menu(page, arzhel, "Assigner un secteur")
    expect(dialog).to_contain_text("Ces journées n'ont pas toutes les mêmes secteurs")
    expect(dialog.locator(".of-chips").filter(has_text="Nord")).to_have_count(0)
    choose(page, "act-sectors", "Sud")
    expect(dialog.locator(".of-chips").filter(has_text="Sud")).to_have_count(1)
    dialog.get_by_role("button", name="Assigner").click()
    expect(cell(page, arzhel, f"{monday}").locator(".of-sector")).to_have_text("SU")
    found = {tour.on: [*tour.sectors.all()] for tour in Tour.objects.filter(technician=arzhel)}
    assert found == {monday + timedelta(days=n): [south] for n in range(5)}

    assign_sectors([arzhel], list(found), [], by=world.planner)
    expect(cell(page, arzhel, f"{monday}").locator(".of-sector")).to_have_count(0)
    assert page.evaluate("window.mark") == 1


def test_rows_are_ordered_narrowed_and_zoomed_and_stay_so(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], new_context: Any
) -> None:
    technician(world, name="Corentin")
    names = page.locator("#board th[scope=row] summary")
    login(page, world.planner).goto("/planning/")
    page.evaluate("window.mark = 1")
    names.filter(has_text="Brieuc").click()
    page.locator(".of-row-menu[open]").get_by_role("button", name="Monter").click()
    expect(names).to_have_text(["Brieuc", "Arzhel", "Corentin"])
    page.locator(".of-row-menu[open]").get_by_role("button", name="Descendre").click()
    expect(names).to_have_text(["Arzhel", "Brieuc", "Corentin"])
    page.keyboard.press("Enter")
    expect(names).to_have_text(["Arzhel", "Corentin", "Brieuc"])
    page.keyboard.press("Escape")
    page.locator(".of-board-rows > summary").click()
    page.get_by_role("button", name="Large").click()
    expect(page.locator("#board")).to_have_attribute("data-zoom", "3")
    expect(page.locator("#board")).not_to_have_attribute("aria-busy", "true")
    assert page.evaluate("window.mark") == 1

    page.get_by_role("checkbox", name="Arzhel").check()
    page.get_by_role("checkbox", name="Brieuc").check()
    assert violations(page) == []
    page.get_by_role("button", name="Afficher", exact=True).click()
    expect(names).to_have_text(["Arzhel", "Brieuc"])

    elsewhere = login(new_context().new_page(), world.planner)
    elsewhere.goto("/planning/")
    expect(elsewhere.locator("#board th[scope=row] summary")).to_have_text(["Arzhel", "Brieuc"])
    expect(elsewhere.locator("#board")).to_have_attribute("data-zoom", "3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_menus_break_no_rule(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], day: date, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    login(page, world.planner).goto(f"/planning/?view=week&from={day}")
    page.locator("#board th[scope=row] summary").first.click()
    expect(page.locator("#board .of-row-menu[open] .of-menu-list > *:visible")).to_have_count(3)
    assert violations(page) == []
    cell(page, people[0], f"{day}").focus()
    page.keyboard.press("Shift+F10")
    expect(page.locator(".of-cell-menu-list:popover-open a")).to_have_count(4)
    assert violations(page) == []
    page.keyboard.press("ArrowDown")
    expect(page.locator(".of-cell-menu-list a", has_text="Absent ce jour-là")).to_be_focused()
    page.keyboard.press("Escape")
    expect(cell(page, people[0], f"{day}")).to_be_focused()
