"""Text messages: who gets one, at which number, in which words and when; what the gateway answers and calls back."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invoicing.models import Company, HistoryLine, Message, Partner, SmsStop, SmsTemplate
from invoicing.services.documents.text_subjects import CUSTOMER_TEXT, INVOICE_TEXT, QUOTE_TEXT, subjects
from invoicing.services.documents.texts import (
    Sending,
    filled,
    lift_refusal,
    note_answer,
    number_of,
    plan_texts,
    refuse_texts,
    refuse_unknown,
    send_text,
    send_texts,
)
from invoicing.services.records.acts import Once
from invoicing.services.records.messages import queue_message, retry_message
from invoicing.tasks import send_message, send_waiting_messages
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.french_days import commercial_moment
from openfire_billing.kernel.telephones import NumberFault
from openfire_billing.office.roles import BILLING, MANAGER, PLANNER
from openfire_billing.web import transport
from openfire_billing.web.sms_gateway import signature_of
from tests.factories import AddressFactory, CompanyFactory, PartnerFactory, World, nothing_changed
from tests.factories.pages import address

MOBILE, OTHER = "+33639981234", "+33639985678"
HELLO = Sending("Bonjour {client}")


def customer(**values: Any) -> Any:
    """A customer with a mobile number and an address in Rennes."""
    values = {"name": "Goldman", "mobile": "06 39 98 12 34", "phone": "", **values}
    partner = PartnerFactory(**values)
    partner.addresses.all().delete()
    AddressFactory(partner=partner, zip="35000", city="Rennes", phone="")
    return partner


@pytest.mark.parametrize(
    ("mobile", "phone", "zip_code", "number"),
    [
        ("06 39 98 12 34", "06 39 98 56 78", "35000", MOBILE),
        ("", "06 39 98 56 78", "35000", OTHER),
        ("06 12", "06 39 98 56 78", "35000", OTHER),
        ("", "02 99 12 34 56", "35000", NumberFault.LANDLINE),
        ("", "", "35000", NumberFault.MISSING),
        ("06 12", "", "35000", NumberFault.WRONG),
        ("0690 12 34 56", "", "35000", NumberFault.WRONG),
        ("0690 12 34 56", "", "97100", "+590690123456"),
        ("0692 12 34 56", "", "97400", "+262692123456"),
    ],
)
def test_number_is_the_first_mobile_of_the_customer(
    world: World, mobile: str, phone: str, zip_code: str, number: str | NumberFault
) -> None:
    one = customer(mobile=mobile, phone=phone)
    one.addresses.update(zip=zip_code)
    assert number_of(CUSTOMER_TEXT, one) == number


def test_variables_of_each_kind_hold_what_the_record_says(world: World) -> None:
    invoice, quote = world.posted(), world.quote()
    text = "{client}, {numero} : {montant}, reste {reste} au {echeance}. {societe}"
    assert filled(text, INVOICE_TEXT, invoice) == (
        f"Aubry Maëlle, {invoice.number} : 184,62 €, reste 184,62 € au {invoice.due_on:%d/%m/%Y}. Flammes d'Armor"
    )
    assert filled("{numero} {montant}", QUOTE_TEXT, quote) == f"{quote.number} 184,62 €"
    assert filled("  {client}  ", CUSTOMER_TEXT, world.customer) == "Aubry Maëlle"
    assert sorted(subjects()) == [
        "appointments.appointment",
        "interventions.interventionrequest",
        "invoicing.invoice",
        "invoicing.partner",
        "invoicing.quote",
    ]


def test_unknown_variable_is_refused_with_those_that_exist(world: World) -> None:
    with pytest.raises(BusinessError) as refused:
        refuse_unknown("Bonjour {nom} {client} {nom} {jour}", CUSTOMER_TEXT)
    assert str(refused.value) == "{nom}, {jour} : variable inconnue ici. Choisissez parmi {client}."
    with pytest.raises(BusinessError, match="Le SMS est vide"):
        refuse_unknown(" ", CUSTOMER_TEXT)


def test_who_is_left_out_is_said_with_the_reason(world: World) -> None:
    ready, same = customer(), customer(name="Son fils")
    fixed, none = customer(name="Fixe", mobile="02 99 12 34 56"), customer(name="Sans", mobile="")
    plan = plan_texts([ready, same, fixed, none], CUSTOMER_TEXT, Sending("Bonjour {client} " + "a" * 150))
    assert [(one.number, one.size.parts, one.department) for one in plan.ready] == [(MOBILE, 2, "35")]
    assert plan.parts == 2
    assert [(str(partner), why) for _document, partner, why in plan.left_out] == [
        ("Son fils", "même numéro que « Goldman »"),
        ("Fixe", "téléphone fixe : un SMS n'y arrive pas"),
        ("Sans", "aucun téléphone"),
    ]


def test_commercial_messages_need_a_consent_or_a_bill_and_no_stop(world: World) -> None:
    agreed = customer(sms_consent_on=world.today, sms_consent_source="bon signé")
    billed, stranger = world.posted().customer, customer(name="Inconnu", mobile="06 39 98 00 02")
    billed.mobile = "06 39 98 00 01"
    billed.save()
    people = [agreed, billed, stranger]

    def who(**sending: Any) -> list[str]:
        planned = plan_texts(people, CUSTOMER_TEXT, Sending("Promo", company=world.company, **sending))
        return [one.number for one in planned.ready]

    assert who() == [MOBILE, "+33639980001", "+33639980002"]
    assert who(is_commercial=True) == [MOBILE]
    (planned,) = plan_texts([agreed], CUSTOMER_TEXT, Sending("Promo", is_commercial=True, company=world.company)).ready
    assert (planned.text, planned.size.units) == ("Promo\nRépondez STOP pour ne plus en recevoir.", 45)
    assert who(is_commercial=True, to_customers=True) == [MOBILE, "+33639980001"]
    refuse_texts(world.company, MOBILE, source="appel")
    assert who(is_commercial=True, to_customers=True) == ["+33639980001"]
    assert who() == [MOBILE, "+33639980001", "+33639980002"]  # STOP is about commercial messages


def test_each_customer_gets_one_message_for_a_key(world: World) -> None:
    people, once = [customer(), customer(name="Autre", mobile="06 39 98 56 78"), customer(mobile="")], Once("u", "k")
    for _time in range(2):
        outcomes = send_texts(people, CUSTOMER_TEXT, HELLO, by=world.planner, once=once)
        assert [outcome.note for outcome in outcomes] == [
            f"SMS mis à l'envoi au {MOBILE}",
            f"SMS mis à l'envoi au {OTHER}",
            "",
        ]
        assert "aucun téléphone" in outcomes[2].refusal
    assert sorted(Message.objects.values_list("to", "body", "kind", "state")) == [
        (MOBILE, "Bonjour Goldman", "sms", "waiting"),
        (OTHER, "Bonjour Autre", "sms", "waiting"),
    ]
    assert HistoryLine.objects.of(people[0]).first().text == f"SMS à {MOBILE} : Bonjour Goldman"


def test_message_leaves_at_the_moment_chosen(
    world: World, settings: Any, on_an_ordinary_day: time_machine.Traveller
) -> None:
    settings.SMS_BACKEND = "memory"
    transport.sms_outbox.clear()
    send_text(customer(), CUSTOMER_TEXT, Sending("Plus tard", at=timezone.now() + timedelta(hours=2)), by=world.planner)
    assert send_waiting_messages() == 0
    on_an_ordinary_day.shift(timedelta(hours=2))
    assert send_waiting_messages() == 1
    assert transport.sms_outbox == [(MOBILE, "Plus tard")]


@pytest.mark.parametrize(
    ("at", "department", "leaves"),
    [
        ("2026-11-24T09:30+01:00", "35", "2026-11-24T09:30+01:00"),
        ("2026-11-24T07:59+01:00", "35", "2026-11-24T08:00+01:00"),
        ("2026-11-24T20:00+01:00", "35", "2026-11-25T08:00+01:00"),
        ("2026-11-28T21:00+01:00", "35", "2026-11-30T08:00+01:00"),  # Saturday night: after Sunday
        ("2027-03-26T10:00+01:00", "35", "2027-03-26T10:00+01:00"),
        ("2027-03-26T10:00+01:00", "67", "2027-03-27T08:00+01:00"),  # Good Friday in Strasbourg
        ("2027-03-28T10:00+02:00", "35", "2027-03-30T08:00+02:00"),  # Easter, and its Monday
        ("2026-11-24T09:30+01:00", "971", "2026-11-24T13:00+01:00"),  # 4:30 in Guadeloupe
    ],
)
def test_hours_of_commercial_messages(at: str, department: str, leaves: str) -> None:
    assert commercial_moment(datetime.fromisoformat(at), department) == datetime.fromisoformat(leaves)


def test_commercial_message_waits_for_its_hours_and_for_a_stop_that_came_since(
    world: World, settings: Any, on_an_ordinary_day: time_machine.Traveller
) -> None:
    settings.SMS_BACKEND = "memory"
    transport.sms_outbox.clear()
    on_an_ordinary_day.move_to(datetime(2026, 11, 28, 20, 30, tzinfo=UTC))
    one, other = (
        queue_message(
            None, key=f"c{n}", kind="sms", to=to, body="Promo", by=None, company=world.company, is_commercial=True,
            department="35",
        )
        for n, to in enumerate((MOBILE, OTHER))
    )  # fmt: skip
    assert send_waiting_messages() == 0
    one.refresh_from_db()
    assert (one.state, one.attempts, timezone.localtime(one.next_try_at).isoformat()) == (
        "waiting",
        0,
        "2026-11-30T08:00:00+01:00",
    )
    assert note_answer("06 39 98 56 78", " Stop svp") == 1
    on_an_ordinary_day.move_to(one.next_try_at)
    assert send_waiting_messages() == 1
    other.refresh_from_db()
    assert (other.state, other.error) == ("failed", "Le client a répondu STOP : rien ne lui est envoyé.")
    assert transport.sms_outbox == [(MOBILE, "Promo")]


def test_stop_is_of_the_companies_that_wrote_and_may_be_lifted(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    queue_message(None, key="a", kind="sms", to=MOBILE, body="x", by=None, company=world.company)
    assert [note_answer(MOBILE, "Merci"), note_answer("nulle part", "STOP"), note_answer(OTHER, "STOP")] == [0, 0, 0]
    assert [note_answer(MOBILE, "stop"), note_answer(MOBILE, "STOP")] == [1, 1]
    assert list(SmsStop.objects.values_list("company", "number")) == [(world.company.pk, MOBILE)]
    assert not SmsStop.objects.filter(company=other).exists()
    world.office(MANAGER).act(SmsStop.objects.get(), "lift")
    assert not SmsStop.objects.exists()
    assert HistoryLine.objects.of(world.company).first().text == f"SMS commerciaux acceptés de nouveau par le {MOBILE}"
    lift_refusal(refuse_texts(world.company, MOBILE, source="appel"), by=world.manager)
    assert not SmsStop.objects.exists()


# The gateway


@contextmanager
def gateway(*answers: Any) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A gateway on this machine that gives these answers in turn: (status, body), or None to hang up without a word."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = answers[min(len(received), len(answers)) - 1]
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, body = answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/messages", received
    finally:
        server.shutdown()
        server.server_close()


def described(settings: Any, url: str, **values: Any) -> None:
    settings.SMS_BACKEND = "http"
    settings.SMS_HTTP = {
        "url": url,
        "headers": {"Authorization": "Bearer clé-{key}"},
        "body": {"messages": [{"to": "{to}", "text": "{text}", "ref": "{key}"}]},
        "reference": "messages.0.id",
        "is_idempotent": False,
        "secret": "secret",
        **values,
    }


ACCEPTED = (200, b'{"messages": [{"id": "gw-1"}]}')
UNSURE = "Le SMS est peut-être parti : il n'est pas renvoyé tout seul. Demandez au client, puis renvoyez."


def queued(world: World, key: str = "rappel") -> Message:
    return queue_message(
        None, key=key, kind="sms", to=MOBILE, body='Été "{to}"', by=world.planner, company=world.company
    )


def test_gateway_gets_what_its_description_says(world: World, settings: Any) -> None:
    message = queued(world)
    with gateway(ACCEPTED) as (url, received):
        described(settings, url, headers={})
        assert send_message(message.pk) is True
    assert received == [{"messages": [{"to": MOBILE, "text": 'Été "{to}"', "ref": "rappel"}]}]
    message.refresh_from_db()
    assert (message.state, message.provider_id, message.attempts) == ("sent", "gw-1", 1)


@pytest.mark.parametrize(
    ("answer", "is_idempotent", "state"),
    [
        ((429, b"later"), False, "waiting"),
        ((400, b"no"), False, "waiting"),
        ((500, b""), False, "unsure"),
        (None, False, "unsure"),
        ((302, b""), False, "unsure"),
        ((500, b""), True, "waiting"),
        (None, True, "waiting"),
        ((200, b"<html>"), False, "sent"),
        ((200, b'{"messages": []}'), False, "sent"),
    ],
)
def test_what_the_gateway_answers_decides_whether_it_is_asked_again(
    world: World, settings: Any, answer: Any, is_idempotent: bool, state: str
) -> None:
    message = queued(world)
    with gateway(answer, ACCEPTED) as (url, received):
        described(settings, url, headers={}, is_idempotent=is_idempotent)
        send_message(message.pk)
        message.refresh_from_db()
        assert (message.state, message.provider_id) == (state, "")
        Message.objects.update(next_try_at=timezone.now())
        send_waiting_messages()
        assert len(received) == (2 if state == "waiting" else 1)
        if state == "unsure":
            assert message.error.endswith(UNSURE)
            retry_message(message, by=world.planner)  # a person decides
            assert send_waiting_messages() == 1
            assert len(received) == 2


def test_gateway_that_is_not_reached_is_asked_again(world: World, settings: Any) -> None:
    message = queued(world)
    described(settings, "http://127.0.0.1:1/messages", headers={})
    assert send_message(message.pk) is False
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("waiting", 1)


@pytest.mark.parametrize(("is_idempotent", "state"), [(False, "unsure"), (True, "sent")])
def test_message_whose_worker_died_is_sent_again_by_a_gateway_that_knows_it(
    world: World, settings: Any, is_idempotent: bool, state: str
) -> None:
    message = queued(world)
    Message.objects.update(state="sending", attempts=1, next_try_at=timezone.now())  # as the dead worker left it
    with gateway(ACCEPTED) as (url, received):
        described(settings, url, headers={}, is_idempotent=is_idempotent)
        send_waiting_messages()
    message.refresh_from_db()
    assert (message.state, len(received)) == (state, int(is_idempotent))


def call(name: str, body: Any, *, seconds: int | None = None, signature: str = "", backend: str = "http") -> int:
    """The status of the answer to a call of the gateway."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = str(int(time.time()) if seconds is None else seconds)
    headers = {"X-Timestamp": at, "X-Signature": signature or signature_of(content, at)}
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    return client.post(f"/sms/{name}/{backend}/", content, content_type="application/json", headers=headers).status_code


