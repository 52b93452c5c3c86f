"""The pure calendar: weeks that take turns, hours of one day, recurring absences, on-call. By tables, and by a naive one."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appointments.availability import (
    Calendar,
    Cycle,
    Hours,
    Recurrence,
    Stretch,
    Week,
    after,
    first_free,
    place,
    working_from,
)

PARIS = ZoneInfo("Europe/Paris")
USUAL = Week({day: [(time(8), time(12))] for day in range(5)})
FIRST = date(2026, 11, 30)  # a Monday


def turns(count: int) -> list[Week]:
    """Weeks told apart by the hour at which they begin: 1, 2, 3, 4 o'clock, every day."""
    return [Week({day: [(time(rank), time(12))] for day in range(7)}) for rank in range(1, count + 1)]


def rank_on(day: date, cycle: Cycle) -> int:
    """The week of the cycle in which a day is."""
    ((starts, _ends),) = cycle.hours_on(day)
    return starts.hour


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=PARIS)


def shown(pieces: list[Stretch]) -> list[str]:
    return [f"{start.astimezone(PARIS):%d %H:%M}-{end.astimezone(PARIS):%H:%M}" for start, end in pieces]


@pytest.mark.parametrize(
    ("count", "day", "rank"),
    [
        (1, date(2026, 11, 30), 1),
        (1, date(2027, 1, 4), 1),
        (2, date(2026, 11, 30), 1),
        (2, date(2026, 12, 6), 1),  # the Sunday
        (2, date(2026, 12, 7), 2),
        (2, date(2026, 12, 13), 2),
        (2, date(2026, 12, 14), 1),
        # the weeks 52 and 53 of 2026, then 1 and 2 of 2027: the parity of their numbers would repeat an odd week
        (2, date(2026, 12, 21), 2),
        (2, date(2026, 12, 28), 1),
        (2, date(2027, 1, 3), 1),
        (2, date(2027, 1, 4), 2),
        (2, date(2027, 1, 11), 1),
        (3, date(2026, 12, 7), 2),
        (3, date(2026, 12, 14), 3),
        (3, date(2026, 12, 21), 1),
        (3, date(2027, 1, 4), 3),
        (4, date(2026, 12, 21), 4),
        (4, date(2026, 12, 28), 1),
        (4, date(2027, 1, 4), 2),
        # before the first Monday
        (2, date(2026, 11, 29), 2),
        (2, date(2026, 11, 23), 2),
        (2, date(2026, 11, 22), 1),
        (3, date(2026, 11, 29), 3),
        (3, date(2026, 11, 22), 2),
        (4, date(2026, 11, 23), 4),
        (4, date(2026, 11, 1), 4),
        (4, date(2026, 11, 8), 1),
    ],
)
def test_week_of_a_day_is_counted_in_days_from_the_first_monday(count: int, day: date, rank: int) -> None:
    assert rank_on(day, Cycle(turns(count), FIRST)) == rank


@pytest.mark.parametrize(
    ("from_on", "to_on", "valid"),
    [
        (None, None, ["30", "01", "02", "03"]),
        (date(2026, 12, 1), None, ["01", "02", "03"]),
        (None, date(2026, 12, 1), ["30", "01"]),
        (date(2026, 12, 1), date(2026, 12, 2), ["01", "02"]),
        (date(2026, 12, 2), date(2026, 12, 2), ["02"]),
    ],
)
def test_both_ends_of_the_validity_are_valid(from_on: date | None, to_on: date | None, valid: list[str]) -> None:
    cycle = Cycle(
        [Week({day: [(time(18), time(20))] for day in range(7)})], FIRST, from_on or date.min, to_on or date.max
    )
    calendar = Calendar(USUAL, PARIS, cycles=[cycle])
    days = [FIRST + timedelta(days=n) for n in range(4)]

    worked = {f"{day:%d}": shown(calendar.working(day)) for day in days}

    assert worked == {
        f"{day:%d}": [f"{day:%d} 18:00-20:00" if f"{day:%d}" in valid else f"{day:%d} 08:00-12:00"] for day in days
    }


def test_first_valid_cycle_counts_and_one_without_hours_is_not_worked() -> None:
    own = Cycle([Week({})], FIRST, to_on=date(2026, 12, 1))
    company = Cycle([Week({day: [(time(9), time(10))] for day in range(5)})], FIRST)
    calendar = Calendar(USUAL, PARIS, cycles=[own, company])

    assert calendar.working(date(2026, 12, 1)) == []
    assert shown(calendar.working(date(2026, 12, 2))) == ["02 09:00-10:00"]


SATURDAY, HOLIDAY = date(2026, 12, 5), date(2026, 12, 25)


