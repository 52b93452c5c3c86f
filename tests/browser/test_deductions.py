"""A price with tax and a fixed deduction, as one types them on a DI."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, expect

from tests.browser.test_first_road import footer, save, tab
from tests.factories import World, item, make_world
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def test_price_with_tax_and_deduction_are_typed_and_saved(page: Page, login: Login, world: World) -> None:
    intervention = world.intervention(item(1), code="VEN-10")
    login(page, world.planner).goto(address(intervention))
    tab(page, "billing")
    expect(page.locator("#lines-price-help")).to_have_text(
        "Prix unitaire : HT, ou TTC en tapant « 120 ttc ». Remise fixe ou prime : un prix négatif, « -150 »."
    )

    page.locator("#id_lines-0-unit_price").fill("150 ttc")
    expect(footer(page)).to_contain_text(re.compile(r"150,00"))
    page.locator("[data-add=article]").click()
    page.locator("#id_lines-1-label").fill("Remise de bienvenue")
    page.locator("#id_lines-1-unit_price").fill("-50")
    page.locator("#id_lines-1-tax").select_option(label="10 % · TVA collectée (vente)")
    expect(footer(page)).to_contain_text(re.compile(r"95,00"))
    save(page)

    expect(page.locator("body")).to_contain_text(f"{intervention} : enregistré.")
    tab(page, "billing")
    expect(page.locator("#id_lines-0-unit_price")).to_have_value("136,3636")
    expect(page.locator("#id_lines-1-unit_price")).to_have_value("-50,00")
    assert [(line.unit_price, line.label) for line in intervention.lines.all()] == [
        (Decimal("136.3636"), "[ram_pose] Forfait Pose"),
        (Decimal(-50), "Remise de bienvenue"),
    ]
    intervention.refresh_from_db()
    assert intervention.totals.gross == Decimal("95.00")


def test_total_below_zero_is_said_over_the_form_that_keeps_what_was_typed(
    page: Page, login: Login, world: World
) -> None:
    intervention = world.intervention(item(1), item(1, price="-50"), code="VEN-10")
    login(page, world.planner).goto(address(intervention))
    tab(page, "billing")

    page.locator("#id_lines-1-unit_price").fill("-200 ttc")
    save(page)

    expect(page.locator("body")).to_contain_text("le total serait de -7,50 € TTC, et un total n'est jamais négatif.")
    expect(page.locator("#id_lines-1-unit_price")).to_have_value("-200 ttc")
    assert intervention.lines.get(position=2).unit_price == Decimal(-50)
