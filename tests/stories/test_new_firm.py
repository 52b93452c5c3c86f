"""From an empty database to the first payment, on the pages, as a new firm would: nothing to run in between."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from invoicing.models import (
    Address,
    Company,
    Entry,
    FiscalPosition,
    Invoice,
    Journal,
    Partner,
    Payment,
    Product,
    Tax,
    Unit,
)
from invoicing.services.catalogue import journal_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.reference import load_reference_data
from tests.factories.pages import Office, address, new_line, refusal, typed


@pytest.fixture
def office(db: None) -> Office:
    load_reference_data()
    return Office(User.objects.create_superuser("patronne"))


def firm(office: Office) -> Company:
    identity = {
        "name": "Braises du Léon",
        "siren": "732829320",
        "siret": "73282932000074",
        "vat_number": "FR44732829320",
    }
    where = {"street": "1 quai des Essais", "zip": "29600", "city": "Morlaix"}
    answer = office.save(Company, **identity, **where)
    assert answer.status_code == 302, answer.context["adminform"].errors
    return Company.objects.get()


def test_new_firm_bills_and_is_paid(office: Office) -> None:
    company = firm(office)
    tax = Tax.objects.get(name="TVA 20 % travaux")
    unit = Unit.objects.get(code="C62")
    answer = office.save(Product, code="ram", name="Ramonage", kind="service", unit=unit, unit_price="100", tax=tax)
    assert answer.status_code == 302, answer.context["adminform"].errors
    office.save(Partner, name="Le Bihan Rozenn")
    product, customer = Product.objects.get(), Partner.objects.get()
    office.save(Address, partner=customer, street="2 rue du Port", zip="29600", city="Morlaix")
    assert product.income_account == company.income_account == "706000"

    position = FiscalPosition.objects.get(code="VEN-10")
    form = typed(office.open(Invoice), customer=customer, company=company, fiscal_position=position)
    answer = office.send(Invoice, new_line(form, product=product))
    assert answer.status_code == 302, (answer.context["adminform"].errors, answer.context["errors"])
    invoice = Invoice.objects.get()
    posted = office.act(invoice, "post")
    assert posted.status_code == 302, refusal(posted)
    office.act(invoice, "pay", amount="110,00", kind="transfer")

    invoice = Invoice.objects.with_payment_state(invoice.proposed_on).get()
    assert (invoice.number, invoice.gross.amount, invoice.payment_state) == ("FA2026-00001", Decimal("110.00"), "paid")
    assert (Payment.objects.get().number, Entry.objects.count()) == ("BQ2026-00001", 2)


def test_company_has_its_journals_at_once(office: Office) -> None:
    company = firm(office)

    kinds = Journal.objects.filter(company=company).order_by("code").values_list("code", "prefix", "account")
    assert list(kinds) == [
        ("AC", "DE", ""),
        ("AV", "AV", ""),
        ("BQ", "BQ", "512000"),
        ("CA", "CA", "530000"),
        ("VE", "FA", ""),
    ]


def test_journal_that_lacks_is_named(office: Office) -> None:
    company = firm(office)
    Journal.objects.filter(code="CA").delete()

    with pytest.raises(BusinessError) as refused:
        journal_of(company, "cash")

    assert str(refused.value) == (
        "Braises du Léon n'a pas de journal « Caisse » : ajoutez-le dans Réglages › Journaux."
    )


def test_customer_brings_his_terms_to_an_invoice_and_a_quote(office: Office) -> None:
    from invoicing.models import Quote
    from tests.factories import AddressFactory, PartnerFactory

    payer = PartnerFactory(name="Syndic")
    customer = PartnerFactory(name="Locataire", bill_to=payer)
    home = customer.addresses.first() or AddressFactory(partner=customer)
    firm(office)

    invoice = office.get(address(Invoice, "defaults"), customer=payer.pk).json()
    quote = office.get(address(Quote, "defaults"), partner=customer.pk).json()

    assert (invoice["billing_address"]["value"], invoice["payment_term"]["text"]) == (
        payer.billing_address().pk,
        "30 jours",
    )
    assert (quote["bill_to"]["text"], quote["site"]["value"], quote["payment_term"]["text"]) == (
        "Syndic",
        home.pk,
        "30 jours",
    )