@pytest.mark.parametrize("day", [date(2026, 12, 1), SATURDAY, HOLIDAY])
def test_hours_of_a_day_replace_those_of_the_week_closing_days_too(day: date) -> None:
    hours = {day: [(time(6), time(9)), (time(14), time(15))]}
    calendar = Calendar(
        USUAL, PARIS, days_off=dict.fromkeys({HOLIDAY}, "Fermé"), cycles=[Cycle(turns(2), FIRST)], day_hours=hours
    )
    assert shown(calendar.working(day)) == [f"{day:%d} 06:00-09:00", f"{day:%d} 14:00-15:00"]


def test_absences_win_over_hours_of_a_day_recurring_ones_too() -> None:
    day = date(2026, 12, 1)  # a Tuesday
    hours = {day: [(time(6), time(12)), (time(14), time(18))]}
    away = [(at(day, 7), at(day, 8))]
    rules = [Recurrence(1, FIRST, hours=(time(17), time(19)))]
    calendar = Calendar(USUAL, PARIS, day_hours=hours, absences=away, recurring=rules)
    assert shown(calendar.working(day)) == ["01 06:00-07:00", "01 08:00-12:00", "01 14:00-17:00"]


@pytest.mark.parametrize(
    ("weekday", "first_on", "cycle", "until", "days"),
    [
        # December 2026 begins on a Tuesday
        (2, date(2026, 12, 1), 1, date(2026, 12, 31), [2, 9, 16, 23, 30]),
        (2, date(2026, 12, 2), 1, date(2026, 12, 16), [2, 9, 16]),
        (2, date(2026, 12, 2), 1, date(2026, 12, 15), [2, 9]),
        (2, date(2026, 12, 3), 1, date(2026, 12, 31), [9, 16, 23, 30]),
        (2, date(2026, 12, 1), 2, date(2026, 12, 31), [2, 16, 30]),
        (2, date(2026, 12, 1), 2, date(2026, 12, 30), [2, 16, 30]),
        (2, date(2026, 12, 1), 2, date(2026, 12, 29), [2, 16]),
        (0, date(2026, 12, 1), 3, date.max, [7, 28]),
        (6, date(2026, 12, 1), 4, date.max, [6]),
        (4, date(2026, 12, 4), 4, date.max, [4]),
        (2, date(2026, 12, 3), 1, date(2026, 12, 8), []),
    ],
)
def test_recurring_absence_comes_back_from_the_first_such_day(
    weekday: int, first_on: date, cycle: int, until: date, days: list[int]
) -> None:
    rule = Recurrence(weekday, first_on, cycle, until)
    assert [day for day in range(1, 32) if rule.is_on(date(2026, 12, day))] == days
    assert not any(rule.is_on(first_on - timedelta(days=n)) for n in range(1, 60))


def test_every_second_week_goes_on_over_a_year_of_53_weeks() -> None:
    rule = Recurrence(0, date(2026, 12, 14), 2)
    found = [FIRST + timedelta(days=7 * n) for n in range(9) if rule.is_on(FIRST + timedelta(days=7 * n))]
    assert found == [date(2026, 12, 14), date(2026, 12, 28), date(2027, 1, 11), date(2027, 1, 25)]


def test_recurring_absence_takes_its_hours_or_the_day() -> None:
    whole = Calendar(USUAL, PARIS, recurring=[Recurrence(0, FIRST)])
    part = Calendar(USUAL, PARIS, recurring=[Recurrence(0, FIRST, hours=(time(9), time(10)))])
    assert whole.working(FIRST) == []
    assert shown(whole.working(date(2026, 12, 1))) == ["01 08:00-12:00"]
    assert shown(part.working(FIRST)) == ["30 08:00-09:00", "30 10:00-12:00"]


# On-call

EVENING = (at(FIRST, 18), at(date(2026, 12, 1), 6))


