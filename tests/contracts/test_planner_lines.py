"""A line's visits and exceptions, the days it serves, the text of its invoice lines."""

from dataclasses import replace
from decimal import Decimal

import pytest

from contracts.planner.facts import (
    ANNIVERSARY,
    CHARGE,
    DAYS,
    FULL,
    IN_ARREARS,
    NONE,
    ON_VISIT,
    ONE_INVOICE,
    PER_VISIT,
    WEEK,
    Claimed,
    Frequency,
    Suspension,
    VisitFacts,
)
from contracts.planner.intents import INVOICE
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
)

# Visits done.

VISITS = (VisitFacts(71, 1, 1, 2, day("12/03/26")), VisitFacts(72, 1, 2, 2, day("20/09/26")))


def per_visit(timing, **more):
    values = {"frequency": PER_VISIT, "timing": timing} | more
    return contract("01/01/26", line(1, article(1), visits=VISITS), **values)


def test_visits_on_their_day():
    made = bill(per_visit(ON_VISIT), on="31/12/26")
    assert drafts(made) == [(INVOICE, "12/03/26", ["87.50"]), (INVOICE, "20/09/26", ["87.50"])]
    assert made.groups[0].charges[0].label == "Entretien, visite du 12/03/2026, 1/2, base annuelle 175,00 €"
    again = bill(per_visit(ON_VISIT), on="31/12/26", claimed=claims_of(made))
    assert again.groups == ()


def test_visits_at_the_end_of_their_month():
    assert drafts(bill(per_visit(IN_ARREARS), on="30/03/26")) == []
    assert drafts(bill(per_visit(IN_ARREARS), on="31/03/26")) == [(INVOICE, "31/03/26", ["87.50"])]


def test_visits_late_together():
    made = bill(per_visit(ON_VISIT, late_billing=ONE_INVOICE), on="31/12/26")
    assert drafts(made) == [(INVOICE, "31/12/26", ["87.50", "87.50"])]


def test_visit_claims_are_per_article():
    facts = contract(
        "01/01/26",
        line(1, article(1), article(2, price="100.00"), visits=VISITS[:1]),
        frequency=PER_VISIT,
        timing=ON_VISIT,
    )
    claimed = Claimed.of(visits=[(1, 71)])
    assert drafts(bill(facts, on="31/12/26", claimed=claimed)) == [(INVOICE, "12/03/26", ["50.00"])]


def test_a_visit_done_is_owed_after_the_end_but_not_when_billed_elsewhere():
    ended = per_visit(ON_VISIT, terminated_on=day("01/02/26"))
    assert len(bill(ended, on="31/12/26").groups) == 2
    taken_over = replace(ended, lines=(replace(ended.lines[0], billed_elsewhere_until=day("12/03/26")),))
    assert drafts(bill(taken_over, on="31/12/26")) == [(INVOICE, "20/09/26", ["87.50"])]


def test_a_line_may_have_its_own_frequency_and_type():
    own = line(1, TEN, frequency=QUARTERLY, timing=IN_ARREARS)
    visits = line(2, article(2), frequency=PER_VISIT, timing=ON_VISIT, visits=VISITS[:1])
    made = bill(contract("01/01/26", own, visits), on="31/03/26")
    assert drafts(made) == [(INVOICE, "12/03/26", ["87.50"]), (INVOICE, "31/03/26", ["30.00"])]


# Exceptions.


def test_an_exception_is_billed_once_on_its_day():
    facts = contract("02/01/26", line(1, TEN, exceptions=(exception(5, "15/01/26", "2", "12.345"),)))
    assert bill(facts, on="14/01/26").groups == ()
    made = bill(facts, on="15/01/26")
    charge = made.groups[0].charges[0]
    assert (charge.quantity, charge.unit_price, charge.discount) == (2, Decimal("12.345"), 0)
    assert (charge.amount, charge.label) == (Decimal("24.69"), "Geste")
    assert bill(facts, on="16/01/26", claimed=claims_of(made)).groups == ()


def test_exceptions_outside_the_line_are_not_owed():
    dates = ["31/12/25", "01/01/26", "28/02/26", "01/03/26"]
    dated = tuple(exception(i, on, "1", "5.00") for i, on in enumerate(dates))
    facts = contract("01/01/26", line(1, article(1, price="0"), exceptions=dated), terminated_on=day("28/02/26"))
    made = bill(facts, on="31/12/26")
    assert [charge.exception for group in made.groups for charge in group.charges if charge.amount] == [1, 2]


def test_an_exception_after_an_amendment_is_the_successors():
    late = (exception(5, "01/02/26", "1", "5.00"),)
    old = line(1, article(1, price="0"), end=day("01/02/26"), exceptions=late)
    new = line(2, article(2, price="0"), chain=1, start=day("01/02/26"))
    facts = contract("01/01/26", old, new)
    assert [group.total for group in bill(facts, on="01/02/26").groups] == [0, 0]
    carried = replace(facts, lines=(old, replace(new, exceptions=late)))
    assert [group.total for group in bill(carried, on="01/02/26").groups] == [0, Decimal("5.00")]


