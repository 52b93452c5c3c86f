"""The first page of each role, search from anywhere, the customer's page, a list taken away, a purchase to its bill."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, expect

from invoicing.models import PurchaseOrder, SupplierBill, SupplierPayment
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER
from tests.browser.fields import choice
from tests.factories import PartnerFactory, ProductFactory, World, item, make_world
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def answer(page: Page, **typed: str) -> None:
    """Fill the dialog that is open and press its button."""
    dialog = page.locator("dialog.of-modal")
    expect(dialog).to_be_visible()
    for name, value in typed.items():
        dialog.locator(f"[name=act-{name}]").fill(value)
    with page.expect_navigation():
        dialog.locator("[data-once]").click()


def press(page: Page, label: str, **typed: str) -> None:
    page.locator(".of-primary a", has_text=label).click()
    answer(page, **typed)


def do(page: Page, act: str, **typed: str) -> None:
    page.locator(".of-menu-button").click()
    page.locator(".of-menu-list a", has_text=re.compile(rf"{act}\s*$")).click()
    answer(page, **typed)


def counter(page: Page, label: str, count: int) -> None:
    button = page.locator(".of-smart a", has=page.get_by_text(label, exact=True))
    expect(button.locator("b")).to_have_text(str(count))


@pytest.mark.parametrize(
    ("role", "sees", "not_for_it"),
    [
        (PLANNER, "DI à planifier", "Facturé HT"),
        (BILLING, "À traiter", "À encaisser"),
        (ACCOUNTANT, "Brouillon à valider", "Premiers pas"),
        (MANAGER, "Premiers pas", "Rien ne vous est confié"),
    ],
)
def test_first_page_of_each_role(page: Page, world: World, login: Login, role: str, sees: str, not_for_it: str) -> None:
    world.draft()
    login(page, world.users[role]).goto("/admin/")
    expect(page.locator("#content, main").first).to_contain_text(sees)
    expect(page.locator("#content, main").first).not_to_contain_text(not_for_it)


def test_search_opens_the_customer_and_his_whole_page_begins_a_request(page: Page, world: World, login: Login) -> None:
    world.customer.name, world.customer.phone = "Madame Guivarc'h", "02 99 41 52 63"
    world.customer.save()
    world.posted()
    login(page, world.accountant).goto("/admin/")
    page.keyboard.press("Control+k")
    page.locator("#search-input-command").press_sequentially("0299415263")
    page.locator("a", has_text="Guivarc'h").first.click()

    expect(page).to_have_url(re.compile(address(world.customer, "change")))
    expect(page.locator(".of-smart a", has_text="Solde dû").locator("b")).to_have_text(re.compile(r"184,62\s€"))
    counter(page, "DI", 1)
    counter(page, "Factures", 1)
    page.locator(".of-primary a", has_text="Nouvelle DI").click()
    expect(choice(page, "partner")).to_have_value("Madame Guivarc'h")


def test_list_is_taken_away_as_it_is_filtered(page: Page, world: World, login: Login) -> None:
    draft, posted = world.draft(), world.posted()
    login(page, world.accountant).goto(f"/admin/invoicing/invoice/?q={posted.number}")
    with page.expect_download() as taken:
        page.locator(".of-list-tools a", has_text="CSV").click()
    rows = taken.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert posted.number in rows[1]
    assert [row for row in rows if str(draft) in row] == []


def test_from_a_request_to_the_suppliers_bill_paid(page: Page, world: World, login: Login) -> None:
    supplier = PartnerFactory(name="Fonderie Fictive")
    ProductFactory(code="poele", name="Poêle", kind="goods", supplier=supplier, purchase_price=Decimal("2100.00"))
    intervention = world.intervention(item(2, code="poele"), item(1))
    login(page, world.accountant).goto(address(intervention, "change"))
    do(page, "Générer la commande fournisseur")
    expect(page.locator("body")).to_contain_text("pas de fournisseur")
    counter(page, "Achats", 1)

    order = PurchaseOrder.objects.get()
    page.goto(address(order, "change"))
    do(page, "Marquer comme envoyée")
    press(page, "Confirmée par le fournisseur")
    press(page, "Réception")
    press(page, "Enregistrer la facture", number="FF-2026-17")
    bill = SupplierBill.objects.get()
    page.goto(address(bill, "change"))
    press(page, "Bonne à payer")
    press(page, "Enregistrer un paiement")
    bill.refresh_from_db()
    assert (bill.number, bill.supplier, bill.net.amount) == ("FF-2026-17", supplier, Decimal("4200.00"))
    assert SupplierPayment.objects.get().amount == bill.net.amount + bill.tax.amount
    page.goto(address(intervention, "change"))
    counter(page, "Achats", 1)
    counter(page, "Factures fourn.", 1)
