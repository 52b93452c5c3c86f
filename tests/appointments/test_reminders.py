"""Reminders: the rule of days by a table, then who gets one, when, how often, and what is said of those not sent."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from appointments.models import Appointment, ClosingDay
from appointments.reminding import days_due, moments, reminder_day
from appointments.services.notices import template_of
from appointments.services.saving import move_appointment
from appointments.services.states import cancel_appointment, confirm_appointment
from appointments.tasks import send_reminders
from invoicing.choices import TextUse
from invoicing.models import Company, HistoryLine, Message, PublicLink, SmsTemplate
from invoicing.services.records.links import token_of
from invoicing.tasks import send_waiting_messages
from openfire_billing.web import transport
from tests.factories import PartnerFactory, World
from tests.factories.appointments import alone, at, technician

PARIS = ZoneInfo("Europe/Paris")
MOBILE = "+33639981234"
FRIDAY_26 = date(2027, 3, 26)
THURSDAY_25 = date(2027, 3, 25)


@pytest.mark.parametrize(
    ("day", "department", "closed", "due"),
    [
        (date(2026, 11, 25), "35", (), date(2026, 11, 24)),  # Wednesday: Tuesday
        (date(2026, 11, 23), "35", (), date(2026, 11, 20)),  # Monday: Friday
        (date(2026, 11, 22), "35", (), date(2026, 11, 20)),  # on a Sunday, on call
        (date(2027, 3, 30), "35", (), FRIDAY_26),  # Tuesday after Easter Monday
        (date(2027, 3, 30), "67", (), THURSDAY_25),  # Good Friday in Alsace
        (date(2027, 3, 30), "57", (), THURSDAY_25),  # and in Moselle
        (date(2027, 3, 30), "35", (FRIDAY_26,), THURSDAY_25),  # a closing day
        (date(2027, 1, 4), "35", (date(2026, 12, 31), date(2026, 12, 30)), date(2026, 12, 29)),  # over the new year
        (date(2026, 12, 26), "67", (), date(2026, 12, 24)),
    ],
)
def test_day_of_the_reminder(day: date, department: str, closed: tuple[date, ...], due: date) -> None:
    assert reminder_day(day, department=department, closed=closed) == due


def test_days_whose_reminder_is_due() -> None:
    assert days_due(date(2026, 11, 24), department="35") == [
        (date(2026, 11, 24), date(2026, 11, 23)),
        (date(2026, 11, 25), date(2026, 11, 24)),
    ]
    friday = [day for day, due in days_due(FRIDAY_26, department="35") if due == FRIDAY_26]
    assert friday == [date(2027, 3, 27), date(2027, 3, 28), date(2027, 3, 29), date(2027, 3, 30)]
    assert [due for _day, due in days_due(date(2027, 3, 30), department="35")] == [FRIDAY_26, date(2027, 3, 30)]


@pytest.mark.parametrize(
    ("due", "opens", "ends"),
    [
        (date(2027, 3, 27), "2027-03-27T17:00:00+01:00", "2027-03-27T20:00:00+01:00"),
        (date(2027, 3, 28), "2027-03-28T17:00:00+02:00", "2027-03-28T20:00:00+02:00"),  # summer time begins that night
        (date(2026, 10, 25), "2026-10-25T17:00:00+01:00", "2026-10-25T20:00:00+01:00"),  # and ends
    ],
)
def test_hours_are_those_of_the_wall(due: date, opens: str, ends: str) -> None:
    assert [moment.isoformat() for moment in moments(due, time(17), PARIS)] == [opens, ends]


# Who gets one


@pytest.fixture
def firm(world: World) -> World:
    """The firm, with reminders switched on, and a customer with a mobile."""
    Company.objects.filter(pk=world.company.pk).update(sends_reminders=True, announce="range")
    world.company.refresh_from_db()
    world.customer.mobile = "06 39 98 12 34"
    world.customer.save()
    return world


def confirmed(world: World, **values: Any) -> Appointment:
    """An RDV of tomorrow, confirmed this morning at 10."""
    return confirm_appointment(alone(world, **values), by=world.planner)


def at_hour(hour: int, minute: int = 0, *, day: int = 24) -> Any:
    return time_machine.travel(at(hour, minute, day=day), tick=False)


def rows() -> list[tuple[Any, ...]]:
    return list(Message.objects.order_by("pk").values_list("kind", "to", "state"))


def test_leaves_at_the_hour_set_once(firm: World, settings: Any) -> None:
    settings.SMS_BACKEND = "memory"
    rdv = confirmed(firm, title="Ramonage")
    with at_hour(16, 59):
        assert send_reminders() == 0
    with at_hour(17):
        assert (send_reminders(), send_reminders()) == (1, 0)
        transport.sms_outbox.clear()
        assert (send_waiting_messages(), send_waiting_messages()) == (1, 0)
    link = PublicLink.objects.get()
    assert (link.object, link.is_published) == (rdv, True)
    text = (
        "Bonjour, rappel de votre RDV mercredi 25 novembre entre 8 h et 10 h : Ramonage. Un empêchement ? "
        f"{settings.SITE_URL}/p/{token_of(link)}/ Flammes d'Armor"
    )
    assert transport.sms_outbox == [(MOBILE, text)]
    assert list(Message.objects.values_list("key", "state", "announces", "expires_at")) == [
        (f"reminder:{rdv.pk}:20261125T0800", "sent", at(9), at(20, day=24))
    ]
    assert list(HistoryLine.objects.of(rdv).filter(act="message").values_list("text", flat=True)) == [
        f"Rappel à {MOBILE} : {text[:80]}"
    ]


def test_off_by_default(world: World) -> None:
    assert Company().sends_reminders is False
    confirmed(world)
    with at_hour(17):
        assert send_reminders() == 0
    assert rows() == []


def test_without_mobile_a_mail_with_the_event_attached(firm: World) -> None:
    firm.customer.mobile, firm.customer.phone, firm.customer.email = "", "02 99 12 34 56", "aubry@example.org"
    firm.customer.save()
    rdv = confirmed(firm)
    with at_hour(17):
        assert send_reminders() == 1
        assert send_waiting_messages() == 1
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["aubry@example.org"], "Flammes d'Armor : rappel de votre rendez-vous")
    assert "rappel de votre RDV mercredi 25 novembre entre 8 h et 10 h" in sent.body
    ((name, content, kind),) = sent.attachments
    assert (name, kind) == ("rendez-vous.ics", "text/calendar")
    text = content if isinstance(content, str) else content.decode()
    part = sent.message().get_payload()[1]
    assert (part.get_content_type(), part.get_param("charset")) == ("text/calendar", "utf-8")
    assert f"UID:rdv-{rdv.pk}@" in text
    assert "DTSTART;TZID=Europe/Paris:20261125T080000" in text
    assert "DTEND;TZID=Europe/Paris:20261125T100000" in text


def test_without_any_address_it_is_said_once(firm: World) -> None:
    firm.customer.mobile = firm.customer.phone = firm.customer.email = ""
    firm.customer.save()
    rdv = confirmed(firm)
    with at_hour(17):
        assert (send_reminders(), send_reminders()) == (0, 0)
    why = "Rappel non envoyé : le client n'a ni mobile ni e-mail."
    assert list(Message.objects.values_list("to", "state", "error")) == [("", "dropped", why)]
    assert list(HistoryLine.objects.of(rdv).filter(act="message").values_list("text", flat=True)) == [why]


@pytest.mark.parametrize(("hour", "minute", "count"), [(14, 59, 1), (15, 0, 1), (15, 1, 0), (17, 30, 0)], ids=str)
def test_who_agreed_within_two_hours_is_not_reminded(firm: World, hour: int, minute: int, count: int) -> None:
    draft = alone(firm)
    with at_hour(hour, minute):
        confirm_appointment(draft, by=firm.planner)
    with at_hour(18):
        assert send_reminders() == count
        assert Message.objects.count() == count


def test_only_confirmed_ones_of_the_days_that_follow(firm: World) -> None:
    alone(firm, starts_at=at(9))
    cancel_appointment(confirmed(firm, starts_at=at(11)), by=firm.planner)
    confirmed(firm, starts_at=at(9, day=26))
    confirmed(firm, starts_at=at(14, day=24), who=technician(firm, name="Nolwenn"))
    with at_hour(17):
        assert send_reminders() == 0
    assert rows() == []


def test_missed_hour_is_caught_up_until_20_h_then_dropped_and_said(firm: World) -> None:
    confirmed(firm)
    with at_hour(19, 59):
        assert send_reminders() == 1
    other = confirmed(firm, starts_at=at(14))
    with at_hour(20):
        assert (send_reminders(), send_reminders()) == (0, 0)
    why = "Rappel non envoyé : il n'est pas parti à temps, le 24/11/2026 avant 20 h."
    assert list(Message.objects.filter(object_id=other.pk).values_list("state", "error")) == [("dropped", why)]
    assert list(HistoryLine.objects.of(other).filter(act="message").values_list("text", flat=True)) == [why]


def test_missed_evening_is_said_the_next_morning(firm: World) -> None:
    rdv = confirmed(firm, starts_at=at(14))
    with at_hour(8, day=25):
        assert send_reminders() == 0
    assert list(Message.objects.values_list("object_id", "state")) == [(rdv.pk, "dropped")]


def test_one_that_waits_too_long_in_the_outbox_does_not_leave(firm: World, settings: Any) -> None:
    settings.SMS_BACKEND = "memory"
    rdv = confirmed(firm)
    with at_hour(19, 58):
        send_reminders()
    transport.sms_outbox.clear()
    with at_hour(20):
        assert (send_waiting_messages(), send_waiting_messages()) == (0, 0)
    assert transport.sms_outbox == []
    why = "Pas envoyé à temps, à 20:00 : il ne part plus."
    assert list(Message.objects.values_list("state", "error")) == [("dropped", why)]
    assert HistoryLine.objects.of(rdv).filter(text=f"Message à {MOBILE} non envoyé : {why}").count() == 1


def test_friday_reminds_of_monday_and_closing_days_count(firm: World) -> None:
    monday = at(9, day=30)
    confirmed(firm, starts_at=monday)
    ClosingDay.objects.create(company=firm.company, from_on=date(2026, 11, 27), to_on=date(2026, 11, 27))
    with at_hour(17, day=26):
        assert send_reminders() == 1
    assert Message.objects.get().announces == monday


def test_an_rdv_moved_before_its_reminder_left_is_reminded_at_its_new_hour(firm: World) -> None:
    rdv = confirmed(firm)
    with at_hour(17):
        send_reminders()
    with at_hour(17, 1):
        move_appointment(rdv, starts_at=at(14), on=firm.today, by=firm.planner)
        assert send_reminders() == 1
    assert list(Message.objects.order_by("pk").values_list("announces", "state")) == [
        (at(9), "dropped"),
        (at(14), "waiting"),
    ]


def test_words_are_those_of_the_company_then_of_all(firm: World) -> None:
    common = {"about": "appointments.appointment", "use": "reminder"}
    assert template_of(firm.company, TextUse.REMINDER).startswith("Bonjour, rappel de votre RDV {jour} {creneau}")
    SmsTemplate.objects.create(name="De tous", body="Tous {jour}", **common)
    assert template_of(firm.company, TextUse.REMINDER) == "Tous {jour}"
    own = SmsTemplate.objects.create(name="À nous", body="Nous {jour}", company=firm.company, **common)
    assert template_of(firm.company, TextUse.REMINDER) == "Nous {jour}"
    SmsTemplate.objects.filter(pk=own.pk).update(is_active=False)
    assert template_of(firm.company, TextUse.REMINDER) == "Tous {jour}"


def test_many_in_chunks_ask_the_database_a_constant_number_of_times(firm: World) -> None:
    def queries(count: int) -> int:
        Message.objects.all().delete()
        Appointment.objects.update(state="draft")
        for number in range(count):
            customer = PartnerFactory(mobile=f"06 39 98 {20 + number} 34")
            confirmed(firm, partner=customer, address=customer.default_address())
        with at_hour(17), CaptureQueriesContext(connection) as asked:
            assert send_reminders() == count
        return len(asked)

    assert queries(2) == queries(6)


def test_rule_of_days_holds_for_every_day_of_ten_years() -> None:
    """The day is worked, before the RDV, and no worked day lies between."""
    day = date(2026, 1, 1)
    while day.year < 2036:
        due = reminder_day(day, department="67")
        assert due < day
        between = [due + timedelta(days=n) for n in range(1, (day - due).days)]
        assert all(reminder_day(one + timedelta(days=1), department="67") == due for one in between)
        day += timedelta(days=1)


def test_now_is_in_france_whatever_the_zone_of_the_server(firm: World) -> None:
    confirmed(firm)
    with time_machine.travel(datetime(2026, 11, 24, 16, 0, tzinfo=ZoneInfo("UTC")), tick=False):
        assert timezone.localtime().hour == 17
        assert send_reminders() == 1