def test_calls_of_the_gateway_come_in_any_order(world: World, settings: Any) -> None:
    described(settings, "http://127.0.0.1:1/")
    message = queued(world)
    Message.objects.update(state="sent", provider_id="gw-1")

    def state() -> str:
        message.refresh_from_db()
        return message.state

    assert call("status", {"id": "gw-9", "status": "delivered"}) == 200  # not ours
    assert state() == "sent"
    assert (call("status", {"id": "gw-1", "status": "undelivered"}), state()) == (200, "undelivered")
    assert message.error == "L'opérateur n'a pas pu le remettre. Vérifiez le numéro, puis renvoyez."
    assert (call("status", {"id": "gw-1", "status": "delivered", "at": 1_700_000_000}), state()) == (200, "delivered")
    assert (message.delivered_at, message.error) == (datetime.fromtimestamp(1_700_000_000, tz=UTC), "")
    assert (call("status", {"id": "gw-1", "status": "undelivered"}), state()) == (200, "delivered")


def test_delivery_told_before_the_gateway_answered_is_kept(world: World, settings: Any) -> None:
    described(settings, "http://127.0.0.1:1/")
    message = queued(world)
    Message.objects.update(state="sending")
    assert call("status", {"reference": "rappel", "status": "delivered"}) == 200
    message.refresh_from_db()
    assert (message.state, message.delivered_at is None) == ("delivered", False)


