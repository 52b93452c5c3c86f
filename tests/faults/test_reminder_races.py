"""Reminders, moves and answers at the same moment: each customer gets at most one message, and it says what is true."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from appointments.models import Appointment
from appointments.services.reminders import send_reminders
from appointments.services.saving import move_appointment
from appointments.services.states import cancel_appointment, confirm_appointment
from appointments.tasks import send_reminders as beat
from invoicing.models import Company, HistoryLine, Message
from invoicing.services.records.links import publish, token_of
from invoicing.tasks import send_waiting_messages
from openfire_billing.celery import app
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web import outgoing, transport
from openfire_billing.web.sms_gateway import signature_of
from tests.factories import PartnerFactory
from tests.factories.appointments import alone, at, technician
from tests.factories.fixtures import MORNING
from tests.factories.world import World, make_world
from tests.faults.workers import Worker

EVENING = at(17, 1, day=24)
COUNT = 12


@pytest.fixture
def world(transactional_db: None) -> World:
    """The firm on Tuesday morning, with reminders, and twelve RDVs of Wednesday, each of another customer."""
    with time_machine.travel(MORNING, tick=True):
        found = make_world()
        Company.objects.update(sends_reminders=True, tells_moves=True)
        for number in range(COUNT):
            customer = PartnerFactory(mobile=f"06 39 98 {number:02} 34")
            rdv = alone(found, partner=customer, address=customer.default_address(), who=technician(found))
            confirm_appointment(rdv, by=found.planner)
        return found


def test_eight_beats_at_once_write_each_reminder_once(world: World, in_threads: Callable[..., list[Any]]) -> None:
    outcomes = in_threads(8, lambda number: send_reminders(now=EVENING))

    assert sum(outcomes) == COUNT
    assert sorted(outcomes) == [0] * 7 + [COUNT]
    assert Message.objects.count() == len(set(Message.objects.values_list("to", flat=True))) == COUNT
    assert HistoryLine.objects.filter(act="message").count() == COUNT


def test_beats_and_senders_at_once_send_each_once(
    world: World, in_threads: Callable[..., list[Any]], settings: Any
) -> None:
    settings.SMS_BACKEND = "memory"
    transport.sms_outbox.clear()
    with time_machine.travel(EVENING, tick=True):
        in_threads(6, lambda number: (beat(), send_waiting_messages()))
        send_waiting_messages()

    numbers = sorted(Message.objects.values_list("to", flat=True))
    assert sorted(number for number, _text in transport.sms_outbox) == numbers
    assert list(Message.objects.values_list("state", flat=True)) == ["sent"] * COUNT


@pytest.mark.parametrize("turn", range(3))
def test_move_while_the_reminder_is_written_tells_one_true_hour(
    world: World, in_threads: Callable[..., list[Any]], turn: int
) -> None:
    """Whichever comes first: what waits in the outbox about the RDV tells the hour it has."""
    rdv = Appointment.objects.order_by("pk").first()
    assert rdv is not None
    acts = [
        lambda: send_reminders(now=timezone.now()),
        lambda: move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner),
    ]
    with time_machine.travel(EVENING, tick=True):
        in_threads(2, lambda number: acts[number]())
        send_reminders(now=timezone.now())

    waiting = Message.objects.filter(object_id=rdv.pk, state="waiting")
    assert [message.announces for message in waiting] == [at(14)]


def test_answer_and_move_at_once_by_two_doors(world: World, in_threads: Callable[..., list[Any]]) -> None:
    """The customer confirms on his page while the planner drops the card: no answer is left on an hour he did not see."""
    rdv = Appointment.objects.order_by("pk").first()
    assert rdv is not None
    token = token_of(publish(rdv, by=world.planner, published=True))
    row = rdv.lead_id

    def answer() -> int:
        return Client().post(f"/p/{token}/answer/", {"answer": "yes", "seen": rdv.version}).status_code

    def drop() -> int:
        client = Client()
        client.force_login(world.planner)
        place = {"view": "day", "from": "2026-11-25", "to": row, "day": "2026-11-25", "start": 14 * 60}
        values = {**place, "seen": rdv.version, "key": "drop"}
        return client.post(f"/planning/appointments/{rdv.pk}/move/", values).status_code

    with time_machine.travel(MORNING, tick=True):
        outcomes = in_threads(2, lambda number: (answer, drop)[number]())

    rdv.refresh_from_db()
    assert (outcomes[0] in (302, 409), outcomes[1]) == (True, 200)
    assert (rdv.starts_at, rdv.customer_answer) == (at(14), "")


def test_customer_presses_twice_at_once(world: World, in_threads: Callable[..., list[Any]]) -> None:
    rdv = Appointment.objects.order_by("pk").first()
    assert rdv is not None
    token = token_of(publish(rdv, by=world.planner, published=True))
    answers = [{"answer": "yes"}, {"answer": "no", "half_day": "2026-11-26-am"}] * 3

    def press(number: int) -> tuple[str, int]:
        sent = Client().post(f"/p/{token}/answer/", {**answers[number], "seen": rdv.version})
        return answers[number]["answer"], sent.status_code

    with time_machine.travel(MORNING, tick=True):
        outcomes = in_threads(6, press)

    rdv.refresh_from_db()
    won = rdv.customer_answer
    assert sorted(outcomes) == sorted((answer, 302 if answer == won else 409) for answer, _status in outcomes)
    assert HistoryLine.objects.of(rdv).filter(act="answered").count() == 1


def test_two_cancel_at_once_and_the_customer_is_told_once(world: World, in_threads: Callable[..., list[Any]]) -> None:
    rdv = Appointment.objects.order_by("pk").first()
    assert rdv is not None
    with time_machine.travel(EVENING, tick=True):
        send_reminders(now=timezone.now())
        Message.objects.update(state="sent")
        outcomes = in_threads(2, lambda number: cancel_appointment(rdv, by=world.planner))

    assert sum(isinstance(outcome, BusinessError) for outcome in outcomes) == 1
    assert Message.objects.filter(object_id=rdv.pk, key__startswith="cancelled").count() == 1


def test_worker_killed_between_sending_and_noting_leaves_one_reminder_unsure(
    world: World, broker: str, process_environment: dict[str, str], start_worker: Callable[..., Worker], tmp_path: Path
) -> None:
    sent = tmp_path / "sent"
    process_environment |= {"SMS_BACKEND": "tests.faults.gateways.deadly", "DEADLY_SMS": str(sent)}
    Appointment.objects.exclude(pk=Appointment.objects.order_by("pk").values("pk")[:1]).update(state="draft")
    assert send_reminders(now=EVENING) == 1
    Message.objects.update(expires_at=None, next_try_at=timezone.now())
    worker = start_worker()
    app.send_task("invoicing.tasks.send_waiting_messages")
    _wait(sent.exists)
    _wait(lambda: "raised error: WorkerLostError" in worker.log.read_text())
    assert Message.objects.get().state == "sending"

    assert send_reminders(now=EVENING) == 0
    Message.objects.update(next_try_at=timezone.now())
    app.send_task("invoicing.tasks.send_waiting_messages")
    _wait(lambda: Message.objects.get().state == "unsure")
    assert send_reminders(now=EVENING) == 0
    assert (Message.objects.count(), len(sent.read_text().splitlines())) == (1, 1)


BEHAVIOURS = {
    "sent": ["accepts", "accepts and answers what is not JSON", "refuses twice, then accepts"],
    "unsure": ["accepts, then answers 500", "accepts, then hangs up", "accepts, then answers after the time-out"],
}


class Gateway(ThreadingHTTPServer):
    """An SMS gateway: each number has its behaviour. `accepted`: the numbers it sent to; `asked`: each number asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.accepted: list[str] = []
        self.asked: list[str] = []
        self.behaviours: dict[str, str] = {}

    def answer(self, number: str) -> tuple[int, bytes] | None:
        """Return the status and the body for a number, None to hang up."""
        behaviour = self.behaviours[number]
        self.asked.append(number)
        if behaviour.startswith("refuses") and self.asked.count(number) <= 2:
            return 429, b"later"
        self.accepted.append(number)
        if behaviour.endswith("the time-out"):
            time.sleep(1.5)
        if behaviour.endswith("hangs up"):
            return None
        if behaviour.endswith("500"):
            return 500, b""
        return 200, b"<html>" if behaviour.endswith("JSON") else json.dumps({"id": f"gw-{number}"}).encode()


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        number = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["to"]
        answer = self.server.answer(number)  # type: ignore[attr-defined]
        if answer is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        with suppress(OSError):  # who asked has hung up
            self.send_response(answer[0])
            self.end_headers()
            self.wfile.write(answer[1])

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setattr(outgoing, "TIMEOUT", 1)
    server = Gateway()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.SMS_BACKEND = "http"
    settings.SMS_HTTP = {
        **settings.SMS_HTTP,
        "url": f"http://127.0.0.1:{server.server_port}/messages",
        "headers": {},
        "body": {"to": "{to}", "text": "{text}"},
        "reference": "id",
        "is_idempotent": False,
        "secret": "secret",
    }
    yield server
    server.shutdown()
    server.server_close()


