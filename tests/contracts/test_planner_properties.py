"""Whatever the contract and whenever the runs happen: no period twice, none missed, no overlap, the year to the cent.

The expected periods come from an oracle that walks the days one by one and knows no arithmetic of grids.
"""

import calendar
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.planner.billing import next_due_on, plan
from contracts.planner.facts import (
    ANNIVERSARY,
    CALENDAR,
    DAY,
    DAYS,
    FULL,
    IN_ADVANCE,
    IN_ARREARS,
    MONTH,
    NONE,
    NOTHING_CLAIMED,
    ON_DATE,
    ONE_INVOICE,
    ONE_PER_PERIOD,
    WEEK,
    YEAR,
    ContractFacts,
    Frequency,
    Suspension,
    VisitPlan,
)
from contracts.planner.intents import PeriodCharge
from contracts.planner.visits import promised_visits, visit_count
from openfire_billing.kernel.periods import day_of_month
from tests.contracts.planner_builders import article, claims_on, contract, line

ONE_DAY = timedelta(1)
FIRST = date(2023, 1, 1)
five_hundred = settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])

days = st.integers(0, 1200).map(lambda n: FIRST + timedelta(n))
month_ends = st.sampled_from([date(2023, 1, 31), date(2024, 2, 29), date(2023, 11, 30), date(2023, 12, 31)])
frequencies = st.one_of(
    st.builds(Frequency, st.sampled_from([1, 2, 3, 4, 5, 6, 12]), st.just(MONTH)),
    st.builds(Frequency, st.integers(1, 2), st.just(YEAR)),
    st.builds(Frequency, st.integers(1, 5), st.just(WEEK)),
    st.builds(Frequency, st.integers(10, 45), st.just(DAY)),
)
prorations = st.sampled_from([NONE, FULL, DAYS])
prices = st.integers(0, 500_000).map(lambda cents: Decimal(cents) / 100)


@st.composite
def contracts(draw, proration=prorations, ends=True):
    """A contract of one line and two articles, with or without an end, of at most about three years."""
    frequency = draw(frequencies)
    start = draw(days | month_ends)
    last = start + timedelta(draw(st.integers(0, 900)))
    return contract(
        f"{start:%d/%m/%y}",
        line(1, *(article(number, str(draw(prices))) for number in (1, 2))),
        frequency=frequency,
        timing=draw(st.sampled_from([IN_ADVANCE, IN_ARREARS])),
        alignment=ANNIVERSARY if frequency.days else draw(st.sampled_from([CALENDAR, ANNIVERSARY])),
        anchor_day=draw(st.none() | st.integers(1, 31)),
        proration=draw(proration),
        late_billing=draw(st.sampled_from([ONE_PER_PERIOD, ONE_INVOICE, ON_DATE])),
        end_on=last,
        auto_renew=not (ends and draw(st.booleans())),
        terminated_on=draw(st.none() | st.just(start + timedelta(draw(st.integers(0, 900))))) if ends else None,
    )


@dataclass(frozen=True)
class Expected:
    start: date
    end: date
    share: Fraction
    due_on: date
    whole: Fraction  # the share, had the service not ended inside the period


def is_anchor(day: date, wanted: int) -> bool:
    return day.day == min(wanted, calendar.monthrange(day.year, day.month)[1])


def reference(facts: ContractFacts) -> date:
    """A day on which the grid has a boundary, found by walking from the start."""
    start, day = facts.start_on, facts.start_on
    if facts.alignment == CALENDAR and facts.timing == IN_ADVANCE:
        while day.day != 1:
            day += ONE_DAY
    elif facts.alignment == CALENDAR:
        while day.day != 1 or (facts.frequency.months % 12 == 0 and day.month != 1):
            day -= ONE_DAY
    elif facts.anchor_day or facts.frequency.months:
        while not is_anchor(day, facts.anchor_day or start.day):
            day -= ONE_DAY
    return day


def boundaries(facts: ContractFacts, until: date) -> list[date]:
    origin, every = reference(facts), facts.frequency
    anchor = 1 if facts.alignment == CALENDAR else facts.anchor_day or facts.start_on.day
    found, day = [], origin - timedelta(800)
    while day <= until + timedelta(800):
        months = 12 * (day.year - origin.year) + day.month - origin.month
        if every.days:
            is_boundary = (day - origin).days % every.days == 0
        else:
            is_boundary = is_anchor(day, anchor) and months % every.months == 0
        if is_boundary:
            found.append(day)
        day += ONE_DAY
    return found


