"""Posting and credit notes beside similar documents: what is refused by whom, what is written where, what stays."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from invoicing.models import DocumentJob, Entry, HistoryLine, Invoice, JournalCounter
from invoicing.services.documents.drafts import draft_invoice
from invoicing.services.documents.lines import Item
from invoicing.services.posting.checks import net_left_of
from invoicing.services.posting.credit import credit_invoice, is_creditable, plan_credit
from invoicing.services.posting.post import post_invoice, post_invoices
from openfire_billing.kernel.errors import BusinessError, NothingToBill, StaleForm
from tests.factories import CompanyFactory, PartnerFactory, World, item, nothing_changed, position, tax

D = Decimal
PARIS = ZoneInfo("Europe/Paris")


def journal(document: Any) -> list[tuple[str, str, Any]]:
    """(act, text, by) of each line of a journal, the oldest first."""
    return [(line.act, line.text, line.by) for line in HistoryLine.objects.of(document).order_by("pk")]


def typed(world: World, *items: Item, **more: Any) -> Invoice:
    """A draft typed by hand: a title, an article at 100,00 and 5,5 %, one without article at 10,00 and 20 %."""
    values = {"company": world.company, "customer": world.customer, "fiscal_position": position(), **more}
    usual = (
        Item(kind="section", label="Fumisterie", quantity=D(0)),
        item(price=100, tax=tax("TVA collectée (vente) 5,5%")),
        Item(label="Divers", unit_price=D(10), tax=tax()),
    )
    return draft_invoice(items=items or usual, on=world.today, by=world.biller, origin="essai", **values)


def test_each_company_has_its_own_series_entries_and_jobs(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer", receivable_account="411900", income_account="708000")
    drafts = [typed(world, company=company) for company in (world.company, other, world.company)]
    waiting = typed(world)

    outcomes = post_invoices(drafts, on=world.today, by=world.accountant)

    posted = [outcome.made for outcome in outcomes]
    assert [(one.company, one.number) for one in posted] == [
        (world.company, "FA2026-00001"),
        (other, "FA2026-00001"),
        (world.company, "FA2026-00002"),
    ]
    assert [(one.version, journal(one)[-1]) for one in posted] == [
        (drafts[0].version + 1, ("posted", f"Validée sous le numéro {one.number}", world.accountant)) for one in posted
    ]
    entries = Entry.objects.order_by("pk")
    assert {(entry.journal.company, entry.number, entry.label) for entry in entries} == {
        (one.company, one.number, f"Facture {one.number} Aubry Maëlle") for one in posted
    }
    legs = [(x.account, x.partner, x.debit, x.credit) for x in entries.get(journal__company=other).lines.order_by("pk")]
    vat = sorted(
        [(tax("TVA collectée (vente) 5,5%").account, None, D(0), D("5.50")), (tax().account, None, D(0), D(2))],
        key=lambda leg: str(leg[0]),
    )
    assert legs == [
        ("411900", world.customer, D("117.50"), D(0)),
        ("706000", None, D(0), D(100)),
        ("708000", None, D(0), D(10)),
        *vat,
    ]
    assert sorted(DocumentJob.objects.values_list("invoice", flat=True)) == sorted(one.pk for one in posted)
    assert (Invoice.objects.get(pk=waiting.pk).state, len(journal(waiting))) == ("draft", 1)
    counters = JournalCounter.objects.filter(last_number__gt=0).values_list("journal__company__name", "last_number")
    assert sorted(counters) == [("Autre Foyer", 1), ("Flammes d'Armor", 2)]


@pytest.mark.parametrize(
    ("kind", "siren", "is_posted"),
    [("person", "", True), ("business", "", False), ("public", "", False), ("business", "123456782", True)],
)
def test_professional_needs_a_siren(world: World, kind: str, siren: str, is_posted: bool) -> None:
    draft = typed(world)
    type(world.customer).objects.filter(pk=world.customer.pk).update(kind=kind, siren=siren)

    (outcome,) = post_invoices([draft], on=world.today, by=None)

    assert outcome.refusal == (
        "" if is_posted else f"{draft} : « Aubry Maëlle » est un professionnel sans SIREN. Complétez sa fiche."
    )


def test_all_that_the_seller_lacks_is_named(world: World) -> None:
    draft, elsewhere = typed(world), typed(world, company=CompanyFactory(name="Autre Foyer"))
    type(world.company).objects.filter(pk=world.company.pk).update(street="", city="", siret="")

    refused, posted = post_invoices([draft, elsewhere], on=world.today, by=None)

    assert refused.refusal == (f"{draft} : complétez la fiche de la société Flammes d'Armor (adresse, ville, SIRET).")
    assert posted.refusal == ""


def test_proposal_is_kept_from_the_last_issue_of_its_own_journal_on(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    other = CompanyFactory(name="Autre Foyer")
    post_invoice(typed(world), on=world.today, by=None)
    same_day, before, theirs, later = (
        typed(world),
        typed(world),
        typed(world, company=other),
        typed(world),
    )
    Invoice.objects.filter(pk__in=[before.pk, theirs.pk]).update(proposed_on=date(2026, 11, 20))
    Invoice.objects.filter(pk=later.pk).update(proposed_on=date(2026, 12, 9))
    on_an_ordinary_day.move_to(datetime(2026, 12, 2, 9, 0, tzinfo=PARIS))
    drafts = [Invoice.objects.get(pk=one.pk) for one in (same_day, theirs)]

    first = [outcome.made.issued_on for outcome in post_invoices(drafts, on=world.today, by=None)]
    drafts = [Invoice.objects.get(pk=one.pk) for one in (before, later)]
    second = [outcome.made.issued_on for outcome in post_invoices(drafts, on=world.today, by=None)]

    assert first == [date(2026, 11, 20), date(2026, 11, 24)]  # by proposal: the other company's comes first
    assert second == [date(2026, 12, 2), date(2026, 12, 2)]


def test_nothing_is_issued_in_the_year_before_once_the_new_one_has_begun(world: World) -> None:
    """The journal has a counter of each year: the last issue of all of them counts."""
    proposed = (date(2025, 12, 20), date(2026, 1, 1), date(2025, 12, 31))
    drafts = [typed(world) for _day in proposed]
    for draft, day in zip(drafts, proposed, strict=True):
        Invoice.objects.filter(pk=draft.pk).update(proposed_on=day)

    posted = [
        post_invoice(draft, on=max(day, least), by=None)
        for draft, day, least in zip(drafts, proposed, (date.min, date.min, date(2026, 1, 2)), strict=True)
    ]

    assert [(invoice.issued_on, invoice.number) for invoice in posted] == [
        (date(2025, 12, 20), "FA2025-00001"),
        (date(2026, 1, 1), "FA2026-00001"),
        (date(2026, 1, 2), "FA2026-00002"),
    ]


def test_credit_of_some_lines_counts_its_own_invoice_alone(world: World) -> None:
    invoice, neighbour = (post_invoice(typed(world), on=world.today, by=None) for _n in range(2))
    credit_invoice(neighbour, on=world.today, by=None, rebill=False)
    _title, first, second = invoice.lines.order_by("position")
    assert (net_left_of(invoice), net_left_of(neighbour)) == (D(110), D(0))

    note = credit_invoice(
        invoice, quantities={first.pk: D("0.5")}, on=world.today, by=world.accountant, rebill=True, reason="r" * 201
    )

    assert (note.net.amount, note.tax.amount, note.gross.amount) == (D(50), D("2.75"), D("52.75"))
    assert (note.reason, note.origin, note.credits, note.posted_by) == (
        "r" * 200,
        f"{invoice.number} du 24/11/2026",
        invoice,
        world.accountant,
    )
    assert [(line.credits, line.quantity, line.net, line.rebill) for line in note.lines.all()] == [
        (first, D("0.5"), D(50), True)
    ]
    assert [text for _act, text, _by in journal(invoice)[-2:]] == [
        f"Avoir {note.number} de 52,75 €, remis à facturer",
        f"Avoir {note.number} affecté : 52,75 €",
    ]
    assert (net_left_of(invoice), is_creditable(invoice), is_creditable(neighbour)) == (D(60), True, False)
    rest = plan_credit(invoice)
    assert [(line.pk, quantity, net) for line, quantity, net in rest.lines] == [
        (first.pk, D("0.5"), D(50)),
        (second.pk, D(1), D(10)),
    ]
    assert (rest.totals.net, rest.totals.tax, rest.totals.gross) == (D(60), D("4.75"), D("64.75"))
    part = plan_credit(invoice, quantities={first.pk: D("0.5"), second.pk: D("0.4")})
    assert part.totals.net == D(54)


def test_credit_of_nothing_of_a_stranger_s_line_or_of_an_old_version_is_refused(world: World) -> None:
    invoice, neighbour = (post_invoice(typed(world), on=world.today, by=None) for _n in range(2))
    title, first, _second = invoice.lines.order_by("position")
    theirs = neighbour.lines.order_by("position")[1]

    for quantities, error, why in (
        ({}, NothingToBill, "rien à créditer. Choisissez au moins une quantité."),
        ({first.pk: D(0)}, NothingToBill, "rien à créditer. Choisissez au moins une quantité."),
        ({theirs.pk: D(1)}, BusinessError, "Une ligne choisie n'est pas sur FA2026-00001. Rechargez la page."),
        ({title.pk: D(1)}, BusinessError, "Une ligne choisie n'est pas sur FA2026-00001. Rechargez la page."),
        ({first.pk: D(-1)}, BusinessError, "il reste 1 à créditer. Baissez la quantité."),
    ):
        with nothing_changed(), pytest.raises(error) as refused:
            credit_invoice(invoice, quantities=quantities, on=world.today, by=None, rebill=False)
        assert str(refused.value).endswith(why)
    with nothing_changed(), pytest.raises(StaleForm):
        credit_invoice(invoice, on=world.today, by=None, rebill=False, seen=invoice.version + 1)
    with nothing_changed(), pytest.raises(BusinessError):
        credit_invoice(invoice, on=world.today - timedelta(days=-1), by=None, rebill=False)


def test_credit_of_a_customer_and_of_another_settle_each_its_own(world: World) -> None:
    other = PartnerFactory(name="Bellec Ronan")
    mine, theirs = (
        post_invoice(typed(world, customer=who), on=world.today, by=None) for who in (world.customer, other)
    )

    note = credit_invoice(theirs, on=world.today, by=world.accountant, rebill=False)

    residuals = dict(Invoice.objects.with_payment_state(world.today).values_list("number", "residual"))
    assert residuals == {mine.number: D("117.50"), theirs.number: D(0), note.number: D(0)}
    assert (note.customer, note.due_on, note.payment_term) == (other, None, None)
    assert journal(theirs)[-2][:2] == ("credited", f"Avoir {note.number} de 117,50 €")