def test_an_exception_during_a_suspension_is_owed():
    pause = (Suspension(day("05/01/26")),)
    facts = contract("05/01/26", line(1, TEN, suspensions=pause, exceptions=(exception(5, "15/01/26", "1", "5.00"),)))
    assert drafts(bill(facts, on="31/01/26")) == [(INVOICE, "15/01/26", ["5.00"])]


# Amendment, suspension, take-over: the days of a line.


def test_an_amended_period_not_billed_yet_is_split_by_days():
    old = line(1, article(1, price="175.00"), end=day("01/07/26"))
    new = line(2, article(2, price="210.00"), chain=1, start=day("01/07/26"))
    facts = contract("01/01/26", old, new, frequency=YEARLY)
    made = bill(facts, on="01/07/26")
    assert periods(made) == ["01/01/26-30/06/26 86.78", "01/07/26-31/12/26 105.86"]
    assert [proposed for _, proposed, _ in drafts(made)] == ["01/01/26", "01/07/26"]
    arrears = bill(replace(facts, timing=IN_ARREARS), on="31/12/26")
    assert drafts(arrears) == [(INVOICE, "31/12/26", ["86.78", "105.86"])]
    assert "prorata 184/365 jours" in arrears.groups[0].charges[1].label
    assert arrears.groups[0].charges[1].n == 1


def test_an_amended_period_billed_before_leaves_the_successors_days():
    old = line(1, article(1, price="175.00"))
    facts = contract("01/01/26", old, frequency=YEARLY)
    claimed = claims_of(bill(facts, on="01/01/26"))
    new = line(2, article(2, price="210.00"), chain=1, start=day("01/07/26"))
    amended = replace(facts, lines=(replace(old, end=day("01/07/26")), new))
    assert periods(bill(amended, on="01/07/26", claimed=claimed)) == ["01/07/26-31/12/26 105.86"]


def test_an_amendment_keeps_the_grid_and_the_place():
    old = line(1, article(1), end=day("15/03/26"))
    new = line(2, article(2), chain=1, start=day("15/03/26"))
    made = bill(contract("01/01/26", old, new), on="01/04/26")
    assert periods(made) == [
        "01/01/26-31/01/26 14.58",
        "01/02/26-28/02/26 14.59",
        "01/03/26-14/03/26 6.58",  # 14,58 × 14/31
        "15/03/26-31/03/26 8.00",  # 14,58 × 17/31
        "01/04/26-30/04/26 14.58",
    ]
    assert [group.charges[0].n for group in made.groups] == [1, 2, 3, 3, 4]


def test_an_amended_stub_is_split_by_its_own_days():
    old = line(1, article(1, price="120.00"), end=day("21/01/26"))
    new = line(2, article(2, price="120.00"), chain=1, start=day("21/01/26"))
    made = bill(contract("15/01/26", old, new, proration=DAYS), on="31/01/26")
    assert periods(made) == ["15/01/26-20/01/26 1.93", "21/01/26-31/01/26 3.55"]  # 5,48 × 6/17 and × 11/17
    assert "prorata 6/31 jours" in made.groups[0].charges[0].label


def test_a_new_frequency_has_a_grid_of_its_own():
    changed = day("15/03/26")
    old = line(1, article(1, price="120.00"), end=changed)
    new = line(2, article(2, price="120.00"), chain=1, chain_start=changed, grid_from=changed, frequency=QUARTERLY)
    made = bill(contract("01/01/26", old, new, alignment=ANNIVERSARY), on="15/06/26")
    assert periods(made) == [
        "01/01/26-31/01/26 10.00",
        "01/02/26-28/02/26 10.00",
        "01/03/26-14/03/26 4.52",
        "15/03/26-14/06/26 30.00",
        "15/06/26-14/09/26 30.00",
    ]


def test_a_site_added_or_removed_later_is_a_stub_by_the_proration():
    added = line(2, article(2, price="120.00"), chain_start=day("16/02/26"), chain_end=day("11/04/26"))
    by_days = contract("01/01/26", added, proration=DAYS)
    assert periods(bill(by_days, on="31/12/26")) == [
        "16/02/26-28/02/26 4.64",
        "01/03/26-31/03/26 10.00",
        "01/04/26-10/04/26 3.33",  # 10,00 × 10/30: the first days of a whole April of 24,64 − 14,64
    ]
    none = bill(replace(by_days, proration=NONE), on="31/12/26")
    assert periods(none) == ["01/03/26-31/03/26 10.00", "01/04/26-10/04/26 10.00"]


