"""The days an RDV takes: on the phone, on the customer's page, in the week, in lists, letters and the API."""

import re
from datetime import date, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from appointments.models import Appointment, ClosingDay, Slot
from appointments.services.days import DayOf, days_by_technician, days_of, nearest_day, split_by_day
from appointments.services.letters import APPOINTMENT_LETTER
from appointments.services.states import cancel_appointment, confirm_appointment, finish_appointment, leave_unfinished
from interventions.models import Technician
from invoicing.models import Company
from invoicing.services.records.links import publish, token_of
from tests.factories import World
from tests.factories.api import Api
from tests.factories.appointments import alone, at, book, technician
from tests.factories.pages import address, texts_of

pytestmark = pytest.mark.django_db


def shown(days: list[DayOf]) -> list[tuple[str, str, str]]:
    """(day, hours, rank) of each day."""
    return [(f"{of.day:%a %d/%m}", of.hours, of.rank_text) for of in days]


def days(rdv: Appointment, who: Technician | None = None) -> list[tuple[str, str, str]]:
    return shown(days_of([rdv], who)[rdv.pk])


def confirmed(world: World, rdv: Appointment) -> Appointment:
    return confirm_appointment(rdv, by=world.planner)


def long_one(world: World, **values: Any) -> Appointment:
    """A confirmed RDV of three days from Tuesday 24 November at 8:00, unless told."""
    wanted = {"starts_at": at(8, day=24), "duration": Decimal(20), **values}
    return confirmed(world, alone(world, **wanted))


TUESDAY, WEDNESDAY, THURSDAY = "Tue 24/11", "Wed 25/11", "Thu 26/11"


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        (at(8, day=24), "3", [(TUESDAY, "08:00–11:00", "")]),
        (at(8, day=24), "8", [(TUESDAY, "08:00–17:30", "")]),  # the midday break makes two pieces of one day
        (
            at(14, day=24),
            "6",
            [(TUESDAY, "14:00–17:30", "jour 1 sur 2"), (WEDNESDAY, "08:00–10:30", "jour 2 sur 2")],
        ),
        (
            at(8, day=24),
            "20",
            [
                (TUESDAY, "08:00–17:30", "jour 1 sur 3"),
                (WEDNESDAY, "08:00–17:30", "jour 2 sur 3"),
                (THURSDAY, "08:00–12:00", "jour 3 sur 3"),
            ],
        ),
        (
            at(8, day=27),  # over the week-end
            "16",
            [("Fri 27/11", "08:00–17:30", "jour 1 sur 2"), ("Mon 30/11", "08:00–17:30", "jour 2 sur 2")],
        ),
        (
            at(8, day=24, month=12),  # over Christmas and the week-end after it
            "9",
            [("Thu 24/12", "08:00–17:30", "jour 1 sur 2"), ("Mon 28/12", "08:00–09:00", "jour 2 sur 2")],
        ),
    ],
)
def test_days_are_those_worked(world: World, start: datetime, hours: str, expected: list[tuple[str, str, str]]) -> None:
    assert days(alone(world, starts_at=start, duration=Decimal(hours))) == expected