@pytest.mark.parametrize("name", ["status", "inbound"])
def test_call_that_is_not_genuine_changes_nothing(world: World, settings: Any, name: str) -> None:
    described(settings, "http://127.0.0.1:1/")
    queued(world)
    Message.objects.update(state="sent", provider_id="gw-1")
    body = {"id": "gw-1", "status": "delivered", "from": MOBILE, "text": "STOP"}
    now = int(time.time())
    with nothing_changed():
        assert call(name, body, signature="0" * 64) == 403
        assert call(name, body, signature="é") == 403
        assert [call(name, body, seconds=now - 301), call(name, body, seconds=now + 302)] == [403, 403]
        assert call(name, body, backend="memory") == 404
        assert [call(name, b"{"), call(name, b"[]"), call(name, {}), call(name, b"x" * 10_001)] == [400, 400, 400, 413]
        settings.SMS_HTTP = {**settings.SMS_HTTP, "secret": ""}
        assert call(name, body) == 403
        assert Client(SERVER_NAME="localhost").get(f"/sms/{name}/http/").status_code == 405


def test_answer_of_a_customer_ends_commercial_messages(world: World, settings: Any) -> None:
    described(settings, "http://127.0.0.1:1/")
    queued(world)
    assert call("inbound", {"from": "+33 6 39 98 12 34", "text": "STOP"}) == 200
    assert SmsStop.objects.get().source == "SMS reçu : STOP"


