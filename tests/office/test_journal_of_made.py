"""The journal of a DI, an RDV, a quote or a contract follows the documents made from it, each linked."""

from decimal import Decimal
from typing import Any

import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.services.billing import invoice_appointment
from interventions.services.billing import invoice_intervention, quote_intervention
from invoicing.models import HistoryLine, Invoice
from invoicing.services.documents.drafts import cancel_draft, delete_drafts
from invoicing.services.documents.purchases import record_bill
from invoicing.services.documents.quotes import accept_quote, invoice_quote, send_quote
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from invoicing.services.records.notes import add_note
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.api.subjects import purchase_order
from tests.contracts.contract_builders import bill, exception, make_contract
from tests.factories import World
from tests.factories.appointments import at, book
from tests.factories.pages import Office, address


def journal(world: World, document: Any, role: str = MANAGER) -> list[tuple[str, str]]:
    """(text of the link, text of the line) of what the page of a document tells, the latest first."""
    entries = world.office(role).get(address(document)).context["office_history"]
    return [(entry.link.split(">")[1].split("<")[0] if entry.link else "", entry.line.text) for entry in entries]


def test_di_knows_its_quote_its_invoice_and_its_credit_note(world: World) -> None:
    di = world.intervention()
    quote = quote_intervention(di, on=world.today, by=world.biller)
    send_quote(quote, by=world.biller)
    accept_quote(quote, on=world.today, by=world.biller)
    invoice = invoice_quote(quote, on=world.today, by=world.biller)
    add_note(invoice, "Vu avec le client", by=world.biller)
    post_invoice(invoice, on=world.today, by=world.accountant)
    credit = credit_invoice(invoice, on=world.today, reason="Erreur", rebill=True, by=world.accountant)
    number = Invoice.objects.get(pk=invoice.pk).number
    created = dict.fromkeys(["quote", "invoice", "credit"], "")
    for name, document in (("quote", quote), ("invoice", invoice), ("credit", credit)):
        created[name] = HistoryLine.objects.of(document).get(act="created").text

    assert journal(world, di) == [
        (credit.number, f"Affecté à {number} : 184,62 €"),
        (number, f"Avoir {credit.number} affecté : 184,62 €"),
        (credit.number, f"Validée sous le numéro {credit.number}"),
        (credit.number, created["credit"]),
        (number, f"Validée sous le numéro {number}"),
        (number, created["invoice"]),
        (quote.number, "Devis accepté"),
        (quote.number, "Devis envoyé"),
        (quote.number, f"Devis créé depuis {di}"),
        ("", f"DI validée sous le numéro {di}"),
        ("", "DI créée"),
    ]


def test_document_tells_nothing_of_what_it_is_made_from(world: World) -> None:
    """An invoice of its quote and its DI, a supplier's bill of its order; an invoice tells its credit note."""
    di = world.intervention()
    quote = quote_intervention(di, on=world.today, by=world.biller)
    send_quote(quote, by=world.biller)
    accept_quote(quote, on=world.today, by=world.biller)
    invoice = invoice_quote(quote, on=world.today, by=world.biller)
    post_invoice(invoice, on=world.today, by=world.accountant)
    number = Invoice.objects.get(pk=invoice.pk).number
    own = [line.text for line in HistoryLine.objects.of(invoice)]
    assert journal(world, invoice) == [("", text) for text in own]
    credit = credit_invoice(invoice, on=world.today, reason="Erreur", rebill=True, by=world.accountant)
    assert {link for link, _text in journal(world, invoice)} == {"", credit.number}
    assert {link for link, _text in journal(world, credit)} == {""}
    assert number in {link for link, _text in journal(world, quote)}

    order = purchase_order(world)
    bill_of_order = record_bill(
        supplier=order.supplier,
        company=world.company,
        number="F-1",
        on=world.today,
        net=Decimal(100),
        tax=Decimal(20),
        order=order,
        by=world.biller,
    )
    own = [line.text for line in HistoryLine.objects.of(bill_of_order)]
    assert journal(world, bill_of_order) == [("", text) for text in own]
    assert str(bill_of_order) in {link for link, _text in journal(world, order)}


def test_draft_that_is_cancelled_or_deleted_is_told(world: World) -> None:
    di = world.intervention()
    cancelled = invoice_intervention(di, on=world.today, by=world.biller)
    name = str(cancelled)
    assert journal(world, di)[0] == (name, HistoryLine.objects.of(cancelled).get(act="created").text)

    cancel_draft(cancelled, by=world.biller)
    deleted = invoice_intervention(di, on=world.today, by=world.biller)
    delete_drafts([deleted], by=world.biller)

    assert journal(world, di)[:4] == [
        ("", f"Brouillon supprimé ({deleted}) : ce qu'il facturait est de nouveau à facturer"),
        ("", "Facture en brouillon générée"),
        ("", f"Brouillon annulé ({name}) : ce qu'il facturait est de nouveau à facturer"),
        ("", "Facture en brouillon générée"),
    ]


def test_draft_that_billed_a_period_and_an_exception_is_told_once(world: World) -> None:
    contract = make_contract(world, "01/11/26", exceptions=[exception("01/11/26", "50.00", alone=False)])
    names = []
    for undo in (cancel_draft, lambda draft, by: delete_drafts([draft], by=by)):
        bill(world, contract, on="24/11/26")
        draft = Invoice.objects.get(state="draft")
        assert [line.net for line in draft.lines.order_by("position")] == [Decimal("10.00"), Decimal("50.00")]
        names.append(str(draft))
        undo(draft, by=world.biller)

    freed = HistoryLine.objects.of(contract).filter(act="freed").order_by("pk")

    assert [line.text for line in freed] == [
        f"Brouillon annulé ({names[0]}) : ce qu'il facturait est de nouveau à facturer",
        f"Brouillon supprimé ({names[1]}) : ce qu'il facturait est de nouveau à facturer",
    ]


