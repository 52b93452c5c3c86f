"""Lists: the same number of queries with 1 and 50 rows; how long they take among many invoices."""

import os
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing.models import Invoice, InvoiceLine, InvoiceTax, Journal, Partner
from openfire_billing.db.guards import without_guards
from tests.api.subjects import contract, one_of_each, purchase_order
from tests.factories import AddressFactory, InstalledProductFactory, PartnerFactory, ProductFactory, World, item, tax
from tests.factories.api import Api
from tests.factories.appointments import book

MOST = 25
SEED = Callable[[World, int], Any]


def customer(number: int) -> Partner:
    made = PartnerFactory(name=f"Client {number}", bill_to=PartnerFactory())
    AddressFactory(partner=made)
    return made


def intervention(world: World, number: int) -> Any:
    return world.intervention(item(), item(2), partner=customer(number))


def paid(world: World, number: int) -> Any:
    from invoicing.services.settlement.payments import pay_invoice

    invoice = world.posted(intervention=intervention(world, number))
    return pay_invoice(invoice, amount=Decimal(10), on=world.today, kind="transfer", by=world.accountant)


def supplier_bill(world: World, number: int) -> Any:
    from invoicing.services.documents.purchases import bill_order, check_bill
    from invoicing.services.settlement.supplier_payments import pay_supplier

    order = purchase_order(world, supplier=f"Fonderie {number}")
    bill = check_bill(bill_order(order, number="F-1", on=world.today, by=world.biller), by=world.biller)
    return pay_supplier(bill, amount=Decimal(10), on=world.today, kind="transfer", by=world.accountant)


MAKERS: dict[str, SEED] = {
    "partners": lambda world, number: customer(number),
    "addresses": lambda world, number: customer(number),
    "products": lambda world, number: ProductFactory(),
    "interventions": intervention,
    "quotes": lambda world, number: world.quote(intervention=intervention(world, number)),
    "invoices": lambda world, number: (world.draft if number % 2 else world.posted)(
        intervention=intervention(world, number)
    ),
    "payments": paid,
    "purchase-orders": lambda world, number: purchase_order(world, supplier=f"Fonderie {number}"),
    "supplier-bills": supplier_bill,
    "appointments": lambda world, number: book(world, intervention(world, number), state="confirmed"),
    "installed-products": lambda world, number: InstalledProductFactory(partner=customer(number)),
    "contracts": lambda world, number: contract(world, payer=customer(number)),
}


def queries(api: Api, path: str) -> int:
    api.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert api.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("resource", MAKERS)
def test_list_takes_the_same_queries_with_1_and_50_rows(world: World, resource: str) -> None:
    api, path = Api(world.manager), f"{resource}/?page_size=50"
    MAKERS[resource](world, 0)
    one = queries(api, path)
    for number in range(1, 50):
        MAKERS[resource](world, number)

    fifty = queries(api, path)

    assert len(api.get(path).data["results"]) == 50
    assert (fifty, fifty < MOST) == (one, True)


def test_every_list_takes_few_queries(world: World) -> None:
    api = Api(world.manager)
    for resource in one_of_each(world):
        assert queries(api, f"{resource}/") < MOST, resource


# Time


def many_invoices(world: World, count: int) -> None:
    """That many posted invoices of 200 customers with two lines each, written in bulk."""
    customers = [PartnerFactory(name=f"Client {number}") for number in range(200)]
    journal, vat = Journal.objects.get(company=world.company, code="VE"), tax("TVA collectée (vente) 5,5%")
    product = ProductFactory(code="ram_pose")
    for start in range(0, count, 5_000):
        invoices = Invoice.objects.bulk_create(
            Invoice(
                company=world.company,
                journal=journal,
                state="posted",
                number=f"FA2026-{number:06d}",
                customer=customers[number % 200],
                proposed_on=world.today,
                issued_on=world.today,
                due_on=world.today,
                net=Decimal("350.00"),
                tax=Decimal("19.25"),
                gross=Decimal("369.25"),
            )
            for number in range(start, min(count, start + 5_000))
        )
        with without_guards():  # their invoices are posted
            InvoiceLine.objects.bulk_create(
                InvoiceLine(
                    invoice=one, position=rank, product=product, label="Pose", unit_price=Decimal(175), tax=vat, net=175
                )
                for one in invoices
                for rank in (1, 2)
            )
            InvoiceTax.objects.bulk_create(
                InvoiceTax(invoice=one, category="S", rate=Decimal("5.50"), base=350, amount=Decimal("19.25"))
                for one in invoices
            )


def p95(api: Api, path: str, *, times: int = 20) -> float:
    """Seconds within which 95 % of the answers came."""
    taken = []
    for _time in range(times):
        start = time.perf_counter()
        assert api.get(path).status_code == 200
        taken.append(time.perf_counter() - start)
    return sorted(taken)[int(times * 0.95) - 1]


def test_list_of_many_invoices_is_quick(world: World, record_testsuite_property: Callable[[str, object], None]) -> None:
    """The wish is 100 ms at 100,000 on a quiet machine; here a fifth of them, several suites at once."""
    many_invoices(world, int(os.environ.get("API_INVOICES", "20000")))
    api = Api(world.accountant)

    for query in ("", "?state=posted&ordering=-issued_on", "?customer=" + str(world.customer.pk), "?page=300"):
        seconds = p95(api, f"invoices/{query}")
        record_testsuite_property(f"p95 API invoices {query}", f"{seconds * 1000:.0f} ms")
        sys.stdout.write(f"p95 {connection.vendor} {query or '(all)'}: {seconds * 1000:.0f} ms\n")
        assert seconds < 0.9, query