def expected(facts: ContractFacts, on: date) -> list[Expected]:
    """The rules on « When », said with days alone."""
    lasts = [day for day in (None if facts.auto_renew else facts.end_on, facts.terminated_on) if day]
    last_served = min(lasts, default=date.max)
    limits = boundaries(facts, on)
    found = []
    for start, end in pairwise(limits):
        served = [day for day in walk(start, end) if facts.start_on <= day <= last_served]
        if not served:
            continue
        grid_due = start if facts.timing == IN_ADVANCE else end - ONE_DAY
        if facts.proration == NONE and grid_due not in served:
            continue
        due_on = served[0] if facts.timing == IN_ADVANCE else served[-1]
        by_days = facts.proration == DAYS
        share = Fraction(len(served), (end - start).days) if by_days else Fraction(1)
        whole = Fraction((end - served[0]).days, (end - start).days) if by_days else share
        if due_on <= on:
            found.append(Expected(served[0], served[-1] + ONE_DAY, share, due_on, whole))
    return found


def walk(start: date, end: date) -> list[date]:
    return [start + timedelta(n) for n in range((end - start).days)]


def cents(amount: Fraction) -> int:
    return round(amount * 100)  # Python rounds halves of a fraction to even


def expected_amounts(facts: ContractFacts, yearly: Decimal, wanted: list[Expected]) -> list[int]:
    """In cents, from sums of shares; the first days of a period that the end cuts, from the amount of the whole."""
    every = facts.frequency
    per_year = Fraction(12, every.months) if every.months else Fraction(1)
    found = []
    for n, one in enumerate(wanted):
        done = sum((before.share for before in wanted[:n]), Fraction(0))
        before, after = (cents(Fraction(yearly) * share / per_year) for share in (done, done + one.whole))
        found.append(cents(Fraction(after - before, 100) * one.share / one.whole))
    return found


def charges_made(facts: ContractFacts, charges: list[PeriodCharge], on: date) -> list[PeriodCharge]:
    made = plan([facts], claims_on(charges), on=on, force=True)
    assert made.refusals == ()
    return [charge for group in made.groups for charge in group.charges]


any_contract = contracts()


@st.composite
def histories(draw, facts=any_contract):
    """A contract, the days of its runs in any order, and which claims are freed between them; then a last run."""
    one = draw(facts)
    runs = draw(st.lists(st.tuples(st.integers(-40, 1100), st.sets(st.integers(0, 60))), max_size=5))
    last = one.start_on + timedelta(draw(st.integers(0, 1100)))
    return one, [(one.start_on + timedelta(min(n, (last - one.start_on).days)), freed) for n, freed in runs], last


def live(facts: ContractFacts, runs: list[tuple[date, set[int]]], last: date) -> list[PeriodCharge]:
    """The charges that stand after all the runs."""
    charges: list[PeriodCharge] = []
    for on, freed in runs:
        charges += charges_made(facts, charges, on)
        charges = [charge for number, charge in enumerate(charges) if number not in freed]
    return charges + charges_made(facts, charges, last)


@given(histories())
@five_hundred
def test_each_due_period_is_billed_once_at_its_amount_whatever_the_runs(history):
    facts, runs, last = history
    charges = live(facts, runs, last)
    wanted = expected(facts, last)
    for one in facts.lines[0].articles:
        mine = sorted((c for c in charges if c.article == one.id), key=lambda charge: charge.period)
        assert [(c.period.start, c.period.end, c.share, c.due_on) for c in mine] == [
            (w.start, w.end, w.share, w.due_on) for w in wanted
        ]
        yearly = one.prices[0].unit_price
        assert [int(c.amount * 100) for c in mine] == expected_amounts(facts, yearly, wanted)
        assert [c.n for c in mine] == list(range(1, len(mine) + 1))


@given(histories())
@five_hundred
def test_billing_twice_is_billing_once(history):
    facts, runs, last = history
    charges = live(facts, runs, last)
    assert charges_made(facts, charges, last) == []
    for on, _ in runs:
        assert charges_made(facts, charges, on) == []


@given(contracts(proration=st.just(NONE), ends=False), st.integers(0, 2))
@five_hundred
def test_the_instalments_of_a_full_year_make_the_yearly_net(facts, year):
    per_year = facts.frequency.per_year
    if per_year.denominator != 1 or facts.frequency.days:
        return
    made = charges_made(facts, [], facts.start_on + timedelta(366 * 4 + 40))
    for one in facts.lines[0].articles:
        amounts = [charge.amount for charge in made if charge.article == one.id]
        first = year * int(per_year)
        assert sum(amounts[first : first + int(per_year)]) == one.prices[0].unit_price


