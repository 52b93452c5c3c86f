"""A list before somebody: one line of 36 px a record, the keyboard, what is done on the ticked ones, the next record."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from playwright.sync_api import Page, expect

from interventions.models import InterventionRequest
from invoicing.models import Invoice
from tests.contracts.contract_builders import article, make_contract
from tests.factories import World, item, make_world
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


def test_bar_of_acts_counts_what_is_ticked_on_a_later_page(
    page: Page, login: Login, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invoicing.admin.documents.invoices.InvoiceAdmin.list_per_page", 2)
    for _rank in range(5):
        world.draft()
    login(page, world.accountant).goto(address(Invoice, "changelist") + "?view=drafts")
    page.locator("#result_list input.action-select").first.check()
    expect(page.locator("[data-ticked]")).to_have_text("1 ligne cochée")

    page.locator(".of-pages a", has_text="2").click()
    expect(page).to_have_url(re.compile("p=2"))
    expect(page.locator(".of-many")).to_be_hidden()  # what was ticked is of the page before
    page.locator("#result_list #action-toggle").check()
    expect(page.locator("[data-ticked]")).to_have_text("2 lignes cochées")
    page.locator(".of-many .question a").click()
    expect(page.locator(".of-many .clear")).to_contain_text("Toute la liste : 5")
    page.locator(".of-many button", has_text="Valider").click()
    expect(page.locator("[data-chosen-total]")).to_have_text(re.compile(r"^923,10\s€ TTC$"))
    page.locator("[data-once]").click()

    expect(page.locator(".of-report h2")).to_contain_text("5 documents traités")
    assert Invoice.objects.posted().count() == 5


def test_own_chip_is_added_to_another_and_taken_off(page: Page, login: Login, world: World) -> None:
    interventions(world)
    world.intervention(title="À moi", user=world.manager)
    login(page, world.manager).goto(address(InterventionRequest, "changelist"))
    rows = page.locator("#result_list tbody tr.data-row")
    chosen = page.locator(".of-chips .is-chosen")
    page.get_by_role("link", name="À planifier").click()
    expect(chosen).to_have_text(re.compile("À planifier"))
    expect(rows).to_have_count(4)
    page.get_by_role("link", name="Mes DI").click()
    expect(rows).to_have_count(1)
    expect(chosen).to_have_text([re.compile("À planifier"), re.compile("Mes DI")])
    page.get_by_role("link", name="Mes DI").click()
    expect(rows).to_have_count(4)


# On a phone


def test_record_is_a_card_of_three_lines_on_a_phone(phone: Page, login: Login, world: World) -> None:
    world.posted()
    login(phone, world.manager).goto(address(Invoice, "changelist"))
    card = phone.locator("#result_list tr.data-row").first
    lines = card.locator("> :is(td, th):visible").evaluate_all(
        "cells => cells.filter((cell) => !cell.matches('.action-checkbox'))"
        ".map((cell) => [Math.round(cell.getBoundingClientRect().top), cell.innerText.trim()])"
    )

    shown = sorted(lines, key=lambda line: line[0])
    assert len({top for top, _text in shown}) == 3
    assert [text for _top, text in shown] == [
        world.customer.name,
        "184,62 €",
        "FA2026-00001",
        "À payer",
        f"{world.today:%d/%m/%Y}",
        "0 j",
    ]
    box = card.bounding_box()
    assert box is not None
    assert box["height"] <= 90
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    for hidden in (".of-export", ".of-columns", "#toolbar kbd"):
        expect(phone.locator(hidden).first).to_be_hidden()


@pytest.mark.parametrize(("path", "chosen"), [("?view=archived", ".of-chips .is-chosen"), ("", ".of-chips .is-chosen")])
def test_chosen_chip_is_in_sight_on_a_phone(phone: Page, login: Login, world: World, path: str, chosen: str) -> None:
    login(phone, world.manager).goto(address(InterventionRequest, "changelist") + path)
    box = phone.locator(chosen).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert phone.evaluate("window.scrollX") == 0


def test_opened_tab_is_in_sight_on_a_phone(phone: Page, login: Login, world: World) -> None:
    login(phone, world.manager).goto(address(world.intervention(item())))
    tab = phone.get_by_role("tab", name="Facturation")
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(tab).to_be_in_viewport(ratio=0.95)


def test_line_of_a_contract_shows_article_quantity_price_and_amount_on_a_phone(
    phone: Page, login: Login, world: World
) -> None:
    line = make_contract(world, "01/01/26", article("120")).lines.get()
    login(phone, world.manager).goto(address(line))
    row = phone.locator("[data-lines=articles] [data-row]")
    names = ["quantity", "unit_price", "tax", "from_on", "discount"]

    def shown() -> list[str]:
        return [name for name in names if row.locator(f"[name$='-{name}']").is_visible()]

    assert shown() == ["quantity", "unit_price"]
    expect(row.locator("[data-net]")).to_be_visible()
    expect(row.locator("[data-gross]")).to_be_hidden()
    fold = row.get_by_role("button", name="Détails")
    expect(fold).to_have_attribute("aria-expanded", "false")

    fold.click()
    assert shown() == ["quantity", "unit_price", "tax", "from_on"]
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(row.locator("[data-gross]")).to_have_text("126,60")
    fold.click()
    assert shown() == ["quantity", "unit_price"]
