"""What a refusal shows: all faults at once, each at its field, the missing step, links to what it names."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import RequestFactory

from appointments.models import Appointment
from contracts.models import Contract
from interventions.models import InterventionRequest
from invoicing.models import Company, Invoice, Product, PurchaseOrder, Quote
from invoicing.services.documents.lines import Item
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER
from openfire_billing.web.refusals import shown_refusal
from tests.factories import CompanyFactory, World, item, nothing_changed, position, tax
from tests.factories.appointments import alone
from tests.factories.pages import address, errors_of, new_line, refusal, typed

_STEP = re.compile(r'<a class="of-button" href="([^"]+)"( data-dialog)?(?: data-target="([^"]+)")?>([^<]+)</a>')
_LINK = re.compile(r'<a class="of-link" href="([^"]+)">([^<]+)</a>')


def steps_of(response: Any) -> list[tuple[str, str]]:
    """(label, address) of the buttons under a refusal."""
    part = "".join(re.findall(r'<p class="of-steps">.*?</p>', response.content.decode(), re.DOTALL))
    return [(unescape(label), url) for url, _dialog, _target, label in _STEP.findall(part)]


def links_of(response: Any) -> list[tuple[str, str]]:
    """(text, address) of the documents under a refusal."""
    part = "".join(re.findall(r'<p class="of-steps">.*?</p>', response.content.decode(), re.DOTALL))
    return [(unescape(text), url) for url, text in _LINK.findall(part)]


@pytest.fixture
def unready(world: World) -> Invoice:
    """A draft that lacks four things: its position, an account, a SIREN, the SIRET of the seller."""
    draft = world.draft()
    Invoice.objects.filter(pk=draft.pk).update(fiscal_position=None)
    Product.objects.update(income_account="")
    type(world.customer).objects.filter(pk=world.customer.pk).update(kind="business", siren="")
    Company.objects.filter(pk=world.company.pk).update(siret="")
    draft.refresh_from_db()
    return draft


def faults_of(draft: Invoice, world: World) -> list[str]:
    return [
        f"{draft} : pas de position fiscale. Choisissez-la sur la facture.",
        f"{draft} : l'article « [ram_pose] Forfait Pose » n'a pas de compte de produit. Complétez sa fiche.",
        f"{draft} : « Aubry Maëlle » est un professionnel sans SIREN. Complétez sa fiche.",
        f"{draft} : complétez la fiche de la société Flammes d'Armor (SIRET).",
    ]


def test_all_that_keeps_a_draft_from_being_posted_is_said_as_its_dialog_opens(world: World, unready: Invoice) -> None:
    """Faults came one at a time, after the button was pressed."""
    office, product = world.office(MANAGER), Product.objects.get(code="ram_pose")

    with nothing_changed():
        question = office.get(address(unready, "act", "post"))

    assert [str(sentence) for sentence in question.context["refusal"].sentences] == faults_of(unready, world)
    assert steps_of(question) == [
        ("Remplir « Position fiscale »", f"{address(unready)}#id_fiscal_position"),
        ("Compléter l'article", f"{address(product)}#id_income_account"),
        ("Remplir le SIREN", f"{address(world.customer)}#id_siren"),
        ("Compléter la société", f"{address(world.company)}#id_siret"),
    ]
    assert (
        links_of(question) == []
    )  # the steps lead there    assert b"data-once" not in question.content  # the act is not offered


def test_a_step_that_the_user_may_not_take_is_no_button(world: World, unready: Invoice) -> None:
    question = world.office(ACCOUNTANT).get(address(unready, "act", "post"))

    assert [label for label, _url in steps_of(question)] == [
        "Remplir « Position fiscale »",
        "Compléter l'article",
        "Remplir le SIREN",
    ]


def test_the_dialog_sees_what_is_typed_and_not_saved_yet(world: World, unready: Invoice) -> None:
    office = world.office(MANAGER)
    fields = typed(office.open(unready), fiscal_position=position())

    with nothing_changed():
        question = office.open_act(unready, "post", fields)

    assert [str(sentence) for sentence in question.context["refusal"].sentences] == faults_of(unready, world)[1:]


def test_report_says_all_the_faults_of_each_document_and_how_to_mend_them(world: World, unready: Invoice) -> None:
    report = world.office(MANAGER).act_on_many([unready], "post", on=world.today)

    (outcome,) = report.context["outcomes"]
    assert [str(fault) for fault in outcome.error.faults] == faults_of(unready, world)
    assert [label for label, _url in steps_of(report)] == [
        "Remplir « Position fiscale »",
        "Compléter l'article",
        "Remplir le SIREN",
        "Compléter la société",
    ]


def test_faults_of_two_lines_come_together(world: World) -> None:
    """The first line without tax hid the second."""
    office, draft = world.office(), world.draft()
    fields = new_line(new_line(office.open(draft), label="Ramonage"), label="Bistre")

    with nothing_changed():
        page = office.send(draft, fields)

    assert refusal(page) == (
        "« Ramonage » : choisissez un article ou une TVA. « Bistre » : choisissez un article ou une TVA."
    )


def test_faults_of_a_form_stand_at_their_fields(world: World) -> None:
    """A quote typed without position and with an article without account: one at its field, the other with its link."""
    Product.objects.update(income_account="")
    office, product = world.office(), Product.objects.get(code="ram_pose")
    fields = typed(office.open(Quote), partner=world.customer, company=world.company, fiscal_position="")

    with nothing_changed():
        page = office.send(Quote, new_line(fields, product=product, unit_price="10,00"))

    errors = errors_of(page)
    assert errors["fiscal_position"] == ["Devis : pas de position fiscale. Remplissez le champ « Position fiscale »."]
    assert errors["__all__"] == [
        f"Devis : l'article « {product} » n'a pas de compte de produit. Complétez sa fiche (Répertoire › Articles)."
    ]
    assert ("Compléter l'article", f"{address(product)}#id_income_account") in steps_of(page)


def test_rdv_without_date_and_people_says_both(world: World) -> None:
    rdv = alone(world, starts_at=None)
    rdv.technicians.clear()

    answer = world.office(PLANNER).act(rdv, "confirm")

    assert [str(sentence) for sentence in answer.context["refusal"].sentences] == [
        f"{rdv} : choisissez une date avant de confirmer.",
        f"{rdv} : choisissez un intervenant avant de confirmer.",
    ]
    assert [url.split("#")[1] for _label, url in steps_of(answer)] == ["id_starts_at", "id_technicians"]


def test_expired_quote_that_was_sent_offers_to_be_prolonged_first(world: World) -> None:
    quote = world.quote()
    yesterday = world.today - timedelta(days=1)
    Quote.objects.filter(pk=quote.pk).update(state="sent", issued_on=yesterday, valid_until=yesterday)

    page = world.office().get(address(quote))

    assert [act["label"] for act in page.context["office_primary"]] == ["Prolonger", "Marquer refusé"]
    assert "Marquer accepté" not in [act["label"] for act in page.context["office_menu"]]


def test_what_is_billed_leads_to_its_invoices(world: World) -> None:
    intervention, office = world.intervention(), world.office(BILLING)
    office.act(intervention, "invoice")
    draft = Invoice.objects.get()

    answer = office.act(intervention, "invoice")

    assert refusal(answer) == f"{intervention} : tout est déjà facturé. Voyez ses factures."
    assert links_of(answer) == [(str(draft), address(draft))]


def test_what_is_quoted_leads_to_its_quote(world: World) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)

    answer = world.office(BILLING).act(intervention, "invoice")

    assert links_of(answer) == [(str(quote), address(quote))]


def test_di_that_is_not_validated_is_not_offered_to_be_billed(world: World) -> None:
    draft = world.intervention(is_validated=False)
    labels = [act["label"] for act in world.office(MANAGER).get(address(draft)).context["office_menu"]]
    assert "Générer la facture" not in labels
    report = world.office(MANAGER).act_on_many([draft], "invoice-many")
    assert ("Valider la DI", address(draft, "act", "validate")) in steps_of(report)


def test_order_without_line_is_not_offered_to_be_sent(world: World) -> None:
    order = PurchaseOrder.objects.create(
        company=world.company, supplier=world.customer, ordered_on=world.today, number="CF/000009"
    )

    question = world.office(MANAGER).get(address(order, "act", "send"))

    assert refusal(question) == f"{order} : aucune ligne. Ajoutez-en une avant d'envoyer la commande."
    assert steps_of(question) == [("Ajouter une ligne", f"{address(order)}#tab-lines")]
    assert b"data-once" not in question.content


# Marks of what must be filled


def label_of(page: Any, name: str) -> str:
    found = re.search(rf'<label[^>]*for="id_{name}(?:_0)?"[^>]*>(.*?)</label>', page.content.decode(), re.DOTALL)
    text = re.sub(r'<span class="text-red[^>]*>\*</span>', "", found[1]) if found else ""  # unfold's star, not shown
    return " ".join(unescape(re.sub("<[^>]+>", " ", text)).split())


@pytest.mark.parametrize(
    ("model", "field", "label"),
    [
        (Invoice, "customer", "Facturer à * obligatoire"),
        (Invoice, "fiscal_position", "Position fiscale * obligatoire pour facturer"),
        (Invoice, "billing_address", "Adresse de facturation * obligatoire pour valider"),
        (Quote, "fiscal_position", "Position fiscale * obligatoire pour facturer"),
        (InterventionRequest, "fiscal_position", "Position fiscale * obligatoire pour facturer"),
        (Appointment, "technicians", "Intervenants * obligatoire"),
        (Contract, "journal", "Journal * obligatoire pour activer"),
        (Product, "income_account", "Compte de produit * obligatoire pour facturer"),
        (Company, "siret", "SIRET * obligatoire pour facturer"),
        (Invoice, "purchase_order", "N° de commande du client"),
    ],
)
def test_what_must_be_filled_is_marked_for_the_eye_and_the_ear(
    world: World, model: Any, field: str, label: str
) -> None:
    page = world.office(MANAGER).get(address(model, "add"))

    assert label_of(page, field) == label
    box = re.search(rf'<(?:input|select|textarea)[^>]*name="{field}(?:_0)?"[^>]*>', page.content.decode())
    assert box is not None
    assert ('aria-required="true"' in box[0]) == ("*" in label)


def test_siren_is_asked_of_firms_alone(world: World) -> None:
    office = world.office(MANAGER)

    def marked() -> tuple[bool, bool]:
        page = office.get(address(world.customer)).content.decode()
        mark = re.search(r'<span class="of-must"[^>]*data-when="kind"[^>]*>', page)
        box = re.search(r'<input[^>]*name="siren"[^>]*>', page)
        assert mark is not None
        assert box is not None
        return " hidden" not in mark[0], 'aria-required="true"' in box[0]

    assert marked() == (False, False)
    type(world.customer).objects.filter(pk=world.customer.pk).update(kind="business")
    assert marked() == (True, True)


def test_tax_of_a_line_without_article_is_marked(world: World) -> None:
    draft = world.draft(item(), Item(label="Main d'œuvre", unit_price=Decimal(40), tax=tax()))
    page = world.office().get(address(draft)).content.decode().split("data-empty-row")[0]
    rows = re.findall(r'<tr class="of-line ([^"]*)".*?</tr>', page, re.DOTALL)
    assert ["of-has-product" in row for row in rows] == [True, False]
    assert page.count('<span class="sr-only">obligatoire sans article</span>') == 2


def test_what_is_of_another_company_is_neither_linked_nor_a_step(world: World, rf: RequestFactory) -> None:
    elsewhere = CompanyFactory()
    elsewhere.accesses.create(user=world.biller)
    theirs, ours = world.draft(company=elsewhere), world.draft()
    error = BusinessError("Non.", documents=[theirs, ours], step=Step("Voir", theirs, tab="lines"))
    request = rf.get("/")
    request.user = world.biller

    before = shown_refusal(error, request)
    elsewhere.accesses.all().delete()
    after = shown_refusal(error, request)

    assert ([step.url for step in before.steps], before.links) == (
        [f"{address(theirs)}#tab-lines"],
        ((str(ours), address(ours)),),
    )
    assert (after.steps, after.links) == ((), ((str(ours), address(ours)),))