# The pages


def test_dialog_shows_what_would_leave_then_sends_it(world: World) -> None:
    one, office = customer(), world.office(PLANNER)
    template = SmsTemplate.objects.create(name="Rappel", about="invoicing.partner", body="Bonjour {client}, à bientôt")
    SmsTemplate.objects.create(name="Promo", about="invoicing.partner", body="Promo", is_commercial=True)
    dialog = office.get(address(one, "act", "sms"))
    form = dialog.context["form"]
    assert [str(name) for _pk, name in form.fields["template"].choices] == ["Texte libre", "Rappel"]
    assert "is_commercial" not in form.fields

    asked = {"act-template": template.pk, "act-is_simple": "on", "_confirmed": "1"}
    shown = office.client.post(address(one, "act", "sms"), {**asked, "_preview": "1"})
    assert [planned.text for planned in shown.context["plan"].ready] == ["Bonjour Goldman, à bientôt".replace("ô", "o")]
    assert not Message.objects.exists()
    office.client.post(address(one, "act", "sms"), asked)
    assert Message.objects.get().body == "Bonjour Goldman, à bientot"


def test_dialog_refuses_what_cannot_be_sent(world: World) -> None:
    one, office = customer(mobile="02 99 12 34 56"), world.office(MANAGER)
    url = address(one, "act", "sms")

    def faults(**values: Any) -> dict[str, list[str]]:
        answer = office.client.post(
            url, {"_confirmed": "1", **{f"act-{name}": value for name, value in values.items()}}
        )
        return dict(answer.context["form"].errors)

    with nothing_changed():
        assert faults() == {"body": ["Le SMS est vide : écrivez son texte."]}
        assert faults(body="{nom}") == {"body": ["{nom} : variable inconnue ici. Choisissez parmi {client}."]}
        assert faults(body="x", at_0="01/01/2020", at_1="08:00") == {
            "at": ["Ce moment est passé : choisissez-en un à venir, ou laissez vide."]
        }
        refused = office.client.post(url, {"_confirmed": "1", "act-body": "Bonjour"})
    assert refused.status_code == 409
    assert str(refused.context["refusal"]) == (
        "Goldman : pas de SMS à « Goldman », téléphone fixe : un SMS n'y arrive pas. Vérifiez ses téléphones sur sa fiche."
    )


