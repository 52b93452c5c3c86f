"""What is left of a credit note or of a payment: allocated to other invoices, or paid back."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.models import Allocation, Entry, HistoryLine, Invoice, Payment
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.settlement.balances import account_of
from invoicing.services.settlement.payments import (
    allocate_credit,
    allocate_payment,
    oldest_first,
    open_invoices,
    pay_invoice,
    record_payment,
)
from invoicing.services.settlement.refunds import refund_credit, refund_payment
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT
from tests.factories import CompanyFactory, PartnerFactory, World, item, nothing_changed
from tests.factories.pages import address, fields_of, refusal, texts_of
from tests.factories.past import rewrite


def credit_of_a_paid_invoice(world: World) -> Invoice:
    """AV2026-00001: 184,62 that the customer had paid."""
    invoice = world.posted()
    pay_invoice(invoice, amount=Decimal("184.62"), on=world.today, kind="transfer", by=world.accountant)
    return credit_invoice(invoice, on=world.today, by=world.accountant, rebill=False)


def money(world: World, amount: str, **options: Any) -> Payment:
    """A payment that settles nothing yet."""
    values = {"company": world.company, "customer": world.customer, **options}
    return record_payment(amount=Decimal(amount), on=world.today, kind="cheque", by=world.accountant, **values)


def refund(world: World, note: Invoice, amount: str, **options: Any) -> Payment:
    values = {"on": world.today, "kind": "transfer", **options}
    return refund_credit(note, amount=Decimal(amount), by=world.accountant, **values)


def left(document: Invoice, world: World) -> tuple[str, Decimal]:
    found = Invoice.objects.with_payment_state(world.today).get(pk=document.pk)
    return found.payment_state, found.residual


def owed(world: World) -> Decimal:
    return account_of(world.customer, companies=[world.company]).balance


def badge_of(document: Invoice, world: World) -> str:
    return texts_of(world.office(ACCOUNTANT).get(address(document)), "of-flag")[0]


# The list


def test_total_under_the_list_is_what_came_in_less_what_was_paid_back(world: World) -> None:
    note = credit_of_a_paid_invoice(world)  # 184,62 received
    refund(world, note, "84.62")
    for _cent in range(3):
        money(world, "0.10", customer=PartnerFactory(name="Bellec Ronan"))

    def totals(**query: str) -> list[tuple[str, Decimal]]:
        page = world.office(ACCOUNTANT).get(address(Payment, "changelist"), **query)
        return [(str(label), amount) for label, amount in page.context["office_totals"]]

    assert totals() == [("Total de la liste", Decimal("100.30"))]
    assert totals(q="Bellec") == [("Total de la liste", Decimal("0.30"))]
    assert totals(view="received") == [("Total de la liste", Decimal("184.92"))]
    assert totals(view="refunds") == [("Total de la liste", Decimal("-84.62"))]
    assert totals(view="to-allocate", q="Aubry") == [("Total de la liste", Decimal(0))]
    assert texts_of(world.office(ACCOUNTANT).get(address(Payment, "changelist")), "of-list-totals") == [
        "Total de la liste100,30 €"
    ]


# Refunds


def test_refund_in_two_parts_ends_the_credit_note(world: World) -> None:
    note = credit_of_a_paid_invoice(world)
    assert (left(note, world), owed(world), badge_of(note, world)) == (
        ("unpaid", Decimal("184.62")),
        Decimal("-184.62"),
        "À rembourser",
    )

    refund(world, note, "100")
    assert (left(note, world), owed(world)) == (("partial", Decimal("84.62")), Decimal("-84.62"))

    refund(world, note, "84.62")
    assert (left(note, world), owed(world), badge_of(note, world)) == (("paid", Decimal(0)), Decimal(0), "Remboursé")


def test_refund_is_money_out_in_a_balanced_entry(world: World) -> None:
    payment = refund(world, credit_of_a_paid_invoice(world), "184.62", reference="VIR 7")

    entry = Entry.objects.get(document=payment.number)
    assert (payment.number, payment.is_refund, entry.label) == (
        "BQ2026-00002",
        True,
        "Remboursement Aubry Maëlle VIR 7",
    )
    assert [(line.account, line.debit, line.credit) for line in entry.lines.all()] == [
        ("411000", Decimal("184.62"), Decimal(0)),
        ("512000", Decimal(0), Decimal("184.62")),
    ]


def test_refund_from_the_page_proposes_what_is_left(world: World) -> None:
    note, office = credit_of_a_paid_invoice(world), world.office(ACCOUNTANT)
    assert fields_of(office.get(address(note, "act", "refund")))["act-amount"] == "184,62"

    office.act(note, "refund", amount="84,62", kind="cheque", reference="n° 12")

    payment = Payment.objects.get(is_refund=True)
    assert (payment.amount.amount, payment.kind, payment.reference) == (Decimal("84.62"), "cheque", "n° 12")
    assert left(note, world) == ("partial", Decimal(100))


def test_refund_of_more_than_what_is_left_is_refused(world: World) -> None:
    note = credit_of_a_paid_invoice(world)

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        refund(world, note, "184.63")

    assert str(refused.value) == (
        "AV2026-00001 : il reste 184,62 € à rembourser, vous remboursez 184,63 €. Baissez le montant."
    )


def test_refund_that_makes_no_sense_is_refused(world: World) -> None:
    note, invoice = credit_of_a_paid_invoice(world), world.posted()

    for document, options, why in (
        (invoice, {}, "FA2026-00002 n'est pas un avoir validé : choisissez un avoir."),
        (
            note,
            {"on": world.today + timedelta(days=1)},
            "Un paiement ne se date pas dans le futur : choisissez la date du remboursement.",
        ),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            refund(world, document, "10", **options)
        assert str(refused.value) == why


def test_nothing_is_offered_once_refunded(world: World) -> None:
    note = credit_of_a_paid_invoice(world)
    offered = world.office(ACCOUNTANT).get(address(note)).context["office_menu"]
    assert {"Rembourser", "Imputer sur des factures"} <= {str(act["label"]) for act in offered}

    refund(world, note, "184.62")

    offered = world.office(ACCOUNTANT).get(address(note)).context["office_menu"]
    assert not {"Rembourser", "Imputer sur des factures"} & {str(act["label"]) for act in offered}
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        refund(world, note, "1")
    assert str(refused.value) == "AV2026-00001 est déjà affecté ou remboursé en entier."


# Credit notes on other invoices


def test_credit_note_is_allocated_to_the_oldest_invoices_proposed(world: World) -> None:
    note, office = credit_of_a_paid_invoice(world), world.office(ACCOUNTANT)
    first, second = world.posted(item(price=100)), world.posted()
    question = fields_of(office.get(address(note, "act", "allocate")))
    assert (question[f"act-invoice_{first.pk}"], question[f"act-invoice_{second.pk}"]) == ("105,50", "79,12")

    office.act(note, "allocate")

    assert [left(document, world) for document in (first, second, note)] == [
        ("credited", Decimal(0)),
        ("partial", Decimal("105.50")),
        ("paid", Decimal(0)),
    ]
    assert badge_of(note, world) == "Affecté"


def test_allocation_of_too_much_is_refused_in_the_dialog(world: World) -> None:
    note, office = credit_of_a_paid_invoice(world), world.office(ACCOUNTANT)
    invoice, other = world.posted(), world.posted()

    with nothing_changed():
        over_invoice = office.act(note, "allocate", **{f"invoice_{invoice.pk}": "184,63", f"invoice_{other.pk}": ""})
        over_note = office.act(note, "allocate", **{f"invoice_{invoice.pk}": "184,62", f"invoice_{other.pk}": "0,01"})
        none = office.act(note, "allocate", **{f"invoice_{invoice.pk}": "", f"invoice_{other.pk}": ""})

    assert refusal(over_invoice) == (
        "FA2026-00002 : il reste 184,62 € à payer, vous affectez 184,63 €. Baissez le montant."
    )
    assert refusal(over_note) == (
        "AV2026-00001 : il reste 184,62 € à affecter, vous affectez 184,63 €. Baissez les montants."
    )
    assert refusal(none) == "AV2026-00001 : choisissez au moins une facture et son montant."


def test_invoice_paid_since_the_dialog_was_opened_is_not_skipped_silently(world: World) -> None:
    note, office = credit_of_a_paid_invoice(world), world.office(ACCOUNTANT)
    invoice, other = world.posted(item(price=100)), world.posted()
    question = fields_of(office.get(address(note, "act", "allocate")))
    pay_invoice(invoice, amount=Decimal("105.50"), on=world.today, kind="transfer", by=world.accountant)

    with nothing_changed():
        answer = office.confirm(note, "allocate", question)

    assert "Une des factures vient d'être payée" in answer.content.decode().replace("&#x27;", "'")
    assert left(other, world) == ("unpaid", Decimal("184.62"))


def test_allocation_to_a_stranger_or_another_company_is_refused(world: World) -> None:
    note = credit_of_a_paid_invoice(world)
    stranger = world.posted(partner=PartnerFactory(name="Bellec Ronan"))
    draft = world.draft()
    elsewhere = world.posted(company=CompanyFactory(name="Autre Foyer"))

    for invoice, why in (
        (stranger, "FA2026-00002 est due par Bellec Ronan : choisissez le bon client."),
        (draft, f"{draft} n'est pas validée : validez-la avant d'enregistrer un paiement."),
        (elsewhere, "FA2026-00001 est d'une autre société que AV2026-00001."),
        (note, "AV2026-00001 : une facture choisie n'existe plus. Rechargez la page."),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            allocate_credit(note, parts={invoice.pk: Decimal(1)}, on=world.today, by=world.accountant)
        assert str(refused.value) == why


# Payments


def test_payment_of_no_invoice_is_allocated_later(world: World) -> None:
    payment, invoice, office = money(world, "200"), world.posted(), world.office(ACCOUNTANT)
    assert owed(world) == Decimal("-15.38")

    office.act(payment, "allocate")

    assert left(invoice, world) == ("paid", Decimal(0))
    assert (Payment.objects.with_left().get(pk=payment.pk).left, owed(world)) == (Decimal("15.38"), Decimal("-15.38"))
    assert Allocation.objects.get().payment == payment


def test_payment_is_not_allocated_beyond_what_it_is(world: World) -> None:
    payment, invoice = money(world, "100"), world.posted()
    refunded = refund(world, credit_of_a_paid_invoice(world), "10")

    def allocate(source: Payment, amount: str) -> Payment:
        parts = {invoice.pk: Decimal(amount)}
        return allocate_payment(source, parts=parts, on=world.today, by=world.accountant)

    for source, amount, why in (
        (
            payment,
            "100.01",
            "BQ2026-00001 : il reste 100,00 € à affecter, vous affectez 100,01 €. Baissez les montants.",
        ),
        (payment, "0", "FA2026-00001 : le montant affecté est positif, au centime."),
        (refunded, "1", f"{refunded} est un remboursement : il ne s'affecte à aucune facture."),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            allocate(source, amount)
        assert str(refused.value) == why

    allocate(payment, "100")
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        allocate(payment, "1")
    assert str(refused.value) == "BQ2026-00001 est déjà affecté en entier."


def test_payment_typed_by_hand_leads_to_its_page_with_what_is_left(world: World) -> None:
    office = world.office(ACCOUNTANT)
    form = office.open(Payment)

    answer = office.send(Payment, {**form, "customer": world.customer.pk, "amount": "50,00"})

    payment = Payment.objects.get()
    assert answer.url == address(payment)
    page = office.get(answer.url)
    assert ([str(act["label"]) for act in page.context["office_menu"]], texts_of(page, "of-smart")) == (
        ["Affecter à des factures", "Rembourser", "Rejeté ou annulé"],
        ["payments Reste à affecter 50,00 €"],
    )


def test_journals_say_what_was_allocated_and_paid_back(world: World) -> None:
    note, other = credit_of_a_paid_invoice(world), world.posted()
    allocate_credit(note, parts={other.pk: Decimal(100)}, on=world.today, by=world.accountant)
    paid_back = refund(world, note, "84.62")

    assert HistoryLine.objects.of(other)[0].text == f"Avoir {note} affecté : 100,00 €"
    assert [line.text for line in HistoryLine.objects.of(note)[:2]] == [
        f"Remboursement {paid_back} de 84,62 €",
        f"Affecté à {other} : 100,00 €",
    ]
    assert [line.text for line in HistoryLine.objects.of(paid_back)] == [f"Remboursement de l'avoir {note}"]


def test_what_is_owed_is_the_customer_s_own_to_these_companies(world: World) -> None:
    other, neighbour = CompanyFactory(name="Autre Foyer"), PartnerFactory(name="Le Goff Yann")
    mine, theirs = world.posted(item(2)), world.posted(partner=neighbour)
    elsewhere = world.posted()
    rewrite(Invoice.objects.filter(pk=elsewhere.pk), company=other)
    world.draft()
    advance, back = money(world, "50"), money(world, "30")
    refund_payment(back, amount=Decimal(30), on=world.today, kind="cash", by=world.accountant)
    money(world, "7", customer=neighbour)
    rewrite(Payment.objects.filter(pk=money(world, "3").pk), company=other)

    assert owed(world) == mine.gross.amount - Decimal(50) == Decimal("319.25")
    assert account_of(world.customer, companies=[world.company, other]).balance == Decimal("319.25") + Decimal("181.62")
    assert open_invoices(advance) == [mine]
    assert open_invoices(theirs) == [theirs]


def test_invoices_that_may_be_settled_are_the_oldest_first(world: World) -> None:
    first, second, paid = world.posted(), world.posted(), world.posted()
    pay_invoice(paid, amount=Decimal("184.62"), on=world.today, kind="card", by=world.accountant)
    note = credit_of_a_paid_invoice(world)

    assert open_invoices(note) == [first, second]
    assert oldest_first(Decimal(200), open_invoices(note)) == {first.pk: Decimal("184.62"), second.pk: Decimal("15.38")}
    assert oldest_first(Decimal("184.62"), open_invoices(note)) == {first.pk: Decimal("184.62")}
