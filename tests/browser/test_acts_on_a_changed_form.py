"""« A draft that shows 64,15 € on screen is posted for ever at 16,04 €. » Acts on a form that was typed in."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, expect

from invoicing.models import HistoryLine, Invoice
from tests.factories import World, item, make_world
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]
DIALOG = "dialog.of-modal"


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def draft(world: World) -> Invoice:
    """A draft of 16,04 € TTC."""
    return world.draft(item(price="15.2038"))


@pytest.fixture
def at_draft(page: Page, world: World, draft: Invoice, login: Login) -> Page:
    """The page of the draft. A question of the browser before it leaves fails the test: it would never be answered."""
    login(page, world.accountant).goto(address(draft))
    page.wait_for_load_state("networkidle")
    return page


def type_price(page: Page, price: str) -> None:
    page.locator("#id_lines-0-unit_price").fill(price)


def open_post(page: Page) -> None:
    page.locator(".of-primary a", has_text="Valider").click()


def test_what_the_screen_shows_is_posted(at_draft: Page, draft: Invoice) -> None:
    expect(at_draft.locator("[data-unsaved]")).to_be_hidden()
    type_price(at_draft, "60,81")
    expect(at_draft.locator("[data-footer]")).to_contain_text("64,15")
    expect(at_draft.locator("[data-unsaved]")).to_be_visible()

    open_post(at_draft)
    expect(at_draft.locator(f"{DIALOG} .of-subject")).to_contain_text("64,15 € TTC")
    with at_draft.expect_navigation():
        at_draft.locator(f"{DIALOG} [data-once]").click()

    expect(at_draft.locator(".of-status [aria-current]")).to_have_text("À payer")
    expect(at_draft.locator("[data-unsaved]")).to_be_hidden()
    draft.refresh_from_db()
    assert (draft.state, draft.gross.amount) == ("posted", Decimal("64.15"))


def test_typed_back_is_not_unsaved(at_draft: Page) -> None:
    price = at_draft.locator("#id_lines-0-unit_price")
    was = price.input_value()
    type_price(at_draft, "60,81")
    expect(at_draft.locator("[data-unsaved]")).to_be_visible()
    type_price(at_draft, was)
    expect(at_draft.locator("[data-unsaved]")).to_be_hidden()


def test_faults_show_on_the_form_and_the_button_works_again(at_draft: Page, draft: Invoice) -> None:
    type_price(at_draft, "beaucoup")
    open_post(at_draft)

    expect(at_draft.locator("#page-lines, .of-page").first).to_be_visible()
    expect(at_draft.locator(".errorlist, .of-error").first).to_be_visible()
    expect(at_draft.locator("#id_lines-0-unit_price")).to_have_value("beaucoup")
    expect(at_draft).to_have_url(re.compile(rf"{address(draft)}$"))
    expect(at_draft.locator("[data-unsaved]")).to_be_visible()

    type_price(at_draft, "60,81")
    open_post(at_draft)
    with at_draft.expect_navigation():
        at_draft.locator(f"{DIALOG} [data-once]").click()
    expect(at_draft.locator(".of-status [aria-current]")).to_have_text("À payer")
    assert Invoice.objects.get().gross.amount == Decimal("64.15")


def test_a_refusal_stays_over_its_document(at_draft: Page, draft: Invoice, page_errors: list[str]) -> None:
    type_price(at_draft, "60,81")
    open_post(at_draft)
    day = at_draft.locator(f"{DIALOG} [name=act-on]")
    today = day.input_value()
    day.fill("2031-01-01")
    at_draft.locator(f"{DIALOG} [data-once]").click()

    expect(at_draft.locator(f"{DIALOG} .of-refusal")).to_be_visible()
    expect(at_draft.locator("#id_lines-0-unit_price")).to_have_value("60,81")
    assert all("409" in error for error in page_errors)
    page_errors.clear()

    day.fill(today)
    with at_draft.expect_navigation():
        at_draft.locator(f"{DIALOG} [data-once]").click()
    expect(at_draft.locator(".of-status [aria-current]")).to_have_text("À payer")


def test_a_dialog_closed_leaves_what_was_typed_and_opens_again(at_draft: Page) -> None:
    type_price(at_draft, "60,81")
    for _turn in range(2):
        open_post(at_draft)
        expect(at_draft.locator(f"{DIALOG} .of-subject")).to_contain_text("64,15 € TTC")
        at_draft.locator(f"{DIALOG} [data-close]").click()
        expect(at_draft.locator(DIALOG)).to_have_count(0)
    expect(at_draft.locator("#id_lines-0-unit_price")).to_have_value("60,81")
    assert Invoice.objects.get().gross.amount == Decimal("16.04")


def test_a_note_is_written_and_what_was_typed_stays(at_draft: Page, draft: Invoice) -> None:
    type_price(at_draft, "60,81")
    at_draft.locator("[name=note]").last.fill("Rappelée ce matin")
    at_draft.locator(".of-note button").click()

    expect(at_draft.locator(".of-journal")).to_contain_text("Rappelée ce matin")
    expect(at_draft.locator("#id_lines-0-unit_price")).to_have_value("60,81")
    expect(at_draft.locator("[data-unsaved]")).to_be_visible()
    assert HistoryLine.objects.filter(text="Rappelée ce matin").count() == 1
    assert Invoice.objects.get().gross.amount == Decimal("16.04")


def test_a_server_that_does_not_answer_loses_nothing(at_draft: Page, page_errors: list[str]) -> None:
    type_price(at_draft, "60,81")
    at_draft.route("**/act/post/", lambda route: route.abort())
    open_post(at_draft)

    expect(at_draft.locator(f"{DIALOG} .of-refusal")).to_contain_text("Le serveur ne répond pas")
    at_draft.locator(f"{DIALOG} [data-close]").click()
    page_errors.clear()
    at_draft.unroute("**/act/post/")
    open_post(at_draft)
    expect(at_draft.locator(f"{DIALOG} .of-subject")).to_contain_text("64,15 € TTC")
