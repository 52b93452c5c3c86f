"""The amount of a period depends on its place alone."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.planner.amounts import part_amount, period_amount, price_on, visit_amount, yearly_net
from contracts.planner.billing import plan
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
    WEEK,
    YEAR,
    Frequency,
    PriceVersion,
)
from contracts.planner.grids import Terms, grid_of
from openfire_billing.kernel.money import HALF_EVEN, HALF_UP, ZERO, Instalments, part_between, to_cents
from openfire_billing.kernel.periods import Period
from tests.contracts.planner_builders import article, claims_on, contract, day, line, periods

CENTS = st.decimals(-10_000_000, 10_000_000, places=2)
TWELVE_OF_175 = [
    "14.58", "14.59", "14.58", "14.58", "14.59", "14.58", "14.58", "14.59", "14.58", "14.58", "14.59", "14.58",
]  # fmt: skip


def amounts(yearly: str, frequency: Frequency, start: str, until: str, *, timing=IN_ADVANCE, proration=NONE):
    alignment = ANNIVERSARY if frequency.days else CALENDAR
    grid = grid_of(Terms(frequency, timing, alignment, None, proration), day(start), day(start))
    return [str(period_amount(Instalments(Decimal(yearly)), due)) for due in grid.dues(stop=None, until=day(until))]


def test_175_a_year_by_months_is_175():
    months = amounts("175.00", Frequency(1, MONTH), "01/01/26", "01/12/26")
    assert months == TWELVE_OF_175
    assert sum(map(Decimal, months)) == Decimal("175.00")


def test_the_second_year_repeats_the_first():
    assert amounts("175.00", Frequency(1, MONTH), "01/01/26", "01/12/27") == TWELVE_OF_175 * 2


@pytest.mark.parametrize(
    ("every", "unit", "until", "expected"),
    [
        (2, MONTH, "01/11/26", ["29.17", "29.16", "29.17", "29.17", "29.16", "29.17"]),
        (3, MONTH, "01/10/26", ["43.75"] * 4),
        (4, MONTH, "01/09/26", ["58.33", "58.34", "58.33"]),
        (5, MONTH, "01/09/27", ["72.92", "72.91", "72.92", "72.92", "72.91"]),
        (6, MONTH, "01/07/26", ["87.50", "87.50"]),
        (12, MONTH, "01/01/27", ["175.00", "175.00"]),
        (1, YEAR, "01/01/27", ["175.00", "175.00"]),
        (2, YEAR, "01/01/28", ["350.00", "350.00"]),
        (1, WEEK, "15/01/26", ["175.00"] * 3),
        (10, DAY, "21/01/26", ["175.00"] * 3),
    ],
)
def test_instalments_of_175_by_frequency(every, unit, until, expected):
    assert amounts("175.00", Frequency(every, unit), "01/01/26", until) == expected


@pytest.mark.parametrize(
    ("unit", "every", "per_year"),
    [(MONTH, 1, "12"), (MONTH, 3, "4"), (MONTH, 5, "12/5"), (YEAR, 1, "1"), (YEAR, 2, "1/2"), (WEEK, 1, "1")],
)
def test_instalments_a_year(unit, every, per_year):
    assert Frequency(every, unit).per_year == Fraction(per_year)


@pytest.mark.parametrize(
    ("every", "timing", "proration", "until", "expected"),
    [
        (3, IN_ADVANCE, DAYS, "01/05/26", ["8.08", "43.75", "43.75"]),  # 43,75 × 17/92 = 8,084
        (3, IN_ARREARS, DAYS, "30/06/26", ["36.94", "43.75"]),  # 43,75 × 76/90 = 36,944
        (1, IN_ADVANCE, DAYS, "01/04/26", ["8.00", "14.58", "14.58", "14.59"]),  # 14,58 × 17/31 = 7,997
        (1, IN_ADVANCE, FULL, "01/03/26", ["14.58", "14.59", "14.58"]),
        (1, IN_ADVANCE, NONE, "01/03/26", ["14.58", "14.59"]),
        (1, IN_ARREARS, NONE, "31/03/26", ["14.58", "14.59", "14.58"]),
    ],
)
def test_stubs_from_the_15th_of_january(every, timing, proration, until, expected):
    frequency = Frequency(every, MONTH)
    assert amounts("175.00", frequency, "15/01/26", until, timing=timing, proration=proration) == expected


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [(HALF_EVEN, ["0.02", "0.03", "0.03", "0.02"]), (HALF_UP, ["0.03", "0.02", "0.03", "0.02"])],
)
def test_halves_of_a_cent_follow_the_company(rounding, expected):
    places = [(Fraction(n, 12), Fraction(n + 1, 12)) for n in range(4)]  # 2,5 · 5 · 7,5 · 10 cents
    assert [str(part_between(Decimal("0.30"), before, after, rounding)) for before, after in places] == expected


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "rounding", "net"),
    [
        ("1", "175.00", "0", HALF_EVEN, "175.00"),
        ("1", "200.00", "12.5", HALF_EVEN, "175.00"),
        ("3", "33.3333", "10", HALF_EVEN, "90.00"),
        ("0.5", "0.25", "0", HALF_EVEN, "0.12"),
        ("0.5", "0.25", "0", HALF_UP, "0.13"),
        ("4", "80.00", "100", HALF_EVEN, "0.00"),
    ],
)
def test_yearly_net_is_rounded_once(quantity, price, discount, rounding, net):
    one = article(price=price, quantity=quantity, discount=discount)
    assert yearly_net(one, one.prices[0], rounding) == Decimal(net)


def test_price_version_takes_effect_on_the_first_period_that_starts_on_or_after_it():
    old = PriceVersion(day("01/01/26"), Decimal("175.00"))
    new = PriceVersion(day("15/03/26"), Decimal("210.00"), Decimal(50))
    versions = article(prices=(old, new))
    assert price_on(versions, day("01/01/25")) == old
    assert price_on(versions, day("14/03/26")) == old
    assert price_on(versions, day("15/03/26")) == new

    dear = article(prices=(old, PriceVersion(day("15/03/26"), Decimal("210.00"))))
    four = plan([contract("01/01/26", line(1, dear))], claims_on([]), on=day("01/04/26"))
    assert periods(four) == [
        "01/01/26-31/01/26 14.58",
        "01/02/26-28/02/26 14.59",
        "01/03/26-31/03/26 14.58",  # it began before the new price
        "01/04/26-30/04/26 17.50",
    ]
    arrears = plan([contract("01/03/26", line(1, dear), timing=IN_ARREARS)], claims_on([]), on=day("30/04/26"))
    assert periods(arrears) == ["01/03/26-31/03/26 14.58", "01/04/26-30/04/26 17.50"]


@pytest.mark.parametrize(
    ("yearly", "of", "expected"),
    [("175.00", 2, ["87.50", "87.50"]), ("100.00", 3, ["33.33", "33.34", "33.33"]), ("0.01", 2, ["0.00", "0.01"])],
)
def test_visit_amount_by_rank(yearly, of, expected):
    assert [str(visit_amount(Decimal(yearly), rank=rank, of=of)) for rank in range(1, of + 1)] == expected


@pytest.mark.parametrize(
    ("amount", "cuts", "expected"),
    [
        ("14.58", [0, 1, 16, 31], ["0.47", "7.06", "7.05"]),
        ("10.00", [0, 10, 31], ["3.23", "6.77"]),
        ("0.01", [0, 10, 20, 31], ["0.00", "0.01", "0.00"]),
        ("-14.58", [0, 1, 16, 31], ["-0.47", "-7.06", "-7.05"]),
    ],
)
def test_parts_of_a_period_make_it_to_the_cent(amount, cuts, expected):
    whole = Period(date(2026, 1, 1), date(2026, 2, 1))
    parts = [Period(whole.start + timedelta(a), whole.start + timedelta(b)) for a, b in pairwise(cuts)]
    assert [str(part_amount(Decimal(amount), part, whole)) for part in parts] == expected


@given(CENTS, st.sets(st.integers(1, 364)), st.sampled_from([HALF_EVEN, HALF_UP]))
def test_any_parts_of_a_period_make_it_to_the_cent(amount: Decimal, cuts: set[int], rounding: str) -> None:
    whole = Period(date(2026, 1, 1), date(2027, 1, 1))
    days = [whole.start + timedelta(n) for n in (0, *sorted(cuts), 365)]
    parts = [part_amount(amount, Period(start, end), whole, rounding) for start, end in pairwise(days)]
    assert sum(parts, ZERO) == amount


def test_part_of_a_period_is_counted_from_its_first_day():
    year, second_half = Period(date(2026, 1, 1), date(2027, 1, 1)), Period(date(2026, 7, 1), date(2027, 1, 1))
    assert part_amount(Decimal("175.00"), second_half, year) == Decimal("88.22")
    assert part_amount(Decimal("210.00"), second_half, year) == Decimal("105.86")
    assert part_amount(Decimal("175.00"), year, year) == Decimal("175.00")


@pytest.mark.parametrize("freed", range(12))
def test_a_month_freed_and_billed_late_keeps_its_amount(freed):
    year = plan([contract("01/01/26")], claims_on([]), on=day("31/12/26"))
    charges = [charge for group in year.groups for charge in group.charges]
    kept = charges[:freed] + charges[freed + 1 :]
    late = plan([contract("01/01/26")], claims_on(kept), on=day("31/12/26"))
    assert [str(charge.amount) for group in late.groups for charge in group.charges] == [TWELVE_OF_175[freed]]


# Instalments of a year


def year_of(yearly: str, shares: list[Fraction | int], per_year: int) -> list[Decimal]:
    """The instalments of a year cut in these shares."""
    done = [Fraction(sum(shares[:place])) for place in range(len(shares) + 1)]
    return [part_between(Decimal(yearly), before / per_year, after / per_year) for before, after in pairwise(done)]


@pytest.mark.parametrize(
    ("yearly", "per_year", "expected"),
    [
        ("175.00", 12, "14.58 14.59 14.58 14.58 14.59 14.58 14.58 14.59 14.58 14.58 14.59 14.58"),
        ("175.00", 4, "43.75 43.75 43.75 43.75"),
        ("175.00", 2, "87.50 87.50"),
        ("175.00", 1, "175.00"),
        ("175.00", 3, "58.33 58.34 58.33"),
        ("100.00", 12, "8.33 8.34 8.33 8.33 8.34 8.33 8.33 8.34 8.33 8.33 8.34 8.33"),
        ("0.01", 2, "0.00 0.01"),
        ("0.00", 4, "0.00 0.00 0.00 0.00"),
        ("-175.00", 3, "-58.33 -58.34 -58.33"),
    ],
)
def test_instalments_of_a_year(yearly: str, per_year: int, expected: str) -> None:
    assert year_of(yearly, [1] * per_year, per_year) == [Decimal(amount) for amount in expected.split()]


def test_instalment_depends_on_its_place_alone() -> None:
    # The same month of the next year: twelve whole shares further on.
    for month in range(12):
        first, later = (
            part_between(Decimal("175.00"), Fraction(month, 12) + years, Fraction(month + 1, 12) + years)
            for years in (0, 7)
        )
        assert first == later


@pytest.mark.parametrize(
    ("share", "amount"),
    [(Fraction(17, 92), "8.08"), (Fraction(76, 90), "36.94")],
)
def test_instalment_of_a_stub_by_days(share: Fraction, amount: str) -> None:
    # A quarter of 175 a year: 15/01–31/01 in advance is 17 days of 92; 15/01–31/03 in arrears is 76 of 90.
    assert part_between(Decimal("175.00"), Fraction(0), share / 4) == Decimal(amount)


def test_instalments_after_a_stub_are_rounded_on_the_exact_sum() -> None:
    shares = [Fraction(17, 92), 1, 1, 1, Fraction(75, 92)]

    assert sum(year_of("175.00", shares, 4), ZERO) == Decimal("175.00")


@given(CENTS, st.sampled_from([1, 2, 3, 4, 6, 12, 24, 52]))
def test_instalments_sum_to_the_year(yearly: Decimal, per_year: int) -> None:
    parts = year_of(str(yearly), [1] * per_year, per_year)

    assert sum(parts, ZERO) == yearly
    assert max(parts) - min(parts) <= Decimal("0.01")


@given(CENTS, st.lists(st.fractions(0, 1, max_denominator=366), min_size=1, max_size=12), st.sampled_from([1, 4, 12]))
def test_instalments_of_any_shares_sum_to_the_amount_of_the_whole(
    yearly: Decimal, shares: list[Fraction], per_year: int
) -> None:
    parts = year_of(str(yearly), list(shares), per_year)

    assert sum(parts, ZERO) == to_cents(Fraction(yearly) * sum(shares) / per_year)


@pytest.mark.parametrize(
    ("every", "unit", "first", "last", "count"),
    [
        (1, "month", "01/01/26", "31/12/26", 12),
        (1, "month", "15/01/26", "14/02/26", 1),
        (1, "month", "15/01/26", "15/02/26", 2),
        (1, "month", "15/02/26", "15/01/26", 1),
        (3, "month", "01/01/26", "30/06/26", 2),
        (3, "month", "01/01/26", "01/07/26", 3),
        (1, "year", "01/03/24", "28/02/26", 2),
        (1, "year", "01/03/24", "01/03/26", 3),
        (10, "day", "01/01/26", "10/01/26", 1),
        (10, "day", "01/01/26", "11/01/26", 2),
        (2, "week", "01/01/26", "29/01/26", 3),
        (1, "visit", "01/01/20", "01/01/26", 1),
    ],
)
def test_instalments_due_between_two_days(every: int, unit: str, first: str, last: str, count: int) -> None:
    assert Frequency(every, unit).instalments(day(first), day(last)) == count
