"""Contracts made as people make them, and what their billing left, in a few words."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from contracts.models import BillingRun, Contract, PeriodClaim
from contracts.services.activation import activate_contract
from contracts.services.billing import bill_contracts
from contracts.services.contracts import save_contract
from contracts.services.lines import save_line
from invoicing.models import Invoice, InvoiceLine, Product
from invoicing.services.documents.lines import LineEdit
from tests.factories import World, position
from tests.factories.parties import PartnerFactory


def day(text: str) -> date:
    """« 31/01/26 »."""
    return datetime.strptime(text, "%d/%m/%y").date()  # noqa: DTZ007 a calendar day has no zone


def french(on: date) -> str:
    return f"{on:%d/%m/%y}"


def article(price: str, **values: Any) -> LineEdit:
    """An article of that yearly price (« ram_pose » under the contract's position)."""
    product = values.pop("product", None) or Product.objects.get(code="ram_pose")
    quantity = Decimal(values.pop("quantity", "1"))
    return LineEdit(values={"product": product, "quantity": quantity, "unit_price": Decimal(price), **values})


def exception(on: str, price: str, quantity: str = "1", *, alone: bool = True) -> LineEdit:
    """An exception billed on its day; with the next due period of its line when not `alone`."""
    return article(price, quantity=quantity, on=day(on), label="Geste", alone=alone)


def make_contract(
    world: World,
    start: str = "01/01/26",
    *articles: LineEdit,
    exceptions: Iterable[LineEdit] = (),
    visits: tuple[int, tuple[int, ...]] | None = None,
    line: dict[str, Any] | None = None,
    is_active: bool = True,
    **terms: Any,
) -> Contract:
    """A monthly contract in advance, of one line with one article of 120,00 a year unless told; active on its first day."""
    values = {"frequency": "monthly", "timing": "in_advance", "fiscal_position": position("VEN-5.5")} | terms
    values.setdefault("payer", world.customer)
    on = day(start)
    contract = save_contract(None, {"company": world.company, "start_on": on, **values}, on=on, by=world.manager)
    planned: dict[str, Any] = {}
    if visits:
        planned = {"repeat": visits[0], "repeat_unit": "year", "visit_months": list(visits[1]), "task": world.task}
    save_line(
        None,
        {"contract": contract, **planned, **(line or {})},
        articles=articles or [article("120.00")],
        exceptions=list(exceptions),
        on=on,
        by=world.manager,
    )
    return activate_contract(contract, on=on, by=world.manager).made if is_active else contract


def make_many(world: World, count: int, **terms: Any) -> list[Contract]:
    """Contracts of as many customers."""
    return [make_contract(world, payer=PartnerFactory(), **terms) for _number in range(count)]


def bill(world: World, *contracts: Contract, on: str, force: bool = False) -> BillingRun:
    return bill_contracts(contracts or None, on=day(on), by=world.biller, force=force)


def drafts(contract: Contract | None = None) -> list[tuple[str, str, list[str]]]:
    """Each invoice made, as (kind, proposed date, nets of its lines), in the order of their dates."""
    invoices = Invoice.objects.filter(origin__startswith="CONT/").order_by("proposed_on", "pk")
    if contract is not None:
        invoices = invoices.filter(origin=contract.reference)
    return [(i.kind, french(i.proposed_on), [str(line.net) for line in i.lines.order_by("position")]) for i in invoices]


def periods(contract: Contract) -> list[str]:
    """« 01/01/26-31/01/26 10.00 » of each live claim of a contract, in order."""
    claims = PeriodClaim.objects.filter(article__line__contract=contract, released_by__isnull=True)
    return [
        f"{french(c.start)}-{french(date.fromordinal(c.end.toordinal() - 1))} {c.invoice_line.net if c.invoice_line else 0}"
        for c in claims.select_related("invoice_line").order_by("start", "article")
    ]


def reasons(run: BillingRun) -> list[str]:
    """What a run set aside."""
    return list(run.outcomes.filter(result="refused").order_by("contract").values_list("reason", flat=True))


def lines_total() -> Decimal:
    return sum(InvoiceLine.objects.values_list("net", flat=True), Decimal(0))
