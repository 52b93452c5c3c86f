"""The pure calendar of a technician, by tables. Wednesday 25 November 2026 unless told."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from appointments.availability import (
    Calendar,
    Stretch,
    Week,
    first_free,
    next_quarter,
    overlap,
    place,
    without,
    working_from,
)
from openfire_billing.kernel.french_days import public_holidays

PARIS = ZoneInfo("Europe/Paris")
WEEK = Week({day: [(time(8), time(12)), (time(13, 30), time(17, 30))] for day in range(5)})
WEDNESDAY = date(2026, 11, 25)


def at(text: str, day: date = WEDNESDAY) -> datetime:
    hour, minute = text.split(":")
    return datetime.combine(day, time(int(hour), int(minute)), tzinfo=PARIS)


def stretch(text: str, day: date = WEDNESDAY) -> Stretch:
    start, end = text.split("-")
    return at(start, day), at(end, day)


def shown(pieces: list[Stretch]) -> list[str]:
    return [f"{start:%d %H:%M}-{end:%H:%M}" for start, end in pieces]


@pytest.mark.parametrize(
    ("stretches", "holes", "left"),
    [
        (["8:00-12:00"], [], ["8:00-12:00"]),
        (["8:00-12:00"], ["9:00-10:00"], ["8:00-9:00", "10:00-12:00"]),
        (["8:00-12:00"], ["7:00-9:00"], ["9:00-12:00"]),
        (["8:00-12:00"], ["11:00-13:00"], ["8:00-11:00"]),
        (["8:00-12:00"], ["7:00-13:00"], []),
        (["8:00-12:00"], ["12:00-13:00"], ["8:00-12:00"]),
        (["8:00-12:00", "13:30-17:30"], ["11:00-14:00"], ["8:00-11:00", "14:00-17:30"]),
        (["8:00-12:00"], ["8:00-9:00", "9:00-10:00"], ["10:00-12:00"]),
    ],
)
def test_without_takes_the_holes_out(stretches: list[str], holes: list[str], left: list[str]) -> None:
    found = without([stretch(s) for s in stretches], [stretch(h) for h in holes])
    assert found == [stretch(s) for s in left]


@pytest.mark.parametrize(
    ("start", "hours", "spans", "pieces"),
    [
        ("9:00", 1.5, True, ["25 09:00-10:30"]),
        ("8:00", 4, False, ["25 08:00-12:00"]),
        ("11:00", 2, True, ["25 11:00-12:00", "25 13:30-14:30"]),
        ("11:00", 2, False, []),  # in one piece, it does not fit before the break
        ("8:00", 6, True, ["25 08:00-12:00", "25 13:30-15:30"]),
        ("16:30", 2, True, ["25 16:30-17:30", "26 08:00-09:00"]),
        ("8:00", 16, True, ["25 08:00-12:00", "25 13:30-17:30", "26 08:00-12:00", "26 13:30-17:30"]),
        ("12:30", 1, True, []),  # begins in the break
        ("7:00", 1, True, []),  # begins before the day
        ("17:30", 1, True, []),  # begins when the day is over
    ],
)
def test_place_follows_the_working_hours(start: str, hours: float, spans: bool, pieces: list[str]) -> None:
    calendar = Calendar(WEEK, PARIS)
    found = place(at(start), timedelta(hours=hours), working_from(calendar, WEDNESDAY, days=5), spans=spans)
    assert shown(found) == pieces


@pytest.mark.parametrize(
    ("start", "pieces"), [("10:00", ["25 10:00-11:00"]), ("9:30", ["25 09:30-10:00", "25 10:00-10:30"])]
)
def test_place_goes_from_one_stretch_into_the_next(start: str, pieces: list[str]) -> None:
    found = place(at(start), timedelta(hours=1), [stretch("8:00-10:00"), stretch("10:00-12:00")], spans=True)
    assert shown(found) == pieces


@pytest.mark.parametrize(
    ("taken", "not_before", "hours", "spans", "pieces"),
    [
        ([], "8:00", 2, True, ["25 08:00-10:00"]),
        (["8:00-9:00"], "8:00", 2, True, ["25 09:00-11:00"]),
        (["9:00-10:00"], "8:00", 2, True, ["25 10:00-12:00"]),
        (["10:00-12:00"], "8:30", 2, True, ["25 13:30-15:30"]),
        (["9:00-11:00"], "8:00", 2, False, ["25 13:30-15:30"]),
        (["9:00-11:00"], "8:00", 2, True, ["25 11:00-12:00", "25 13:30-14:30"]),
        (["8:00-12:00", "13:30-17:30"], "8:00", 1, True, ["26 08:00-09:00"]),
        ([], "10:10", 1, True, ["25 10:15-11:15"]),
        (["8:00-10:06"], "8:00", 1, True, ["25 10:15-11:15"]),  # one that ended late
        (["8:00-11:50"], "8:00", 1, True, ["25 13:30-14:30"]),  # no quarter is left before the break
    ],
)
def test_first_free_finds_the_first_place(
    taken: list[str], not_before: str, hours: float, spans: bool, pieces: list[str]
) -> None:
    calendar = Calendar(WEEK, PARIS, taken=[stretch(t) for t in taken])
    found = first_free(
        calendar, length=timedelta(hours=hours), not_before=at(not_before), last_day=date(2026, 11, 27), spans=spans
    )
    assert shown(found) == pieces


@pytest.mark.parametrize(
    ("now", "second", "then"),
    [
        ("10:00", 0, "10:00"),
        ("10:00", 30, "10:15"),
        ("10:07", 0, "10:15"),
        ("10:14", 30, "10:15"),
        ("10:15", 0, "10:15"),
        ("10:46", 9, "11:00"),
    ],
)
def test_nobody_is_asked_to_come_between_two_quarters(now: str, second: int, then: str) -> None:
    assert next_quarter(at(now).replace(second=second)) == at(then)


def test_first_free_none_after_the_last_day() -> None:
    calendar = Calendar(WEEK, PARIS, days_off=dict.fromkeys({WEDNESDAY, date(2026, 11, 26)}, "Fermé"))
    last = date(2026, 11, 26)
    assert first_free(calendar, length=timedelta(hours=1), not_before=at("8:00"), last_day=last, spans=True) == []


def test_working_leaves_absences_and_days_off_out() -> None:
    away = (at("10:00"), at("12:00"))
    calendar = Calendar(WEEK, PARIS, days_off=dict.fromkeys({date(2026, 11, 26)}, "Fermé"), absences=(away,))
    assert shown(calendar.working(WEDNESDAY)) == ["25 08:00-10:00", "25 13:30-17:30"]
    assert calendar.working(date(2026, 11, 26)) == []
    assert calendar.working(date(2026, 11, 28)) == []  # Saturday


def test_place_on_the_night_the_clocks_change_counts_real_hours() -> None:
    """On 25 October 2026 three o'clock comes twice: four hours from 1:00 end at 4:00 on the wall."""
    night = Week({6: [(time(0), time(8))]})
    sunday = date(2026, 10, 25)
    pieces = place(
        at("1:00", sunday), timedelta(hours=4), working_from(Calendar(night, PARIS), sunday, days=1), spans=False
    )
    assert shown(pieces) == ["25 01:00-04:00"]


