"""A new payment: the open invoices of its customer, settled by the same save."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing.models import Allocation, Invoice, Payment
from invoicing.services.settlement.payments import pay_invoice, record_payment
from openfire_billing.db.guards import without_guards
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT
from tests.factories import CompanyFactory, PartnerFactory, World, nothing_changed
from tests.factories.pages import address, errors_of, refusal


def invoices(world: World, count: int = 3) -> list[Invoice]:
    """Posted invoices of 184,62 € each, the oldest first."""
    made = [world.posted() for _number in range(count)]
    with without_guards():
        for age, invoice in enumerate(reversed(made)):
            Invoice.objects.filter(pk=invoice.pk).update(issued_on=world.today - timedelta(days=age))
    return made


def form(world: World, **typed: Any) -> dict[str, Any]:
    fields = world.office(ACCOUNTANT).open(Payment)
    return {**fields, "customer": world.customer.pk, "kind": "transfer", "on": f"{world.today:%d/%m/%Y}", **typed}


def send(world: World, **typed: Any) -> Any:
    return world.office(ACCOUNTANT).send(Payment, form(world, **typed))


def settled() -> list[tuple[str, Decimal]]:
    return [(str(row.document), row.amount) for row in Allocation.objects.order_by("pk")]


def shown(answer: Any) -> Any:
    return answer.context["office_tabs"][0]["context"]["form"]


def test_invoices_are_shown_for_the_customer_and_what_was_typed_is_kept(world: World) -> None:
    first, second, third = invoices(world)
    with nothing_changed():
        answer = send(world, amount="200", reference="VIR 12", _show="1")
    page = world.office(ACCOUNTANT).client.get(answer.url)
    initial = page.context["adminform"].form.initial
    assert (initial["amount"], initial["reference"], initial["customer"]) == ("200", "VIR 12", world.customer.pk)
    assert 'name="amount" value="200"' in page.content.decode()
    rows = [(i, tick.value(), part.field.widget.attrs["placeholder"]) for i, tick, part in shown(page).rows()]
    assert rows == [(first, True, "184,62"), (second, True, "15,38"), (third, False, "")]


def test_ticked_invoices_are_settled_the_oldest_first_by_one_save(world: World) -> None:
    first, second, third = invoices(world)
    answer = send(world, amount="200", **{f"pay_{third.pk}": "on", f"pay_{second.pk}": "on"})
    payment = Payment.objects.with_left().get()
    assert answer.url == address(payment)
    assert settled() == [(str(second), Decimal("184.62")), (str(third), Decimal("15.38"))]
    assert (payment.amount.amount, payment.left) == (Decimal(200), Decimal(0))
    assert Invoice.objects.with_payment_state(world.today).get(pk=first.pk).residual == Decimal("184.62")


def test_amounts_typed_are_taken_as_they_are_and_the_rest_stays_to_the_customer_s_credit(world: World) -> None:
    first, second, _third = invoices(world)
    send(world, amount="300", **{f"part_{second.pk}": "100,50", f"pay_{first.pk}": "on"})
    assert settled() == [(str(first), Decimal("184.62")), (str(second), Decimal("100.50"))]
    assert Payment.objects.with_left().get().left == Decimal("14.88")


def test_nothing_chosen_settles_nothing(world: World) -> None:
    invoices(world, 1)
    send(world, amount="50")
    assert (settled(), Payment.objects.with_left().get().left) == ([], Decimal(50))


def test_same_page_sent_twice_is_one_payment(world: World) -> None:
    [invoice] = invoices(world, 1)
    fields = form(world, amount="184,62", **{f"pay_{invoice.pk}": "on"})
    for _press in range(2):
        world.office(ACCOUNTANT).send(Payment, fields)
    assert (Payment.objects.count(), settled()) == (1, [(str(invoice), Decimal("184.62"))])


def test_more_than_the_payment_is_refused_and_the_answers_stay(world: World) -> None:
    first, second, _third = invoices(world)
    with nothing_changed():
        answer = send(world, amount="150", **{f"part_{first.pk}": "100", f"part_{second.pk}": "60,10"})
    [said] = errors_of(answer)["amount"]
    assert said.startswith("Ce paiement est de 150,00 €, vous en affectez 160,10 €.")
    assert [part.value() for _invoice, _tick, part in shown(answer).rows()] == ["100", "60,10", None]


def test_more_than_what_is_left_of_an_invoice_is_refused(world: World) -> None:
    [invoice] = invoices(world, 1)
    with nothing_changed():
        answer = send(world, amount="300", **{f"part_{invoice.pk}": "200"})
    assert "il reste 184,62 € à payer, vous affectez 200,00 €" in refusal(answer).replace("\u202f", " ")


def test_invoice_paid_meanwhile_is_refused(world: World) -> None:
    [invoice] = invoices(world, 1)
    fields = form(world, amount="184,62", **{f"pay_{invoice.pk}": "on"})
    pay_invoice(invoice, amount=Decimal("184.62"), on=world.today, kind="card", by=world.accountant)
    with nothing_changed():
        answer = world.office(ACCOUNTANT).send(Payment, fields)
    assert "Une des factures choisies n'est plus à régler par ce client." in refusal(answer)


@pytest.mark.parametrize("amount", ["abc", "-5", "0", "1,234"])
def test_amount_that_is_none_is_refused(world: World, amount: str) -> None:
    [invoice] = invoices(world, 1)
    with nothing_changed():
        answer = send(world, amount="300", **{f"part_{invoice.pk}": amount})
    assert "Un montant affecté n'est pas valable" in refusal(answer)
    assert [bool(part.errors) for _invoice, _tick, part in shown(answer).rows()] == [True]


def test_invoices_of_others_are_not_shown_and_not_settled(world: World) -> None:
    other, [own] = world.posted(partner=PartnerFactory(name="Bellec")), invoices(world, 1)
    page = world.office(ACCOUNTANT).client.get(send(world, amount="10", _show="1").url)
    assert shown(page).invoices == [own]
    with nothing_changed():
        answer = send(world, amount="300", **{f"pay_{other.pk}": "on"})
    assert "n'est plus à régler par ce client" in refusal(answer)
    elsewhere = CompanyFactory(name="Autre Foyer")
    page = world.office(ACCOUNTANT).get(address(Payment, "add"), customer=world.customer.pk, company=elsewhere.pk)
    assert shown(page).invoices == [own]  # the company asked for is not one of the user's: his own is taken


def test_who_may_not_settle_sees_no_invoice_and_settles_none(world: World) -> None:
    [invoice] = invoices(world, 1)
    [group] = world.users[ACCOUNTANT].groups.all()
    group.permissions.remove(group.permissions.get(codename="post_invoice"))
    page = world.office(ACCOUNTANT).get(address(Payment, "add"), customer=world.customer.pk)
    assert "office_tabs" not in page.context
    with nothing_changed():
        assert send(world, amount="10", **{f"pay_{invoice.pk}": "on"}).status_code == 403


def test_page_takes_the_same_queries_with_1_and_50_invoices(world: World) -> None:
    office = world.office(ACCOUNTANT)

    def counted() -> int:
        with CaptureQueriesContext(connection) as captured:
            office.get(address(Payment, "add"), customer=world.customer.pk, amount="10000")
        return len(captured)

    invoices(world, 1)
    counted()
    one = counted()
    invoices(world, 49)
    assert counted() == one


def test_service_refuses_parts_above_the_amount(world: World) -> None:
    [invoice] = invoices(world, 1)
    with pytest.raises(BusinessError, match="vous en affectez 100,00") as refused, nothing_changed():
        record_payment(
            company=world.company,
            customer=world.customer,
            amount=Decimal("99.99"),
            on=world.today,
            kind="card",
            by=world.accountant,
            parts={invoice.pk: Decimal(100)},
        )
    assert (refused.value.field, refused.value.code) == ("amount", "beyond_what_is_left")
