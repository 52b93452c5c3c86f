"""From the DI to the RDV to the invoice at a desk; and a technician's visit on a phone, billed by the office."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page, expect

from appointments.models import Appointment
from appointments.services.lines import add_part
from appointments.services.planning import propose_slot
from appointments.services.saving import appoint
from appointments.services.states import confirm_appointment
from interventions.models import InterventionRequest
from invoicing.models import Invoice
from tests.browser.test_first_road import smart
from tests.factories import ProductFactory, World, make_world
from tests.factories.appointments import technician


def _page(document: Any) -> str:
    meta = document._meta
    return f"/admin/{meta.app_label}/{meta.model_name}/{document.pk}/change/"


def _act(page: Page, label: str) -> None:
    page.get_by_role("button", name="Action").click()
    page.locator(".of-menu-list a", has_text=re.compile(f"^\\S*{label}$")).click()
    page.locator("dialog [data-once]").click()


def _intervention(world: World) -> InterventionRequest:
    today = timezone.localdate()
    return world.intervention(to_on=today + timedelta(days=20))


def test_intervention_to_appointment_to_invoice(page: Page, login: Callable[..., None], transactional_db: None) -> None:
    world = make_world()
    technician(world, name="Maëva Quéré")
    intervention = _intervention(world)
    login(page, world.accountant)

    page.goto(_page(intervention))
    _act(page, "Générer le RDV")
    made = smart(page, "RDVs Tech")
    expect(made.locator("b")).to_have_text("1")
    made.click()
    expect(page.locator(".of-status .is-current")).to_have_text("Brouillon")

    page.locator(".of-primary a", has_text="Confirmer").click()  # at once: it can be undone
    expect(page.locator(".of-status .is-current")).to_have_text("Confirmé")

    _act(page, "Générer les factures")
    counter = smart(page, "Factures")
    expect(counter.locator("b")).to_have_text("1")
    page.goto(_page(intervention))
    expect(smart(page, "Factures").locator("b")).to_have_text("1")

    invoice = Invoice.objects.get()
    assert (invoice.state, invoice.gross.amount) == ("draft", Decimal("184.62"))


def test_what_is_typed_on_the_phone_is_there_after_a_link_until_it_is_sent(
    phone: Page, login: Callable[..., None], transactional_db: None
) -> None:
    world = make_world()
    me = technician(world, name="Tugdual Rivoal", user=world.technician)
    intervention = _intervention(world)
    slot = propose_slot(intervention, not_before=timezone.localtime() + timedelta(days=1))
    assert slot is not None
    rdv = appoint(intervention, technicians=[me], starts_at=slot.starts_at, on=world.today, by=world.planner)
    rdv = confirm_appointment(rdv, by=world.planner)
    login(phone, world.technician)
    report, reason = phone.get_by_label("Compte rendu"), phone.get_by_label("Pourquoi n'est-ce pas fini ?")

    phone.goto(f"/mobile/appointments/{rdv.pk}/")
    report.fill("Joint usé,\nbougie noire.")
    phone.get_by_text("Inachevé…").click()
    reason.fill("Pièce à commander")
    with phone.expect_navigation():
        phone.get_by_role("link", name="Semaine").click()
    phone.goto(f"/mobile/appointments/{rdv.pk}/")
    expect(report).to_have_value("Joint usé,\nbougie noire.")
    expect(reason).to_have_value("Pièce à commander")
    expect(reason).to_be_visible()

    with phone.expect_navigation():
        phone.get_by_role("button", name="Enregistrer sans terminer").click()
    expect(report).to_have_value("Joint usé,\nbougie noire.")
    assert phone.evaluate("Object.keys(localStorage)") == []

    report.fill("Encore autre chose.")
    Appointment.objects.update(report="Écrit par un collègue.")
    phone.reload()
    expect(report).to_have_value("Écrit par un collègue.\nEncore autre chose.")

    with phone.expect_navigation():
        phone.get_by_role("button", name="Réalisé").click()
    with phone.expect_navigation():
        phone.get_by_role("button", name="Oui, c'est réalisé").click()
    expect(phone.get_by_text("Encore autre chose.")).to_be_visible()
    assert phone.evaluate("Object.keys(localStorage)") == []


def test_quantities_typed_on_the_phone_stay_until_they_are_saved_and_enter_removes_nothing(
    phone: Page, login: Callable[..., None], transactional_db: None
) -> None:
    world = make_world()
    me = technician(world, name="Tugdual Rivoal", user=world.technician)
    intervention = _intervention(world)
    slot = propose_slot(intervention, not_before=timezone.localtime() + timedelta(days=1))
    assert slot is not None
    rdv = appoint(
        intervention,
        technicians=[me],
        starts_at=slot.starts_at,
        duration=Decimal(20),
        on=world.today,
        by=world.planner,
    )
    rdv = confirm_appointment(rdv, by=world.planner)
    bougie = ProductFactory(
        code="bougie", name="Bougie d'allumage, longue, à culot vissé et joint", unit_price=Decimal(64)
    )
    add_part(rdv, product=bougie, quantity=Decimal(2), on=world.today, by=world.technician)
    login(phone, world.technician)
    planned = phone.locator("#lines").get_by_label("Forfait Pose")

    phone.goto(f"/mobile/appointments/{rdv.pk}/")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    heights = [
        phone.locator(f"#lines {name}").last.bounding_box() for name in ("input:not([type=hidden])", "[name=remove]")
    ]
    assert all(box is not None and box["height"] >= 44 for box in heights)
    planned.fill("3")
    with phone.expect_navigation():
        phone.get_by_role("link", name="Semaine").click()
    phone.goto(f"/mobile/appointments/{rdv.pk}/")
    expect(planned).to_have_value("3")
    with phone.expect_navigation():
        planned.press("Enter")
    expect(phone.get_by_text("Quantités enregistrées.")).to_be_visible()
    expect(planned.first).to_have_value("1")
    assert phone.evaluate("Object.keys(localStorage)") == []
    assert [line.quantity for line in rdv.lines.order_by("pk")] == [1, 2, 2]
    assert [line.on_site for line in rdv.lines.order_by("pk")] == [False, True, True]
    phone.reload()
    with phone.expect_navigation():
        phone.get_by_role("button", name="Retirer [bougie]").click()
    assert [line.quantity for line in rdv.lines.order_by("pk")] == [1, 2]


def test_technician_on_the_phone_and_the_office_bills(
    phone: Page, page: Page, login: Callable[..., None], transactional_db: None
) -> None:
    world = make_world()
    me = technician(world, name="Tugdual Rivoal", user=world.technician)
    ProductFactory(code="bougie", name="Bougie d'allumage", unit_price=Decimal(64))
    intervention = _intervention(world)
    # Never today, whatever day it is: the page asks whether it is really done.
    slot = propose_slot(intervention, not_before=timezone.localtime() + timedelta(days=1))
    assert slot is not None
    rdv = appoint(intervention, technicians=[me], starts_at=slot.starts_at, on=world.today, by=world.planner)
    rdv = confirm_appointment(rdv, by=world.planner)
    world.technician.set_password("chaleur35")
    world.technician.save()

    phone.goto("/mobile/")
    phone.get_by_label("Identifiant").fill(world.technician.username)
    phone.get_by_label("Mot de passe").fill("chaleur35")
    with phone.expect_navigation():
        phone.get_by_role("button", name="Se connecter").click()
    phone.goto(f"/mobile/?on={timezone.localtime(rdv.starts_at):%Y-%m-%d}")
    with phone.expect_navigation():
        phone.get_by_text("Aubry Maëlle").click()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.get_by_label("Compte rendu").fill("Conduit propre.")
    phone.get_by_label("Choisir des photos").set_input_files(
        {"name": "conduit.jpg", "mimeType": "image/jpeg", "buffer": b"photo"}
    )
    phone.get_by_role("button", name="Joindre").click()
    expect(phone.locator("#photos li")).to_have_text("conduit.jpg")
    expect(phone.get_by_label("Compte rendu")).to_have_value("Conduit propre.")
    phone.get_by_label("Compte rendu").fill("Conduit propre, joint usé.")
    phone.get_by_role("button", name="Ajouter un article").click()
    phone.get_by_placeholder("Code ou nom").fill("bougie")
    phone.get_by_role("button", name="Chercher").click()
    phone.get_by_label("Quantité de Bougie d'allumage").fill("2,5")
    phone.get_by_role("button", name="Ajouter Bougie d'allumage").click()
    expect(phone.get_by_role("textbox", name="Bougie d'allumage")).to_have_value("2,5")
    expect(phone.get_by_label("Compte rendu")).to_have_value("Conduit propre, joint usé.")
    phone.get_by_label("Compte rendu").fill("Tirage vérifié.")
    phone.get_by_role("button", name="Réalisé").click()
    phone.get_by_role("button", name="Oui, c'est réalisé").click()
    expect(phone.get_by_text("Réalisé : le bureau est prévenu.")).to_be_visible()

    login(page, world.biller)
    page.goto(_page(rdv))
    expect(page.locator(".of-status .is-current")).to_have_text("Réalisé")
    page.locator(".of-primary a", has_text="Générer les factures").click()
    page.locator("dialog [data-once]").click()
    expect(smart(page, "Factures").locator("b")).to_have_text("1")
    assert [line.net for line in Invoice.objects.get().lines.all()] == [Decimal("175.00"), Decimal("160.00")]
    assert Appointment.objects.get().report == "Tirage vérifié."