def test_suspended_days_are_not_charged_and_the_calendar_is_kept():
    pause = (Suspension(day("11/02/26"), day("21/03/26")),)
    made = bill(contract("01/01/26", line(1, TEN, suspensions=pause)), on="01/04/26")
    assert periods(made) == [
        "01/01/26-31/01/26 10.00",
        "01/02/26-10/02/26 3.57",  # 10/28
        "21/03/26-31/03/26 3.55",  # 11/31
        "01/04/26-30/04/26 10.00",
    ]
    assert [proposed for _, proposed, _ in drafts(made)] == ["01/01/26", "01/02/26", "21/03/26", "01/04/26"]


def test_suspended_twice_in_a_month_and_not_resumed():
    pauses = (Suspension(day("05/01/26"), day("11/01/26")), Suspension(day("21/01/26")))
    made = bill(contract("01/01/26", line(1, TEN, suspensions=pauses)), on="31/12/26")
    assert periods(made) == [
        "01/01/26-04/01/26 1.29",  # 10,00 × 4/31
        "11/01/26-20/01/26 3.22",  # 10,00 × 20/31 − 10,00 × 10/31: 6,45 − 3,23
    ]


def test_resumed_on_the_day_it_was_suspended_is_not_suspended():
    pauses = (Suspension(day("11/01/26"), day("11/01/26")), Suspension(day("11/02/26"), day("10/02/26")))
    made = bill(contract("01/01/26", line(1, TEN, suspensions=pauses)), on="01/02/26")
    assert periods(made) == ["01/01/26-31/01/26 10.00", "01/02/26-28/02/26 10.00"]


def test_a_period_billed_before_it_was_suspended_is_not_charged_again_after():
    facts = contract("01/01/26", line(1, TEN))
    claimed = claims_of(bill(facts, on="01/01/26"))
    pause = (Suspension(day("10/01/26"), day("20/01/26")),)
    suspended = replace(facts, lines=(replace(facts.lines[0], suspensions=pause),))
    assert periods(bill(suspended, on="31/01/26", claimed=claimed)) == []


@pytest.mark.parametrize("proration", [NONE, FULL, DAYS])
def test_taken_over_from_another_system(proration):
    whole = contract("01/01/20", line(1, TEN, billed_elsewhere_until=day("31/01/26")), proration=proration)
    assert periods(bill(whole, on="01/03/26")) == ["01/02/26-28/02/26 10.00", "01/03/26-31/03/26 10.00"]
    inside = replace(whole, lines=(line(1, TEN, billed_elsewhere_until=day("10/02/26")),))
    assert periods(bill(inside, on="01/03/26")) == ["11/02/26-28/02/26 6.43", "01/03/26-31/03/26 10.00"]


def test_settled_before_spares_the_claims_that_are_known():
    facts = contract("01/01/10", line(1, TEN, settled_before=day("01/01/26")))
    assert periods(bill(facts, on="01/01/26")) == ["01/01/26-31/01/26 10.00"]


# The invoice line.


@pytest.mark.parametrize(
    ("facts", "on", "label"),
    [
        (
            contract("01/01/26", line(1, article(price="200.00", discount="12.50"))),
            "01/03/26",
            "Entretien, du 01/03/2026 au 31/03/2026, échéance 3/12, base annuelle 175,00 €, remise 12,5 % déduite",
        ),
        (
            contract("01/01/26", line(1, article(price="1944.4444", discount="10")), frequency=QUARTERLY),
            "01/07/27",
            (
                "Entretien, du 01/07/2027 au 30/09/2027, échéance 3/4, base annuelle 1\N{NO-BREAK SPACE}750,00 €, "
                "remise 10 % déduite"
            ),
        ),
        (
            contract("01/01/26", frequency=YEARLY, currency="CHF"),
            "01/01/26",
            "Entretien, du 01/01/2026 au 31/12/2026, base annuelle 175,00 CHF",
        ),
        (
            contract("15/01/26", frequency=QUARTERLY, proration=DAYS),
            "15/01/26",
            "Entretien, du 15/01/2026 au 31/01/2026, échéance 1/4, prorata 17/92 jours, base annuelle 175,00 €",
        ),
        (
            contract("14/01/26", frequency=Frequency(2, WEEK), alignment=ANNIVERSARY),
            "14/01/26",
            "Entretien, du 14/01/2026 au 27/01/2026, prix par échéance 175,00 €",
        ),
    ],
)
def test_label_of_a_line(facts, on, label):
    charge = bill(facts, on=on, force=True).groups[-1].charges[0]
    assert charge.label == label
    assert (charge.quantity, charge.unit_price, charge.discount) == (1, charge.amount, 0)


def test_a_charge_keeps_its_calculation():
    charge = bill(contract("15/01/26", frequency=QUARTERLY, proration=DAYS), on="01/02/26").groups[1].charges[0]
    assert (charge.n, str(charge.share), str(charge.done), charge.yearly) == (2, "1", "17/92", Decimal("175.00"))
    assert (charge.due_on, charge.proposed_on, charge.kind) == (day("01/02/26"), day("01/02/26"), CHARGE)
