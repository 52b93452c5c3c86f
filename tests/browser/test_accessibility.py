"""Pages used by keyboard or screen reader: axe-core's rules, light and dark; the frame by keyboard."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.urls import reverse
from playwright.sync_api import Page, expect

from appointments.models import Appointment, WorkingWeek
from contracts.models import BillingRun, Contract
from interventions.models import InstalledProduct, InterventionRequest, InterventionTemplate
from invoicing.models import Company, Invoice, Partner, Payment, Product, PurchaseOrder, Quote, SupplierBill
from tests.browser.fields import highlighted, open_fields
from tests.factories import World, make_world
from tests.factories.pages import address
from tests.office.subjects import one_of_each

Login = Callable[[Page, AbstractBaseUser], Page]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
LISTS = (InterventionRequest, Appointment, Quote, Invoice, Contract, BillingRun, Partner, Product, Payment)
FORMS = (*LISTS, WorkingWeek, InstalledProduct, InterventionTemplate, Company, PurchaseOrder, SupplierBill)
NEW = (InterventionRequest, Contract, Payment, Partner, WorkingWeek)


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def main_pages(world: World) -> list[str]:
    records = one_of_each(world)
    return [
        reverse("admin:index"),
        reverse("import_pages"),
        *(f"{reverse('planning:board')}?view={view}&from=2026-11-25" for view in ("day", "week", "month")),
        reverse("planning:card", args=[records[Appointment].pk]),
        *(address(model, "changelist") for model in LISTS),
        *(address(records[model]) for model in FORMS),
        *(address(model, "add") for model in NEW),
    ]


def violations(page: Page) -> list[Any]:
    """What breaks a rule on the page: (rule, element, reason)."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (rule["id"], node["html"][:160], node["failureSummary"])
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_main_pages_break_no_rule(page: Page, login: Login, world: World, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    login(page, world.manager)
    faults = {}
    for url in main_pages(world):
        page.goto(url)
        expect(page.locator("main#main")).to_be_visible()
        if found := violations(page):
            faults[url] = found
    assert faults == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_open_dialog_breaks_no_rule(page: Page, login: Login, world: World, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    login(page, world.manager).goto(address(world.posted(), "act", "credit"))
    assert violations(page) == []


def test_the_panel_that_creates_a_customer_breaks_no_rule(page: Page, login: Login, world: World) -> None:
    login(page, world.manager).goto(address(InterventionRequest, "add"))
    page.keyboard.type("Goldman")
    highlighted(page).filter(has_text="Créer « Goldman »").click()
    expect(page.locator("#id_act-phone")).to_be_focused()
    assert violations(page) == []


def test_the_frame_by_keyboard_alone(page: Page, login: Login, world: World) -> None:
    """The first Tab offers the way past the menu; menu, search and account open by Enter."""
    login(page, world.manager).goto("/admin/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()

    page.get_by_role("button", name="Rechercher").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.press("Escape")

    settings = page.get_by_role("button", name="Réglages")
    expect(settings).to_have_attribute("aria-expanded", "false")
    settings.focus()
    page.keyboard.press("Enter")
    expect(settings).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("link", name="Unités")).to_be_visible()

    account = page.locator("[aria-controls=account-links]")
    account.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sombre").focus()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_class("dark")
    page.keyboard.press("Escape")
    expect(account).to_be_focused()
    expect(account).to_have_attribute("aria-expanded", "false")


def test_the_menu_beside_a_box_by_keyboard(page: Page, login: Login, world: World) -> None:
    login(page, world.manager).goto(address(world.intervention()))
    open_fields(page)
    opener = page.locator(".of-field", has=page.locator("#id_partner")).locator(".of-related")
    opener.focus()
    page.keyboard.press("Enter")
    see = page.locator("#view_id_partner")
    expect(see).to_be_focused()
    assert str(see.get_attribute("href")).startswith(f"{address(world.customer)}?")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    expect(see).to_be_hidden()


def test_the_menu_of_a_narrow_page_by_keyboard(phone: Page, login: Login, world: World) -> None:
    login(phone, world.manager).goto("/admin/")
    menu = phone.get_by_role("button", name="Menu", exact=True)
    menu.focus()
    phone.keyboard.press("Enter")
    expect(menu).to_have_attribute("aria-expanded", "true")
    expect(phone.get_by_role("link", name="Devis", exact=True)).to_be_visible()
    phone.get_by_role("button", name="Fermer le menu").press("Enter")
    expect(menu).to_have_attribute("aria-expanded", "false")
