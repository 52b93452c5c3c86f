"""The four ages of what waits: the day itself is not late, and each day is of one age."""

from datetime import date, timedelta

import pytest

from openfire_billing.kernel.ages import AGES, age_of

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("late", "slug"),
    [(-400, "not-late"), (0, "not-late"), (1, "to-30"), (30, "to-30"), (31, "to-60"), (60, "to-60"), (61, "over-60")],
)
def test_age_of_a_day(late: int, slug: str) -> None:
    assert age_of(TODAY - timedelta(days=late), TODAY).slug == slug


def test_nothing_without_a_day_is_late() -> None:
    assert age_of(None, TODAY).slug == "not-late"


def test_days_of_an_age() -> None:
    assert [age.days(TODAY) for age in AGES] == [
        (date(2026, 3, 1), None),
        (date(2026, 1, 30), date(2026, 2, 28)),
        (date(2025, 12, 31), date(2026, 1, 29)),
        (None, date(2025, 12, 30)),
    ]
