"""From a new DI to a posted invoice, its PDF and its credit, as one does it with a mouse and a keyboard."""

import re
from collections.abc import Callable
from io import BytesIO

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pypdf import PdfReader

from interventions.models import InterventionRequest
from invoicing.models import Invoice
from tests.browser.fields import choose, show_discounts
from tests.factories import World, make_world

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def tab(page: Page, slug: str) -> None:
    page.locator(f"[data-tab={slug}]").click()


def answer(page: Page) -> None:
    """Press the button of the dialog that is open."""
    dialog = page.locator("dialog.of-modal")
    expect(dialog).to_be_visible()
    with page.expect_navigation():
        dialog.locator("[data-once]").click()


def do(page: Page, act: str) -> None:
    """Action › the act, then confirm."""
    page.locator(".of-menu-button").click()
    page.locator(".of-menu-list a", has_text=re.compile(rf"{act}\s*$")).click()
    answer(page)


def press(page: Page, label: str) -> None:
    """A button of the header, then confirm unless it acts at once."""
    button = page.locator(".of-primary a", has_text=label)
    if button.get_attribute("data-direct") is None:
        button.click()
        answer(page)
        return
    with page.expect_navigation():
        button.click()


def footer(page: Page) -> Locator:
    return page.locator("[data-footer]")


def totals(page: Page, net: str, tax: str, gross: str) -> None:
    """What the foot of the lines says, now or soon."""
    expect(footer(page).locator("[data-total=net]")).to_have_text(re.compile(rf"^{net}\s€$"))
    expect(footer(page).locator("[data-tax]")).to_have_text(re.compile(rf"^{tax}\s€$"))
    expect(footer(page).locator("[data-total=gross]")).to_have_text(re.compile(rf"^{gross}\s€$"))


def smart(page: Page, label: str) -> Locator:
    return page.locator(".of-smart a", has=page.get_by_text(label, exact=True))


def paper(page: Page) -> str:
    """The text of the document's PDF, fetched as the browser would."""
    address = smart(page, "PDF").get_attribute("href")
    assert address is not None
    found = page.request.get(address)
    assert found.headers["content-type"] == "application/pdf"
    return "\n".join(sheet.extract_text() for sheet in PdfReader(BytesIO(found.body())).pages)


def new_intervention(page: Page, *, article: str = "ram_pose") -> None:
    """A new DI for the customer: task, article, fiscal position; not saved yet."""
    page.goto("/admin/interventions/interventionrequest/add/")
    choose(page, "partner", "Aubry")
    page.locator("#id_task").select_option(label="Dépannage")
    tab(page, "billing")
    page.locator("#id_fiscal_position").select_option(label="VEN-5.5")
    choose(page, "lines-0-product", article)
    expect(page.locator("#id_lines-0-unit_price")).to_have_value("175,00")


def save(page: Page) -> None:
    """Press « Enregistrer », and wait for the page that answers: the form leaves once its session is known to be open."""
    with page.expect_navigation():
        page.locator("[name=_save]").click()


def test_from_a_new_intervention_to_a_posted_invoice_and_its_credit(page: Page, login: Login, world: World) -> None:
    login(page, world.accountant)
    new_intervention(page)
    expect(page.locator("#id_lines-0-label")).to_have_value("[ram_pose] Forfait Pose")
    expect(page.locator("#id_lines-0-quantity")).to_have_value("1")
    totals(page, "175,00", "9,62", "184,62")

    save(page)
    expect(page.locator(".of-status .is-current")).to_have_text("Brouillon")
    press(page, "Valider")
    expect(page.locator(".of-status .is-current")).to_have_text("À planifier")
    do(page, "Générer la facture")

    expect(smart(page, "Factures").locator("b")).to_have_text("1")
    smart(page, "Factures").click()
    page.wait_for_url(re.compile(r"/invoicing/invoice/\d+/change/"))
    totals(page, "175,00", "9,62", "184,62")

    press(page, "Valider")
    number = f"FA{timezone.localdate().year}-00001"
    expect(page.locator("body")).to_contain_text(number)
    text = paper(page)
    assert number in text
    assert "184,62" in text

    do(page, "Avoir")
    expect(smart(page, "Avoirs").locator("b")).to_have_text("1")
    smart(page, "DI").click()
    page.wait_for_url(re.compile(r"/interventionrequest/\d+/change/"))
    tab(page, "billing")
    expect(page.locator(".of-line .of-badge")).to_have_text("à facturer")

    do(page, "Générer la facture")
    expect(smart(page, "Factures").locator("b")).to_have_text("2")
    expect(page.locator(".of-line .of-badge")).to_have_text("facturée")


