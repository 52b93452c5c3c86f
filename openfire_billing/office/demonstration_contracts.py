"""The contracts of the demonstration company: one for each way of billing, with start days that are edge cases."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from contracts.models import Contract
from contracts.services.activation import activate_contract
from contracts.services.contracts import save_contract
from contracts.services.lines import save_line
from interventions.models import Task
from invoicing.models import Company, FiscalPosition, Partner, Product
from invoicing.services.documents.lines import LineEdit
from openfire_billing.db.people import By
from openfire_billing.kernel.periods import day_of_month

YEARLY_CARE = "Ramonage et entretien poêle à granulés"


@dataclass(frozen=True)
class ContractCase:
    """One contract: its customer by rank, how many months ago it began and on which day, its terms and articles."""

    customer: int
    months_ago: int
    day: int
    terms: dict[str, Any]
    articles: tuple[tuple[str, str], ...]
    task: str = YEARLY_CARE
    repeat: int = 1
    months: tuple[int, ...] = (9,)
    callouts: int = 0
    exception: tuple[str, str] | None = None


CASES = [
    ContractCase(
        0, 2, 31, {"frequency": "monthly", "timing": "in_advance", "alignment": "anniversary"},
        (("ram_granules", "1"), ("deplacement", "1")), callouts=2,
    ),
    ContractCase(
        1, 4, 15, {"frequency": "quarterly", "timing": "in_arrears", "proration": "days"},
        (("ent_chaudiere", "1"),), task="Entretien annuel chaudière", repeat=3, months=(4, 10),
    ),
    ContractCase(
        3, 1, 1, {"frequency": "yearly", "timing": "in_advance"}, (("ram_buches", "2"),),
        task="Ramonage poêle à bûches", repeat=2, months=(3, 10), exception=("Geste commercial de bienvenue", "-1"),
    ),
    ContractCase(4, 7, 30, {"frequency": "half_yearly", "timing": "in_advance", "late_billing": "one_invoice"}, (("ram_granules", "1"),)),
    ContractCase(
        12, 3, 1, {"frequency": "monthly", "timing": "in_advance", "group_by_payer": True},
        (("ent_chaudiere", "4"), ("ram_granules", "6")), repeat=1, months=(2, 5, 8, 11), callouts=4,
    ),
    ContractCase(6, 2, 1, {"frequency": "per_visit", "timing": "on_visit"}, (("ram_granules", "2"),), repeat=2, months=(3, 9)),
]  # fmt: skip


def load_contracts_of_demonstration(company: Company, customers: list[Partner], *, on: date, by: By) -> None:
    """Make and activate the contracts; the last stays a draft."""
    for case in CASES:
        contract = make_contract(case, company, customers[case.customer], on=on, by=by)
        activate_contract(contract, on=on, by=by)
    draft = ContractCase(8, 0, 1, {"frequency": "yearly"}, (("ram_granules", "1"),))
    make_contract(draft, company, customers[draft.customer], on=on, by=by)


def make_contract(case: ContractCase, company: Company, customer: Partner, *, on: date, by: By) -> Contract:
    start_on = day_of_month(on, -case.months_ago, case.day)
    header = {
        "company": company,
        "payer": customer.payer,
        "subscribed_on": min(start_on, on),
        "start_on": start_on,
        "fiscal_position": FiscalPosition.objects.get(code="VEN-10"),
        **case.terms,
    }
    contract = save_contract(None, header, on=on, by=by)
    line = {
        "contract": contract,
        "address": customer.default_address(),
        "equipment": customer.installed_products.first(),
        "task": Task.objects.get(name=case.task),
        "repeat": case.repeat,
        "repeat_unit": "year",
        "visit_months": list(case.months),
        "uses_callouts": case.callouts > 0,
        "included_callouts": case.callouts,
    }
    articles = [
        LineEdit(values={"product": p, "quantity": Decimal(quantity), "unit_price": p.unit_price, "position": rank})
        for rank, (code, quantity) in enumerate(case.articles, 1)
        for p in [Product.objects.get(code=code)]
    ]
    exceptions = []
    if case.exception:
        label, quantity = case.exception
        product = Product.objects.get(code=case.articles[0][0])
        values = {"on": contract.start_on, "product": product, "label": label, "quantity": Decimal(quantity)}
        exceptions.append(LineEdit(values={**values, "unit_price": Decimal("15.00")}))
    save_line(None, line, articles=articles, exceptions=exceptions, on=on, by=by)
    return contract