@pytest.mark.parametrize(
    ("start", "end", "passes"),
    [
        (at(FIRST, 9), at(FIRST, 10), True),  # in hours
        (at(FIRST, 18), at(FIRST, 19), True),
        (at(FIRST, 17, 45), at(FIRST, 18, 45), False),  # it begins before
        (at(FIRST, 23), at(date(2026, 12, 1), 1), True),  # over midnight
        (at(date(2026, 12, 1), 5), at(date(2026, 12, 1), 6), True),
        (at(date(2026, 12, 1), 5), at(date(2026, 12, 1), 6, 1), False),
        (at(FIRST, 13), at(FIRST, 14), False),  # neither
        (at(FIRST, 20), at(FIRST, 21), False),  # away then
        (at(FIRST, 19, 30), at(FIRST, 20, 15), False),
        (at(FIRST, 21, 30), at(FIRST, 22, 15), False),  # away each Monday from 22:00
        (at(date(2026, 12, 1), 7), at(date(2026, 12, 1), 8), False),
    ],
)
def test_on_call_admits_what_it_holds_less_absences(start: datetime, end: datetime, passes: bool) -> None:
    calendar = Calendar(
        USUAL,
        PARIS,
        absences=[(at(FIRST, 20), at(FIRST, 21))],
        recurring=[Recurrence(0, FIRST, hours=(time(22), time(22, 30)))],
        on_call=[(EVENING[0].astimezone(UTC), EVENING[1].astimezone(UTC))],
    )
    assert calendar.admits((start, end)) is passes


def test_on_call_and_hours_that_touch_hold_work_together() -> None:
    calendar = Calendar(USUAL, PARIS, on_call=[(at(FIRST, 12), at(FIRST, 14))])
    assert calendar.admits((at(FIRST, 11), at(FIRST, 13)))
    assert not Calendar(USUAL, PARIS).admits((at(FIRST, 11), at(FIRST, 13)))


def test_on_call_counts_on_a_closing_day_and_proposes_nothing() -> None:
    calendar = Calendar(USUAL, PARIS, days_off=dict.fromkeys({FIRST}, "Fermé"), on_call=[(at(FIRST, 7), at(FIRST, 20))])
    assert calendar.admits((at(FIRST, 9), at(FIRST, 10)))
    assert calendar.working(FIRST) == []
    found = first_free(calendar, length=timedelta(hours=1), not_before=at(FIRST, 0), last_day=FIRST, spans=True)
    assert found == []


# The nights on which the clocks change

AUTUMN, SPRING = date(2026, 10, 25), date(2027, 3, 28)


@pytest.mark.parametrize(("day", "hours", "end"), [(AUTUMN, 4, "04:00"), (SPRING, 4, "06:00"), (SPRING, 1, "03:00")])
def test_work_on_a_night_of_change_counts_real_hours(day: date, hours: int, end: str) -> None:
    night = {day: [(time(0), time(8))]}
    calendar = Calendar(USUAL, PARIS, day_hours=night)
    found = place(at(day, 1), timedelta(hours=hours), working_from(calendar, day, days=1), spans=False)
    assert shown(found) == [f"{day:%d} 01:00-{end}"]
    assert calendar.admits(found[0])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(PARIS)


@pytest.mark.parametrize(
    ("start", "end", "passes"),
    [
        # in autumn, from 0:30 UTC (2:30, summer time) to 1:15 UTC (2:15, winter time): 45 minutes
        ("2026-10-25T00:30+00:00", "2026-10-25T01:15+00:00", True),
        ("2026-10-25T00:30+00:00", "2026-10-25T02:00+00:00", True),
        ("2026-10-25T00:30+00:00", "2026-10-25T02:01+00:00", False),  # on call until 3:00, winter time
        ("2026-10-25T01:30+00:00", "2026-10-25T02:30+00:00", False),
        # in spring, 2:00 is 3:00
        ("2027-03-28T00:30+00:00", "2027-03-28T01:30+00:00", True),
        ("2027-03-28T00:30+00:00", "2027-03-28T02:01+00:00", False),  # on call until 4:00, summer time
    ],
)
def test_on_call_on_a_night_of_change_is_held_by_instants(start: str, end: str, passes: bool) -> None:
    nights = [
        (datetime.fromisoformat("2026-10-24T20:00+00:00"), datetime.fromisoformat("2026-10-25T02:00+00:00")),
        (datetime.fromisoformat("2027-03-27T20:00+00:00"), datetime.fromisoformat("2027-03-28T02:00+00:00")),
    ]
    assert Calendar(USUAL, PARIS, on_call=nights).admits((instant(start), instant(end))) is passes


def test_hours_that_end_in_the_hour_that_comes_twice_end_the_first_time() -> None:
    calendar = Calendar(USUAL, PARIS, day_hours={AUTUMN: [(time(0), time(2, 30))]})
    first = instant("2026-10-25T00:00+00:00")  # 2:00, summer time
    assert calendar.admits((first, instant("2026-10-25T00:30+00:00")))
    assert not calendar.admits((first, instant("2026-10-25T01:15+00:00")))  # 2:15, winter time


def test_length_after_an_instant_is_real_time() -> None:
    assert after(at(AUTUMN, 2, 30), timedelta(hours=1)).isoformat() == "2026-10-25T02:30:00+01:00"
    assert after(at(SPRING, 1, 30), timedelta(hours=1)).isoformat() == "2027-03-28T03:30:00+02:00"


