"""What travels from the DI to the quote and the invoice, and what is left."""

from decimal import Decimal
from typing import Any

import pytest

from interventions.models import InterventionRequest, RequestLine
from interventions.services.billing import invoice_interventions
from interventions.services.requests import add_items
from invoicing.models import HistoryLine, Invoice, PartnerTerms, PaymentTerm, Quote
from invoicing.services.documents import quotes as quote_services
from invoicing.services.documents.lines import Item
from openfire_billing.kernel.errors import BusinessError, NothingToBill
from openfire_billing.office.roles import BILLING
from tests.factories import PartnerFactory, World, item, nothing_changed, position, tax
from tests.factories.pages import address, report

AMOUNTS = (Decimal("157.50"), Decimal("8.66"), Decimal("166.16"))


def amounts(document: Any) -> tuple[Decimal, Decimal, Decimal]:
    totals = document.totals
    return totals.net, totals.tax, totals.gross


def lines(document: Any) -> list[tuple[Any, ...]]:
    return [
        (line.label, line.quantity, line.unit_price, line.discount, line.tax.name if line.tax else "")
        for line in document.lines.select_related("tax")
    ]


def test_discount_is_kept_from_the_intervention_to_the_invoice(world: World) -> None:
    intervention = world.intervention(item(discount="10", label="Pose du poêle"))

    invoice = world.draft(intervention=intervention)

    assert (
        lines(invoice)
        == lines(intervention)
        == [("Pose du poêle", Decimal(1), Decimal(175), Decimal(10), "TVA collectée (vente) 5,5%")]
    )
    assert amounts(intervention) == amounts(invoice) == AMOUNTS


def test_discount_is_kept_from_the_intervention_by_the_quote_to_the_invoice(world: World) -> None:
    intervention = world.intervention(item(discount="10", label="Pose du poêle"))
    office = world.office(BILLING)

    office.act(intervention, "quote")
    quote = Quote.objects.get()
    office.act(quote, "accept")
    office.act(quote, "invoice")
    invoice = Invoice.objects.get()

    assert lines(intervention) == lines(quote) == lines(invoice)
    assert amounts(intervention) == amounts(quote) == amounts(invoice) == AMOUNTS


def test_price_and_tax_chosen_by_hand_travel_unchanged(world: World) -> None:
    intervention = world.intervention(item(price="12.3456", tax=tax("TVA 20 %"), tax_is_manual=True))

    quote = world.quote(intervention=intervention)

    assert lines(quote) == [("[ram_pose] Forfait Pose", Decimal(1), Decimal("12.3456"), Decimal(0), "TVA 20 %")]


def test_invoice_has_who_pays_where_and_when(world: World) -> None:
    payer = PartnerFactory(name="Syndic Exemple")
    PartnerTerms.objects.create(partner=payer, payment_term=PaymentTerm.objects.get(name="30 jours"))
    tenant = PartnerFactory(name="Résidence des Ajoncs", bill_to=payer)

    invoice = world.draft(partner=tenant)

    assert (invoice.customer, invoice.billing_address, invoice.site) == (
        payer,
        payer.billing_address(),
        tenant.default_address(),
    )
    assert (invoice.payment_term.name, invoice.fiscal_position.code) == ("30 jours", "VEN-5.5")
    assert invoice.origin == "DI/000001"


def test_section_and_note_follow_what_they_are_about(world: World) -> None:
    note = Item(kind="note", label="Hors fumisterie", quantity=Decimal(0))
    intervention = world.intervention(
        Item(kind="section", label="Pose", quantity=Decimal(0)),
        item(),
        Item(kind="section", label="Conduit", quantity=Decimal(0)),
        note,
        item(2),
        Item(kind="section", label="Rien", quantity=Decimal(0)),
    )

    invoice = world.draft(intervention=intervention)

    assert [line.label for line in invoice.lines.all()] == [
        "Pose",
        "[ram_pose] Forfait Pose",
        "Conduit",
        "Hors fumisterie",
        "[ram_pose] Forfait Pose",
    ]


