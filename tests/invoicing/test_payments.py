"""Payments: paid, part paid and what is left are derived from what they settle."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.models import Allocation, Entry, HistoryLine, Invoice, Message, Payment
from invoicing.services.documents.mailing import INVOICE_LETTER, mail_document
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.settlement.payments import pay_invoice, record_payment, use_credit
from invoicing.services.settlement.refunds import refund_credit
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT
from tests.factories import PartnerFactory, World, item, nothing_changed


def pay(invoice: Invoice, world: World, amount: str, **options: object) -> Payment:
    values = {"on": world.today, "kind": "transfer", **options}
    return pay_invoice(invoice, amount=Decimal(amount), by=world.accountant, **values)  # type: ignore[arg-type]


def state(invoice: Invoice, world: World) -> tuple[str, Decimal]:
    found = Invoice.objects.with_payment_state(world.today).get(pk=invoice.pk)
    return found.payment_state, found.residual


def test_partial_payment_then_the_rest(world: World) -> None:
    invoice = world.posted()
    assert state(invoice, world) == ("unpaid", Decimal("184.62"))

    pay(invoice, world, "100")
    assert state(invoice, world) == ("partial", Decimal("84.62"))

    pay(invoice, world, "84.62")
    assert state(invoice, world) == ("paid", Decimal(0))


def test_payment_from_the_page_reads_a_comma(world: World) -> None:
    invoice = world.posted()

    world.office(ACCOUNTANT).act(invoice, "pay", amount="84,62", kind="cheque", reference="n° 12")

    payment = Payment.objects.get()
    assert (payment.number, payment.amount.amount, payment.kind, payment.reference) == (
        "BQ2026-00001",
        Decimal("84.62"),
        "cheque",
        "n° 12",
    )


def test_payment_is_a_balanced_entry(world: World) -> None:
    payment = pay(world.posted(), world, "184.62", kind="cash")

    lines = [(line.account, line.debit, line.credit) for line in Entry.objects.get(document=payment.number).lines.all()]
    assert (payment.number, lines) == (
        "CA2026-00001",
        [("530000", Decimal("184.62"), Decimal(0)), ("411000", Decimal(0), Decimal("184.62"))],
    )


def test_over_payment_is_refused(world: World) -> None:
    invoice = world.posted()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        pay(invoice, world, "184.63")

    assert str(refused.value) == (
        "FA2026-00001 : il reste 184,62 € à payer, le paiement est de 184,63 €. Baissez le montant."
    )


@pytest.mark.parametrize("amount", ["0", "-5", "0.005"])
def test_amount_that_is_none_is_refused(world: World, amount: str) -> None:
    invoice = world.posted()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        pay(invoice, world, amount)

    assert str(refused.value) == "Le montant d'un paiement est positif, au centime : par exemple 184,62."


def test_payment_in_the_future_is_refused(world: World) -> None:
    invoice = world.posted()

    with nothing_changed(), pytest.raises(BusinessError):
        pay(invoice, world, "10", on=world.today + timedelta(days=1))


def test_draft_and_paid_invoice_take_no_payment(world: World) -> None:
    draft, paid = world.draft(), world.posted()
    pay(paid, world, "184.62")

    for document, why in (
        (draft, f"{draft} n'est pas validée : validez-la avant d'enregistrer un paiement."),
        (paid, "FA2026-00001 est déjà payée."),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            pay(document, world, "1")
        assert str(refused.value) == why


def test_one_payment_settles_the_oldest_first_and_the_rest_stays_to_the_customer(world: World) -> None:
    invoices = [world.posted(), world.posted()]

    payment = record_payment(
        company=world.company,
        customer=world.customer,
        amount=Decimal(400),
        on=world.today,
        kind="transfer",
        by=world.accountant,
        invoices=invoices[::-1],
    )

    settled = Allocation.objects.filter(payment=payment).order_by("pk").values_list("document__number", "amount")
    assert list(settled) == [("FA2026-00001", Decimal("184.62")), ("FA2026-00002", Decimal("184.62"))]


def test_payment_of_another_customer_s_invoice_is_refused(world: World) -> None:
    invoice, somebody = world.posted(), PartnerFactory(name="Bellec Ronan")

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        record_payment(
            company=world.company,
            customer=somebody,
            amount=Decimal(10),
            on=world.today,
            kind="transfer",
            by=world.accountant,
            invoices=[invoice],
        )

    assert str(refused.value) == "FA2026-00001 est due par Aubry Maëlle : choisissez le bon client."


def test_rest_of_a_credit_settles_another_invoice(world: World) -> None:
    paid, other = world.posted(), world.posted(item(2))
    pay(paid, world, "184.62")
    note = credit_invoice(paid, on=world.today, by=world.accountant, rebill=False)

    allocation = use_credit(note, invoice=other, on=world.today, by=world.accountant)

    assert allocation is not None
    assert allocation.amount == Decimal("184.62")
    assert state(other, world) == ("partial", Decimal("184.63"))
    assert use_credit(note, invoice=other, on=world.today, by=world.accountant) is None


def test_smallest_credit_settles_its_invoice(world: World) -> None:
    invoice = world.posted(item(price="0.50"))

    note = credit_invoice(invoice, on=world.today, by=world.accountant, rebill=False)

    assert [(row.document, row.amount) for row in note.uses.all()] == [(invoice, Decimal("0.53"))]
    assert state(invoice, world) == ("credited", Decimal(0))


def test_invoice_not_paid_in_time_is_overdue(world: World) -> None:
    invoice = world.posted()
    invoices = Invoice.objects.with_payment_state(invoice.due_on)

    assert invoices.get().is_overdue is False
    assert Invoice.objects.with_payment_state(invoice.due_on + timedelta(days=1)).get().is_overdue is True


def test_lists_of_invoices_look_at_what_is_left_the_day_and_the_mail(world: World) -> None:
    draft, unpaid, partial, paid = world.draft(), world.posted(), world.posted(), world.posted()
    pay(partial, world, "0.01")
    pay(paid, world, "184.62")
    note = credit_invoice(paid, on=world.today, by=world.accountant, rebill=False)
    refund_credit(note, amount=Decimal("84.62"), on=world.today, kind="transfer", by=world.accountant)
    due = unpaid.due_on
    assert due is not None

    def found(invoices: Any) -> set[Invoice]:
        return set(invoices)

    on_the_day, after = (Invoice.objects.with_payment_state(due + timedelta(days=late)) for late in (0, 1))
    assert found(on_the_day.owed()) == {unpaid, partial, note}
    assert (found(on_the_day.overdue()), found(after.overdue())) == (set(), {unpaid, partial})
    assert [found(on_the_day.in_payment_state(name)) for name in ("unpaid", "partial", "paid")] == [
        {unpaid},
        {partial, note},
        {paid},
    ]
    assert (found(Invoice.objects.drafts()), found(Invoice.objects.posted())) == (
        {draft},
        {unpaid, partial, paid, note},
    )
    refunded = dict(Invoice.objects.with_refunded().values_list("pk", "refunded"))
    assert refunded == {draft.pk: None, unpaid.pk: None, partial.pk: None, paid.pk: None, note.pk: Decimal("84.62")}
    mail_document(unpaid, INVOICE_LETTER, key="a", by=None)
    mail_document(partial, INVOICE_LETTER, key="b", by=None)
    Message.objects.filter(key="b").update(state="failed")
    assert found(Invoice.objects.not_sent()) == {draft, partial, paid, note}


def test_amount_is_received_to_the_cent_up_to_what_is_left(world: World) -> None:
    invoice, other = world.posted(), world.posted()

    received = record_payment(
        company=world.company,
        customer=world.customer,
        amount=Decimal(200),
        on=world.today,
        kind="cash",
        by=world.accountant,
        reference="Reçu 7",
        invoices=[other, invoice],
    )

    assert [(row.document, row.amount) for row in received.allocations.order_by("pk")] == [
        (invoice, Decimal("184.62")),
        (other, Decimal("15.38")),
    ]
    entry = Entry.objects.get(document=received.number)
    assert (entry.journal.code, entry.label) == ("CA", "Espèces Aubry Maëlle Reçu 7")
    assert [line.text for line in HistoryLine.objects.of(received)] == [
        f"Affecté à {other} : 15,38 €",
        f"Affecté à {invoice} : 184,62 €",
        "Paiement enregistré",
    ]
