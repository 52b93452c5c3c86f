"""The visits a line promises: which month, which window, planned once."""

import pytest

from contracts.planner.facts import MONTH, YEAR, Suspension, VisitPlan
from contracts.planner.visits import months_of_year, promised_visits, visit_count
from tests.contracts.planner_builders import contract, day, french, line


def planned(start, repeat, unit, months, until, *, made=(), since=None, line_more=None, **more):
    facts = contract(start, line(7, visit_plan=VisitPlan(repeat, unit, months), **(line_more or {})), **more)
    visits = promised_visits(facts, set(made), until=day(until), since=day(since) if since else None)
    return [
        f"{visit.year}/{visit.rank} {french(visit.window.start)}-{french(visit.window.last_day)}" for visit in visits
    ]


@pytest.mark.parametrize(
    ("repeat", "unit", "months", "count"),
    [
        (3, YEAR, (3, 9), 3),
        (1, YEAR, (5,), 1),
        (1, MONTH, (3, 9), 2),
        (2, MONTH, (1, 2, 3), 6),
        (2, MONTH, (1, 2, 2), 4),
        (0, YEAR, (3,), 0),
        (2, MONTH, (), 0),
    ],
)
def test_visit_count(repeat, unit, months, count):
    assert visit_count(repeat, unit, months) == count


@pytest.mark.parametrize(
    ("start", "visits", "until", "expected"),
    [
        # Three visits over two months: ⌊0·2/3⌋, ⌊1·2/3⌋, ⌊2·2/3⌋ = 0, 0, 1.
        ("01/01/26", (3, YEAR, (3, 9)), "31/12/26",
         ["1/1 01/03/26-31/03/26", "1/2 01/03/26-31/03/26", "1/3 01/09/26-30/09/26"]),
        ("01/01/26", (1, YEAR, (3, 9)), "31/12/27", ["1/1 01/03/26-31/03/26", "2/1 01/03/27-31/03/27"]),
        ("01/01/26", (1, MONTH, (3, 9)), "31/12/26", ["1/1 01/03/26-31/03/26", "1/2 01/09/26-30/09/26"]),
        ("01/01/26", (2, MONTH, (4, 10)), "31/12/26",
         ["1/1 01/04/26-30/04/26", "1/2 01/04/26-30/04/26", "1/3 01/10/26-31/10/26", "1/4 01/10/26-31/10/26"]),
        ("01/01/26", (2, YEAR, (1, 4, 7, 10)), "31/12/26", ["1/1 01/01/26-31/01/26", "1/2 01/07/26-31/07/26"]),
        # From the start in its own month, each year; a month before the start's falls in the next year.
        ("15/06/26", (1, YEAR, (6,)), "30/06/27", ["1/1 15/06/26-30/06/26", "2/1 15/06/27-30/06/27"]),
        ("15/06/26", (2, YEAR, (3, 9)), "31/12/27",
         ["1/1 01/09/26-30/09/26", "1/2 01/03/27-31/03/27", "2/1 01/09/27-30/09/27"]),
        ("15/06/26", (3, YEAR, (3, 9)), "31/03/27",
         ["1/1 01/09/26-30/09/26", "1/2 01/09/26-30/09/26", "1/3 01/03/27-31/03/27"]),
        ("29/02/24", (1, YEAR, (2,)), "28/02/25", ["1/1 29/02/24-29/02/24", "2/1 28/02/25-28/02/25"]),
        # Horizon: the window opens on it at the latest.
        ("01/01/26", (1, MONTH, (3, 9)), "31/08/26", ["1/1 01/03/26-31/03/26"]),
        ("01/01/26", (1, MONTH, (3, 9)), "01/09/26", ["1/1 01/03/26-31/03/26", "1/2 01/09/26-30/09/26"]),
        ("01/01/26", (1, MONTH, (3, 9)), "31/12/25", []),
        # Repeats or months missing.
        ("01/01/26", (0, YEAR, (3,)), "31/12/26", []),
        ("01/01/26", (2, YEAR, ()), "31/12/26", []),
    ],
)  # fmt: skip
def test_visits_are_spread_over_the_chosen_months(start, visits, until, expected):
    assert planned(start, *visits, until) == expected