def test_intervention_quote_accepted_invoice_keep_the_discount(page: Page, login: Login, world: World) -> None:
    login(page, world.biller)
    new_intervention(page)
    show_discounts(page)
    page.locator("#id_lines-0-discount").fill("10")
    totals(page, "157,50", "8,66", "166,16")
    save(page)
    press(page, "Valider")

    do(page, "Générer le devis")
    smart(page, "Ventes").click()
    page.wait_for_url(re.compile(r"/invoicing/quote/\d+/change/"))
    expect(page.locator("#id_lines-0-discount")).to_have_value("10")
    totals(page, "157,50", "8,66", "166,16")
    assert "166,16" in paper(page)

    do(page, "Marquer comme envoyé")
    press(page, "Marquer accepté")
    expect(page.locator(".of-status .is-current")).to_have_text("Accepté")
    press(page, "Générer la facture")
    smart(page, "Factures").click()
    page.wait_for_url(re.compile(r"/invoicing/invoice/\d+/change/"))

    expect(page.locator("#id_lines-0-discount")).to_have_value("10")
    totals(page, "157,50", "8,66", "166,16")
    assert Invoice.objects.get().lines.get().discount == 10


def test_amounts_follow_what_is_typed(page: Page, login: Login, world: World) -> None:
    login(page, world.planner)
    new_intervention(page)

    page.locator("#id_lines-0-quantity").fill("12,5")
    totals(page, r"2\s187,50", "120,31", r"2\s307,81")
    page.locator("#id_lines-0-quantity").fill("1")
    page.locator("#id_lines-0-unit_price").fill("185")
    totals(page, "185,00", "10,18", "195,18")
    page.locator("#id_fiscal_position").select_option(label="VEN-10")
    totals(page, "185,00", "18,50", "203,50")
    page.locator("#id_fiscal_position").select_option(label="VEN-5.5")
    totals(page, "185,00", "10,18", "195,18")

    page.locator("#id_lines-0-quantity").fill("12,5")
    save(page)
    tab(page, "billing")
    expect(page.locator("#id_lines-0-quantity")).to_have_value("12,5")
    assert InterventionRequest.objects.get().lines.get().quantity * 2 == 25


def test_enter_adds_a_line_and_the_bin_takes_it_away(page: Page, login: Login, world: World) -> None:
    login(page, world.planner)
    new_intervention(page)
    page.locator("#id_lines-0-quantity").press("Enter")
    choose(page, "lines-1-product", "ram_pose")
    totals(page, "350,00", "19,25", "369,25")

    page.locator("[data-row]").nth(1).locator("[data-remove]").click()
    totals(page, "175,00", "9,62", "184,62")
    save(page)

    assert InterventionRequest.objects.get().lines.count() == 1


def test_button_pressed_twice_does_it_once(page: Page, login: Login, world: World) -> None:
    intervention = world.intervention()
    login(page, world.biller)
    page.goto(f"/admin/interventions/interventionrequest/{intervention.pk}/change/")
    page.locator(".of-menu-button").click()
    page.locator(".of-menu-list a", has_text=re.compile(r"Générer la facture\s*$")).click()

    page.locator("dialog.of-modal [data-once]").dblclick()
    expect(smart(page, "Factures").locator("b")).to_have_text("1")

    assert Invoice.objects.count() == 1


def test_form_pressed_twice_makes_one_intervention(page: Page, login: Login, world: World) -> None:
    login(page, world.planner)
    new_intervention(page)

    page.locator("[name=_save]").dblclick()
    page.wait_for_url(re.compile(r"/interventionrequest/\d+/change/"))

    assert InterventionRequest.objects.count() == 1


def test_refusal_is_told_and_changes_nothing(page: Page, login: Login, world: World, page_errors: list[str]) -> None:
    intervention = world.intervention(code=None)
    login(page, world.biller)
    page.goto(f"/admin/interventions/interventionrequest/{intervention.pk}/change/")

    page.locator(".of-menu-button").click()
    page.locator(".of-menu-list a", has_text="Générer la facture").click()
    page.locator("dialog.of-modal [data-once]").click()

    expect(page.locator("dialog.of-modal .of-refusal")).to_have_text(
        "DI/000001 : pas de position fiscale. Remplissez le champ « Position fiscale »."
    )
    assert Invoice.objects.count() == 0
    page_errors.clear()  # Chromium notes the answer 409 as an error of the page
