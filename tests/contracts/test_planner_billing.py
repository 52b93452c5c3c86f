"""What is due on a day and not claimed, whenever one asks, and the next day something will be."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import contracts.planner
from contracts.planner.billing import line_next_due_on, next_due_on
from contracts.planner.facts import (
    ANNIVERSARY,
    CALENDAR,
    CHARGE,
    DAYS,
    FULL,
    IN_ADVANCE,
    IN_ARREARS,
    NONE,
    NOTHING_CLAIMED,
    ON_DATE,
    ON_VISIT,
    ONE_INVOICE,
    ONE_PER_PERIOD,
    PER_VISIT,
    REFUND,
    Claimed,
    Suspension,
    VisitFacts,
)
from contracts.planner.intents import INVOICE
from openfire_billing.kernel.errors import BusinessError
from tests.contracts.planner_builders import (
    QUARTERLY,
    TEN,
    YEARLY,
    article,
    bill,
    claims_of,
    contract,
    day,
    drafts,
    exception,
    line,
    periods,
    reasons,
)

# Edge case 8: started on the 15th, each combination.


@pytest.mark.parametrize(
    ("alignment", "timing", "proration", "expected"),
    [
        (CALENDAR, IN_ADVANCE, NONE, "01/02/26-28/02/26 10.00, 01/03/26-31/03/26 10.00"),
        (CALENDAR, IN_ADVANCE, FULL, "15/01/26-31/01/26 10.00, 01/02/26-28/02/26 10.00, 01/03/26-31/03/26 10.00"),
        (CALENDAR, IN_ADVANCE, DAYS, "15/01/26-31/01/26 5.48, 01/02/26-28/02/26 10.00, 01/03/26-31/03/26 10.00"),
        (CALENDAR, IN_ARREARS, NONE, "15/01/26-31/01/26 10.00, 01/02/26-28/02/26 10.00, 01/03/26-31/03/26 10.00"),
        (CALENDAR, IN_ARREARS, FULL, "15/01/26-31/01/26 10.00, 01/02/26-28/02/26 10.00, 01/03/26-31/03/26 10.00"),
        (CALENDAR, IN_ARREARS, DAYS, "15/01/26-31/01/26 5.48, 01/02/26-28/02/26 10.00, 01/03/26-31/03/26 10.00"),
        (ANNIVERSARY, IN_ADVANCE, NONE, "15/01/26-14/02/26 10.00, 15/02/26-14/03/26 10.00, 15/03/26-14/04/26 10.00"),
        (ANNIVERSARY, IN_ADVANCE, FULL, "15/01/26-14/02/26 10.00, 15/02/26-14/03/26 10.00, 15/03/26-14/04/26 10.00"),
        (ANNIVERSARY, IN_ADVANCE, DAYS, "15/01/26-14/02/26 10.00, 15/02/26-14/03/26 10.00, 15/03/26-14/04/26 10.00"),
        (ANNIVERSARY, IN_ARREARS, NONE, "15/01/26-14/02/26 10.00, 15/02/26-14/03/26 10.00"),
        (ANNIVERSARY, IN_ARREARS, FULL, "15/01/26-14/02/26 10.00, 15/02/26-14/03/26 10.00"),
        (ANNIVERSARY, IN_ARREARS, DAYS, "15/01/26-14/02/26 10.00, 15/02/26-14/03/26 10.00"),
    ],
)
def test_contract_started_on_the_15th(alignment, timing, proration, expected):
    facts = contract("15/01/26", line(1, TEN), alignment=alignment, timing=timing, proration=proration)
    assert ", ".join(periods(bill(facts, on="31/03/26"))) == expected


# Edge case 9: three months missed, three methods.


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (
            ONE_PER_PERIOD,
            [(INVOICE, "01/01/26", ["10.00"]), (INVOICE, "01/02/26", ["10.00"]), (INVOICE, "01/03/26", ["10.00"])],
        ),
        (ONE_INVOICE, [(INVOICE, "15/03/26", ["10.00", "10.00", "10.00"])]),
        (ON_DATE, [(INVOICE, "15/03/26", ["10.00"])] * 3),
    ],
)
def test_three_months_missed(late, expected):
    missed = bill(contract("01/01/26", line(1, TEN), late_billing=late), on="15/03/26")
    assert drafts(missed) == expected
    assert periods(missed) == ["01/01/26-31/01/26 10.00", "01/02/26-28/02/26 10.00", "01/03/26-31/03/26 10.00"]


# Edge case 10: the end.


def test_end_inside_a_period_and_nothing_after():
    facts = contract("01/01/26", line(1, TEN), end_on=day("10/02/26"), auto_renew=False, proration=DAYS)
    assert periods(bill(facts, on="31/12/26")) == ["01/01/26-31/01/26 10.00", "01/02/26-10/02/26 3.57"]  # 10 × 10/28
    whole = replace(facts, proration=NONE)
    assert periods(bill(whole, on="31/12/26")) == ["01/01/26-31/01/26 10.00", "01/02/26-10/02/26 10.00"]
    arrears = replace(whole, timing=IN_ARREARS)
    assert periods(bill(arrears, on="31/12/26")) == ["01/01/26-31/01/26 10.00"]


def test_an_ended_contract_still_bills_what_fell_due():
    facts = contract("01/01/26", line(1, TEN), end_on=day("31/01/26"), auto_renew=False)
    assert periods(bill(facts, on="01/07/27")) == ["01/01/26-31/01/26 10.00"]


def test_tacit_renewal_goes_on_after_the_term_and_termination_stops_it():
    facts = contract("01/01/26", line(1, TEN), end_on=day("31/01/26"), auto_renew=True)
    assert len(periods(bill(facts, on="01/03/26"))) == 3
    terminated = replace(facts, terminated_on=day("28/02/26"))
    assert periods(bill(terminated, on="01/12/26")) == ["01/01/26-31/01/26 10.00", "01/02/26-28/02/26 10.00"]


def test_terminated_contract_bills_the_stub_by_days():
    facts = contract("01/01/26", line(1, TEN), terminated_on=day("10/02/26"), proration=DAYS, timing=IN_ARREARS)
    late = bill(facts, on="01/12/26")
    assert drafts(late) == [(INVOICE, "31/01/26", ["10.00"]), (INVOICE, "10/02/26", ["3.57"])]


def test_terminated_before_it_starts_bills_nothing():
    facts = contract("01/02/26", terminated_on=day("15/01/26"))
    assert bill(facts, on="01/12/26").groups == ()


def test_a_contract_prolonged_after_its_stub_was_billed_owes_the_rest():
    short = contract("01/01/26", line(1, TEN), end_on=day("10/02/26"), auto_renew=False, proration=DAYS)
    claimed = claims_of(bill(short, on="10/02/26"))
    longer = replace(short, end_on=day("31/12/26"))
    assert periods(bill(longer, on="01/02/26", claimed=claimed)) == []  # the rest is due on its own first day
    assert periods(bill(longer, on="01/03/26", claimed=claimed)) == [
        "11/02/26-28/02/26 6.43",
        "01/03/26-31/03/26 10.00",
    ]
    whole = replace(longer, proration=FULL)  # billed whole, the rest is paid
    assert periods(bill(whole, on="01/03/26", claimed=claimed)) == ["01/03/26-31/03/26 10.00"]


# Edge cases 11 and 17.


def test_175_a_year_by_months_is_175_whenever_it_is_billed():
    year = bill(contract("01/01/26"), on="31/12/26")
    assert sum(group.total for group in year.groups) == Decimal("175.00")
    assert [group.charges[0].n for group in year.groups] == list(range(1, 13))


@pytest.mark.parametrize(
    ("start", "frequency", "on", "expected"),
    [
        ("31/01/26", None, "30/04/26", ["31/01/26", "28/02/26", "31/03/26", "30/04/26"]),
        ("29/02/24", YEARLY, "28/02/27", ["29/02/24", "28/02/25", "28/02/26", "28/02/27"]),
        ("30/11/25", QUARTERLY, "30/08/26", ["30/11/25", "28/02/26", "30/05/26", "30/08/26"]),
    ],
)
def test_month_ends_do_not_drift(start, frequency, on, expected):
    facts = contract(start, line(frequency=frequency), alignment=ANNIVERSARY)
    assert [proposed for _, proposed, _ in drafts(bill(facts, on=on))] == expected


def test_a_late_run_does_not_move_the_grid():
    facts = contract("31/01/26", line(1, TEN), alignment=ANNIVERSARY)
    first = bill(facts, on="05/02/26")
    second = bill(facts, on="20/03/26", claimed=claims_of(first))
    assert periods(first) == ["31/01/26-27/02/26 10.00"]
    assert periods(second) == ["28/02/26-30/03/26 10.00"]


# The safety bound.


def test_36_due_periods_are_billed_and_37_set_aside_unless_forced():
    facts = contract("01/01/23", line(1, TEN))
    assert len(bill(facts, on="01/12/25").groups) == 36
    aside = bill(facts, on="01/01/26")
    assert aside.groups == ()
    assert reasons(aside) == [
        (
            1,
            "too_many_periods",
            (
                "Contrat CONT/000001 : plus de 36 périodes échues à facturer. Rien n'est facturé : "
                "vérifiez la date de début, puis « Facturer quand même »."
            ),
        )
    ]
    assert len(bill(facts, on="01/01/26", force=True).groups) == 37


def test_claimed_periods_do_not_count_for_the_bound():
    facts = contract("01/01/10", line(1, TEN))
    claimed = claims_of(bill(facts, on="01/12/25", force=True))
    assert periods(bill(facts, on="01/01/26", claimed=claimed)) == ["01/01/26-31/01/26 10.00"]


def test_the_bound_is_per_line_and_names_it():
    lines = [line(1, article(1)), line(2, article(2), label="Chaudière, 3 rue Haute")]
    facts = contract("01/01/24", *lines)  # 30 periods each
    assert len(bill(facts, on="01/06/26").groups) == 30
    refusal = bill(replace(facts, start_on=day("01/01/20")), on="01/06/26", claimed=Claimed()).refusals[0]
    assert refusal.reason.startswith("Contrat CONT/000001 : plus de 36")
    only_second = claims_of(
        bill(replace(facts, start_on=day("01/01/20"), lines=(lines[0],)), on="01/06/26", force=True)
    )
    refusal = bill(replace(facts, start_on=day("01/01/20")), on="01/06/26", claimed=only_second).refusals[0]
    assert refusal.reason.startswith("Contrat CONT/000001, ligne Chaudière, 3 rue Haute : plus de 36")


# Claims.


def test_a_refund_does_not_stand_for_a_charge():
    claimed = Claimed.of([(1, day("01/01/26"), day("01/02/26"), REFUND)])
    assert periods(bill(contract("01/01/26", line(1, TEN)), on="01/01/26", claimed=claimed)) == [
        "01/01/26-31/01/26 10.00"
    ]
    charged = Claimed.of([(1, day("01/01/26"), day("01/02/26"), CHARGE)])
    assert bill(contract("01/01/26", line(1, TEN)), on="01/01/26", claimed=charged).groups == ()


def test_one_article_claimed_leaves_the_other_due():
    facts = contract("01/01/26", line(1, TEN, article(2, price="240.00")))
    claimed = Claimed.of([(1, day("01/01/26"), day("01/02/26"), CHARGE)])
    assert periods(bill(facts, on="01/01/26", claimed=claimed)) == ["01/01/26-31/01/26 20.00"]


# The index.


def test_next_due_on_is_the_first_day_something_is_left():
    facts = contract("01/01/26", line(1, TEN))
    assert next_due_on(facts, NOTHING_CLAIMED) == day("01/01/26")
    claimed = claims_of(bill(facts, on="01/03/26"))
    assert next_due_on(facts, claimed) == day("01/04/26")
    freed = Claimed({1: {start: end for start, end in claimed.charges[1].items() if start != day("01/02/26")}})
    assert next_due_on(facts, freed) == day("01/02/26")
    assert next_due_on(replace(facts, terminated_on=day("31/03/26")), claimed) is None


def test_next_due_on_sees_exceptions_visits_and_the_earliest_line():
    facts = contract(
        "02/01/26",
        line(1, TEN, exceptions=(exception(5, "20/01/26", "1", "5.00"),)),
        line(2, article(2), frequency=PER_VISIT, timing=IN_ARREARS, visits=(VisitFacts(71, 1, 1, 2, day("12/03/26")),)),
    )
    assert next_due_on(facts, NOTHING_CLAIMED) == day("20/01/26")
    assert line_next_due_on(facts, facts.lines[1], NOTHING_CLAIMED) == day("31/03/26")
    assert line_next_due_on(facts, facts.lines[0], Claimed.of(exceptions=[5])) == day("01/02/26")


@pytest.mark.parametrize("billed_in_part", [1, 2])
def test_next_due_on_is_the_earliest_of_the_articles(billed_in_part):
    facts = contract("01/01/26", line(1, article(1), article(2)), proration=DAYS)
    claimed = Claimed.of([(billed_in_part, day("01/01/26"), day("16/01/26"), CHARGE)])
    assert next_due_on(facts, claimed) == day("01/01/26")


def test_next_due_on_of_a_suspended_line_is_unknown_and_of_a_resumed_one_the_day_it_is_served_again():
    pause = contract("01/01/26", line(1, TEN, suspensions=(Suspension(day("01/01/26")),)))
    assert next_due_on(pause, NOTHING_CLAIMED) is None
    resumed = contract("01/01/26", line(1, TEN, suspensions=(Suspension(day("01/01/26"), day("10/03/26")),)))
    assert next_due_on(resumed, NOTHING_CLAIMED) == day("10/03/26")


def test_a_broken_contract_is_looked_at_by_each_run():
    assert next_due_on(contract("01/01/26", fiscal_position=None), NOTHING_CLAIMED) == day("01/01/26")
    broken = contract("01/01/26", timing=ON_VISIT)
    assert next_due_on(broken, NOTHING_CLAIMED) == day("01/01/26")
    with pytest.raises(BusinessError):
        line_next_due_on(broken, broken.lines[0], NOTHING_CLAIMED)


def test_a_line_without_article_owes_nothing():
    empty = contract("01/01/26", replace(line(1), articles=()))
    assert bill(empty, on="31/12/26").groups == ()
    assert next_due_on(empty, NOTHING_CLAIMED) is None


def test_the_planner_knows_no_framework_and_no_clock():
    sources = list(Path(contracts.planner.__file__).parent.glob("*.py"))
    assert len(sources) > 5
    for source in sources:
        words = source.read_text()
        assert not re.search(r"import django|from django|\.today\(|\.now\(|\bmodels\b", words), source.name