def test_closing_day_is_passed_over(world: World) -> None:
    ClosingDay.objects.create(company=world.company, from_on=date(2026, 11, 25), to_on=date(2026, 11, 25))
    assert days(alone(world, starts_at=at(8, day=24), duration=Decimal(16))) == [
        (TUESDAY, "08:00–17:30", "jour 1 sur 2"),
        (THURSDAY, "08:00–17:30", "jour 2 sur 2"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (
            at(22, day=24),
            at(2, day=25),
            [(TUESDAY, "22:00–24:00", "jour 1 sur 2"), (WEDNESDAY, "00:00–02:00", "jour 2 sur 2")],
        ),
        (at(22, day=24), at(0, day=25), [(TUESDAY, "22:00–24:00", "")]),
        (
            at(14, day=24),
            at(10, day=26),
            [
                (TUESDAY, "14:00–24:00", "jour 1 sur 3"),
                (WEDNESDAY, "00:00–24:00", "jour 2 sur 3"),
                (THURSDAY, "00:00–10:00", "jour 3 sur 3"),
            ],
        ),
        (  # the clocks go back on Sunday 25 October: a day of 25 hours
            at(22, day=24, month=10),
            at(6, day=26, month=10),
            [
                ("Sat 24/10", "22:00–24:00", "jour 1 sur 3"),
                ("Sun 25/10", "00:00–24:00", "jour 2 sur 3"),
                ("Mon 26/10", "00:00–06:00", "jour 3 sur 3"),
            ],
        ),
        (  # and forward on Sunday 29 March
            at(23, day=28, month=3),
            at(4, day=29, month=3),
            [("Sat 28/03", "23:00–24:00", "jour 1 sur 2"), ("Sun 29/03", "00:00–04:00", "jour 2 sur 2")],
        ),
    ],
)
def test_forced_end_is_split_at_midnight_in_france(
    world: World, start: datetime, end: datetime, expected: list[tuple[str, str, str]]
) -> None:
    rdv = alone(world, starts_at=start, ends_at=end, is_end_forced=True, override="Urgence")
    assert days(rdv) == expected


def test_day_of_25_hours_has_them() -> None:
    [(day, start, end)] = split_by_day(at(0, day=25, month=10), at(0, day=26, month=10))
    assert (day, end.timestamp() - start.timestamp()) == (date(2026, 10, 25), 25 * 3600)


def test_each_technician_has_his_days_and_the_lead_s_are_the_rdv_s(world: World) -> None:
    rdv = long_one(world)
    helper, stranger = technician(world), technician(world)
    rdv.technicians.add(helper)
    Slot.objects.create(appointment=rdv, technician=helper, starts_at=at(8, day=26), ends_at=at(12, day=26))

    assert days(rdv, helper) == [(THURSDAY, "08:00–12:00", "")]
    assert [day for day, _hours, _rank in days(rdv)] == [TUESDAY, WEDNESDAY, THURSDAY]
    assert days(rdv, stranger) == [(TUESDAY, "08:00", "")]  # takes no time of him: the day it begins
    assert {key: shown(of) for key, of in days_by_technician([rdv]).items()} == {
        (rdv.pk, helper.pk): days(rdv, helper),
        (rdv.pk, rdv.lead_id): days(rdv),
    }
    on_days = [
        [Appointment.objects.on_day(date(2026, 11, day), technician=who).count() for day in range(23, 28)]
        for who in (helper, rdv.lead, stranger, None)
    ]
    assert on_days == [[0, 0, 0, 1, 0], [0, 1, 1, 1, 0], [0, 1, 0, 0, 0], [0, 1, 1, 1, 0]]


def test_without_time_taken_it_has_the_day_it_begins(world: World) -> None:
    long_given_up = cancel_appointment(long_one(world), by=world.planner)
    short_given_up = cancel_appointment(long_one(world, starts_at=at(9), duration=Decimal(1)), by=world.planner)
    undated = alone(world, starts_at=None)
    assert (days(long_given_up), days(short_given_up), days(undated)) == (
        [(TUESDAY, "08:00", "")],
        [(WEDNESDAY, "09:00–10:00", "")],
        [],
    )
    found = [list(Appointment.objects.on_day(date(2026, 11, day))) for day in (24, 25, 26)]
    assert found == [[long_given_up], [short_given_up], []]


def test_all_days_are_read_in_one_query(world: World) -> None:
    rdvs = [long_one(world) for _n in range(3)]
    with CaptureQueriesContext(connection) as queries:
        found = days_of(rdvs)
    assert ([len(of) for of in found.values()], len(queries)) == ([3, 3, 3], 1)
    with CaptureQueriesContext(connection) as queries:
        assert days_of([]) == {}
    assert len(queries) == 0


