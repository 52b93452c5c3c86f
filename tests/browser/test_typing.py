"""What one types and leaves: an empty line at the foot, changes not saved yet, cells decided elsewhere."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Dialog, Page, expect

from tests.browser.fields import choose, open_fields
from tests.browser.test_first_road import save, tab
from tests.factories import ProductFactory, World, item, make_world
from tests.factories.appointments import book
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def leave(page: Page, *, until: str) -> list[str]:
    """Follow a link of the page, staying when asked, until a « dialog » or a « load ». Returns what was asked."""
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    with page.expect_event(until):
        page.evaluate("window.location = '/admin/'")
    page.remove_listener("dialog", stay)
    return asked


def test_empty_line_added_by_enter_is_not_saved(page: Page, login: Login, world: World) -> None:
    intervention = world.intervention(item(2))
    login(page, world.planner).goto(address(intervention))
    tab(page, "billing")
    page.locator("#id_lines-0-quantity").fill("3")
    page.keyboard.press("Enter")
    expect(page.locator("#id_lines-1-quantity")).to_have_value("1")
    save(page)
    expect(page.locator("body")).to_contain_text(f"{intervention} : enregistré.")
    assert [line.quantity for line in intervention.lines.all()] == [3]


def choose_a_customer(page: Page) -> None:
    open_fields(page)
    choose(page, "bill_to", "Aubry")


def bin_a_line(page: Page) -> None:
    tab(page, "billing")
    page.locator("[data-remove]").first.click()


def choose_an_article(page: Page) -> None:
    tab(page, "billing")
    choose(page, "lines-0-product", "joint")


def look_at_a_tab(page: Page) -> None:
    tab(page, "billing")


@pytest.mark.parametrize(
    ("act", "asked"),
    [
        (choose_a_customer, ["beforeunload"]),
        (bin_a_line, ["beforeunload"]),
        (choose_an_article, ["beforeunload"]),
        (look_at_a_tab, []),
    ],
)
def test_leaving_asks_when_something_changed(
    page: Page, login: Login, world: World, act: Callable[[Page], Any], asked: list[str]
) -> None:
    ProductFactory(code="joint", name="Joint")
    login(page, world.biller).goto(address(world.intervention()))
    page.wait_for_load_state("networkidle")
    act(page)
    assert leave(page, until="dialog" if asked else "load") == asked


def test_what_the_request_decides_does_not_look_like_a_box(page: Page, login: Login, world: World) -> None:
    rdv = book(world, world.intervention(item(2)), state="draft")
    login(page, world.biller).goto(address(rdv))
    clear = re.compile(r"rgba\(0, 0, 0, 0\)")
    for name in ("label", "unit_price", "discount", "tax"):
        expect(page.locator(f"#id_lines-0-{name}")).to_be_disabled()
        expect(page.locator(f"#id_lines-0-{name}")).to_have_css("border-top-color", clear)
    expect(page.locator(".of-lines .of-choice-input").first).to_have_css("border-top-color", clear)
    expect(page.locator("#id_lines-0-quantity")).not_to_have_css("border-top-color", clear)


def test_description_is_whole_however_narrow_its_column_becomes(page: Page, login: Login, world: World) -> None:
    """The amounts that come in, or a narrower window, take room from it after it was measured."""
    rdv = book(world, world.intervention(item(2, label="Contrat de ramonage du poêle et du conduit")), state="draft")
    short = "(area) => area.offsetHeight < area.scrollHeight"
    page.set_viewport_size({"width": 1600, "height": 900})
    login(page, world.planner).goto(address(rdv))
    page.locator("#tab-billing").click()
    text = page.locator("#id_lines-0-label")
    expect(text).to_have_css("height", "24px")

    page.set_viewport_size({"width": 1330, "height": 900})

    expect(text).not_to_have_css("height", "24px")
    assert text.evaluate(short) is False