def test_gateway_that_flaps_sends_to_each_customer_once(
    world: World, in_threads: Callable[..., list[Any]], gateway: Gateway
) -> None:
    """Two beats and two senders at once, an hour long; an RDV moved and moved back meanwhile; each delivery told twice."""
    names = [name for group in BEHAVIOURS.values() for name in group]
    numbers = [f"+3363998{number:02}34" for number in range(COUNT)]
    gateway.behaviours = {number: names[rank % len(names)] for rank, number in enumerate(numbers)}
    expected = {
        number: next(state for state, group in BEHAVIOURS.items() if behaviour in group)
        for number, behaviour in gateway.behaviours.items()
    }
    rdv = Appointment.objects.get(partner__mobile__endswith="00 34")

    for minutes in (0, 3, 12, 25, 60):
        with time_machine.travel(EVENING + timedelta(minutes=minutes), tick=True):
            in_threads(4, lambda number: (beat, send_waiting_messages)[number % 2]())
            if minutes == 3:
                moved = move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner)
                move_appointment(moved, starts_at=at(9), on=world.today, by=world.planner)

    assert sorted(gateway.accepted) == numbers
    refused = [number for number, behaviour in gateway.behaviours.items() if behaviour.startswith("refuses")]
    assert sorted(gateway.asked) == sorted([*numbers, *refused, *refused])
    assert list(Message.objects.filter(state="dropped").values_list("to", flat=True)) == [numbers[0]]  # of the move
    reminders = Message.objects.exclude(state="dropped")
    assert (dict(reminders.values_list("to", "state")), reminders.count()) == (expected, COUNT)

    for _twice in range(2):
        body = json.dumps({"id": f"gw-{numbers[0]}", "status": "delivered"}).encode()
        at_second = str(int(time.time()))
        headers = {"X-Timestamp": at_second, "X-Signature": signature_of(body, at_second)}
        told = Client().post("/sms/status/http/", body, content_type="application/json", headers=headers)
        assert told.status_code == 200
    assert dict(reminders.values_list("to", "state")) == expected | {numbers[0]: "delivered"}


def _wait(until: Callable[[], Any], *, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            pytest.fail("Not reached", pytrace=False)
        time.sleep(0.05)