@pytest.mark.parametrize(("on", "rank"), [(23, 1), (24, 1), (25, 2), (26, 3), (27, 3)])
def test_nearest_day_is_today_else_the_next_else_the_last(world: World, on: int, rank: int) -> None:
    rdv = long_one(world)
    assert nearest_day(days_of([rdv])[rdv.pk], date(2026, 11, on)).rank == rank


@pytest.mark.parametrize(
    ("values", "last", "period", "when"),
    [
        ({"starts_at": None}, None, "", "à une date à fixer"),
        (
            {"starts_at": at(9), "duration": Decimal("1.5")},
            date(2026, 11, 25),
            "25/11/2026 09:00 – 10:30",
            "le 25/11/2026 à 9 h",
        ),
        (
            {"starts_at": at(8, day=24), "duration": Decimal(20)},
            date(2026, 11, 26),
            "24/11/2026 08:00 – 26/11/2026 12:00",
            "du 24/11/2026 à 8 h au 26/11/2026",
        ),
        (
            {"starts_at": at(20, day=24), "ends_at": at(0, day=25), "is_end_forced": True, "override": "Urgence"},
            date(2026, 11, 24),
            "24/11/2026 20:00 – 25/11/2026 00:00",
            "le 24/11/2026 à 20 h",
        ),
    ],
)
def test_period_in_lists_and_letters(
    world: World, values: dict[str, Any], last: date | None, period: str, when: str
) -> None:
    rdv = alone(world, **values)
    assert (rdv.last_day, rdv.period) == (last, period)
    assert f"Nous passerons {when} pour : " in APPOINTMENT_LETTER.text(rdv)[2]


def test_period_without_an_end_is_its_start(world: World) -> None:
    rdv = alone(world)
    rdv.ends_at = None
    assert (rdv.last_day, rdv.period) == (date(2026, 11, 25), "25/11/2026 09:00")


# The phone


@pytest.fixture
def me(world: World) -> Technician:
    return technician(world, name="Tugdual", user=world.technician)


@pytest.fixture
def phone(me: Technician) -> Client:
    client = Client()
    client.force_login(me.user)
    return client


def cards(phone: Client, page: str) -> list[str]:
    return [text.split("Aubry")[0] for text in texts_of(phone.get(page), "card")]


def test_phone_shows_each_day_with_its_hours(world: World, me: Technician, phone: Client) -> None:
    long_one(world, who=me)
    expected = {
        23: [],
        24: ["08:00–17:30 Confirmé jour 1 sur 3"],
        25: ["08:00–17:30 Confirmé jour 2 sur 3"],
        26: ["08:00–12:00 Confirmé jour 3 sur 3"],
        27: [],
    }
    assert {day: cards(phone, f"/mobile/?on=2026-11-{day}") for day in expected} == expected
    assert cards(phone, "/mobile/week/?from=2026-11-24") == [card for day in expected.values() for card in day]


def test_phone_s_week_shows_what_began_the_week_before(world: World, me: Technician, phone: Client) -> None:
    long_one(world, who=me, starts_at=at(8, day=27), duration=Decimal(10))
    alone_that_day = long_one(world, who=me, starts_at=at(14, day=30), duration=Decimal(1))
    assert cards(phone, "/mobile/week/?from=2026-11-30") == [
        "08:00–10:00 Confirmé jour 2 sur 2",
        "14:00–15:00 Confirmé",
    ]
    Appointment.objects.filter(pk=alone_that_day.pk).update(state="unfinished")
    assert cards(phone, "/mobile/?on=2026-11-30") == ["08:00–10:00 Confirmé jour 2 sur 2", "14:00–15:00 Inachevé"]


def test_days_stay_once_it_is_over(world: World) -> None:
    done, left = long_one(world), long_one(world)
    before = days(done), days(left)
    finish_appointment(done, at=at(9, day=24), by=world.planner)
    leave_unfinished(left, reason="Absent", by=world.planner)
    assert (days(done), days(left)) == before


