"""Search from anywhere: a telephone, a town, a serial number, a number, a name; and the customer's whole page."""

from decimal import Decimal

import pytest

from invoicing.models import Payment
from invoicing.services.settlement.payments import balance_of, pay_invoice, record_payment
from openfire_billing.office.roles import ACCOUNTANT, PLANNER
from openfire_billing.office.search import search, telephone
from tests.factories import CompanyFactory, InstalledProductFactory, PartnerFactory, World
from tests.factories.pages import Office, address


class Asked:
    """A request, as far as a search looks at it."""

    def __init__(self, user: object) -> None:
        self.user = user


def found(world: World, words: str, role: str = ACCOUNTANT) -> list[str]:
    return [result.title for result in search(Asked(world.users[role]), words)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("0639984010", "06 39 98 40 10"),
        ("06.39.98.40.10", "06 39 98 40 10"),
        ("+33 6 39 98 40 10", "06 39 98 40 10"),
        ("9840", "98 40"),
        ("Aubry", ""),
        ("123", ""),
    ],
)
def test_telephone_is_read_as_people_write_it(typed: str, written: str) -> None:
    assert telephone(typed) == written


def test_search_by_telephone_town_name_serial_and_number(world: World) -> None:
    other = PartnerFactory(name="Bellec Ronan", mobile="06 39 98 40 77")
    other.addresses.update(city="Liffré", zip="35340")
    InstalledProductFactory(partner=other, serial_number="FF-2024-0042")
    invoice = world.posted()
    assert found(world, "0639984077") == ["Bellec Ronan"]
    assert found(world, "liffré") == ["Bellec Ronan"]
    assert found(world, "35340") == ["Bellec Ronan"]
    assert found(world, "bellec liff") == ["Bellec Ronan"]
    assert "FF-2024-0042" in found(world, "2024-0042")[0]
    assert found(world, "FA2026-00001") == [invoice.number]
    assert "DI/000001" in found(world, "000001")


def test_search_shows_only_what_one_may_see(world: World) -> None:
    world.posted()
    assert found(world, "FA2026-00001", PLANNER) == []
    elsewhere = CompanyFactory(name="Ailleurs")
    world.users[ACCOUNTANT].company_accesses.update(company=elsewhere)
    assert found(world, "FA2026-00001") == []


def test_customer_page_has_everything_and_a_balance(world: World) -> None:
    invoice = world.posted()
    pay_invoice(invoice, amount=Decimal(100), on=world.today, kind="card", by=world.accountant)
    office = world.office(ACCOUNTANT)
    page = office.get(address(world.customer))
    shown = {str(b["label"]): str(b.get("text") or b["count"]) for b in page.context["office_buttons"]}
    assert shown["Solde dû"].replace("\u202f", " ") == "84,62 €"
    assert (shown["DI"], shown["Factures"]) == ("1", "1")
    assert f"/admin/interventions/interventionrequest/add/?partner={world.customer.pk}" in page.content.decode()


def test_balance_counts_payments_not_allocated_yet(world: World) -> None:
    record_payment(
        company=world.company,
        customer=world.customer,
        amount=Decimal(50),
        on=world.today,
        kind="card",
        by=world.accountant,
    )
    assert Payment.objects.count() == 1
    assert balance_of(world.customer, companies=[world.company]) == Decimal("-50.00")


def test_first_page_by_role(world: World) -> None:
    world.posted()
    page = world.office(ACCOUNTANT).get("/admin/")
    labels = [card["label"] for card in page.context["office_cards"]]
    assert "Factures à encaisser" in labels
    assert '"11/2026"' in page.context["office_chart"]
    assert "175.0" in page.context["office_chart"]
    page = world.office(PLANNER).get("/admin/")
    assert "Factures à encaisser" not in [card["label"] for card in page.context["office_cards"]]
    assert "office_chart" not in page.context


def test_first_steps_for_a_new_firm(world: World) -> None:
    office = Office(world.manager)
    assert [step["is_done"] for step in office.get("/admin/").context["office_steps"]].count(False) > 0
    planner = world.office(PLANNER)
    assert planner.get("/admin/").context["office_steps"] == []
