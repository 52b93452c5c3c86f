"""The card of an invoice: what settles it, the days of its life, where it comes from."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from interventions.services.billing import invoice_intervention
from invoicing.models import HistoryLine, Invoice, Message
from invoicing.services.documents.life import Life, life_of
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.records.links import publish, token_of
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.office.roles import ACCOUNTANT, BILLING
from tests.factories import World, item
from tests.factories.pages import address


def card(world: World, invoice: Invoice, role: str = ACCOUNTANT) -> dict[str, Any]:
    found: dict[str, Any] = world.office(role).get(address(invoice)).context["office_card"]["context"]
    return found


def pay(world: World, invoice: Invoice, amount: str) -> Any:
    return pay_invoice(invoice, amount=Decimal(amount), on=world.today, kind="card", by=world.accountant)


def write_to(invoice: Invoice, *, days_ago: int, key: str, state: str = "sent") -> None:
    Message.objects.create(
        key=key,
        to="maelle@exemple.example",
        body="…",
        object=invoice,
        company=invoice.company,
        state=state,
        created_at=timezone.now() - timedelta(days=days_ago),
    )


def look(world: World, invoice: Invoice, client: Client | None = None) -> None:
    link = publish(invoice, by=world.biller, published=True)
    assert (client or Client()).get(f"/p/{token_of(link)}/").status_code == 200


def test_rows_of_what_settles_an_invoice_link_to_it(world: World) -> None:
    invoice = world.posted()
    payment = pay(world, invoice, "84.62")
    note = credit_invoice(invoice, on=world.today, by=world.accountant, quantities=None, rebill=False, reason="Geste")
    found = card(world, invoice)
    assert [(part.on, part.amount, str(link)) for part, link in found["parts"]] == [
        (world.today, Decimal("84.62"), f'<a class="of-link" href="{address(payment)}">{payment}</a>'),
        (world.today, Decimal("100.00"), f'<a class="of-link" href="{address(note)}">{note}</a>'),
    ]
    assert (found["paid"], found["credited"], found["invoice"].residual) == (Decimal("84.62"), Decimal("100.00"), 0)
    assert dict(card(world, note)["origins"])["Corrige"] == [
        f'<a class="of-link" href="{address(invoice)}">{invoice}</a>'
    ]


def test_who_may_not_see_payments_reads_their_number_without_a_link(world: World) -> None:
    invoice = world.posted()
    payment = pay(world, invoice, "84.62")
    world.users[BILLING].groups.get().permissions.remove(Permission.objects.get(codename="view_payment"))
    [(_part, link)] = card(world, invoice, BILLING)["parts"]
    assert link == payment


def test_draft_has_its_origin_and_no_amount_paid(world: World) -> None:
    intervention = world.intervention(item(1))
    draft = invoice_intervention(intervention, on=world.today, by=world.biller)
    found = card(world, draft)
    assert [(str(label), links) for label, links in found["origins"]] == [
        ("DI", [f'<a class="of-link" href="{address(intervention)}">{intervention}</a>'])
    ]
    assert "parts" not in found


def test_days_are_those_it_was_sent_seen_sent_again_and_paid(world: World) -> None:
    invoice = world.posted()
    assert [day for _label, day in card(world, invoice)["days"]] == [None, None, None, None]
    write_to(invoice, days_ago=9, key="a")
    write_to(invoice, days_ago=5, key="b", state="failed")
    assert life_of(invoice) == Life(sent_on=world.today - timedelta(days=9), seen_on=None, reminded_on=None)
    write_to(invoice, days_ago=2, key="c")
    look(world, invoice)
    pay(world, invoice, "184.62")
    assert [(str(label), day) for label, day in card(world, invoice)["days"]] == [
        ("Envoyée le", world.today - timedelta(days=9)),
        ("Vue par le client le", world.today),
        ("Relancée le", world.today - timedelta(days=2)),
        ("Payée le", world.today),
    ]


def test_first_view_of_the_customer_is_written_once_and_changes_no_invoice(world: World) -> None:
    invoice = world.posted()
    publish(invoice, by=world.biller, published=True)
    before = Invoice.objects.filter(pk=invoice.pk).values().get()
    for _visit in range(2):
        look(world, invoice)
    [line] = HistoryLine.objects.of(invoice).filter(act="viewed")
    assert (line.text, line.by, line.changes) == ("Page ouverte par le client", None, {})
    assert Invoice.objects.filter(pk=invoice.pk).values().get() == before


def test_somebody_of_the_office_who_looks_is_not_the_customer(world: World) -> None:
    invoice = world.posted()
    look(world, invoice, world.office(ACCOUNTANT).client)
    assert life_of(invoice).seen_on is None


def test_settled_by_credit_notes_alone_is_not_said_to_be_paid(world: World) -> None:
    invoice = world.posted()
    credit_invoice(invoice, on=world.today, by=world.accountant, quantities=None, rebill=False, reason="Annulation")
    assert [(str(label), day) for label, day in card(world, invoice)["days"]][3] == ("Soldée le", world.today)


@pytest.mark.parametrize("count", [12])
def test_card_is_read_in_as_many_queries_with_1_and_many_rows(world: World, count: int) -> None:
    office = world.office(ACCOUNTANT)
    invoice = world.posted()

    def counted() -> int:
        office.get(address(invoice))
        with CaptureQueriesContext(connection) as captured:
            office.get(address(invoice))
        return len(captured)

    pay(world, invoice, "1")
    one = counted()
    for _number in range(count):
        pay(world, invoice, "1")
    assert counted() == one