def test_another_technician_s_time_is_not_on_this_phone(world: World, me: Technician, phone: Client) -> None:
    rdv = long_one(world)
    rdv.technicians.add(me)
    Slot.objects.create(appointment=rdv, technician=me, starts_at=at(9, day=25), ends_at=at(10, day=25))
    assert cards(phone, "/mobile/week/?from=2026-11-24") == ["09:00–10:00 Confirmé"]
    assert [cards(phone, f"/mobile/?on=2026-11-{day}") for day in (24, 26)] == [[], []]


def page_of(phone: Client, rdv: Appointment) -> str:
    return unescape(phone.get(f"/mobile/appointments/{rdv.pk}/").content.decode())


def test_page_of_the_phone_lists_the_days_and_shows_today_s_hours(world: World, me: Technician, phone: Client) -> None:
    rdv = long_one(world, who=me, starts_at=at(10, day=23), duration=Decimal(15))
    page = page_of(phone, rdv)
    assert "08:00–17:30 · Dépannage</h1>" in page
    assert 'href="/mobile/?on=2026-11-24">‹ mardi 24 novembre</a>' in page
    assert f"{rdv.number} · jour 2 sur 3</p>" in page
    assert (
        "<li>lundi 23 novembre · 10:00–17:30</li>"
        "<li><b>mardi 24 novembre · 08:00–17:30</b></li>"
        "<li>mercredi 25 novembre · 08:00–09:00</li>"
    ) in page


def test_page_of_the_phone_of_one_day_lists_none(world: World, me: Technician, phone: Client) -> None:
    rdv = long_one(world, who=me, duration=Decimal(8))
    page = page_of(phone, rdv)
    assert "08:00–17:30 · " in page
    assert 'id="days"' not in page
    assert "jour 1" not in page


@pytest.mark.parametrize(("start", "is_asked"), [(23, False), (24, False), (20, True), (25, True)])
def test_done_on_any_of_its_days_is_not_asked(
    world: World, me: Technician, phone: Client, start: int, is_asked: bool
) -> None:
    rdv = long_one(world, who=me, starts_at=at(8, day=start), duration=Decimal(10))
    page = unescape(phone.post(f"/mobile/appointments/{rdv.pk}/done/").content.decode())
    rdv.refresh_from_db()
    assert ("L'avez-vous vraiment fait ?" in page, rdv.state) == (is_asked, "confirmed" if is_asked else "done")


def test_question_names_each_day(world: World, me: Technician, phone: Client) -> None:
    rdv = long_one(world, who=me, starts_at=at(8, day=26), duration=Decimal(9))
    page = unescape(phone.post(f"/mobile/appointments/{rdv.pk}/done/").content.decode())
    assert (
        "Ce RDV est prévu le jeudi 26 novembre, le vendredi 27 novembre, pas aujourd'hui. L'avez-vous vraiment fait ?"
    ) in page


# The customer


def customer_page(world: World, document: Any) -> str:
    page = Client().get(f"/p/{token_of(publish(document, by=world.biller, published=True))}/")
    assert page.status_code == 200
    return unescape(page.content.decode())


def test_customer_sees_each_day_of_his_rdv(world: World) -> None:
    assert (
        '<p class="when"><b>mardi 24 novembre 2026</b> <span>à 8 h</span> (jour 1 sur 3)'
        "<br>mercredi 25 novembre 2026, jour 2 sur 3<br>jeudi 26 novembre 2026, jour 3 sur 3"
    ) in customer_page(world, long_one(world))
    assert '<p class="when"><b>mercredi 25 novembre 2026</b> <span>à 9 h</span>' in customer_page(
        world, long_one(world, starts_at=at(9), duration=Decimal(1))
    )


