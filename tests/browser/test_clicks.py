"""How many clicks the usual work takes, on the fastest honest way with the mouse.

A click is a press of the mouse, a choice in a list and a button of a dialog included; typing, Tab and Enter are not.
"""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser, User
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from appointments.models import Appointment
from contracts.models import Contract
from interventions.models import InterventionRequest
from invoicing.models import Invoice, PartnerTerms
from tests.browser.fields import choice, highlighted, toasts, type_customer
from tests.factories import World, item, make_world, position
from tests.factories.appointments import technician
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]
DIALOG = "dialog.of-modal"


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


class Mouse:
    """Counts the presses."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, target: str | Locator) -> None:
        place = self.page.locator(target) if isinstance(target, str) else target
        place.click()
        self.clicks += 1

    def leave_by(self, target: str | Locator) -> None:
        """Click, and wait for the page that comes."""
        with self.page.expect_navigation():
            self.click(target)

    def choose(self, text: str) -> None:
        """Type on the box in focus, then press what is found."""
        self.page.keyboard.type(text)
        self.click(highlighted(self.page).filter(has_text=text))

    def select(self, css: str, label: str) -> None:
        """A list of the browser: opened, then chosen in."""
        self.page.locator(css).select_option(label=label)
        self.clicks += 2

    def act(self, label: str) -> None:
        """Action › the act: its dialog is open."""
        self.click(".of-menu-button")
        self.click(self.page.locator(".of-menu-list a", has_text=re.compile(rf"{label}\s*$")))

    def press(self, label: str) -> None:
        """A button of the header: its dialog is open."""
        self.click(self.page.locator(".of-primary a", has_text=re.compile(rf"{label}\s*$")))

    def confirm(self) -> None:
        self.leave_by(f"{DIALOG} [data-once]")

    def confirm_and_open(self) -> None:
        self.leave_by(f"{DIALOG} [data-opens]")


def test_known_customer_to_a_draft_invoice_in_eight_clicks(page: Page, login: Login, world: World) -> None:
    PartnerTerms.objects.create(partner=world.customer, fiscal_position=position("VEN-5.5"))
    login(page, world.users["Gestionnaire"]).goto("/admin/")
    mouse = Mouse(page)

    mouse.leave_by(page.get_by_role("link", name="Nouvelle DI").first)
    mouse.choose("Aubry")
    mouse.select("#id_task", "Dépannage")
    choice(page, "lines-0-product").focus()  # by Tab
    mouse.choose("ram_pose")
    expect(page.locator("#id_lines-0-unit_price")).to_have_value("175,00")
    mouse.leave_by(page.get_by_role("button", name="Enregistrer et valider"))
    expect(page.locator(".of-status .is-current")).to_have_text("À planifier")
    mouse.click(page.locator(".of-primary a", has_text="Facturer"))
    mouse.leave_by(f"{DIALOG} [data-once]")

    expect(toasts(page)).to_contain_text("Facture en brouillon")
    assert (Invoice.objects.get().net.amount, mouse.clicks) == (175, 8)


def test_quote_accepted_billed_posted_and_printed_in_ten_clicks(page: Page, login: Login, world: World) -> None:
    login(page, world.manager).goto(address(world.intervention(item(1, price=175))))
    mouse = Mouse(page)

    mouse.act("Générer le devis")
    mouse.confirm_and_open()
    mouse.press("Marquer accepté")
    mouse.confirm()
    expect(page.locator(".of-status .is-current")).to_have_text("Accepté")
    mouse.press("Générer la facture")
    mouse.confirm_and_open()
    mouse.press("Valider")
    mouse.confirm()
    button = page.locator(".of-smart a", has_text="PDF")
    with page.expect_popup():
        mouse.click(button)

    paper = page.request.get(str(button.get_attribute("href")))
    assert (paper.status, paper.headers["content-type"]) == (200, "application/pdf")
    assert (Invoice.objects.get().state, mouse.clicks) == ("posted", 10)


def test_appointment_done_and_billed_in_seven_clicks(page: Page, login: Login, world: World) -> None:
    technician(world)
    login(page, world.manager).goto(address(world.intervention(item(1, price=175))))
    mouse = Mouse(page)

    mouse.press("Planifier")
    mouse.confirm_and_open()
    mouse.leave_by(page.locator(".of-primary a", has_text="Confirmer"))
    mouse.press("Marquer réalisé")
    mouse.confirm()
    mouse.press("Générer les factures")
    mouse.confirm_and_open()

    assert Appointment.objects.get().state == "done"
    assert (Invoice.objects.get().net.amount, mouse.clicks) == (175, 7)


def test_new_customer_and_his_di_in_six_clicks(page: Page, login: Login, world: World) -> None:
    login(page, world.planner).goto("/admin/")
    mouse = Mouse(page)

    mouse.leave_by(page.get_by_role("link", name="Nouvelle DI").first)
    page.keyboard.type("Goldman")
    mouse.click(highlighted(page).filter(has_text="Créer « Goldman »"))
    type_customer(page)
    mouse.click(f"{DIALOG} [data-once]")
    expect(choice(page, "address")).to_have_value("3 rue de la Forge, 35235 Thorigné-Fouillard")
    mouse.select("#id_task", "Dépannage")
    mouse.leave_by(page.get_by_role("button", name="Enregistrer et valider"))

    expect(page.locator(".of-status .is-current")).to_have_text("À planifier")
    di = InterventionRequest.objects.get()
    assert (di.partner.name, di.partner.email, di.address.city, mouse.clicks) == (
        "Goldman",
        "goldman@exemple.example",
        "Thorigné-Fouillard",
        6,
    )


def test_contract_active_and_billed_in_thirteen_clicks(page: Page, login: Login, world: World) -> None:
    PartnerTerms.objects.create(partner=world.customer, fiscal_position=position("VEN-5.5"))
    login(page, world.manager).goto("/admin/")
    mouse = Mouse(page)

    mouse.leave_by(page.get_by_role("link", name="Contrats", exact=True))
    mouse.leave_by(page.get_by_role("link", name="Nouveau contrat"))
    mouse.choose("Aubry")
    page.locator("#id_start_on").fill(timezone.localdate().replace(day=1).strftime("%d/%m/%Y"))
    mouse.leave_by(page.get_by_role("button", name="Enregistrer et ajouter une ligne"))
    choice(page, "articles-0-product").focus()  # by Tab
    mouse.choose("ram_pose")
    expect(page.locator("#id_articles-0-unit_price")).to_have_value("175,00")
    mouse.click("[data-tab=planning]")
    choice(page, "task").focus()  # by Tab
    mouse.choose("Dépannage")
    page.locator("#id_repeat").fill("1")
    mouse.click("[name=visit_months][value='6']")
    mouse.leave_by(page.get_by_role("button", name="Enregistrer et revenir au contrat"))
    mouse.press("Activer")
    mouse.confirm()
    mouse.press("Facturer")
    mouse.confirm()

    assert (Contract.objects.get().reference, Invoice.objects.get().net.amount) == ("CONT/000001", 175)
    assert mouse.clicks == 13


def test_empty_firm_to_its_first_posted_invoice_in_thirteen_clicks(
    page: Page, login: Login, transactional_db: None
) -> None:
    """Reference data and one user, no more: what « Put it to work » of the README leaves."""
    call_command("load_reference_data", verbosity=0)
    login(page, User.objects.create_superuser("ouverture")).goto("/admin/")
    mouse = Mouse(page)

    mouse.leave_by(page.get_by_role("link", name="Étape suivante"))
    for name, text in {
        "name": "Flammes d'Armor",
        "street": "1 rue du Four",
        "zip": "35000",
        "city": "Rennes",
        "siret": "73282932000074",
    }.items():
        page.locator(f"#id_{name}").fill(text)
    mouse.leave_by("[name=_save]")

    mouse.leave_by(page.get_by_role("link", name="Factures", exact=True))
    mouse.leave_by(page.get_by_role("link", name="Nouvelle facture"))
    page.keyboard.type("Goldman")
    mouse.click(highlighted(page).filter(has_text="Créer « Goldman »"))
    type_customer(page)
    mouse.click(f"{DIALOG} [data-once]")
    expect(choice(page, "customer")).to_have_value("Goldman")
    mouse.select("#id_fiscal_position", "VEN-20")
    page.locator("#id_lines-0-label").fill("Pose d'un poêle")
    page.locator("#id_lines-0-unit_price").fill("1000")
    mouse.select("#id_lines-0-tax", page.locator("#id_lines-0-tax option", has_text="20 %").first.inner_text())
    mouse.leave_by("[name=_save]")
    mouse.press("Valider")
    mouse.confirm()

    invoice = Invoice.objects.get()
    assert (invoice.state, invoice.gross.amount) == ("posted", 1200)
    assert mouse.clicks == 13
