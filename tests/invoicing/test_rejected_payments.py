"""A payment given back in part, or that did not hold: its invoices are owed again, the books say both."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.models import Allocation, Entry, EntryLine, HistoryLine, Payment
from invoicing.services.settlement.payments import allocate_payment, pay_invoice
from invoicing.services.settlement.refunds import refund_payment, reject_payment
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT, BILLING
from tests.factories import World, nothing_changed
from tests.factories.pages import address, fields_of, texts_of
from tests.invoicing.test_refunds import left, money, owed


def give_back(world: World, payment: Payment, amount: str, **options: Any) -> Payment:
    values = {"on": world.today, "kind": "transfer", **options}
    return refund_payment(payment, amount=Decimal(amount), by=world.accountant, **values)


def reject(world: World, payment: Payment, on: date | None = None) -> Payment:
    return reject_payment(payment, on=on or world.today, reason="Provision insuffisante", by=world.accountant)


def left_of(payment: Payment) -> Decimal:
    return Payment.objects.with_left().get(pk=payment.pk).left


def accounts(document: str) -> list[tuple[str, Decimal, Decimal]]:
    return [(x.account, x.debit, x.credit) for x in Entry.objects.get(document=document).lines.all()]


# Given back


def test_what_was_paid_too_much_is_given_back(world: World) -> None:
    invoice = world.posted()
    payment = money(world, "200", invoices=[invoice])
    assert (left_of(payment), owed(world)) == (Decimal("15.38"), Decimal("-15.38"))

    back = give_back(world, payment, "10")
    assert (left_of(payment), left_of(back), owed(world)) == (Decimal("5.38"), Decimal(0), Decimal("-5.38"))
    give_back(world, payment, "5.38")

    assert (left_of(payment), owed(world), left(invoice, world)) == (Decimal(0), Decimal(0), ("paid", Decimal(0)))
    assert (back.number, back.is_refund, back.pays_back, back.kind) == ("BQ2026-00002", True, payment, "transfer")
    assert accounts(back.number) == [("411000", Decimal(10), Decimal(0)), ("512000", Decimal(0), Decimal(10))]
    assert HistoryLine.objects.of(payment)[1].text == "Remboursement BQ2026-00002 de 10,00 €"
    assert HistoryLine.objects.of(back)[0].text == "Remboursement du paiement BQ2026-00001"


def test_no_more_is_given_back_than_what_settles_nothing(world: World) -> None:
    invoice = world.posted()
    payment = money(world, "200", invoices=[invoice])
    whole = pay_invoice(world.posted(), amount=Decimal("184.62"), on=world.today, kind="cash", by=world.accountant)
    back = give_back(world, payment, "10")

    for what, amount, why in (
        (
            payment,
            "5.39",
            "BQ2026-00001 : il reste 5,38 € à rembourser, vous remboursez 5,39 €. Baissez le montant.",
        ),
        (whole, "1", f"{whole} est affecté ou rendu en entier : un avoir de sa facture se rembourse, lui."),
        (back, "1", f"{back} est un remboursement : choisissez un paiement reçu."),
        (payment, "0", "Le montant d'un paiement est positif, au centime : par exemple 184,62."),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            give_back(world, what, amount)
        assert str(refused.value) == why
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        give_back(world, payment, "1", on=world.today + timedelta(1))
    assert "ne se date pas dans le futur" in str(refused.value)


def test_what_was_given_back_settles_no_invoice(world: World) -> None:
    payment = money(world, "200")
    give_back(world, payment, "150")
    invoice = world.posted()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        allocate_payment(payment, parts={invoice.pk: Decimal(60)}, on=world.today, by=world.accountant)

    assert str(refused.value).startswith("BQ2026-00001 : il reste 50,00 € à affecter")


# Rejected


def test_rejected_payment_leaves_its_invoices_owed_again(world: World) -> None:
    first, second = world.posted(), world.posted()
    payment = money(world, "300", invoices=[first, second])
    assert (left(first, world), left(second, world)) == (("paid", Decimal(0)), ("partial", Decimal("69.24")))

    out = reject(world, payment)

    assert (left(first, world), left(second, world)) == (("unpaid", Decimal("184.62")), ("unpaid", Decimal("184.62")))
    assert (owed(world), left_of(payment), left_of(out)) == (Decimal("369.24"), Decimal(0), Decimal(0))
    one, two = first_two = list(Allocation.objects.filter(reverses=None))
    assert [allocation.amount for allocation in first_two] == [Decimal("184.62"), Decimal("115.38")]
    taken_back = Allocation.objects.exclude(reverses=None).values_list(
        "reverses", "document", "payment", "amount", "on"
    )
    assert list(taken_back) == [
        (one.pk, first.pk, payment.pk, Decimal("-184.62"), world.today),
        (two.pk, second.pk, payment.pk, Decimal("-115.38"), world.today),
    ]
    assert (out.amount.amount, out.kind, out.reference, out.pays_back) == (
        Decimal(300),
        "cheque",
        "Provision insuffisante",
        payment,
    )
    assert accounts(out.number) == [("411000", Decimal(300), Decimal(0)), ("512000", Decimal(0), Decimal(300))]
    assert Entry.objects.get(document=out.number).label == "Rejet de BQ2026-00001 Aubry Maëlle Provision insuffisante"
    assert HistoryLine.objects.of(first)[0].text == (
        "Paiement BQ2026-00001 rejeté (Provision insuffisante) : 184,62 € de nouveau dus"
    )
    assert HistoryLine.objects.of(payment)[0].text == "Rejeté (Provision insuffisante) : BQ2026-00002 de 300,00 €"
    assert [line.text for line in HistoryLine.objects.of(out)] == ["Rejet du paiement BQ2026-00001"]
    assert sum((line.debit - line.credit for line in EntryLine.objects.all()), Decimal(0)) == 0


def test_rejection_takes_out_only_what_was_not_given_back(world: World) -> None:
    payment = money(world, "200", invoices=[world.posted()])
    give_back(world, payment, "15.38")

    assert reject(world, payment).amount.amount == Decimal("184.62")
    with nothing_changed(), pytest.raises(BusinessError) as refused:
        reject(world, payment)
    assert str(refused.value) == "BQ2026-00001 est déjà rendu en entier."


def test_last_cent_is_taken_out(world: World) -> None:
    payment = money(world, "200")
    give_back(world, payment, "199.99")

    assert reject(world, payment).amount.amount == Decimal("0.01")


def test_rejection_on_an_impossible_day_is_refused(world: World) -> None:
    payment = money(world, "200", invoices=[world.posted()])

    for on, why in (
        (world.today - timedelta(1), "n'était pas encore reçu ce jour-là : choisissez la date du rejet."),
        (world.today + timedelta(1), "ne se date pas dans le futur : choisissez la date du rejet."),
    ):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            reject(world, payment, on)
        assert str(refused.value).endswith(why)


def test_invoice_is_paid_anew_after_a_rejection(world: World) -> None:
    invoice = world.posted()
    first = pay_invoice(invoice, amount=Decimal("184.62"), on=world.today, kind="direct_debit", by=world.accountant)
    reject(world, first)

    pay_invoice(invoice, amount=Decimal("184.62"), on=world.today, kind="card", by=world.accountant)

    assert (left(invoice, world), owed(world)) == (("paid", Decimal(0)), Decimal(0))


# On the pages


def test_payment_is_given_back_and_rejected_from_its_page(world: World) -> None:
    office, invoice = world.office(ACCOUNTANT), world.posted()
    payment = money(world, "200", invoices=[invoice])
    assert fields_of(office.get(address(payment, "act", "refund")))["act-amount"] == "15,38"

    office.act(payment, "refund", amount="15,38", kind="transfer")
    office.act(payment, "reject", reason="Saisi deux fois")

    back, out = Payment.objects.filter(is_refund=True).order_by("pk")
    assert (back.amount.amount, out.amount.amount, out.reference) == (
        Decimal("15.38"),
        Decimal("184.62"),
        "Saisi deux fois",
    )
    page = office.get(address(payment))
    assert (page.context["office_menu"], texts_of(page, "of-smart")) == (
        [],
        ["payments Reste à affecter 0,00 €undo Rendu ou rejeté 15,38 €undo Rendu ou rejeté 184,62 €"],
    )
    assert "BQ2026-00001" in office.get(address(out)).content.decode()


def test_who_may_not_post_rejects_nothing(world: World) -> None:
    payment = money(world, "200")

    with nothing_changed():
        answer = world.office(BILLING).client.post(
            address(payment, "act", "reject"), {"act-reason": "x", "act-on": "2026-11-24"}
        )

    assert answer.status_code == 403


def test_a_rejection_needs_its_reason(world: World) -> None:
    office, payment = world.office(ACCOUNTANT), money(world, "200")

    with nothing_changed():
        asked = office.act(payment, "reject", reason="").context["form"]
        assert asked.errors == {"reason": ["Ce champ est obligatoire."]}
        for reason in (" ", "x" * 81):
            with pytest.raises(BusinessError) as refused:
                reject_payment(payment, on=world.today, reason=reason, by=world.accountant)
            assert str(refused.value) == "BQ2026-00001 : dites pourquoi il est rejeté, en 80 caractères au plus."


def test_money_paid_back_is_neither_rejected_nor_paid_back_again(world: World) -> None:
    payment = money(world, "200")
    give_back(world, payment, "50")
    back = Payment.objects.get(is_refund=True)

    for act in (lambda: reject(world, back), lambda: give_back(world, back, "1")):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            act()
        assert str(refused.value) == f"{back} est un remboursement : choisissez un paiement reçu."
    give_back(world, payment, "150")
    with nothing_changed(), pytest.raises(BusinessError) as spent:
        give_back(world, payment, "1")
    assert str(spent.value) == (
        "BQ2026-00001 est affecté ou rendu en entier : un avoir de sa facture se rembourse, lui."
    )
