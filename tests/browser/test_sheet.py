"""The lines of a document as a sheet: the keys, and rows pasted from a spreadsheet."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Locator, Page, expect

from interventions.models import InterventionRequest, RequestLine
from tests.browser.fields import toasts
from tests.browser.test_first_road import tab
from tests.factories import ProductFactory, World, item, make_world
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def rows(page: Page) -> Locator:
    return page.locator(".of-line[data-row]:not([hidden])")


def save(page: Page) -> list[RequestLine]:
    """Save with Ctrl+S; return the lines of the only DI."""
    page.keyboard.press("Control+s")
    expect(toasts(page)).to_contain_text("enregistré")
    return list(InterventionRequest.objects.get().lines.order_by("position").select_related("product"))


def paste(page: Page, text: str) -> None:
    """Paste into the article of the last row, which is empty."""
    page.locator("[data-add=article]").click()
    page.evaluate(
        """text => {
          const data = new DataTransfer();
          data.setData('text/plain', text);
          document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def opened(page: Page, login: Login, world: World) -> InterventionRequest:
    di = world.intervention(item(1))
    login(page, world.planner).goto(address(di))
    tab(page, "billing")
    return di


def test_keyboard_alone_writes_two_lines(page: Page, login: Login, world: World) -> None:
    """« code*2 » gives the quantity; Enter goes to the quantity, then on to a row of its own."""
    ProductFactory(code="tube_80", name="Tube", unit_price=Decimal("12.5"))
    opened(page, login, world)
    page.locator("#id_lines-0-quantity").focus()
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    page.keyboard.type("tube_80*2,5")
    page.keyboard.press("Enter")
    expect(page.locator("#id_lines-1-quantity")).to_be_focused()
    expect(page.locator("#id_lines-1-quantity")).to_have_value("2,5")
    expect(page.locator("#id_lines-1-unit_price")).to_have_value("12,50")
    expect(rows(page).nth(1).locator("[data-net]")).to_have_text("31,25")

    lines = save(page)

    assert [(line.product.code, line.quantity) for line in lines if line.product] == [
        ("ram_pose", Decimal(1)),
        ("tube_80", Decimal("2.5")),
    ]


def test_arrows_move_copy_and_order_rows(page: Page, login: Login, world: World) -> None:
    opened(page, login, world)
    quantity = page.locator("#id_lines-0-quantity")
    quantity.fill("7")
    page.keyboard.press("Control+d")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#id_lines-1-quantity")).to_be_focused()
    expect(page.locator("#id_lines-1-quantity")).to_have_value("7")
    page.keyboard.type("8")
    page.keyboard.press("ArrowUp")
    expect(quantity).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#id_lines-1-quantity")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#id_lines-1-quantity")).to_be_focused()

    lines = save(page)

    assert [line.quantity for line in lines] == [Decimal(8), Decimal(7)]
    assert {line.product.code for line in lines if line.product} == {"ram_pose"}
    assert [line.unit_price for line in lines] == [lines[0].unit_price] * 2


def test_pasted_codes_and_quantities_become_lines_unknown_ones_notes(page: Page, login: Login, world: World) -> None:
    ProductFactory(code="tube_80", name="Tube", unit_price=Decimal("12.5"))
    opened(page, login, world)
    paste(page, "tube_80\t2,5\r\nINCONNU\t4\r\nRAM_POSE\t1\r\n")
    expect(rows(page)).to_have_count(4)
    expect(page.locator(".of-line.is-unknown textarea.of-label")).to_have_value("INCONNU · 4")

    lines = save(page)

    assert [(line.kind, line.product.code if line.product else line.label, line.quantity) for line in lines] == [
        ("article", "ram_pose", Decimal(1)),
        ("article", "tube_80", Decimal("2.5")),
        ("note", "INCONNU · 4", Decimal(0)),
        ("article", "ram_pose", Decimal(1)),
    ]


def test_pasted_head_names_the_columns(page: Page, login: Login, world: World) -> None:
    ProductFactory(code="tube_80", name="Tube", unit_price=Decimal("12.5"))
    opened(page, login, world)
    paste(
        page, "Qté\tDésignation\tCode\tPrix unitaire\tRemise\tTVA\n3\tTube noir\ttube_80\t1\u202f010,50 €\t10 %\t10 %\n"
    )
    expect(rows(page)).to_have_count(2)
    expect(page.locator(".of-lines")).to_have_class("of-lines has-discount")

    line = save(page)[1]

    assert (line.label, line.quantity, line.unit_price, line.discount) == (
        "Tube noir",
        Decimal(3),
        Decimal("1010.5"),
        Decimal(10),
    )
    assert line.tax is not None
    assert line.tax.rate == Decimal(10)


def test_more_than_200_rows_are_refused_whole(page: Page, login: Login, world: World) -> None:
    opened(page, login, world)
    paste(page, "ram_pose\t1\n" * 201)
    expect(page.locator("dialog.of-modal .of-refusal")).to_contain_text("201 lignes collées : 200 au plus")
    page.locator("dialog.of-modal [data-close]").click()
    expect(rows(page)).to_have_count(2)
    paste(page, "ram_pose\t1\n" * 200)
    expect(rows(page)).to_have_count(202)


def test_network_gone_while_pasting_adds_nothing(
    page: Page, login: Login, world: World, page_errors: list[str]
) -> None:
    opened(page, login, world)
    page.route("**/line-defaults/**", lambda route: route.abort())
    paste(page, "ram_pose\t1\nram_pose\t2\n")
    expect(page.locator("dialog.of-modal .of-refusal")).to_contain_text("rien n'est ajouté")
    expect(rows(page)).to_have_count(2)
    page_errors.clear()  # Chromium notes the lost request