def test_who_may_not_bill_sends_no_text_about_an_invoice(world: World) -> None:
    invoice = world.posted()
    assert world.office(PLANNER).client.get(address(invoice, "act", "sms")).status_code in (403, 404)
    assert world.office(BILLING).client.get(address(invoice, "act", "sms")).status_code == 200


def test_template_with_an_unknown_variable_is_not_saved(world: World) -> None:
    office = world.office(MANAGER)
    values = {"name": "Rappel", "about": "invoicing.partner", "is_active": "on", "company": world.company.pk}
    with nothing_changed():
        answer = office.client.post(address(SmsTemplate, "add"), {**values, "body": "{jour}"})
    assert dict(answer.context["adminform"].form.errors) == {
        "body": ["{jour} : variable inconnue ici. Choisissez parmi {client}."]
    }
    office.client.post(address(SmsTemplate, "add"), {**values, "body": "Bonjour {client}"})
    assert SmsTemplate.objects.get().body == "Bonjour {client}"
    assert Company.objects.get(pk=world.company.pk) == SmsTemplate.objects.get().company


def test_plan_asks_as_many_queries_for_one_as_for_twenty(world: World) -> None:
    people = [customer(name=f"Client {n}", mobile=f"06 39 98 00 {n:02d}") for n in range(20)]
    sending = Sending("Bonjour {client}", is_commercial=True, to_customers=True, company=world.company)

    def counted(some: list[Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            plan_texts(list(Partner.objects.filter(pk__in=[one.pk for one in some])), CUSTOMER_TEXT, sending)
        return len(captured)

    assert counted(people[:1]) == counted(people)