def test_section_is_written_once_above_its_articles(world: World) -> None:
    section = Item(kind="section", label="Pose", quantity=Decimal(0))

    invoice = world.draft(section, item(), item(2))

    assert [line.label for line in invoice.lines.all()] == [
        "Pose",
        "[ram_pose] Forfait Pose",
        "[ram_pose] Forfait Pose",
    ]


def test_article_of_no_quantity_is_no_article_to_bill(world: World) -> None:
    intervention = world.intervention(item(0))

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        world.draft(intervention=intervention)

    assert str(refused.value) == ("DI/000001 : aucune ligne d'article. Ajoutez-en une dans l'onglet Facturation.")


def test_second_invoice_takes_only_what_is_left(world: World) -> None:
    intervention = world.intervention(item(2), item(3))
    first = world.draft(intervention=intervention)
    world.office(BILLING).save(first, lines__0__quantity="1,5", lines__1__DELETE="on")

    second = world.draft(intervention=intervention)

    assert [line.quantity for line in second.lines.all()] == [Decimal("0.5"), Decimal(3)]
    assert world.left(intervention) == [Decimal(0), Decimal(0)]


def test_quote_takes_only_what_is_left(world: World) -> None:
    intervention = world.intervention(item(2))
    world.office(BILLING).save(world.draft(intervention=intervention), lines__0__quantity="0,5")

    quote = world.quote(intervention=intervention)

    assert [line.quantity for line in quote.lines.all()] == [Decimal("1.5")]
    assert world.left(intervention) == [Decimal(0)]


def test_line_covered_by_a_contract_is_not_billed(world: World) -> None:
    intervention = world.intervention()
    add_items(intervention, [item(5)], on=world.today, covered=True)

    invoice = world.draft(intervention=intervention)

    assert [line.quantity for line in invoice.lines.all()] == [Decimal(1)]
    assert intervention.totals.net == Decimal("175.00")


# Many


def test_interventions_of_one_payer_are_grouped_with_a_title_each(world: World) -> None:
    payer = PartnerFactory(name="Syndic Exemple")
    tenants = [PartnerFactory(name=f"Logement {n}", bill_to=payer) for n in (1, 2)]
    first, second = (world.intervention(partner=tenant, title="Ramonage") for tenant in tenants)
    alone = world.intervention()

    answer = world.office(BILLING).act_on_many([first, second, alone], "invoice-many", group_by_customer="on")

    assert [refused for _name, refused in report(answer)] == ["", "", ""]
    grouped = Invoice.objects.get(customer=payer)
    assert [line.label for line in grouped.lines.all()] == [
        "DI/000001 Ramonage",
        "[ram_pose] Forfait Pose",
        "DI/000002 Ramonage",
        "[ram_pose] Forfait Pose",
    ]
    assert (grouped.net.amount, grouped.tax.amount, grouped.origin) == (
        Decimal("350.00"),
        Decimal("19.25"),
        "DI/000001, DI/000002",
    )
    assert grouped.site is None
    assert Invoice.objects.exclude(pk=grouped.pk).get().customer == world.customer


def test_group_differs_by_position_and_leaves_the_bad_one_out(world: World) -> None:
    good = world.intervention()
    other_position = world.intervention(code="VEN-10")
    bad = world.intervention(is_validated=False)

    outcomes = invoice_interventions(
        [good, bad, other_position], on=world.today, by=world.biller, group_by_customer=True
    )

    assert [outcome.is_refused for outcome in outcomes] == [False, True, False]
    assert sorted(Invoice.objects.values_list("fiscal_position__code", flat=True)) == ["VEN-10", "VEN-5.5"]


def test_draft_deleted_frees_each_intervention_of_the_group(world: World) -> None:
    interventions = [world.intervention(), world.intervention()]
    invoice_interventions(interventions, on=world.today, by=world.biller, group_by_customer=True)

    world.office(BILLING).act(Invoice.objects.get(), "delete")

    assert [world.left(intervention) for intervention in interventions] == [[Decimal(1)], [Decimal(1)]]


# Counters


def test_smart_buttons_count_each_document_once(world: World) -> None:
    intervention = world.intervention(item(), item(2))
    office = world.office(BILLING)
    world.draft(intervention=intervention)
    world.intervention()

    assert counts(office, intervention) == {"Ventes": 0, "Factures": 1}


