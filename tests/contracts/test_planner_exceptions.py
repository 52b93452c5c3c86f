"""Exceptions are billed with the next due period of their line, or alone on their day; articles from their first day."""

from dataclasses import replace
from decimal import Decimal

import pytest

from contracts.planner.billing import next_due_on
from contracts.planner.facts import IN_ARREARS, ON_VISIT, PER_VISIT, Claimed, Suspension, VisitFacts
from tests.contracts.planner_builders import (
    QUARTERLY,
    TEN,
    article,
    bill,
    claims_of,
    contract,
    day,
    drafts,
    exception,
    line,
    periods,
)


@pytest.mark.parametrize(
    ("dated", "terms", "on", "made"),
    [
        ("15/01/26", {}, "31/01/26", []),
        ("15/01/26", {}, "01/02/26", [("invoice", "01/02/26", ["10.00", "20.00"])]),
        ("01/02/26", {}, "01/02/26", [("invoice", "01/02/26", ["10.00", "20.00"])]),
        ("02/02/26", {}, "01/02/26", [("invoice", "01/02/26", ["10.00"])]),
        ("15/01/26", {"frequency": QUARTERLY}, "01/04/26", [("invoice", "01/04/26", ["30.00", "20.00"])]),
        ("15/01/26", {"timing": IN_ARREARS}, "31/01/26", [("invoice", "31/01/26", ["10.00", "20.00"])]),
        ("31/01/26", {"timing": IN_ARREARS}, "31/01/26", [("invoice", "31/01/26", ["10.00", "20.00"])]),
    ],
)
def test_an_exception_goes_with_the_next_due_period(dated: str, terms: dict, on: str, made: list) -> None:
    facts = contract("01/01/26", line(1, TEN, exceptions=(exception(5, dated, "1", "20.00", alone=False),)), **terms)
    claimed = Claimed() if terms.get("timing") else claims_of(bill(facts, on="01/01/26"))

    assert drafts(bill(facts, on=on, claimed=claimed)) == made


def test_an_exception_alone_is_billed_on_its_day() -> None:
    facts = contract("01/01/26", line(1, TEN, exceptions=(exception(5, "15/01/26", "1", "20.00", alone=True),)))

    made = bill(facts, on="15/01/26", claimed=claims_of(bill(facts, on="01/01/26")))

    assert drafts(made) == [("invoice", "15/01/26", ["20.00"])]


def test_next_due_day_is_that_of_the_exceptions_group() -> None:
    facts = contract("01/01/26", line(1, TEN, exceptions=(exception(5, "15/02/26", "1", "20.00", alone=False),)))
    claimed = claims_of(bill(facts, on="01/03/26"))
    assert claimed.exceptions == {5}

    late = replace(facts, lines=(line(1, TEN, exceptions=(exception(6, "15/02/26", "1", "20.00", alone=False),)),))

    assert next_due_on(late, replace(claimed, exceptions=frozenset())) == day("01/03/26")
    assert drafts(bill(late, on="01/03/26", claimed=claimed)) == [("invoice", "01/03/26", ["20.00"])]


def test_the_vat_of_an_exception_is_of_its_own_day() -> None:
    facts = contract("01/01/26", line(1, TEN, exceptions=(exception(5, "15/01/26", "1", "20.00", alone=False),)))

    charge = bill(facts, on="01/02/26").groups[1].charges[1]

    assert (charge.due_on, charge.supplied_on) == (day("01/02/26"), day("15/01/26"))


@pytest.mark.parametrize(
    ("terms", "own"),
    [
        ({"end_on": day("20/01/26"), "auto_renew": False}, {}),  # no period follows
        ({}, {"suspensions": (Suspension(day("18/01/26")),)}),  # nothing is due after it
        ({}, {"frequency": PER_VISIT, "timing": ON_VISIT}),  # nobody knows the next visit
    ],
)
def test_without_a_next_period_an_exception_is_billed_on_its_day(terms: dict, own: dict) -> None:
    late = (exception(5, "15/01/26", "1", "20.00", alone=False),)
    facts = contract("01/01/26", line(1, TEN, exceptions=late, **own), **terms)

    made = bill(facts, on="15/01/26")

    assert ("invoice", "15/01/26", ["20.00"]) in drafts(made)


def test_a_suspended_period_is_not_the_next_one() -> None:
    pause = (Suspension(day("01/02/26"), day("01/03/26")),)
    facts = contract(
        "01/01/26", line(1, TEN, suspensions=pause, exceptions=(exception(5, "15/01/26", "1", "20.00", alone=False),))
    )

    made = bill(facts, on="01/03/26", claimed=claims_of(bill(facts, on="01/01/26")))

    assert drafts(made) == [("invoice", "01/03/26", ["10.00", "20.00"])]


def test_the_rest_of_a_period_suspended_meanwhile_is_the_next_one() -> None:
    pause = (Suspension(day("10/01/26"), day("01/03/26")),)
    late = (exception(5, "20/02/26", "1", "20.00", alone=False),)
    facts = contract("01/01/26", line(1, TEN, suspensions=pause, exceptions=late), frequency=QUARTERLY)

    made = bill(facts, on="01/03/26", claimed=claims_of(bill(facts, on="01/01/26")))

    # the quarter is 90 days: cents(30 × 40/90) − cents(30 × 9/90) = 10.33 from 1 March
    assert drafts(made) == [("invoice", "01/03/26", ["10.33", "20.00"])]


@pytest.mark.parametrize(
    ("since", "made"),
    [
        ("01/03/26", ["01/03/26-31/03/26 10.00"]),
        ("01/02/26", ["01/02/26-28/02/26 10.00", "01/03/26-31/03/26 10.00"]),
        # cut inside February: cents(10 × 28/28) − cents(10 × 14/28)
        ("15/02/26", ["15/02/26-28/02/26 5.00", "01/03/26-31/03/26 10.00"]),
    ],
)
def test_an_article_bills_from_its_first_day(since: str, made: list[str]) -> None:
    added = replace(article(2, price="120.00"), since=day(since))
    facts = contract("01/01/26", line(1, TEN, added))
    before = contract("01/01/26", line(1, TEN))

    found = periods(bill(facts, on="01/03/26", claimed=claims_of(bill(before, on="01/03/26"))))

    assert found == made


def test_an_article_bills_visits_from_its_first_day() -> None:
    visits = tuple(VisitFacts(pk, 1, pk, 2, day(on)) for pk, on in ((1, "10/02/26"), (2, "10/05/26")))
    added = replace(article(2, price="50.00"), since=day("11/02/26"))
    facts = contract("01/01/26", line(1, TEN, added, visits=visits), frequency=PER_VISIT, timing=ON_VISIT)

    made = bill(facts, on="31/12/26")

    assert [(c.due_on, c.amount) for g in made.groups for c in g.charges] == [
        (day("10/02/26"), Decimal("60.00")),
        (day("10/05/26"), Decimal("60.00")),
        (day("10/05/26"), Decimal("25.00")),
    ]
