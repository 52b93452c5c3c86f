"""Days written in words."""

from datetime import date, timedelta

import pytest
from django.utils.formats import date_format

from openfire_billing.kernel.formats import day_text


@pytest.mark.parametrize(
    ("day", "parts", "text"),
    [
        (date(2026, 12, 1), "l j F", "mardi 1er décembre"),
        (date(2027, 8, 1), "l j F Y", "dimanche 1er août 2027"),
        (date(2026, 5, 1), "j F", "1er mai"),
        (date(2026, 12, 11), "l j F", "vendredi 11 décembre"),
        (date(2026, 2, 21), "j F Y", "21 février 2026"),
    ],
)
def test_first_of_a_month_is_an_ordinal(day: date, parts: str, text: str) -> None:
    assert day_text(day, parts) == text


def test_every_other_day_reads_as_the_calendar_of_the_library_writes_it() -> None:
    days = [date(2028, 1, 1) + timedelta(n) for n in range(366)]
    assert [day_text(day, "l j F Y").replace(" 1er ", " 1 ") for day in days] == [
        date_format(day, "l j F Y") for day in days
    ]