def test_smart_button_counts_the_invoices_of_its_quotes_too(world: World) -> None:
    intervention = world.intervention(item(3))
    world.office(BILLING).save(world.draft(intervention=intervention), lines__0__quantity="1")
    quote = world.quote(intervention=intervention)
    quote_services.accept_quote(quote, on=world.today, by=world.biller)
    quote_services.invoice_quote(quote, on=world.today, by=world.biller)

    assert counts(world.office(BILLING), intervention) == {"Ventes": 1, "Factures": 2}


def counts(office: Any, document: Any) -> dict[str, int]:
    buttons = office.get(address(document)).context["office_buttons"]
    return {str(button["label"]): button["count"] for button in buttons if button["label"] in ("Ventes", "Factures")}


@pytest.mark.parametrize("code", ["VEN-5.5", "VEN-10", "VEN-20", "VEN-AUTOLIQ", "VEN-FRANCHISE"])
def test_every_document_of_the_road_shows_the_same_cents(world: World, code: str) -> None:
    intervention = world.intervention(item("3.333", price="12.3456", discount="7.5"), item(), code=code)
    quote = world.quote(intervention=intervention)
    quote_services.accept_quote(quote, on=world.today, by=world.biller)
    draft = quote_services.invoice_quote(quote, on=world.today, by=world.biller)

    assert amounts(intervention) == amounts(quote) == amounts(draft)
    assert draft.net.amount + draft.tax.amount == draft.gross.amount
    assert position(code) == draft.fiscal_position


def test_to_bill_are_the_validated_ones_with_something_left(world: World) -> None:
    left, billed, draft, covered, quoted = (world.intervention(is_validated=number != 2) for number in range(5))
    world.draft(intervention=billed)
    covered.lines.update(covered=True)
    world.quote(intervention=quoted)

    assert list(InterventionRequest.objects.to_bill(world.today)) == [left]
    assert [line.unbilled for line in quoted.lines.left_to_bill(world.today)] == [Decimal(1)]
    assert draft.state == "draft"


def test_lines_are_touched_or_untouched_or_covered_and_what_is_left_does_not_depend_on_it(world: World) -> None:
    """All of an untouched line is left; a line in part billed, once on a quote, or credited is computed."""
    whole, part, covered, quoted, refused = (world.intervention(item(3)) for _ in range(5))
    invoice = world.draft(intervention=part)
    line = invoice.lines.get()
    line.quantity = Decimal(1)
    line.save()
    covered.lines.update(covered=True)
    world.quote(intervention=quoted)
    quote_services.refuse_quote(world.quote(intervention=refused), by=world.biller)

    lines = RequestLine.objects.order_by("intervention_id")
    assert [line.intervention for line in lines.untouched()] == [whole]
    assert [line.intervention for line in lines.touched()] == [part, quoted, refused]
    assert [line.left for line in lines.left_to_bill(world.today)] == [3, 2, 0, 0, 3]
    assert list(InterventionRequest.objects.to_bill(world.today).order_by("pk")) == [whole, part, refused]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        ("quoted", "tout est sur un devis en cours. Facturez depuis le devis, ou refusez-le."),
        ("covered", "tout est couvert par le contrat, qui le facture. Rien à facturer ici."),
        ("billed", "tout est déjà facturé. Voyez ses factures."),
    ],
)
def test_nothing_left_says_where_it_went(world: World, make: str, why: str) -> None:
    intervention = world.intervention()
    if make == "covered":
        intervention.lines.update(covered=True)
    else:
        (world.quote if make == "quoted" else world.draft)(intervention=intervention)

    with nothing_changed(), pytest.raises(NothingToBill) as refused:
        world.draft(intervention=intervention)

    assert str(refused.value) == f"DI/000001 : {why}"


def test_journal_says_a_draft_was_made_alone_or_with_others(world: World) -> None:
    one, two, three = (world.intervention() for _n in range(3))
    world.draft(intervention=one)
    invoice_interventions([two, three], on=world.today, by=world.biller, group_by_customer=True)

    for intervention in (one, two, three):
        line = HistoryLine.objects.of(intervention)[0]
        assert (line.act, line.text, line.by) == ("invoiced", "Facture en brouillon générée", world.biller)