# A naive calendar: minute by minute, by rules written otherwise

MINUTES = 30  # hours are drawn in half hours


def hours_drawn() -> st.SearchStrategy[Hours]:
    bounds = st.lists(st.integers(0, 47), unique=True, max_size=6).map(sorted)
    return bounds.map(lambda b: [(_time(x), _time(y)) for x, y in zip(b[::2], b[1::2], strict=False)])


def _time(half: int) -> time:
    return time(half // 2, half % 2 * MINUTES)


def days_drawn(first: date = date(2026, 10, 5), last: date = date(2027, 4, 11)) -> st.SearchStrategy[date]:
    return st.dates(first, last)


weeks_drawn = st.lists(st.dictionaries(st.integers(0, 6), hours_drawn(), max_size=7), min_size=1, max_size=4)


@st.composite
def cycles_drawn(draw: st.DrawFn) -> Cycle:
    monday = date(2026, 12, 28) + timedelta(days=7 * draw(st.integers(-20, 20)))
    one, two = sorted((draw(days_drawn()), draw(days_drawn())))
    weeks = [Week(hours) for hours in draw(weeks_drawn)]
    return Cycle(weeks, monday, draw(st.sampled_from([date.min, one])), draw(st.sampled_from([date.max, two])))


@st.composite
def rules_drawn(draw: st.DrawFn) -> Recurrence:
    span = draw(st.none() | st.lists(st.integers(0, 47), unique=True, min_size=2, max_size=2).map(sorted))
    hours = None if span is None else (_time(span[0]), _time(span[1]))
    until = draw(st.just(date.max) | days_drawn())
    return Recurrence(draw(st.integers(0, 6)), draw(days_drawn()), draw(st.integers(1, 4)), until, hours)


def naive_rank(day: date, cycle: Cycle) -> int:
    """Walk from the first Monday week by week, forwards or backwards."""
    monday = day
    while monday.weekday():
        monday -= timedelta(days=1)
    rank, here = 0, cycle.first_monday
    while here != monday:
        forwards = here < monday
        here += timedelta(days=7 if forwards else -7)
        rank += 1 if forwards else -1
        if rank == len(cycle.weeks):
            rank = 0
        elif rank < 0:
            rank = len(cycle.weeks) - 1
    return rank


def naive_absent(day: date, rule: Recurrence) -> bool:
    """Walk from the first day, and stop at the last one."""
    here = rule.first_on
    while here.weekday() != rule.weekday:
        here += timedelta(days=1)
    while here < day:
        here += timedelta(weeks=rule.cycle)
    return here == day and here <= rule.until


def naive_halves(day: date, calendar: Calendar) -> list[int]:
    """The half hours of a day that are worked, one by one."""
    if day in calendar.day_hours:
        hours = calendar.day_hours[day]
    elif day in calendar.days_off:
        hours = []
    else:
        hours = calendar.week.hours.get(day.weekday(), [])
        for cycle in reversed(calendar.cycles):
            if not (day < cycle.from_on or day > cycle.to_on):
                hours = cycle.weeks[naive_rank(day, cycle)].hours.get(day.weekday(), [])
    away = [rule for rule in calendar.recurring if naive_absent(day, rule)]
    found = []
    for half in range(48):
        begins = _time(half)
        at_work = any(start <= begins < end for start, end in hours)
        if at_work and not any(rule.hours is None or rule.hours[0] <= begins < rule.hours[1] for rule in away):
            found.append(half)
    return found


@given(
    cycles=st.lists(cycles_drawn(), max_size=3),
    rules=st.lists(rules_drawn(), max_size=3),
    day_hours=st.dictionaries(days_drawn(), hours_drawn().filter(bool), max_size=5),
    days_off=st.frozensets(days_drawn(), max_size=5),
    others=st.lists(days_drawn(), min_size=1, max_size=10),
)
def test_working_is_what_a_naive_calendar_finds(
    cycles: list[Cycle],
    rules: list[Recurrence],
    day_hours: dict[date, Hours],
    days_off: frozenset[date],
    others: list[date],
) -> None:
    calendar = Calendar(
        USUAL, PARIS, dict.fromkeys(days_off, "Fermé"), cycles=cycles, day_hours=day_hours, recurring=rules
    )
    for day in {*others, *day_hours, *days_off}:
        found = [
            half
            for start, end in calendar.working(day)
            for half in range(
                start.hour * 2 + start.minute // MINUTES,
                end.hour * 2 + end.minute // MINUTES if end.date() == day else 48,
            )
        ]
        assert found == naive_halves(day, calendar), day
