"""A customer who was told an hour is told once that it changed: moves, moves back, cancellations, several in a row."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
import time_machine

from appointments.models import Appointment
from appointments.services.letters import APPOINTMENT_LETTER
from appointments.services.moving import put_back
from appointments.services.saving import move_appointment, save_appointment
from appointments.services.states import (
    cancel_appointment,
    confirm_appointment,
    finish_appointment,
    postpone_appointment,
    reset_appointment,
    undo_move,
)
from appointments.services.texts import APPOINTMENT_TEXT
from appointments.tasks import send_reminders
from invoicing.models import Company, HistoryLine, Message, SmsTemplate
from invoicing.services.documents.mailing import mail_document
from invoicing.services.documents.texts import Sending, send_text
from invoicing.tasks import send_waiting_messages
from openfire_billing.web import transport
from tests.factories import World
from tests.factories.appointments import alone, at, technician

MOBILE = "+33639981234"
TOLD = "Bonjour, RDV {jour} à {heure}"


@pytest.fixture
def firm(world: World, settings: Any) -> World:
    """The firm, which tells moves, and a customer with a mobile; texts go to the memory."""
    settings.SMS_BACKEND = "memory"
    transport.sms_outbox.clear()
    Company.objects.filter(pk=world.company.pk).update(tells_moves=True)
    world.company.refresh_from_db()
    world.customer.mobile = "06 39 98 12 34"
    world.customer.save()
    common = {"about": "appointments.appointment"}
    SmsTemplate.objects.create(name="Déplacé", use="moved", body="Déplacé : {jour} {creneau}", **common)
    SmsTemplate.objects.create(name="Annulé", use="cancelled", body="Annulé : {jour}", **common)
    return world


def told(world: World, **values: Any) -> Appointment:
    """A confirmed RDV of tomorrow at 9, whose customer was told so."""
    rdv = confirm_appointment(alone(world, **values), by=world.planner)
    send_text(rdv, APPOINTMENT_TEXT, Sending(TOLD), by=world.planner)
    send_waiting_messages()
    transport.sms_outbox.clear()
    return rdv


def move(world: World, rdv: Appointment, starts_at: datetime) -> Appointment:
    return move_appointment(rdv, starts_at=starts_at, on=world.today, by=world.planner)


def after(minutes: int) -> Any:
    return time_machine.travel(at(10) - timedelta(days=1) + timedelta(minutes=minutes), tick=False)


def sent(minutes: int = 11) -> list[str]:
    """The texts that leave so many minutes after 10 h."""
    transport.sms_outbox.clear()
    with after(minutes):
        send_waiting_messages()
    return [body for _to, body in transport.sms_outbox]


def states(rdv: Appointment) -> list[tuple[str, str]]:
    """(beginning of the key, state) of the messages of an RDV that leave by themselves."""
    rows = Message.objects.filter(object_id=rdv.pk).exclude(key__startswith="sms").order_by("pk")
    return [(key.split(":")[0], state) for key, state in rows.values_list("key", "state")]


def test_move_is_told_ten_minutes_later(firm: World) -> None:
    rdv = told(firm)
    move(firm, rdv, at(14))
    message = Message.objects.get(key__startswith="moved")
    assert message.send_at is not None
    assert message.send_at - message.created_at > timedelta(minutes=9, seconds=59)
    assert (message.to, message.announces, message.next_try_at) == (MOBILE, at(14), message.send_at)
    assert sent(9) == []
    assert sent(11) == ["Déplacé : mercredi 25 novembre à 14 h"]
    assert sent(30) == []
    assert HistoryLine.objects.of(rdv).filter(text__startswith=f"Message à {MOBILE} dans dix minutes").count() == 1


def test_several_moves_in_that_time_make_one_message(firm: World) -> None:
    rdv = told(firm)
    for hour in (14, 15, 16):
        rdv = move(firm, rdv, at(hour))
    assert states(rdv) == [("moved", "dropped"), ("moved", "dropped"), ("moved", "waiting")]
    assert sent() == ["Déplacé : mercredi 25 novembre à 16 h"]


def test_move_that_is_undone_tells_nothing(firm: World) -> None:
    rdv = told(firm)
    people = list(rdv.technicians.all())
    moved = move(firm, rdv, at(14))
    put_back(
        moved,
        starts_at=rdv.starts_at,
        ends_at=rdv.ends_at,
        is_end_forced=False,
        duration=rdv.duration,
        override="",
        lead=rdv.lead,
        technicians=people,
        seen=moved.version,
        on=firm.today,
        by=firm.planner,
    )
    assert states(rdv) == [("moved", "dropped")]
    assert sent(60) == []
    assert Message.objects.get(key__startswith="moved").error == (
        "Le RDV a changé depuis : ce message n'a plus lieu d'être."
    )


def test_each_move_that_left_is_followed_by_the_next(firm: World) -> None:
    rdv = move(firm, told(firm), at(14))
    assert sent(11) == ["Déplacé : mercredi 25 novembre à 14 h"]
    with after(20):
        move(firm, rdv, at(9))
    assert sent(31) == ["Déplacé : mercredi 25 novembre à 9 h"]


def test_what_nobody_was_told_is_not_told_to_have_moved(firm: World) -> None:
    rdv = confirm_appointment(alone(firm), by=firm.planner)
    send_text(rdv, APPOINTMENT_TEXT, Sending("Merci {client}"), by=firm.planner)  # says no hour
    send_waiting_messages()
    cancel_appointment(move(firm, rdv, at(14)), by=firm.planner)
    assert states(rdv) == []


def test_a_text_that_failed_has_told_nothing_and_one_unsure_may_have(firm: World) -> None:
    rdv = told(firm)
    Message.objects.update(state="failed")
    rdv = move(firm, rdv, at(14))
    assert states(rdv) == []
    Message.objects.update(state="unsure")
    move(firm, rdv, at(15))
    assert states(rdv) == [("moved", "waiting")]


def test_mail_of_the_rdv_has_told_its_hour(firm: World) -> None:
    firm.customer.email = "aubry@example.org"
    firm.customer.save()
    rdv = confirm_appointment(alone(firm), by=firm.planner)
    mail_document(rdv, APPOINTMENT_LETTER, key="mail-1", by=firm.planner)
    send_waiting_messages()
    move(firm, rdv, at(14))
    assert sent() == ["Déplacé : mercredi 25 novembre à 14 h"]


def test_same_window_on_the_same_day_is_no_move_for_the_customer(firm: World) -> None:
    Company.objects.update(announce="half_day")
    rdv = move(firm, told(firm), at(10))
    assert states(rdv) == []
    rdv = move(firm, rdv, at(14))
    assert sent() == ["Déplacé : mercredi 25 novembre l'après-midi"]
    with after(20):
        move(firm, rdv, at(14, day=26))
    assert sent(31) == ["Déplacé : jeudi 26 novembre l'après-midi"]


@pytest.mark.parametrize("give_up", [cancel_appointment, postpone_appointment])
def test_cancelled_or_postponed_is_told_once(firm: World, give_up: Any) -> None:
    rdv = give_up(told(firm), by=firm.planner)
    assert states(rdv) == [("cancelled", "waiting")]
    assert sent() == ["Annulé : mercredi 25 novembre"]
    with after(20):
        reset_appointment(rdv, by=firm.planner)
    assert sent(60) == []


def test_cancelled_then_undone_tells_nothing(firm: World) -> None:
    rdv = told(firm)
    gone = cancel_appointment(rdv, by=firm.planner)
    undo_move(gone, state=rdv.state, done_at=None, reason="", report="", seen=gone.version, by=firm.planner)
    assert states(rdv) == [("cancelled", "dropped")]
    assert sent(60) == []


def test_cancelled_told_then_confirmed_again_is_told(firm: World) -> None:
    rdv = cancel_appointment(told(firm), by=firm.planner)
    sent()
    with after(20):
        rdv = confirm_appointment(reset_appointment(rdv, by=firm.planner), by=firm.planner)
    assert sent(31) == ["Déplacé : mercredi 25 novembre à 9 h"]
    assert states(rdv) == [("cancelled", "sent"), ("moved", "sent")]


def test_moved_then_cancelled_within_ten_minutes_is_only_cancelled(firm: World) -> None:
    rdv = cancel_appointment(move(firm, told(firm), at(14)), by=firm.planner)
    assert states(rdv) == [("moved", "dropped"), ("cancelled", "waiting")]


def test_draft_says_nothing_until_it_is_confirmed(firm: World) -> None:
    rdv = reset_appointment(told(firm), by=firm.planner)
    rdv = move(firm, rdv, at(14))
    assert states(rdv) == []
    confirm_appointment(rdv, by=firm.planner)
    assert sent() == ["Déplacé : mercredi 25 novembre à 14 h"]


def test_done_and_past_ones_say_nothing(firm: World) -> None:
    rdv = told(firm)
    with time_machine.travel(at(12), tick=False):
        finish_appointment(rdv, at=at(11), by=firm.planner)
    other = told(firm, who=technician(firm, name="Nolwenn"))
    with time_machine.travel(at(12), tick=False):
        cancel_appointment(other, by=firm.planner)
    assert (states(rdv), states(other)) == ([], [])


def test_off_says_nothing(firm: World) -> None:
    Company.objects.update(tells_moves=False)
    rdv = cancel_appointment(move(firm, told(firm), at(14)), by=firm.planner)
    assert states(rdv) == []


def test_reminder_that_left_then_moved_gets_the_move_alone(firm: World) -> None:
    """The reminder of 17 h left; at 17 h 05 the RDV moves: no second reminder, one message of the move."""
    Company.objects.update(sends_reminders=True)
    rdv = confirm_appointment(alone(firm), by=firm.planner)
    with time_machine.travel(at(17, day=24), tick=False):
        assert (send_reminders(), send_waiting_messages()) == (1, 1)
    with time_machine.travel(at(17, 5, day=24), tick=False):
        rdv = move(firm, rdv, at(15))
        assert send_reminders() == 0
    with time_machine.travel(at(17, 16, day=24), tick=False):
        assert (send_reminders(), send_waiting_messages()) == (0, 1)
    assert states(rdv) == [("reminder", "sent"), ("moved", "sent")]


def test_other_technician_or_work_keeps_the_message_that_waits(firm: World) -> None:
    rdv = move(firm, told(firm), at(14))
    save_appointment(rdv.pk, {"duration": rdv.duration + 1}, on=firm.today, by=firm.planner)
    assert states(rdv) == [("moved", "waiting")]


def test_own_hours_around_the_hour_that_was_told_say_nothing_new(firm: World) -> None:
    rdv = told(firm)
    values = {"announced_from": time(8), "announced_to": time(10)}
    save_appointment(rdv.pk, values, on=firm.today, by=firm.planner)
    assert states(rdv) == []  # the hour told is that of its start, whose window includes it


def test_without_mobile_nor_mail_a_move_changes_nothing_in_the_outbox(firm: World) -> None:
    rdv = told(firm)
    firm.customer.mobile = firm.customer.email = firm.customer.phone = ""
    firm.customer.save()
    move(firm, rdv, at(14))
    assert states(rdv) == []
