"""The calendar feed of a technician: who reads it, what is in it, read back by two parsers; revoked, it is gone."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import icalendar
import pytest
import vobject
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from appointments.models import Appointment, CalendarLink
from appointments.services.feeds import make_feed, revoke_feed, technician_at
from appointments.services.saving import move_appointment
from appointments.services.states import cancel_appointment, confirm_appointment
from interventions.models import Technician
from invoicing.models import IdempotencyKey
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import TECHNICIAN
from tests.factories import Office, TechnicianFactory, World, nothing_changed
from tests.factories.appointments import PARIS, alone, at
from tests.factories.pages import address

pytestmark = pytest.mark.django_db


def read(key: str, **headers: Any) -> Any:
    return Client().get(f"/calendar/{key}.ics", headers=headers)


def events(key: str) -> list[tuple[str, str, datetime, datetime, str]]:
    """Return (uid, title, start, end, status) of each event, after both parsers agreed on them."""
    content = read(key).content
    calendar = icalendar.Calendar.from_ical(content)
    first = [
        (str(e["UID"]), str(e["SUMMARY"]), e["DTSTART"].dt, e["DTEND"].dt, str(e["STATUS"])) for e in calendar.events
    ]
    second = vobject.readOne(content.decode())
    assert first == [
        (e.uid.value, e.summary.value, e.dtstart.value, e.dtend.value, e.status.value)
        for e in getattr(second, "vevent_list", [])
    ]
    return first


@pytest.fixture
def technician(world: World) -> Technician:
    return TechnicianFactory(company=world.company, name="Loeiz Prigent")


def confirmed(world: World, technician: Technician, **values: Any) -> Appointment:
    return confirm_appointment(alone(world, who=technician, **values), by=world.planner)


def test_event_of_an_rdv(world: World, technician: Technician) -> None:
    rdv = confirmed(world, technician, starts_at=at(9), title="Réglage ; pièce, à vérifier")
    key = make_feed(technician, by=world.planner)

    answer = read(key)

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert answer["Cache-Control"] == "private, no-cache"
    title = f"{world.customer} · Réglage ; pièce, à vérifier"
    assert events(key) == [(f"rdv-{rdv.pk}@testserver", title, at(9), rdv.ends_at.astimezone(PARIS), "CONFIRMED")]
    text = answer.content.decode()
    assert "BEGIN:VTIMEZONE\r\nTZID:Europe/Paris\r\n" in text
    assert "DTSTART;TZID=Europe/Paris:20261125T090000" in text
    assert f"SEQUENCE:{rdv.version}\r\n" in text
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    assert "€" not in text


def test_events_of_an_rdv_of_three_days_are_the_technicians_own(world: World, technician: Technician) -> None:
    rdv = confirmed(world, technician, starts_at=at(9), duration=Decimal(16))
    key = make_feed(technician, by=world.planner)

    days = [(uid, start.date()) for uid, _title, start, _end, _status in events(key)]

    assert days == [
        (f"rdv-{rdv.pk}@testserver", date(2026, 11, 25)),
        (f"rdv-{rdv.pk}-2@testserver", date(2026, 11, 26)),
        (f"rdv-{rdv.pk}-3@testserver", date(2026, 11, 27)),
    ]
    assert "jour 2 sur 3" in read(key).content.decode().replace("\r\n ", "")


def test_others_drafts_and_far_ones_are_left_out_and_the_given_up_are_cancelled(
    world: World, technician: Technician
) -> None:
    other = TechnicianFactory(company=world.company)
    confirmed(world, other, starts_at=at(8))
    alone(world, who=technician, starts_at=at(8))  # a draft
    confirmed(world, technician, starts_at=at(9) + timedelta(days=121))
    kept, gone = (confirmed(world, technician, starts_at=at(9, day=day)) for day in (26, 27))
    cancel_appointment(gone, by=world.planner)
    key = make_feed(technician, by=world.planner)

    assert [(uid, status) for uid, *_when, status in events(key)] == [
        (f"rdv-{kept.pk}@testserver", "CONFIRMED"),
        (f"rdv-{gone.pk}@testserver", "CANCELLED"),
    ]
    Appointment.objects.filter(pk=gone.pk).update(updated_at=timezone.now() - timedelta(days=31))
    assert len(events(key)) == 1


def test_a_program_that_has_it_already_gets_304_until_something_changes(world: World, technician: Technician) -> None:
    rdv = confirmed(world, technician, starts_at=at(9))
    key = make_feed(technician, by=world.planner)
    tag = read(key)["ETag"]

    assert (read(key, if_none_match=tag).status_code, read(key, if_none_match=tag).content) == (304, b"")
    move_appointment(rdv, starts_at=at(10), on=world.today, by=world.planner)
    again = read(key, if_none_match=tag)
    assert (again.status_code, again["ETag"] == tag) == (200, False)
    assert [start for _uid, _title, start, *_rest in events(key)] == [at(10)]


def test_a_new_key_and_a_revocation_end_the_one_before(world: World, technician: Technician) -> None:
    first = make_feed(technician, by=world.planner)
    second = make_feed(technician, by=world.planner)

    assert [read(key).status_code for key in (first, second, "x" * 43)] == [404, 200, 404]
    assert second not in str(CalendarLink.objects.values())
    revoke_feed(technician, by=world.planner)
    assert read(second).status_code == 404
    with pytest.raises(BusinessError, match="n'a pas d'agenda en ligne : rien à révoquer"):
        revoke_feed(technician, by=world.planner)


def test_feed_of_who_left_answers_no_more(world: World, technician: Technician) -> None:
    key = make_feed(technician, by=world.planner)
    Technician.objects.filter(pk=technician.pk).update(is_active=False)

    assert read(key).status_code == 404
    with pytest.raises(BusinessError, match="n'est plus actif : réactivez d'abord sa fiche"):
        make_feed(technician, by=world.planner)


def test_feed_changes_nothing_and_answers_get_alone(world: World, technician: Technician) -> None:
    key = make_feed(technician, by=world.planner)
    with nothing_changed():
        assert Client().post(f"/calendar/{key}.ics").status_code == 405
        read(key)


def test_as_many_queries_for_twenty_rdvs_as_for_one(world: World, technician: Technician) -> None:
    key = make_feed(technician, by=world.planner)

    def queries(count: int) -> int:
        for _n in range(count):
            confirmed(world, technician, starts_at=at(8, day=25 + Appointment.objects.count() % 5), override="Test")
        with CaptureQueriesContext(connection) as asked:
            read(key)
        return len(asked)

    assert queries(1) == queries(20)


def test_address_is_made_from_the_technicians_page_and_shown_once(world: World, technician: Technician) -> None:
    office = Office(world.manager)

    made = office.client.get(office.act(technician, "make-feed")["Location"]).content.decode()
    again = office.get(address(technician)).content.decode()

    (key,) = re.findall(r'<code class="of-code">http://testserver/calendar/([\w-]+)\.ics</code>', made)
    assert technician_at(key) == technician
    assert (key in again, "Agenda en ligne : nouvelle adresse, l&#x27;ancienne ne répond plus" in again) == (
        False,
        True,
    )
    assert not any(key in str(row.answer) for row in IdempotencyKey.objects.all())
    office.act(technician, "revoke-feed")
    assert technician_at(key) is None
    assert world.office(TECHNICIAN).client.get(address(technician, "act", "make-feed")).status_code in (302, 403)
