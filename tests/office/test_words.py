"""Words looked up in several tables, by their index where there is one; what is owed, found without asking each invoice."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Exists, Min, OuterRef, Sum
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from interventions.models import InstalledProduct
from invoicing.models import Allocation, Invoice, Partner
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.settlement.payments import pay_invoice
from invoicing.services.settlement.refunds import reject_payment
from openfire_billing.db.search import holding, words_of
from openfire_billing.office.roles import ACCOUNTANT
from tests.factories import AddressFactory, InstalledProductFactory, PartnerFactory, World
from tests.factories.api import Api
from tests.factories.pages import address

WHO = Partner.SEARCHED


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("bellec  liffré", ["bellec", "liffré"]),
        ('"rue du Four" rennes', ["rue du Four", "rennes"]),
        ("06 39 98", ["06 39 98"]),
        ("06.39.98.40.10", ["06.39.98.40.10"]),
        ("bellec 06 39 98 rennes", ["bellec", "06 39 98", "rennes"]),
        ("1 184,62 €", ["1 184,62 €"]),
        (" ".join("abcdefghijklm"), list("abcdefghij")),
        ("06 39 9", ["06 39 9"]),
        ("12 rue", ["12", "rue"]),
        ("2026", ["2026"]),
        ('"', ['"']),
        ("", []),
    ],
)
def test_words_as_typed(typed: str, words: list[str]) -> None:
    assert words_of(typed) == words


def found(text: str) -> list[str]:
    return [partner.name for partner in holding(Partner.objects.order_by("name"), WHO, words_of(text))]


def test_every_word_is_in_one_of_the_columns_of_any_table(world: World) -> None:
    ronan, soizic = PartnerFactory(name="Bellec Ronan", mobile="06 39 98 40 77"), PartnerFactory(name="Bellec Soizic")
    ronan.addresses.update(city="Liffré", street="7 rue du Four")
    soizic.addresses.update(city="Bruz")

    assert found("BELLEC") == ["Bellec Ronan", "Bellec Soizic"]
    assert found("bellec liff") == ["Bellec Ronan"]
    assert found('"rue du four" ronan') == ["Bellec Ronan"]
    assert found("06.39.98.40.77") == ["Bellec Ronan"]
    assert found("98 40") == ["Bellec Ronan"]
    assert found("bellec liff zzyx") == []
    assert found("100%") == found("_") == []


def test_a_customer_of_two_addresses_is_found_once(world: World) -> None:
    made = PartnerFactory(name="Bellec Ronan")
    AddressFactory(partner=made, is_default=False)
    made.addresses.update(city="Liffré")

    assert found("liffré") == ["Bellec Ronan"]
    assert [row["name"] for row in Api(world.manager).get("partners/", search="liffré").json()["results"]] == [
        made.name
    ]


def test_search_of_the_api_takes_a_telephone_for_one_word(world: World) -> None:
    PartnerFactory(name="Pas lui", mobile="06 10 98 40 39")
    PartnerFactory(name="Lui", mobile="06 39 98 40 10")
    results = Api(world.manager).get("partners/", search="06 39 98 40").json()["results"]
    assert [row["name"] for row in results] == ["Lui"]


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("queryset", "columns", "typed", "index"),
    [
        (lambda: Partner.objects, Partner.OWN_WORDS, "kermadec", "invoicing_partner_search"),
        (lambda: Partner.objects, ("phone_key", "mobile_key"), "06 39 98 40 10", "invoicing_partner_search"),
        (lambda: Partner.objects, ("addresses__search_text",), "kermadec", "invoicing_address_search"),
        (lambda: Invoice.objects, ("customer__search_text",), "kermadec", "invoicing_partner_search"),
        (lambda: InstalledProduct.objects, ("search_text",), "kermadec", "interventions_installed_search"),
    ],
)
def test_names_towns_and_serial_numbers_are_found_by_an_index(
    db: None, queryset: Any, columns: tuple[str, ...], typed: str, index: str
) -> None:
    """A table of three rows is read whole: it is asked what could be done if it were large."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    with CaptureQueriesContext(connection) as captured:
        list(holding(queryset().all(), columns, [typed]))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {captured[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert index in plan


def test_owed_is_what_the_allocations_leave(world: World) -> None:
    def posted(**paid: Decimal) -> Invoice:
        invoice = world.posted(intervention=world.intervention(partner=PartnerFactory()))
        for amount in paid.values():
            pay_invoice(invoice, amount=amount, on=world.today, kind="transfer", by=world.accountant)
        return invoice

    unpaid = posted()
    gross = unpaid.gross.amount
    posted(whole=gross)
    posted(first=gross - 10, second=Decimal(10))
    partly = posted(first=gross - 10)
    world.draft(intervention=world.intervention(partner=PartnerFactory()))
    rejected = posted()
    payment = pay_invoice(rejected, amount=gross, on=world.today, kind="debit", by=world.accountant)
    reject_payment(payment, on=world.today, reason="Provision insuffisante", by=world.accountant)
    credited = posted()
    credit_invoice(credited, on=world.today, by=world.accountant, quantities=None, rebill=False, reason="Geste")
    paid = posted(whole=gross)
    to_refund = credit_invoice(paid, on=world.today, by=world.accountant, quantities=None, rebill=False, reason="Geste")

    invoices = Invoice.objects.with_payment_state(world.today)

    assert (
        set(invoices.owed())
        == set(invoices.posted().filter(residual__gt=0))
        == {
            unpaid,
            partly,
            rejected,
            to_refund,
        }
    )
    assert set(invoices.overdue()) == set(invoices.filter(is_overdue=True))


@pytest.mark.postgresql
def test_owed_and_sums_are_read_from_indexes_alone(world: World) -> None:
    """A table of three rows is read whole: it is asked what could be done if it were large."""
    world.posted()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    whole = Allocation.objects.not_reversed().filter(document=OuterRef("pk"), amount__gte=OuterRef("gross"))
    owed = Invoice.objects.order_by().filter(~Exists(whole), state="posted").values("pk")
    by_day = Invoice.objects.order_by().filter(issued_on__gte="2026-01-01").exclude(state="cancelled")
    sums = {"turnover": Sum("net"), "with_tax": Sum("gross"), "kinds": Min("kind"), "of": Min("company_id")}

    assert "invoicing_reversed_once" in owed.explain()
    assert (
        "Index Only Scan using invoicing_by_date" in by_day.values("issued_on", "currency").annotate(**sums).explain()
    )


@pytest.mark.parametrize("query", ["?view=unpaid", "?view=late", "?q=client"])
def test_list_of_what_is_owed_takes_the_same_queries_with_1_and_20_rows(world: World, query: str) -> None:
    office, url = world.office(ACCOUNTANT), address(Invoice, "changelist") + query

    def queries() -> int:
        office.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert office.get(url).status_code == 200
        return len(captured)

    for number in range(20):
        world.posted(intervention=world.intervention(partner=PartnerFactory(name=f"Client {number}")))
        if number == 0:
            one = queries()

    assert queries() == one


@pytest.mark.parametrize("words", ["client", "06 39 98", "FA2026", "zzyx", "client rennes", "cl"])
def test_search_from_anywhere_takes_the_same_queries_with_1_and_20_of_each(world: World, words: str) -> None:
    office, url = world.office(ACCOUNTANT), reverse("admin:search")

    def queries() -> int:
        from django.core.cache import cache

        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert office.get(url, s=words, extended=1).status_code == 200
        return len(captured)

    for number in range(20):
        partner = PartnerFactory(name=f"Client {number}", mobile=f"06 39 98 40 {number:02d}")
        InstalledProductFactory(partner=partner, serial_number=f"FA2026-{number}")
        world.posted(intervention=world.intervention(partner=partner))
        if number == 0:
            queries()
            one = queries()

    assert queries() <= one + 1


def test_search_from_anywhere_shows_what_was_made_a_moment_ago(world: World) -> None:
    office, url = world.office(ACCOUNTANT), reverse("admin:search")
    PartnerFactory(name="Kermadec Anne")
    assert b"Kermadec Anne" in office.get(url, s="kermadec", extended=1).content

    PartnerFactory(name="Kermadec Paul")

    assert b"Kermadec Paul" in office.get(url, s="kermadec", extended=1).content