def test_months_follow_the_contract_year():
    assert months_of_year((3, 9), 6) == [3, 9]  # September, then March
    assert months_of_year((12, 1, 6, 6), 6) == [0, 6, 7]


def test_what_was_made_is_never_made_again():
    made = [(7, 1, 1), (7, 1, 3)]
    assert planned("01/01/26", 3, YEAR, (3, 9), "31/12/26", made=made) == ["1/2 01/03/26-31/03/26"]
    everything = [*made, (7, 1, 2)]
    assert planned("01/01/26", 3, YEAR, (3, 9), "31/12/26", made=everything) == []


def test_another_lines_visits_do_not_count():
    assert planned("01/01/26", 1, YEAR, (3,), "31/12/26", made=[(8, 1, 1)]) == ["1/1 01/03/26-31/03/26"]


def test_windows_that_closed_before_since_are_left():
    visits = planned("01/01/26", 1, MONTH, (3, 9), "31/03/27", since="31/03/26")
    assert visits == ["1/1 01/03/26-31/03/26", "1/2 01/09/26-30/09/26", "2/1 01/03/27-31/03/27"]
    visits = planned("01/01/26", 1, MONTH, (3, 9), "31/03/27", since="01/04/26")
    assert visits == ["1/2 01/09/26-30/09/26", "2/1 01/03/27-31/03/27"]


def test_no_visit_after_the_end_or_the_termination_and_a_cut_month_keeps_its_served_days():
    ended = planned("01/01/26", 1, MONTH, (3, 9), "31/12/28", end_on=day("10/09/26"), auto_renew=False)
    assert ended == ["1/1 01/03/26-31/03/26", "1/2 01/09/26-10/09/26"]
    assert planned("01/01/26", 1, MONTH, (3, 9), "31/12/28", terminated_on=day("31/08/26")) == ["1/1 01/03/26-31/03/26"]
    renewed = planned("01/01/26", 1, YEAR, (3,), "31/12/27", end_on=day("31/12/26"))
    assert renewed == ["1/1 01/03/26-31/03/26", "2/1 01/03/27-31/03/27"]


def test_suspended_months_have_no_visit():
    pause = {"suspensions": (Suspension(day("15/03/26"), day("01/10/26")),)}
    assert planned("01/01/26", 1, MONTH, (3, 9), "31/12/26", line_more=pause) == ["1/1 01/03/26-14/03/26"]
    open_pause = {"suspensions": (Suspension(day("01/03/26")),)}
    assert planned("01/01/26", 1, MONTH, (3, 9), "31/12/26", line_more=open_pause) == []


def test_an_amendment_inside_a_month_plans_its_visit_once():
    visit_plan = VisitPlan(1, MONTH, (3, 9))
    old = line(7, visit_plan=visit_plan, end=day("15/03/26"))
    new = line(8, visit_plan=visit_plan, chain=7, start=day("15/03/26"))
    visits = promised_visits(contract("01/01/26", old, new), set(), until=day("31/12/26"))
    assert [(visit.line, visit.key, french(visit.window.start)) for visit in visits] == [
        (7, (7, 1, 1), "01/03/26"),
        (8, (7, 1, 2), "01/09/26"),
    ]
    late = promised_visits(contract("01/01/26", old, new), set(), until=day("31/12/26"), since=day("20/03/26"))
    assert [(visit.line, visit.key, french(visit.window.start)) for visit in late] == [
        (8, (7, 1, 1), "15/03/26"),
        (8, (7, 1, 2), "01/09/26"),
    ]


def test_a_visit_says_how_many_there_are():
    facts = contract("01/01/26", line(7, visit_plan=VisitPlan(3, YEAR, (3, 9))), id=5)
    visit = promised_visits(facts, set(), until=day("31/12/26"))[0]
    assert (visit.contract, visit.line, visit.chain, visit.of) == (5, 7, 7, 3)


def test_a_line_without_a_plan_has_no_visit():
    assert promised_visits(contract("01/01/26"), set(), until=day("31/12/30")) == []
