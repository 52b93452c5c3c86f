"""What is read of a technician's calendar: his own rows that touch the days asked for, and nobody else's."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from appointments.models import Absence, ClosingDay, Slot
from appointments.services.calendars import calendars_of, hours_to_length, local
from interventions.models import Technician
from openfire_billing.kernel.french_days import public_holidays
from tests.factories import CompanyFactory, TechnicianFactory, World
from tests.factories.appointments import alone, at, technician, working_week

FIRST, LAST = date(2026, 11, 25), date(2026, 11, 26)
# (start, end, whether it touches the 25th to the 27th): the day after the last one is read too, for work that goes on.
AROUND = [
    (at(8, day=24), at(0, day=25), False),
    (at(23, day=24), at(0, 1, day=25), True),
    (at(9, day=26), at(10, day=26), True),
    (at(23, day=27), at(9, day=28), True),
    (at(0, day=28), at(9, day=28), False),
]
TOUCHING = [(start, end) for start, end, touches in AROUND if touches]


@pytest.fixture
def both(world: World) -> list[Technician]:
    """Two technicians with rows around the days read; the second also at a time of his own."""
    one, two = technician(world, name="A"), technician(world, name="B")
    rdv = alone(world, who=technician(world, name="C"), starts_at=at(9))
    for who, more in ((one, []), (two, [(at(14), at(15), True)])):
        for start, end, _touches in [*AROUND, *more]:
            Absence.objects.create(technician=who, starts_at=start, ends_at=end)
            Slot.objects.create(technician=who, appointment=rdv, starts_at=start, ends_at=end, blocks=False)
    return [one, two]


def test_absences_and_time_taken_are_those_of_each_that_touch_the_days(both: list[Technician]) -> None:
    one, two = both
    found = calendars_of(both, first_day=FIRST, last_day=LAST)

    assert set(found) == {one.pk, two.pk}
    assert sorted(found[one.pk].absences) == found[one.pk].taken == sorted(TOUCHING)
    assert sorted(found[two.pk].absences) == found[two.pk].taken == sorted([*TOUCHING, (at(14), at(15))])


def test_time_of_one_appointment_may_be_left_out_and_that_of_the_others_stays(world: World) -> None:
    who = technician(world)
    first, second = (alone(world, who=who, starts_at=at(hour)) for hour in (9, 14))

    def taken(without: Any) -> list[tuple[datetime, datetime]]:
        return calendars_of([who], first_day=FIRST, last_day=FIRST, without=without)[who.pk].taken

    both = [(at(9), at(10, 30)), (at(14), at(15, 30))]
    assert [taken(None), taken(type(first)()), taken(first), taken(second)] == [both, both, both[1:], both[:1]]


def test_hours_are_one_s_own_else_the_company_s_else_the_usual_ones(world: World) -> None:
    elsewhere, usual = CompanyFactory(), CompanyFactory()
    people = {
        "own": technician(world),
        "company": technician(world),
        "elsewhere": TechnicianFactory(company=elsewhere),
        "usual": TechnicianFactory(company=usual),
    }
    for owner, hours in ((world.company, [(13, 16), (7, 12)]), (people["own"], [(18, 21)]), (elsewhere, [(10, 11)])):
        working_week(owner, {2: hours})

    found = calendars_of(people.values(), first_day=FIRST, last_day=FIRST)

    worked = {
        name: [f"{start:%H:%M}-{end:%H:%M}" for start, end in found[who.pk].working(FIRST)]
        for name, who in people.items()
    }
    assert worked == {
        "own": ["18:00-21:00"],
        "company": ["07:00-12:00", "13:00-16:00"],
        "elsewhere": ["10:00-11:00"],
        "usual": ["08:00-12:00", "13:30-17:30"],
    }
    tuesday = date(2026, 11, 24)
    assert [len(found[people[name].pk].working(tuesday)) for name in ("own", "usual")] == [0, 2]


def test_usual_week_is_monday_to_friday(world: World) -> None:
    who = technician(world)
    calendar = calendars_of([who], first_day=FIRST, last_day=FIRST)[who.pk]
    assert [len(calendar.working(date(2026, 11, day))) for day in range(23, 30)] == [2, 2, 2, 2, 2, 0, 0]


def test_days_off_are_the_holidays_of_the_years_and_the_company_s_closing_days(world: World) -> None:
    here, there = technician(world), TechnicianFactory(company=CompanyFactory(zip="67000"))
    for company, first, last in (
        (world.company, date(2026, 12, 20), date(2026, 12, 29)),  # over before
        (world.company, date(2026, 12, 28), date(2026, 12, 30)),
        (world.company, date(2027, 1, 2), date(2027, 1, 3)),
        (world.company, date(2027, 1, 3), date(2027, 1, 4)),  # begins after
        (there.company, date(2026, 12, 31), date(2026, 12, 31)),
    ):
        ClosingDay.objects.create(company=company, from_on=first, to_on=last, name="Fermé")

    found = calendars_of([here, there], first_day=date(2026, 12, 30), last_day=date(2027, 1, 2))

    brittany = public_holidays(2026, "35") | public_holidays(2027, "35")
    alsace = public_holidays(2026, "67") | public_holidays(2027, "67")
    assert found[here.pk].days_off.keys() - brittany == {
        date(2026, 12, 28),
        date(2026, 12, 29),
        date(2026, 12, 30),
        date(2027, 1, 2),
        date(2027, 1, 3),
    }
    assert found[there.pk].days_off.keys() - alsace == {date(2026, 12, 31)}
    assert (found[here.pk].days_off[date(2026, 12, 28)], found[here.pk].days_off[date(2027, 1, 1)]) == (
        "Fermé",
        "Férié",
    )
    assert date(2027, 1, 1) in found[here.pk].days_off.keys() & found[there.pk].days_off.keys()
    assert {day.year for day in found[there.pk].days_off} == {2026, 2027}


@pytest.mark.parametrize(
    ("postcode", "day", "is_off"),
    [
        ("67000", date(2026, 12, 26), True),
        ("68100", date(2026, 12, 26), True),
        ("57000", date(2026, 12, 26), True),
        ("35000", date(2026, 12, 26), False),
        ("97400", date(2026, 12, 20), True),  # La Réunion
        ("97200", date(2026, 12, 20), False),
        ("97200", date(2026, 5, 22), True),  # Martinique
    ],
)
def test_holidays_are_those_of_the_company_s_department(world: World, postcode: str, day: date, is_off: bool) -> None:
    who = TechnicianFactory(company=CompanyFactory(zip=postcode))
    found = calendars_of([who], first_day=day, last_day=day)
    assert (day in found[who.pk].days_off) is is_off


@pytest.mark.parametrize(("hours", "minutes"), [("1.5", 90), ("0.25", 15), ("0.33", 20), ("8", 480)])
def test_length_is_to_the_minute(hours: str, minutes: int) -> None:
    assert hours_to_length(Decimal(hours)).total_seconds() == 60 * minutes


def test_instant_is_shown_in_france() -> None:
    assert local(datetime.fromisoformat("2026-07-01T10:00+00:00")).hour == 12