def test_holidays_alsace_has_two_more() -> None:
    brittany, alsace = public_holidays(2026, "35"), public_holidays(2026, "67")
    assert alsace - brittany == {date(2026, 4, 3), date(2026, 12, 26)}
    assert {date(2026, 5, 1), date(2026, 11, 11), date(2026, 12, 25)} <= brittany


@pytest.mark.parametrize(
    ("second", "shares"),
    [
        ("8:00-9:00", False),
        ("8:00-9:01", True),
        ("9:00-10:00", True),
        ("9:15-9:30", True),
        ("9:59-11:00", True),
        ("10:00-11:00", False),
    ],
)
def test_stretches_that_touch_share_no_instant(second: str, shares: bool) -> None:
    assert overlap(stretch("9:00-10:00"), stretch(second)) is shares
    assert overlap(stretch(second), stretch("9:00-10:00")) is shares


def test_place_that_the_stretches_do_not_hold_is_none() -> None:
    assert place(at("9:00"), timedelta(hours=3), [stretch("8:00-10:00"), stretch("11:00-12:00")], spans=True) == []
    assert place(at("9:00"), timedelta(hours=1), [], spans=True) == []


@pytest.mark.parametrize(("last", "pieces"), [(26, ["26 08:00-09:00"]), (25, [])])
def test_first_free_begins_on_the_last_day_at_the_latest(last: int, pieces: list[str]) -> None:
    calendar = Calendar(WEEK, PARIS, days_off=dict.fromkeys({WEDNESDAY}, "Fermé"))
    found = first_free(
        calendar, length=timedelta(hours=1), not_before=at("8:00"), last_day=date(2026, 11, last), spans=True
    )
    assert shown(found) == pieces


@pytest.mark.parametrize(("hours", "pieces"), [(120, 120), (121, 0)])
def test_work_goes_on_for_120_days_at_the_most(hours: int, pieces: int) -> None:
    calendar = Calendar(Week({day: [(time(8), time(9))] for day in range(7)}), PARIS)
    found = first_free(calendar, length=timedelta(hours=hours), not_before=at("8:00"), last_day=WEDNESDAY, spans=True)
    assert len(found) == pieces