def test_rdv_and_contract_follow_their_invoices_and_payments(world: World) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    contract = make_contract(world, "01/11/26")
    bill(world, contract, on="24/11/26")
    of_contract = Invoice.objects.get()
    of_rdv = invoice_appointment(rdv, on=world.today, by=world.biller).made
    for invoice in (of_contract, of_rdv):
        post_invoice(invoice, on=world.today, by=world.accountant)
    pay_invoice(of_contract, amount=Decimal("10.55"), on=world.today, kind="card", by=world.accountant)
    first, second = Invoice.objects.order_by("pk").values_list("number", flat=True)

    told = journal(world, contract)

    assert [link for link, _text in told] == [first, first, first, "", "", ""]
    assert told[0][1].startswith("Paiement ")
    for document in (rdv, rdv.intervention):
        assert journal(world, document)[0] == (second, f"Validée sous le numéro {second}")


def test_what_a_contract_billed_leaves_room_for_its_own_notes(world: World) -> None:
    contract = make_contract(world, "01/09/25")
    add_note(contract, "Sonner deux fois", by=world.manager)
    bill(world, contract, on="24/11/26")
    for invoice in Invoice.objects.order_by("proposed_on"):
        post_invoice(invoice, on=world.today, by=world.accountant)

    told = journal(world, contract)

    numbers = list(Invoice.objects.order_by("-proposed_on").values_list("number", flat=True))
    assert len(numbers) == 15
    assert [link for link, _text in told] == [
        *numbers,
        *numbers,
        *[""] * 4,
    ]
    assert [text for _link, text in told[30:]] == [
        "Sonner deux fois",
        f"Contrat activé sous la référence {contract}",
        f"Ligne « Contrat provisoire n° {contract.pk} · {contract.lines.get().address} » ajoutée",
        "Contrat créé",
    ]


def test_days_of_states_are_those_of_the_document_alone(world: World) -> None:
    quote = quote_intervention(di := world.intervention(), on=world.today, by=world.biller)
    send_quote(quote, by=world.biller)

    page = world.office(MANAGER).get(address(di))

    assert [(step["code"], step["on"]) for step in page.context["office_status"]][:3] == [
        ("draft", world.today),
        ("to_plan", world.today),
        ("partly_planned", None),
    ]


def test_days_of_states_of_a_long_journal_with_a_line_told_twice(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    """40 lines are read of 41, and the one that repeats that of the invoice is left out: the first day is read all the
    same.
    """
    on_an_ordinary_day.move_to(at(10, day=20))
    di = world.intervention()
    on_an_ordinary_day.move_to(at(10, day=24))
    for number in range(38):
        add_note(di, f"Note {number}", by=world.biller)
    invoice_intervention(di, on=world.today, by=world.biller)
    assert HistoryLine.objects.of(di).count() == 41

    page = world.office(MANAGER).get(address(di))

    assert [(step["code"], step["on"]) for step in page.context["office_status"]][:2] == [
        ("draft", at(10, day=20).date()),
        ("to_plan", at(10, day=20).date()),
    ]


def test_who_may_not_see_invoices_reads_none_of_their_lines(world: World) -> None:
    di = world.intervention()
    invoice_intervention(di, on=world.today, by=world.biller)

    assert [link for link, _text in journal(world, di, PLANNER) if link] == []
    assert journal(world, di, PLANNER)[0] == ("", "Facture en brouillon générée")


def test_journal_takes_as_many_queries_with_1_and_20_documents(world: World) -> None:
    di, office = world.intervention(), world.office(MANAGER)

    def counted(office: Office) -> int:
        office.get(address(di))
        with CaptureQueriesContext(connection) as captured:
            office.get(address(di))
        return len(captured)

    credit_invoice(posted(world, di), on=world.today, reason="Erreur", rebill=True, by=world.accountant)
    one = counted(office)
    for _number in range(10):
        credit_invoice(posted(world, di), on=world.today, reason="Erreur", rebill=True, by=world.accountant)

    assert counted(office) == one <= 41


def test_journal_takes_as_many_queries_with_1_and_10_supplier_bills(world: World) -> None:
    order, office = purchase_order(world, supplier="Fonderie"), world.office(MANAGER)

    def counted(bills: range) -> int:
        values: dict[str, Any] = {"company": order.company, "supplier": order.supplier, "order": order}
        for number in bills:
            amounts = {"net": Decimal(10), "tax": Decimal(2)}
            record_bill(**values, **amounts, number=f"F-{number}", on=world.today, by=world.biller)
        office.get(address(order))
        with CaptureQueriesContext(connection) as captured:
            office.get(address(order))
        return len(captured)

    one = counted(range(1))

    assert counted(range(1, 10)) == one
    links = [link for link, _text in journal(world, order) if link]
    assert links == [f"Fonderie F-{number}" for number in reversed(range(10))]


def posted(world: World, di: Any) -> Invoice:
    return post_invoice(invoice_intervention(di, on=world.today, by=world.biller), on=world.today, by=world.accountant)
