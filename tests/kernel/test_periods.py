"""Calendar periods: month ends, leap days, and the grid counted from its anchor."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfire_billing.kernel.periods import Period, day_of_month, end_of_month


def day(text: str) -> date:
    """ "31/01/2026", as the trade writes it."""
    number, month, year = text.split("/")
    return date(int(year), int(month), int(number))


days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
anchors = st.integers(1, 31)


@st.composite
def some_periods(draw: st.DrawFn) -> Period:
    start = draw(days)
    return Period(start, start + timedelta(days=draw(st.integers(1, 800))))


# A period


def test_period_holds_its_first_day_and_not_its_end() -> None:
    january = Period(day("01/01/2026"), day("01/02/2026"))

    assert day("01/01/2026") in january
    assert day("31/01/2026") in january
    assert day("01/02/2026") not in january
    assert day("31/12/2025") not in january
    assert january.last_day == day("31/01/2026")
    assert january.days == 31


@pytest.mark.parametrize("end", ["15/01/2026", "14/01/2026"])
def test_period_without_a_day_is_refused(end: str) -> None:
    with pytest.raises(ValueError, match="Empty period"):
        Period(day("15/01/2026"), day(end))


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("15/01/2026", "01/02/2026", 17),
        ("01/11/2025", "01/02/2026", 92),
        ("15/01/2026", "01/04/2026", 76),
        ("01/01/2026", "01/04/2026", 90),
        ("01/01/2028", "01/04/2028", 91),
        ("01/01/2026", "01/01/2027", 365),
        ("01/01/2028", "01/01/2029", 366),
        ("29/03/2026", "30/03/2026", 1),  # the clock changes that night: a day is a day
        ("25/10/2026", "26/10/2026", 1),
    ],
)
def test_period_counts_whole_days(start: str, end: str, days: int) -> None:
    assert Period(day(start), day(end)).days == days


@pytest.mark.parametrize(
    ("other", "common"),
    [
        (("01/01/2026", "01/02/2026"), ("01/01/2026", "01/02/2026")),
        (("15/01/2026", "15/02/2026"), ("15/01/2026", "01/02/2026")),
        (("15/12/2025", "02/01/2026"), ("01/01/2026", "02/01/2026")),
        (("10/01/2026", "11/01/2026"), ("10/01/2026", "11/01/2026")),
        (("01/02/2026", "01/03/2026"), None),
        (("01/12/2025", "01/01/2026"), None),
        (("01/05/2026", "01/06/2026"), None),
    ],
)
def test_period_overlap(other: tuple[str, str], common: tuple[str, str] | None) -> None:
    january = Period(day("01/01/2026"), day("01/02/2026"))
    expected = common and Period(*map(day, common))

    assert january.overlap(Period(*map(day, other))) == expected
    assert Period(*map(day, other)).overlap(january) == expected


@given(some_periods(), some_periods())
def test_period_overlap_is_the_days_of_both(one: Period, other: Period) -> None:
    common = one.overlap(other)
    both = {one.start + timedelta(n) for n in range(one.days)} & {other.start + timedelta(n) for n in range(other.days)}

    assert (common.days if common else 0) == len(both)
    assert all(each in common for each in both) if common else not both


def test_periods_are_in_order_of_their_start() -> None:
    later, sooner = Period(day("02/01/2026"), day("03/01/2026")), Period(day("01/01/2026"), day("09/01/2026"))

    assert sorted([later, sooner]) == [sooner, later]


# A day of a later month


@pytest.mark.parametrize(
    ("month", "months_later", "number", "expected"),
    [
        ("15/01/2026", 0, 31, "31/01/2026"),
        ("15/01/2026", 1, 31, "28/02/2026"),
        ("15/01/2026", 2, 31, "31/03/2026"),
        ("15/01/2026", 3, 31, "30/04/2026"),
        ("15/01/2026", 12, 31, "31/01/2027"),
        ("31/01/2026", 1, 30, "28/02/2026"),
        ("31/01/2026", 1, 29, "28/02/2026"),
        ("31/01/2028", 1, 31, "29/02/2028"),
        ("29/02/2028", 12, 29, "28/02/2029"),
        ("29/02/2028", 48, 29, "29/02/2032"),
        ("29/02/2096", 48, 29, "28/02/2100"),  # no leap year, and yet divisible by four
        ("15/12/2026", 1, 15, "15/01/2027"),
        ("15/01/2026", -1, 31, "31/12/2025"),
        ("15/03/2026", -1, 31, "28/02/2026"),
        ("15/01/2026", -13, 15, "15/12/2024"),
        ("01/01/2026", 11, 1, "01/12/2026"),
    ],
)
def test_day_of_month(month: str, months_later: int, number: int, expected: str) -> None:
    assert day_of_month(day(month), months_later, number) == day(expected)


@pytest.mark.parametrize(
    ("any_day", "last"),
    [
        ("01/01/2026", "31/01/2026"),
        ("31/01/2026", "31/01/2026"),
        ("10/02/2026", "28/02/2026"),
        ("29/02/2028", "29/02/2028"),
        ("30/04/2026", "30/04/2026"),
        ("31/12/2026", "31/12/2026"),
    ],
)
def test_end_of_month(any_day: str, last: str) -> None:
    assert end_of_month(day(any_day)) == day(last)


@given(days, st.integers(-240, 240), anchors)
def test_day_of_month_is_the_anchor_or_the_month_end(month: date, months_later: int, number: int) -> None:
    found = day_of_month(month, months_later, number)

    assert (found.year * 12 + found.month) - (month.year * 12 + month.month) == months_later
    assert found.day == number or (found.day < number and found == end_of_month(found))