@given(histories(contracts(proration=st.just(DAYS))), st.data())
@five_hundred
def test_suspended_and_amended_days_are_each_charged_once(history, data):
    """Known before the runs: every served day of a due period is charged once, on the line that serves it."""
    facts, runs, last = history
    offsets = st.integers(1, 900).map(lambda n: facts.start_on + timedelta(n))
    cut = data.draw(offsets)
    pause = sorted(data.draw(st.lists(offsets, min_size=2, max_size=2, unique=True)))
    suspensions = (Suspension(pause[0], pause[1] if data.draw(st.booleans()) else None),)
    old = replace(facts.lines[0], end=cut, suspensions=suspensions)
    new = line(2, article(3), chain=1, start=cut, suspensions=suspensions)
    changed = replace(facts, lines=(old, new))

    charges = live(changed, runs, last)
    charged = {number: [day for c in charges if c.article == number for day in walk(c.period.start, c.period.end)]
               for number in (1, 2, 3)}  # fmt: skip
    due = [day for w in expected(facts, last) for day in walk(w.start, w.end)]
    served = [day for day in due if not pause[0] <= day < (suspensions[0].end or date.max)]
    opened = [day for day in served if facts.timing == IN_ARREARS or _part_is_due(day, cut, suspensions, last)]
    assert sorted(charged[1]) == sorted(charged[2]) == [day for day in opened if day < cut]
    assert sorted(charged[3]) == [day for day in opened if day >= cut]


def _part_is_due(day: date, cut: date, suspensions: tuple[Suspension, ...], last: date) -> bool:
    """À échoir, the part of a period that begins at a cut is due on its own first day."""
    begins = [begin for begin in (cut, suspensions[0].end) if begin and begin <= day]
    return all(begin <= last for begin in begins)


@given(histories())
@five_hundred
def test_no_run_before_the_next_due_day_finds_anything_and_that_days_does(history):
    facts, runs, last = history
    charges = live(facts, runs, last)
    following = next_due_on(facts, claims_on(charges))
    later = facts.start_on + timedelta(1900)
    if following is None:
        assert charges_made(facts, charges, later) == []
    else:
        assert following > last
        assert charges_made(facts, charges, following - ONE_DAY) == []
        assert charges_made(facts, charges, following) != []


@given(st.lists(contracts(), min_size=1, max_size=4), st.integers(0, 1100), st.booleans())
@five_hundred
def test_groups_hold_every_charge_once_and_agree_with_their_total(several, after, together):
    facts = [
        replace(
            one,
            id=number,
            group_by_payer=together,
            lines=(line(number, *(replace(a, id=10 * number + a.id) for a in one.lines[0].articles)),),
        )
        for number, one in enumerate(several, start=1)
    ]
    on = facts[0].start_on + timedelta(after)
    made = plan(facts, NOTHING_CLAIMED, on=on, force=True)
    grouped = [(c.article, c.period.start) for group in made.groups for c in group.charges]
    alone = [(c.article, c.period.start) for one in facts for c in charges_made(one, [], on)]
    assert sorted(grouped) == sorted(alone)
    assert len(set(grouped)) == len(grouped)
    for group in made.groups:
        assert group.total == sum(charge.amount for charge in group.charges)
        assert {charge.proposed_on for charge in group.charges} == {group.proposed_on}
        assert group.proposed_on <= on


@given(days | month_ends, st.integers(1, 6), st.sampled_from([MONTH, YEAR]), st.sets(st.integers(1, 12), min_size=1))
@five_hundred
def test_each_contract_year_has_its_visits_in_its_months_once(start, repeat, unit, months):
    promise = VisitPlan(repeat, unit, tuple(months))
    facts = contract(f"{start:%d/%m/%y}", line(7, visit_plan=promise))
    until = start + timedelta(1100)
    visits = promised_visits(facts, set(), until=until)
    count = visit_count(repeat, unit, promise.months)
    for year in (1, 2):
        mine = [visit for visit in visits if visit.year == year]
        assert [visit.rank for visit in mine] == list(range(1, count + 1))
        assert {visit.window.start.month for visit in mine} <= months
        opens = [visit.window.start for visit in mine]
        assert opens == sorted(opens)
        assert day_of_month(start, 12 * (year - 1), start.day) <= opens[0]
        assert opens[-1] < day_of_month(start, 12 * year, 1)
    early = promised_visits(facts, set(), until=start + timedelta(300))
    assert promised_visits(facts, {visit.key for visit in visits}, until=until) == []
    rest = promised_visits(facts, {visit.key for visit in early}, until=until)
    assert sorted(visit.key for visit in (*early, *rest)) == [visit.key for visit in visits]
