"""Each act that settles: what it writes in every journal, what it returns, which neighbours it leaves alone."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.models import Entry, EntryLine, HistoryLine, Journal, Payment
from invoicing.services.accounts import EntryDraft, Leg, write_entries
from invoicing.services.catalogue import journal_of
from invoicing.services.documents.purchases import check_bill, record_bill
from invoicing.services.parties.duplicates import merge_partners
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.settlement.balances import account_of
from invoicing.services.settlement.payments import (
    allocate_credit,
    allocate_payment,
    open_invoices,
    pay_invoice,
    record_payment,
    use_credit,
)
from invoicing.services.settlement.refunds import is_rejectable, refund_credit, refund_payment, reject_payment
from invoicing.services.settlement.supplier_payments import pay_supplier
from openfire_billing.db.guards import without_guards
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.factories import CompanyFactory, PartnerFactory, World, item, nothing_changed
from tests.invoicing.test_refunds import credit_of_a_paid_invoice, left, money

D = Decimal


def journal(document: Any) -> list[tuple[str, str, Any]]:
    """(act, text, by) of each line of a journal, the oldest first."""
    return [(line.act, line.text, line.by) for line in HistoryLine.objects.of(document).order_by("pk")]


def refused(act: Callable[[], object]) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act()
    return str(refusal.value)


def test_journals_of_an_invoice_paid_of_its_payment_and_of_no_neighbour(world: World) -> None:
    invoice, neighbour = world.posted(), world.posted()
    before = journal(neighbour)

    payment = pay_invoice(invoice, amount=D(100), on=world.today, kind="card", reference="T 1", by=world.accountant)

    assert journal(invoice)[-1] == ("paid", "Paiement BQ2026-00001 de 100,00 €", world.accountant)
    assert journal(payment) == [
        ("created", "Paiement enregistré", world.accountant),
        ("allocated", "Affecté à FA2026-00001 : 100,00 €", world.accountant),
    ]
    assert (payment.kind, payment.reference, payment.by, payment.is_refund) == ("card", "T 1", world.accountant, False)
    assert (journal(neighbour), left(neighbour, world)) == (before, ("unpaid", D("184.62")))


def test_journals_of_a_credit_note_allocated_and_refunded(world: World) -> None:
    note, other = credit_of_a_paid_invoice(world), world.posted()
    parts = {other.pk: D(100)}

    allocated = allocate_credit(note, parts=parts, on=world.today, by=world.accountant)
    refund = refund_credit(note, amount=D("84.62"), on=world.today, kind="cash", by=world.biller)

    assert allocated == note
    assert journal(other)[-1] == ("allocated", "Avoir AV2026-00001 affecté : 100,00 €", world.accountant)
    assert journal(note)[-2:] == [
        ("allocated", "Affecté à FA2026-00002 : 100,00 €", world.accountant),
        ("refunded", "Remboursement CA2026-00001 de 84,62 €", world.biller),
    ]
    assert journal(refund) == [("created", "Remboursement de l'avoir AV2026-00001", world.biller)]
    assert (refund.by, refund.pays_back, [row.document for row in refund.allocations.all()]) == (
        world.biller,
        None,
        [note],
    )


def test_payment_is_allocated_and_returned_with_its_journals(world: World) -> None:
    payment, invoice = money(world, "200"), world.posted()

    allocated = allocate_payment(payment, parts={invoice.pk: D(50)}, on=world.today, by=world.biller)

    assert (allocated, [row.amount for row in allocated.allocations.all()]) == (payment, [D(50)])
    assert journal(invoice)[-1] == ("paid", "Paiement BQ2026-00001 de 50,00 €", world.biller)
    assert journal(payment)[-1] == ("allocated", "Affecté à FA2026-00001 : 50,00 €", world.biller)


def test_rejection_and_refund_of_one_payment_leave_the_other_alone(world: World) -> None:
    paid, other = world.posted(), world.posted()
    payment, neighbour = money(world, "200", invoices=[paid]), money(world, "200", invoices=[other])
    of_neighbours = journal(neighbour), journal(other)

    back = refund_payment(payment, amount=D(5), on=world.today, kind="cash", reference="R", by=world.biller)
    out = reject_payment(payment, on=world.today, reason="x" * 80, by=world.accountant)

    assert (back.reference, out.reference, out.amount.amount) == ("R", "x" * 80, D(195))
    assert [line[:2] for line in journal(payment)[-2:]] == [
        ("refunded", "Remboursement CA2026-00001 de 5,00 €"),
        ("rejected", f"Rejeté ({'x' * 80}) : BQ2026-00003 de 195,00 €"),
    ]
    assert journal(paid)[-1] == (
        "unpaid",
        f"Paiement BQ2026-00001 rejeté ({'x' * 80}) : 184,62 € de nouveau dus",
        world.accountant,
    )
    assert (journal(neighbour), journal(other)) == of_neighbours
    lefts = dict(Payment.objects.with_left().values_list("pk", "left"))
    assert lefts == {payment.pk: 0, neighbour.pk: D("15.38"), back.pk: 0, out.pk: 0}
    found = [is_rejectable(one) for one in Payment.objects.with_left().order_by("pk")]
    assert found == [False, True, False, False]
    assert (left(paid, world), left(other, world)) == (("unpaid", D("184.62")), ("paid", D(0)))


def test_payment_wholly_allocated_may_be_rejected(world: World) -> None:
    payment = money(world, "184.62", invoices=[world.posted()])
    assert is_rejectable(Payment.objects.with_left().get(pk=payment.pk)) is True


def test_act_on_what_changed_meanwhile_is_refused_and_on_what_was_seen_done(world: World) -> None:
    invoice, note, payment = world.posted(), credit_of_a_paid_invoice(world), money(world, "200")
    other, by, on = world.posted(), world.accountant, world.today
    acts: list[tuple[Any, Callable[[int], object]]] = [
        (invoice, lambda seen: pay_invoice(invoice, amount=D(1), on=on, kind="card", by=by, seen=seen)),
        (note, lambda seen: allocate_credit(note, parts={other.pk: D(1)}, on=on, by=by, seen=seen)),
        (note, lambda seen: refund_credit(note, amount=D(1), on=on, kind="card", by=by, seen=seen)),
        (payment, lambda seen: allocate_payment(payment, parts={other.pk: D(1)}, on=on, by=by, seen=seen)),
        (payment, lambda seen: refund_payment(payment, amount=D(1), on=on, kind="card", by=by, seen=seen)),
        (payment, lambda seen: reject_payment(payment, on=on, reason="x", by=by, seen=seen)),
    ]
    for document, act in acts:
        document.refresh_from_db()
        with nothing_changed(), pytest.raises(StaleForm):
            act(document.version + 1)
        assert act(document.version) is not None


def test_payment_gone_meanwhile_is_told(world: World) -> None:
    payment = money(world, "200")
    with without_guards():
        Payment.objects.filter(pk=payment.pk).delete()

    assert refused(lambda: refund_payment(payment, amount=D(1), on=world.today, kind="card", by=None)) == (
        "Ce paiement n'existe plus. Revenez à la liste."
    )


def test_what_settles_nothing_is_refused_with_its_reason(world: World) -> None:
    note, invoice, payment = credit_of_a_paid_invoice(world), world.posted(), money(world, "200")
    spent = credit_invoice(world.posted(), on=world.today, by=None, rebill=False)
    part, on = {invoice.pk: D(1)}, world.today
    tomorrow = on + timedelta(days=1)

    for act, why in (
        (
            lambda: pay_invoice(note, amount=D(1), on=on, kind="card", by=None),
            "AV2026-00001 est un avoir : il se rembourse ou s'affecte à une facture.",
        ),
        (
            lambda: allocate_credit(invoice, parts=part, on=on, by=None),
            f"{invoice} n'est pas un avoir validé : choisissez un avoir.",
        ),
        (
            lambda: allocate_credit(spent, parts=part, on=on, by=None),
            f"{spent} est déjà affecté ou remboursé en entier.",
        ),
        (
            lambda: allocate_payment(payment, parts={}, on=on, by=None),
            "BQ2026-00002 : choisissez au moins une facture et son montant.",
        ),
        (
            lambda: allocate_payment(payment, parts={invoice.pk: D("0.005")}, on=on, by=None),
            f"{invoice} : le montant affecté est positif, au centime.",
        ),
        (
            lambda: allocate_payment(payment, parts={invoice.pk: D("184.63")}, on=on, by=None),
            f"{invoice} : il reste 184,62 € à payer, vous affectez 184,63 €. Baissez le montant.",
        ),
        (
            lambda: refund_credit(note, amount=D(0), on=on, kind="card", by=None),
            "Le montant d'un paiement est positif, au centime : par exemple 184,62.",
        ),
        (
            lambda: pay_invoice(invoice, amount=D(1), on=tomorrow, kind="card", by=None),
            "Un paiement ne se date pas dans le futur : choisissez la date de réception.",
        ),
        (
            lambda: record_payment(
                company=world.company, customer=world.customer, amount=D(1), on=tomorrow, kind="card", by=None
            ),
            "Un paiement ne se date pas dans le futur : choisissez la date de réception.",
        ),
    ):
        assert refused(act) == why


def test_invoice_is_allocated_to_the_last_cent(world: World) -> None:
    payment, note = money(world, "184.62"), credit_of_a_paid_invoice(world)
    first, second = world.posted(), world.posted()

    allocate_payment(payment, parts={first.pk: D("184.62")}, on=world.today, by=None)
    allocate_credit(note, parts={second.pk: D("184.62")}, on=world.today, by=None)

    assert [left(one, world) for one in (first, second, note)] == [("paid", D(0)), ("credited", D(0)), ("paid", D(0))]


def test_customer_merged_pays_under_both_names_and_no_other(world: World) -> None:
    gone, kept = PartnerFactory(name="Deux"), PartnerFactory(name="Un")
    theirs, own = world.posted(partner=gone), world.posted(partner=kept)
    before = money(world, "10", customer=gone)
    merge_partners(gone, into=kept, by=world.manager)
    for partner in (gone, kept):
        partner.refresh_from_db()
    stranger = world.posted()

    payment = money(world, "200", customer=kept, invoices=[theirs])
    allocate_payment(Payment.objects.get(pk=before.pk), parts={own.pk: D(10)}, on=world.today, by=None)

    assert (left(theirs, world), left(own, world)) == (("paid", D(0)), ("partial", D("174.62")))
    assert (
        open_invoices(Payment.objects.get(pk=payment.pk)) == open_invoices(Payment.objects.get(pk=before.pk)) == [own]
    )
    assert account_of(kept, companies=[world.company]).balance == D("159.24")  # 174,62 owed, 15,38 of the payment left
    assert open_invoices(stranger) == [stranger]


def test_payment_is_numbered_by_its_own_company_and_year(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    values = {"customer": world.customer, "amount": D(10), "by": None}
    days = (world.today, date(2025, 12, 31), world.today)

    numbers = [
        record_payment(company=company, kind=kind, on=on, **values).number  # type: ignore[arg-type]
        for company, kind in ((world.company, "card"), (other, "card"), (other, "cash"))
        for on in days
    ]

    assert numbers == [
        *("BQ2026-00001", "BQ2025-00001", "BQ2026-00002"),
        *("BQ2026-00001", "BQ2025-00001", "BQ2026-00002"),
        *("CA2026-00001", "CA2025-00001", "CA2026-00002"),
    ]
    companies = Entry.objects.order_by("pk").values_list("journal__company__name", "journal__code")
    assert (
        list(companies) == [("Flammes d'Armor", "BQ")] * 3 + [("Autre Foyer", "BQ")] * 3 + [("Autre Foyer", "CA")] * 3
    )
    assert journal_of(other, "cash") == Journal.objects.get(company=other, code="CA")


def test_credit_is_used_up_to_what_is_left_of_the_smaller(world: World) -> None:
    small, large = credit_of_a_paid_invoice(world), world.posted(item(2))
    whole = use_credit(small, invoice=large, on=world.today, by=None)
    again = money(world, "100", invoices=[large])
    note = credit_invoice(large, on=world.today, by=None, rebill=False)

    assert whole is not None
    assert (whole.amount, whole.credit_note, whole.document, whole.on) == (D("184.62"), small, large, world.today)
    assert [(row.credit_note, row.amount) for row in large.allocations.order_by("pk")] == [
        (small, D("184.62")),
        (None, D(100)),
        (note, D("84.63")),
    ]
    assert Payment.objects.with_left().get(pk=again.pk).left == 0
    assert left(note, world) == ("partial", D("284.62"))


# Entries


def test_entry_that_does_not_balance_is_not_written_and_a_long_label_is_cut(world: World) -> None:
    bank = journal_of(world.company, "bank")

    def entry(*legs: Leg) -> EntryDraft:
        return EntryDraft(bank, "X-1", world.today, "X-1", "l" * 161, legs)

    with nothing_changed(), pytest.raises(ValueError, match=r"^Entry X-1 is off balance by 0\.01\.$"):
        write_entries([entry(Leg("512000", D(1)), Leg("411000", D("-0.99"), world.customer))])
    write_entries([entry(Leg("512000", D(1)), Leg("467000", D(0)), Leg("411000", D(-1), world.customer))])

    written = Entry.objects.get()
    assert (written.journal, written.number, written.on, written.document) == (bank, "X-1", world.today, "X-1")
    assert written.label == "l" * 160
    rows = EntryLine.objects.order_by("pk").values_list("account", "partner", "label", "debit", "credit")
    assert list(rows) == [
        ("512000", None, "l" * 160, D(1), D(0)),
        ("411000", world.customer.pk, "l" * 160, D(0), D(1)),
    ]


# Suppliers


def test_supplier_is_paid_what_a_checked_bill_says(world: World) -> None:
    supplier = PartnerFactory(name="Fonderie Fictive")
    values = {"company": world.company, "supplier": supplier, "on": world.today, "net": D(10), "tax": D(2)}
    bill, neighbour = (
        check_bill(record_bill(number=number, by=world.biller, **values), by=world.biller)  # type: ignore[arg-type]
        for number in ("F-1", "F-2")
    )

    def pay(amount: str, on: date = world.today, seen: int | None = None) -> Any:
        return pay_supplier(bill, amount=D(amount), on=on, kind="card", reference="V 1", by=world.accountant, seen=seen)

    for amount in ("0", "0.001"):
        assert refused(lambda amount=amount: pay(amount)) == (  # type: ignore[misc]
            "Le montant d'un paiement est positif, au centime : par exemple 184,62."
        )
    assert refused(lambda: pay("1", world.today + timedelta(days=1))) == (
        "Un paiement ne se date pas dans le futur : choisissez la date du paiement."
    )
    assert refused(lambda: pay("12.01")) == (
        "Fonderie Fictive F-1 : il reste 12,00 € à payer, le paiement est de 12,01 €. Baissez le montant."
    )
    with nothing_changed(), pytest.raises(StaleForm):
        pay("12", seen=bill.version + 1)

    paid = pay("12", seen=bill.version)

    assert (paid.bill, paid.amount, paid.kind, paid.reference, paid.by) == (
        bill,
        D(12),
        "card",
        "V 1",
        world.accountant,
    )
    assert journal(bill)[-1] == ("paid", "Paiement de 12,00 €", world.accountant)
    residuals = dict(type(bill).objects.with_residual().values_list("number", "residual"))
    assert residuals == {"F-1": D(0), "F-2": D(12)}
    assert list(type(bill).objects.to_pay()) == [neighbour]
