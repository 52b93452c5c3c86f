"""An invoice that credit notes alone settle was « Payée »: it is « Annulée par avoir » on every door."""

from decimal import Decimal

import pytest

from invoicing.models import Allocation, Invoice, Payment
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.settlement.payments import pay_invoice
from invoicing.services.settlement.refunds import reject_payment
from invoicing.services.settlement.settled import Part, parts_settled
from openfire_billing.kernel.errors import BusinessError
from tests.factories import World, item
from tests.factories.api import Api
from tests.factories.pages import address, texts_of

pytestmark = pytest.mark.django_db


def state(invoice: Invoice, world: World) -> tuple[str, Decimal]:
    found = Invoice.objects.with_payment_state(world.today).get(pk=invoice.pk)
    return found.payment_state, found.residual


def credited(world: World, invoice: Invoice) -> Invoice:
    return credit_invoice(invoice, on=world.today, rebill=False, by=world.accountant)


def paid(world: World, invoice: Invoice, amount: str) -> None:
    pay_invoice(invoice, amount=Decimal(amount), on=world.today, kind="card", by=world.accountant)


def test_credit_notes_alone_make_it_credited(world: World) -> None:
    invoice = world.posted()
    note = credited(world, invoice)

    assert state(invoice, world) == ("credited", Decimal(0))
    assert state(note, world) == ("paid", Decimal(0))
    on_the_day = Invoice.objects.with_payment_state(world.today)
    found = {name: list(on_the_day.in_payment_state(name)) for name in ("unpaid", "partial", "paid", "credited")}
    assert found == {"unpaid": [], "partial": [], "paid": [note], "credited": [invoice]}


def test_a_part_paid_and_the_rest_credited_is_paid(world: World) -> None:
    invoice = world.posted(item(2, price=100))
    paid(world, invoice, "105.50")
    line = invoice.lines.get().pk
    note = credit_invoice(invoice, on=world.today, rebill=False, by=world.accountant, quantities={line: Decimal(1)})

    assert state(invoice, world) == ("paid", Decimal(0))
    assert parts_settled(invoice) == [
        Part(world.today, Decimal("105.50"), Payment.objects.get(), means="Carte bancaire"),
        Part(world.today, Decimal("105.50"), note, other="AV2026-00001"),
    ]


def test_a_rejected_payment_leaves_it_credited(world: World) -> None:
    invoice = world.posted()
    paid(world, invoice, "184.62")
    reject_payment(Allocation.objects.get().payment, on=world.today, reason="Impayé", by=world.accountant)
    note = credited(world, invoice)

    assert state(invoice, world) == ("credited", Decimal(0))
    assert parts_settled(invoice) == [Part(world.today, Decimal("184.62"), note, other="AV2026-00001")]


def test_an_invoice_of_nothing_is_paid(world: World) -> None:
    assert state(world.posted(item(price=0)), world) == ("paid", Decimal(0))


def test_page_list_and_refusal_say_it(world: World) -> None:
    invoice = world.posted()
    credited(world, invoice)
    office = world.office()

    assert "Annulée par avoir" in texts_of(office.get(address(invoice)), "of-flag")[0]
    page = office.get(address(Invoice, "changelist"), view="credited")
    assert [row.pk for row in page.context["cl"].result_list] == [invoice.pk]
    with pytest.raises(BusinessError, match=r"FA2026-00001 est annulée par avoir : il n'y a rien à payer\."):
        paid(world, Invoice.objects.get(pk=invoice.pk), "1")


def test_programs_read_it_and_filter_by_it(world: World) -> None:
    invoice = world.posted()
    credited(world, invoice)
    world.posted()
    api = Api(world.accountant)

    assert api.get(f"invoices/{invoice.pk}/").data["payment_state"] == "credited"
    assert [row["id"] for row in api.get("invoices/", payment_state="credited").data["results"]] == [invoice.pk]