def test_customer_sees_each_day_on_his_request(world: World) -> None:
    intervention = world.intervention()
    first = book(world, intervention, starts_at=at(9), state="confirmed")
    second = long_one(world, intervention=intervention, starts_at=at(8, day=26), duration=Decimal(9))
    page = " ".join(customer_page(world, intervention).split())
    assert (first.ends_at, second.ends_at) == (at(10, 30), at(9, day=27))
    assert (
        "<p>Rendez-vous <b>mercredi 25 novembre 2026</b> <span>à 9 h</span> · Confirmé</p>"
        "<p>Rendez-vous <b>jeudi 26 novembre 2026</b> <span>à 8 h</span> (jour 1 sur 2)"
        "<br>vendredi 27 novembre 2026, jour 2 sur 2 · Confirmé</p>"
    ) in page


def test_customer_reads_what_is_announced_on_both_pages(world: World) -> None:
    Company.objects.update(announce="range", window_minutes=120)
    intervention = world.intervention()
    rdv = book(world, intervention, starts_at=at(9), state="confirmed")

    for page in (customer_page(world, intervention), customer_page(world, rdv)):
        assert "<b>mercredi 25 novembre 2026</b> <span>entre 8 h et 10 h</span>" in page
        assert "09:00" not in page


# The office and the API


def test_office_s_week_says_which_day_it_is(world: World) -> None:
    rdv = long_one(world)
    forced = {"ends_at": at(2, day=30), "is_end_forced": True, "override": "Urgence"}
    long_one(world, starts_at=at(22, day=28), **forced)
    where = f"Aubry Maëlle {rdv.address.city} · {rdv.task.name} · jour"

    def cards(week: str) -> list[str]:
        page = world.office().get(f"/planning/?from={week}").content.decode()
        found = (strip_tags(card.replace("<small>", " ")) for card in re.findall(r'<a id="r-.*?</a>', page))
        return [" ".join(card.split()) for card in found]

    assert cards("2026-11-24") == [
        f"08:00–17:30 {where} 1 sur 3 · Confirmé",
        f"08:00–17:30 {where} 2 sur 3 · Confirmé",
        f"08:00–12:00 {where} 3 sur 3 · Confirmé",
        f"22:00–24:00 {where} 1 sur 3 · Confirmé",
        f"00:00–24:00 {where} 2 sur 3 · Confirmé",
    ]
    assert cards("2026-11-30") == [f"00:00–02:00 {where} 3 sur 3 · Confirmé"]


@pytest.mark.parametrize(
    ("start", "chip", "is_listed"),
    [
        (at(8, day=23), "today", True),
        (at(8, day=20), "today", True),
        (at(8, day=19), "today", False),
        (at(8, day=20), "week", True),
        (at(8, day=19), "week", True),
        (at(8, day=18), "week", False),
        (at(8, day=25), "today", False),
        (at(8, day=30), "week", False),
    ],
)
def test_chips_of_the_list_count_each_day(world: World, start: datetime, chip: str, is_listed: bool) -> None:
    rdv = long_one(world, starts_at=start)  # of 20 hours: two days and a half
    listed = world.office().get(address(Appointment, "changelist"), view=chip).context["cl"].result_list
    assert list(listed) == ([rdv] if is_listed else [])


def test_list_and_history_show_the_period(world: World) -> None:
    intervention = world.intervention()
    rdv = long_one(world, intervention=intervention, starts_at=at(8, day=20), duration=Decimal(9))
    finish_appointment(rdv, at=at(9, day=24), by=world.planner)
    for page in (address(Appointment, "changelist"), address(intervention)):
        assert "20/11/2026 08:00 – 23/11/2026 09:00" in world.office().get(page).content.decode()


def test_api_s_day_is_each_day_it_takes(world: World, me: Technician) -> None:
    rdv = long_one(world)
    rdv.technicians.add(me)
    Slot.objects.create(appointment=rdv, technician=me, starts_at=at(9, day=26), ends_at=at(10, day=26))
    expected = {world.planner: [0, 1, 1, 1, 0], me.user: [0, 0, 0, 1, 0]}
    for user, counts in expected.items():
        api = Api(user)
        found = [api.get("appointments/", day=f"2026-11-{day}").data["count"] for day in range(23, 28)]
        assert found == counts
