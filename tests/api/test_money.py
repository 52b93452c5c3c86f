"""Credits and payments through the API: made, refused, refunded, allocated later."""

from typing import Any

import pytest

from invoicing.models import Invoice, Payment
from tests.factories import World, nothing_changed
from tests.factories.api import Api, refused

TODAY = "2026-11-24"


@pytest.fixture
def accountant(world: World) -> Api:
    return Api(world.accountant)


def paid_then_credited(api: Api, invoice: Invoice) -> Any:
    api.made(f"invoices/{invoice.pk}/pay/", {"on": TODAY, "amount": "184.62"})
    return api.made(f"invoices/{invoice.pk}/credit/", {"on": TODAY, "all": True, "rebill": False})


def test_credit_note_is_allocated_then_refunded(accountant: Api, world: World) -> None:
    note, other = paid_then_credited(accountant, world.posted()), world.posted()

    part = [{"invoice": other.pk, "amount": "100.00"}]
    allocated = accountant.made(f"invoices/{note['id']}/allocate/", {"invoices": part}, status=200)
    refund = accountant.made(f"invoices/{note['id']}/refund/", {"on": TODAY, "amount": "84.62", "reference": "VIR 7"})

    assert (allocated["number"], allocated["payment_state"], allocated["residual"]) == (
        "AV2026-00001",
        "partial",
        "84.62",
    )
    assert (refund["is_refund"], refund["amount"], refund["left"], refund["allocations"]) == (
        True,
        "84.62",
        "0.00",
        [{"invoice": note["id"], "amount": "84.62"}],
    )
    assert accountant.get(f"invoices/{note['id']}/").data["payment_state"] == "paid"
    assert accountant.get(f"invoices/{other.pk}/").data["residual"] == "84.62"


def test_refund_and_allocation_refused_say_why(accountant: Api, world: World) -> None:
    note, other = paid_then_credited(accountant, world.posted()), world.posted()
    twice = [{"invoice": other.pk, "amount": "1.00"}] * 2

    with nothing_changed():
        too_much = accountant.post(f"invoices/{note['id']}/refund/", {"on": TODAY, "amount": "184.63"})
        not_a_note = accountant.post(f"invoices/{other.pk}/refund/", {"on": TODAY, "amount": "1"})
        named_twice = accountant.post(f"invoices/{note['id']}/allocate/", {"invoices": twice})
        none = accountant.post(f"invoices/{note['id']}/allocate/", {"invoices": []})

    assert refused(too_much) == (
        "AV2026-00001 : il reste 184,62 € à rembourser, vous remboursez 184,63 €. Baissez le montant."
    )
    assert refused(not_a_note) == "FA2026-00002 n'est pas un avoir validé : choisissez un avoir."
    for answer in (named_twice, none):
        assert refused(answer, 400)
        assert set(answer.data["fields"]) == {"invoices"}


def test_payment_of_no_invoice_is_allocated_later(accountant: Api, world: World) -> None:
    payment = accountant.made("payments/", {"customer": world.customer.pk, "on": TODAY, "amount": "200.00"})
    invoice = world.posted()
    assert (payment["left"], payment["allocations"]) == ("200.00", [])

    part = [{"invoice": invoice.pk, "amount": "184.62"}]
    allocated = accountant.made(f"payments/{payment['id']}/allocate/", {"invoices": part}, status=200)

    assert (allocated["left"], allocated["allocations"]) == ("15.38", [{"invoice": invoice.pk, "amount": "184.62"}])
    assert accountant.get(f"invoices/{invoice.pk}/").data["payment_state"] == "paid"


def test_credit_of_more_than_what_is_left_is_refused(accountant: Api, world: World) -> None:
    posted = world.posted()
    line = posted.lines.get()
    body = {"on": TODAY, "rebill": False, "lines": [{"line": line.pk, "quantity": "2"}]}

    with nothing_changed():
        answer = accountant.post(f"invoices/{posted.pk}/credit/", body)

    assert "il reste 1 à créditer" in refused(answer)


@pytest.mark.parametrize(
    ("amount", "status", "said"),
    [
        ("-1.00", 409, "Le montant d'un paiement est positif, au centime : par exemple 184,62."),
        ("0.00", 409, "Le montant d'un paiement est positif, au centime : par exemple 184,62."),
        ("184.63", 409, "il reste 184,62 € à payer, le paiement est de 184,63 €. Baissez le montant."),
        ("1.001", 400, ""),
        ("NaN", 400, ""),
    ],
)
def test_wrong_payment_is_refused(accountant: Api, world: World, amount: str, status: int, said: str) -> None:
    posted = world.posted()

    with nothing_changed():
        answer = accountant.post(f"invoices/{posted.pk}/pay/", {"on": TODAY, "amount": amount})

    assert said in refused(answer, status)


def test_payment_settles_invoices_oldest_first(accountant: Api, world: World) -> None:
    first, second = world.posted(), world.posted()
    body = {"customer": world.customer.pk, "on": TODAY, "amount": "200.00"}

    made = accountant.made("payments/", {**body, "invoices": [second.pk, first.pk]})

    assert made["currency"] == "EUR"
    assert made["allocations"] == [
        {"invoice": first.pk, "amount": "184.62"},
        {"invoice": second.pk, "amount": "15.38"},
    ]
    assert Payment.objects.get().by == world.accountant
