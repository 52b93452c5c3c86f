"""A list before somebody: one line of 36 px a record, the keyboard, what is done on the ticked ones, the next record."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from playwright.sync_api import Page, expect

from interventions.models import InterventionRequest
from invoicing.models import Invoice
from tests.factories import World, make_world
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]
TITLE = "Ramonage et entretien du poêle à granulés de la salle, avec dépose et repose du conduit de raccordement"


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def interventions(world: World) -> list[InterventionRequest]:
    """Three DIs, in the order of their list."""
    return [
        world.intervention(title=TITLE, to_on=world.today + timedelta(days=rank), user=world.planner)
        for rank in range(3)
    ]


@pytest.mark.parametrize("width", [1024, 1280, 1440])
def test_a_record_is_one_line_of_36_px_and_nothing_is_beyond_the_edge(
    page: Page, login: Login, world: World, width: int
) -> None:
    interventions(world)
    world.posted()
    page.set_viewport_size({"width": width, "height": 800})
    login(page, world.manager)
    for model in (InterventionRequest, Invoice):
        page.goto(address(model, "changelist"))
        heights = page.locator("#result_list tbody tr").evaluate_all(
            "rows => rows.map((row) => row.getBoundingClientRect().height)"
        )
        assert set(heights) == {36}
        assert page.evaluate("document.documentElement.scrollWidth") == width
        table, room = page.locator("#result_list").evaluate(
            "list => [list.scrollWidth, list.parentElement.clientWidth]"
        )
        assert table <= room


def test_text_that_an_ellipsis_hides_is_said_by_the_cell(page: Page, login: Login, world: World) -> None:
    interventions(world)
    login(page, world.manager).goto(address(InterventionRequest, "changelist"))
    cell = page.locator("#result_list td.field-title_text").first
    cell.hover()
    expect(cell).to_have_attribute("title", TITLE)


def test_amounts_stand_under_their_heads_on_the_right(page: Page, login: Login, world: World) -> None:
    world.posted()
    login(page, world.manager).goto(address(Invoice, "changelist"))
    for name in ("net_text", "gross_text", "residual_text", "age"):
        head = page.locator(f"#result_list th.column-{name} .text").bounding_box()
        amount = page.locator(f"#result_list td.field-{name} > span").first.bounding_box()
        assert head is not None
        assert amount is not None
        assert abs(head["x"] + head["width"] - amount["x"] - amount["width"]) <= 1, name


def test_list_is_gone_through_by_the_keyboard(page: Page, login: Login, world: World) -> None:
    first, _second, _third = interventions(world)
    login(page, world.manager).goto(address(InterventionRequest, "changelist"))
    rows = page.locator("#result_list tbody tr.data-row")

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(1)).to_have_class(re.compile("is-at"))
    page.keyboard.press("x")
    expect(rows.nth(1).locator("input.action-select")).to_be_checked()
    expect(page.locator("[data-ticked]")).to_have_text("1 ligne cochée")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("[data-ticked]")).to_have_text("2 lignes cochées")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(re.escape(address(first))))

    page.go_back()
    page.keyboard.press("/")
    page.keyboard.type("j")
    expect(page.locator("#searchbar")).to_have_value("j")


def test_press_anywhere_on_a_line_opens_its_record(page: Page, login: Login, world: World) -> None:
    first, _second, _third = interventions(world)
    login(page, world.manager).goto(address(InterventionRequest, "changelist"))
    page.locator("#result_list td.field-window").first.click()
    page.wait_for_url(re.compile(re.escape(address(first))))


def test_acts_stand_as_buttons_while_something_is_ticked(page: Page, login: Login, world: World) -> None:
    world.draft()
    login(page, world.accountant).goto(address(Invoice, "changelist"))
    button = page.locator(".of-many button", has_text="Valider")
    expect(button).to_be_hidden()

    page.locator("#result_list input.action-select").first.check()
    button.click()

    expect(page.locator("[data-chosen-total]")).to_have_text(re.compile(r"^184,62\s€ TTC$"))
    page.locator("[data-once]").click()
    expect(page.locator(".of-report h2")).to_contain_text("1 document traité")
    assert Invoice.objects.get().is_posted


def test_columns_are_chosen_and_stay_so(page: Page, login: Login, world: World) -> None:
    interventions(world)
    login(page, world.manager).goto(address(InterventionRequest, "changelist"))
    town = page.locator("#result_list td.field-town").first
    expect(town).to_be_visible()

    page.locator(".of-columns summary").click()
    page.locator("[data-column=town]").uncheck()
    expect(town).to_be_hidden()
    page.reload()
    expect(town).to_be_hidden()
    expect(page.locator("#result_list th.column-town")).to_be_hidden()

    page.locator(".of-columns summary").click()
    page.locator("[data-column=town]").check()
    expect(town).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-column=town]")).to_be_hidden()
    page.reload()
    expect(town).to_be_visible()
