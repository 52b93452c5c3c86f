"""« The customer's page asks to pay what is credited or paid. » What it shows of an invoice, by value."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from invoicing.models import Invoice
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.records.links import publish, token_of
from invoicing.services.settlement.payments import pay_invoice
from tests.factories import World, item
from tests.factories.pages import texts_of

pytestmark = pytest.mark.django_db


def page_of(world: World, document: Any) -> Any:
    answer = Client().get(f"/p/{token_of(publish(document, by=world.biller, published=True))}/")
    assert answer.status_code == 200
    return answer


def shown(world: World, document: Any) -> tuple[str, Any]:
    answer = page_of(world, document)
    return texts_of(answer, "state")[0], answer


def with_iban(world: World) -> None:
    world.company.iban, world.company.bic = "FR76 3000 6000 0112 3456 7890 189", "AGRIFRPP"
    world.company.save()


def paid(world: World, invoice: Invoice, amount: str) -> None:
    pay_invoice(invoice, amount=Decimal(amount), on=world.today, kind="card", by=world.accountant)


def test_untouched_asks_for_the_whole_and_says_how(world: World) -> None:
    with_iban(world)
    state, answer = shown(world, world.posted(item(2, price=100)))
    text = " ".join(texts_of(answer, "pay"))

    assert state == "À payer au plus tard le 24/12/2026 : 211,00 €"
    assert "Par virement de 211,00 €, en rappelant FA2026-00001" in text
    assert "IBAN FR76 3000 6000 0112 3456 7890 189" in text
    assert "<svg" in answer.content.decode()
    assert texts_of(answer, "lines")[0].startswith("[ram_pose] Forfait Pose2 u × 100,00 · TVA 5,5 %200,00 €")
    assert (answer.context["paid"], answer.context["credited"]) == (0, 0)


def test_partly_paid_asks_for_the_rest(world: World) -> None:
    with_iban(world)
    invoice = world.posted()
    paid(world, invoice, "100")
    state, answer = shown(world, invoice)

    assert state == "À payer au plus tard le 24/12/2026 : 84,62 €"
    assert (answer.context["paid"], answer.context["credited"]) == (Decimal(100), 0)
    assert "Par virement de 84,62 €" in texts_of(answer, "pay")[0]


def test_paid_asks_for_nothing(world: World) -> None:
    with_iban(world)
    invoice = world.posted()
    paid(world, invoice, "184.62")
    state, answer = shown(world, invoice)

    assert state == "Réglée le 24/11/2026 : rien à payer"
    assert texts_of(answer, "pay") == []
    assert "<svg" not in answer.content.decode()


def test_credited_says_so_and_asks_for_nothing(world: World) -> None:
    with_iban(world)
    invoice = world.posted()
    credit_invoice(invoice, on=world.today, rebill=False, by=world.accountant)
    state, answer = shown(world, invoice)

    assert state == "Annulée par avoir : rien à payer"
    assert texts_of(answer, "pay") == []
    assert (answer.context["paid"], answer.context["credited"]) == (0, Decimal("184.62"))


def test_credit_note_is_to_the_credit_of_the_customer(world: World) -> None:
    with_iban(world)
    invoice = world.posted()
    paid(world, invoice, "184.62")
    note = credit_invoice(invoice, on=world.today, rebill=False, by=world.accountant)
    state, answer = shown(world, note)

    assert state == "À votre crédit : 184,62 €"
    assert texts_of(answer, "pay") == []


def test_late_says_so(world: World, on_an_ordinary_day: Any) -> None:

    invoice = world.posted()
    on_an_ordinary_day.move_to(datetime(2027, 1, 14, 9, 0, tzinfo=ZoneInfo("Europe/Paris")))
    state, answer = shown(world, invoice)

    assert state == "En retard, à payer sans attendre : 184,62 €"
    assert "Appelez Flammes d'Armor" in texts_of(answer, "pay")[0].replace("’", "'")


def test_no_transfer_code_without_an_account_that_can_be_read(world: World) -> None:
    world.company.iban = "FR7"
    world.company.save()
    _state, answer = shown(world, world.posted())

    assert "<svg" not in answer.content.decode()


def test_quote_lists_its_lines(world: World) -> None:
    answer = page_of(world, world.quote(item(2, price=100)))

    assert "Total TTC211,00 €" in texts_of(answer, "lines")[0]
