"""What each kind of charge says of itself: its key, its claim, its day of supply, its terms."""

from datetime import date
from decimal import Decimal

import pytest

from contracts.planner.billing import plan
from contracts.planner.charges import charges_of
from contracts.planner.facts import NOTHING_CLAIMED, ON_VISIT, PER_VISIT, CreditableInvoice, VisitFacts
from contracts.planner.served import last_day_of
from openfire_billing.kernel.periods import Period
from tests.contracts.planner_builders import TEN, article, bill, contract, day, exception, line

D = Decimal


def test_charge_of_a_period_and_of_an_exception() -> None:
    facts = contract("01/01/26", line(1, TEN, exceptions=(exception(7, "10/01/26", "3", "20.00"),)))
    period, once = charges_of(facts, NOTHING_CLAIMED, on=day("15/01/26"))

    assert (period.key, period.claim_values, period.billed_period) == (
        "period-1-2026-01-01",
        (1, day("01/01/26"), day("01/02/26"), "charge"),
        Period(day("01/01/26"), day("01/02/26")),
    )
    assert (period.supplied_on, period.due_on, period.quantity, period.unit_price, period.discount) == (
        day("31/01/26"),
        day("01/01/26"),
        1,
        10,
        0,
    )
    assert (once.key, once.claim_values, once.billed_period) == ("exception-7", (7,), None)
    assert (once.supplied_on, once.quantity, once.unit_price, once.discount, once.amount) == (
        day("10/01/26"),
        3,
        20,
        0,
        60,
    )


def test_charge_of_a_visit_is_supplied_on_the_day_it_was_done() -> None:
    visits = (VisitFacts(9, 1, 1, 2, day("12/03/26")),)
    facts = contract("01/01/26", line(1, article(price="175.00"), visits=visits), frequency=PER_VISIT, timing=ON_VISIT)
    (charge,) = charges_of(facts, NOTHING_CLAIMED, on=day("12/03/26"))
    assert (charge.key, charge.claim_values, charge.billed_period, charge.supplied_on, charge.amount) == (
        "visit-1-9",
        (1, 9),
        None,
        day("12/03/26"),
        D("87.50"),
    )
    assert charges_of(facts, NOTHING_CLAIMED, on=day("11/03/26")) == []


def test_too_many_periods_are_refused_unless_they_are_asked_for() -> None:
    facts = contract("01/01/23", line(1, TEN))
    made = plan([facts], NOTHING_CLAIMED, on=day("01/01/26"))
    assert ([refusal.code for refusal in made.refusals], made.groups) == (["too_many_periods"], ())
    assert len(plan([facts], NOTHING_CLAIMED, on=day("31/12/25")).groups) == 36
    assert len(plan([facts], NOTHING_CLAIMED, on=day("01/01/26"), force=True).groups) == 37


@pytest.mark.parametrize(
    ("end_on", "auto_renew", "terminated_on", "last"),
    [
        ("30/06/26", False, "31/03/26", "31/03/26"),
        ("31/03/26", False, "30/06/26", "31/03/26"),
        ("30/06/26", True, None, None),
        ("30/06/26", True, "31/12/26", "31/12/26"),
        ("30/06/26", False, None, "30/06/26"),
    ],
)
def test_last_day_served_is_the_first_that_stops_it(
    end_on: str, auto_renew: bool, terminated_on: str | None, last: str | None
) -> None:
    facts = contract(
        end_on=day(end_on), auto_renew=auto_renew, terminated_on=day(terminated_on) if terminated_on else None
    )
    found: date | None = last_day_of(facts)
    assert found == (day(last) if last else None)


def test_only_an_invoice_is_posted_by_itself() -> None:
    owed = contract("01/01/26", line(1, TEN), auto_post=True, id=1)
    free = contract("01/01/26", line(2, article(2, "0.00")), auto_post=True, id=2)
    less = contract(
        "01/02/26",
        line(3, TEN, exceptions=(exception(7, "01/02/26", "-1", "50.00"),)),
        auto_post=True,
        id=3,
        creditable=(CreditableInvoice(70, D(40)),),
    )
    made = bill(owed, free, less, on="01/02/26", force=True)
    assert {(group.contracts, group.kind, group.auto_post, group.credits) for group in made.groups} == {
        ((1,), "invoice", True, None),
        ((2,), "free", False, None),
        ((3,), "credit_note", False, 70),
    }
