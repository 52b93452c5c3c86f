"""A company that counts in Swiss francs: every draft has them, and no document mixes two currencies."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from appointments.services.billing import invoice_appointment
from appointments.services.states import confirm_appointment
from invoicing.models import CompanyAccess, HistoryLine, Invoice, Quote
from invoicing.services.documents.intents import DraftIntent, LineIntent
from invoicing.services.documents.writing import write_draft
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import ACCOUNTANT, BILLING
from tests.contracts.contract_builders import bill, make_contract
from tests.factories import CompanyFactory, World, item, nothing_changed, position
from tests.factories.appointments import alone
from tests.factories.pages import new_line, typed

GROSS = Decimal("184.62")  # 175.00 and 9.62: half a centime goes to the even one


@pytest.fixture
def swiss(world: World) -> World:
    world.company.currency = "CHF"
    world.company.full_clean()
    world.company.save()
    return world


def by_request(world: World) -> None:
    world.draft()


def by_quote(world: World) -> None:
    quote = world.quote()
    office = world.office(BILLING)
    office.act(quote, "accept")
    office.act(quote, "invoice")
    assert Quote.objects.get().company.currency == "CHF"


def by_appointment(world: World) -> None:
    office = world.office()
    rdv = alone(world, fiscal_position=position())
    office.send(rdv, new_line(office.open(rdv), product=item().product, quantity="1"))
    confirm_appointment(rdv, by=world.planner)
    invoice_appointment(rdv, on=world.today, by=world.biller)


def by_contract(world: World) -> None:
    make_contract(world)
    bill(world, on="01/01/26")


def by_hand(world: World) -> None:
    office = world.office(BILLING)
    fields = typed(office.open(Invoice), customer=world.customer, fiscal_position=position())
    office.send(Invoice, new_line(fields, product=item().product, quantity="1"))


@pytest.mark.parametrize(
    ("bill", "gross"),
    [
        (by_request, GROSS),
        (by_quote, GROSS),
        (by_appointment, GROSS),
        (by_contract, Decimal("10.55")),
        (by_hand, GROSS),
    ],
)
def test_every_draft_has_the_currency_of_the_company(swiss: World, bill: Any, gross: Decimal) -> None:
    bill(swiss)

    invoice = Invoice.objects.get()
    assert (invoice.currency, invoice.gross.amount, str(invoice.gross.currency)) == ("CHF", gross, "CHF")


def test_credit_payment_and_refusal_speak_of_francs(swiss: World) -> None:
    invoice = swiss.posted()
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        pay_invoice(invoice, amount=Decimal(200), on=swiss.today, kind="transfer", by=swiss.accountant)
    assert str(refusal.value) == (
        f"{invoice} : il reste 184,62 CHF à payer, le paiement est de 200,00 CHF. Baissez le montant."
    )

    payment = pay_invoice(invoice, amount=Decimal(100), on=swiss.today, kind="transfer", by=swiss.accountant)
    line = invoice.lines.get()
    credit = credit_invoice(
        invoice, quantities={line.pk: Decimal(1)}, rebill=False, reason="Erreur", on=swiss.today, by=swiss.accountant
    )

    assert (payment.currency, credit.currency, credit.gross.amount) == ("CHF", "CHF", GROSS)
    texts = [line.text for line in HistoryLine.objects.filter(object_id=invoice.pk, act="paid")]
    assert texts == [f"Paiement {payment} de 100,00 CHF"]


def test_draft_in_another_currency_is_refused(swiss: World) -> None:
    intent = DraftIntent(
        company=swiss.company.pk,
        customer=swiss.customer.pk,
        lines=[LineIntent(label="Entretien", unit_price=Decimal(10))],
        proposed_on=swiss.today,
        origin="CONT/00001",
        fiscal_position=position().pk,
        currency="EUR",
    )
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        write_draft(intent, by=swiss.biller, at=timezone.now())

    assert str(refusal.value) == (
        f"CONT/00001 est en EUR et {swiss.company.name} compte en CHF : un document ne mêle pas deux devises."
    )


def test_currency_of_a_company_that_has_invoiced_is_fixed(world: World) -> None:
    world.draft()
    world.company.currency = "CHF"

    with pytest.raises(ValidationError) as refusal:
        world.company.full_clean()

    assert refusal.value.message_dict == {
        "currency": ["Cette société a des factures dans sa devise : elle ne change plus."]
    }


def test_word_that_is_no_currency_is_refused(world: World) -> None:
    world.company.currency = "FRA"

    with pytest.raises(ValidationError) as refusal:
        world.company.full_clean()

    assert refusal.value.message_dict == {
        "currency": ["« FRA » n'est pas une devise : tapez son code de trois lettres (EUR, CHF)."]
    }


def test_first_page_sums_each_currency_by_itself(world: World) -> None:
    world.posted()
    francs = CompanyFactory(name="Flammes du Léman", currency="CHF")
    CompanyAccess.objects.create(user=world.accountant, company=francs)
    swiss = world.posted(company=francs)

    page = world.office(ACCOUNTANT).get("/admin/").context

    assert swiss.currency == "CHF"
    assert [(chart["currency"], chart["this"]) for chart in page["office_billed"]] == [
        ("€", "175,00 €"),
        ("CHF", "175,00 CHF"),
    ]
    opened = world.office(ACCOUNTANT).get(page["office_billed"][1]["months"][10]["bars"][1]["url"])
    assert list(opened.context["cl"].queryset) == [swiss]
    (part,) = page["office_amounts"]
    assert (part["text"], [line["text"] for line in part["lines"]]) == (
        "184,62 € + 184,62 CHF",
        ["184,62 € + 184,62 CHF"],
    )
