"""Short words for the planner's tests: dates as people write them, a small contract, what a plan makes of it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from contracts.planner.billing import plan
from contracts.planner.facts import (
    IN_ADVANCE,
    MONTH,
    NOTHING_CLAIMED,
    YEAR,
    ArticleFacts,
    Claimed,
    ContractFacts,
    ExceptionFacts,
    Frequency,
    LineFacts,
    PriceVersion,
)
from contracts.planner.intents import Charge, PeriodCharge, Plan

MONTHLY = Frequency(1, MONTH)
QUARTERLY = Frequency(3, MONTH)
YEARLY = Frequency(1, YEAR)


def day(text: str) -> date:
    """« 31/01/26 »."""
    return datetime.strptime(text, "%d/%m/%y").date()  # noqa: DTZ007 a calendar day has no zone


def french(on: date) -> str:
    return f"{on:%d/%m/%y}"


def article(
    pk: int = 1, price: str = "175.00", *, quantity: str = "1", discount: str = "0", **more: Any
) -> ArticleFacts:
    more.setdefault("prices", (PriceVersion(date(2000, 1, 1), Decimal(price), Decimal(discount)),))
    return ArticleFacts(id=pk, label=more.pop("label", "Entretien"), quantity=Decimal(quantity), **more)


TEN = article(price="120.00")  # 10,00 a month


def exception(pk: int, on: str, quantity: str, price: str, *, alone: bool = True) -> ExceptionFacts:
    """An exception billed on its day; with the next due period of its line when not `alone`."""
    return ExceptionFacts(pk, day(on), "Geste", Decimal(quantity), Decimal(price), alone=alone)


def line(pk: int = 1, *articles: ArticleFacts, **more: Any) -> LineFacts:
    return LineFacts(id=pk, chain=more.pop("chain", pk), articles=articles or (article(pk),), **more)


def contract(start: str = "01/01/26", *lines: LineFacts, **more: Any) -> ContractFacts:
    """Monthly, in advance, calendar, unless told otherwise; one line with one article of 175,00 a year."""
    values: dict[str, Any] = {
        "id": 1,
        "payer": 10,
        "billing_address": 20,
        "company": 30,
        "fiscal_position": 40,
        "payment_term": 50,
        "journal": 60,
        "frequency": MONTHLY,
        "timing": IN_ADVANCE,
    } | more
    values.setdefault("reference", f"CONT/{values['id']:06}")
    return ContractFacts(start_on=day(start), lines=lines or (line(),), **values)


def claims_of(made: Plan) -> Claimed:
    """What the writer would claim."""
    return claims_on(charge for group in made.groups for charge in group.charges)


def claims_on(charges: Any) -> Claimed:
    return NOTHING_CLAIMED.with_charges(charges)


def drafts(made: Plan) -> list[tuple[str, str, list[str]]]:
    """Each group as (kind, proposed date, amounts)."""
    return [
        (group.kind, french(group.proposed_on), [str(charge.amount) for charge in group.charges])
        for group in made.groups
    ]


def billed(charge: Charge) -> str:
    """« 01/02/26-28/02/26 14.58 »."""
    assert isinstance(charge, PeriodCharge)
    return f"{french(charge.period.start)}-{french(charge.period.last_day)} {charge.amount}"


def periods(made: Plan) -> list[str]:
    return [billed(charge) for group in made.groups for charge in group.charges]


def bill(*contracts: ContractFacts, on: str, claimed: Claimed = NOTHING_CLAIMED, force: bool = False) -> Plan:
    return plan(contracts, claimed, on=day(on), force=force)


def reasons(made: Plan) -> list[tuple[int, str, str]]:
    return [(one.contract, one.code, one.reason) for one in (*made.refusals, *made.skips)]
