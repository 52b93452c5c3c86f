"""Webhooks before a real receiver: at least once, in order for each document, signed, tried again, replayed."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contracts.services.billing import bill_contracts
from invoicing.models import FollowUp, HistoryLine, Message, Partner, WebhookDelivery, WebhookEndpoint, WebhookEvent
from invoicing.services.parties import webhooks as services
from invoicing.services.parties.webhooks import (
    MOST_TRIES,
    WAITS,
    delete_endpoint,
    deliver_next,
    forget_events,
    renew_secret,
    replay,
    resume_endpoint,
    save_endpoint,
    secret_of,
    stop_endpoint,
)
from invoicing.services.records.history import record
from invoicing.services.records.saving import save_record
from invoicing.tasks import deliver_webhooks, forget_webhooks
from openfire_billing.kernel.errors import BusinessError, StaleForm
from openfire_billing.web import outgoing
from openfire_billing.web.outgoing import AddressRefused, NoAnswer, post
from tests.api.subjects import contract
from tests.factories import CompanyFactory, Office, PartnerFactory, World
from tests.factories.api import Api, refused
from tests.factories.fixtures import MORNING
from tests.factories.receiver import Receiver, is_signed, receiver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOKS_LOOPBACK = True


@pytest.fixture
def program() -> Iterator[Receiver]:
    with receiver() as told:
        yield told


def listen(world: World, program: Receiver, **values: Any) -> WebhookEndpoint:
    values = {"company": world.company, "name": "Site", "url": f"{program.url}/recu", **values}
    return save_endpoint(None, values, by=world.manager)


def change(world: World, partner: Partner, name: str) -> Partner:
    return save_record(partner, values={"name": name}, by=world.manager)


def rows() -> list[tuple[str, int]]:
    return list(WebhookDelivery.objects.order_by("pk").values_list("state", "attempts"))


def later(**apart: float) -> Any:
    return time_machine.travel(MORNING + timedelta(**apart), tick=False)


# What is said


def test_event_says_what_happened_to_which_document(world: World, program: Receiver) -> None:
    endpoint = listen(world, program)
    with later(minutes=1):
        customer = change(world, world.customer, "Aubry Solène")
        assert deliver_webhooks() == 1

    (one,) = program.received
    event = WebhookEvent.objects.get()
    assert one.path == "/recu"
    assert one.event == {
        "id": str(event.key),
        "kind": "partner.changed",
        "document": {"type": "partner", "id": customer.pk, "url": f"/api/v1/partners/{customer.pk}/"},
        "version": customer.version,
        "at": (MORNING + timedelta(minutes=1)).astimezone(event.at.tzinfo).isoformat(),
    }
    assert one.headers["X-OpenFire-Event"] == str(event.key)
    assert one.headers["Content-Type"] == "application/json"
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status, delivery.error) == ("sent", 1, 200, "")
    assert delivery.sent_at == MORNING + timedelta(minutes=1)
    assert endpoint.is_listening


def test_nobody_listens_and_nothing_is_written(world: World) -> None:
    change(world, world.customer, "Aubry Solène")

    assert (WebhookEvent.objects.count(), WebhookDelivery.objects.count()) == (0, 0)


def test_refused_act_says_nothing(world: World, program: Receiver) -> None:
    listen(world, program)
    with pytest.raises(StaleForm):
        save_record(world.customer, values={"name": "B"}, seen=99, by=world.manager)

    assert WebhookEvent.objects.count() == 0


def test_endpoint_hears_its_areas_and_its_company_alone(world: World, program: Receiver) -> None:
    other = CompanyFactory(name="Autre")
    listen(world, program, name="quotes", areas=["quotes"])
    listen(world, program, name="elsewhere", company=other)
    listen(world, program, name="all")
    quote = world.quote()
    customer = change(world, world.customer, "Aubry Solène")

    heard: dict[str, set[tuple[str, int]]] = {}
    for row in WebhookDelivery.objects.select_related("endpoint", "content_type"):
        heard.setdefault(row.endpoint.name, set()).add((row.content_type.model, row.object_id))
    assert ("quote", quote.pk) in heard["quotes"]
    assert {model for model, _pk in heard["quotes"]} == {"quote"}
    assert heard["elsewhere"] == {("partner", customer.pk)}  # all companies share the customers
    assert heard["all"] >= {("quote", quote.pk), ("partner", customer.pk)}


def test_what_happens_to_webhooks_themselves_is_no_event(world: World, program: Receiver) -> None:
    endpoint = listen(world, program)
    renew_secret(endpoint, by=world.manager)

    assert WebhookEvent.objects.count() == 0


def test_night_writes_its_events_in_bulk(world: World, program: Receiver) -> None:
    deals = [contract(world, payer=PartnerFactory(name=f"Client {n}")) for n in range(3)]
    listen(world, program, areas=["invoices"])
    bill_contracts(deals, on=world.today, by=world.biller)

    kinds = list(WebhookEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["invoice.created"] * 3
    assert list(WebhookEvent.objects.values_list("version", flat=True)) == [1, 1, 1]
    assert deliver_webhooks() == 3


def test_one_act_costs_one_query_more_when_nobody_listens(world: World) -> None:
    with CaptureQueriesContext(connection) as captured:
        record(world.customer, "note", by=world.manager, text="A rappelé")

    asked = [query["sql"] for query in captured if "webhook" in query["sql"]]
    assert len(asked) == 1


# The signature


def test_signature_is_checked_with_the_secret_the_body_and_the_moment(world: World, program: Receiver) -> None:
    endpoint = listen(world, program)
    change(world, world.customer, "Aubry Solène")
    deliver_webhooks()
    (one,) = program.received
    secret, now = secret_of(endpoint), MORNING.timestamp()

    assert is_signed(one, secret, now=now)
    assert not is_signed(one, secret + "0", now=now)
    assert not is_signed(one, secret, now=now + 301)
    one.body += b" "
    assert not is_signed(one, secret, now=now)


def test_new_secret_signs_what_is_sent_from_then_on(world: World, program: Receiver) -> None:
    endpoint = listen(world, program)
    old = secret_of(endpoint)
    renewed = renew_secret(endpoint, by=world.manager)
    change(world, world.customer, "Aubry Solène")
    deliver_webhooks()
    (one,) = program.received

    assert old != secret_of(renewed)
    assert secret_of(WebhookEndpoint.objects.get()) == secret_of(renewed)
    assert is_signed(one, secret_of(renewed), now=MORNING.timestamp())
    assert not is_signed(one, old, now=MORNING.timestamp())


# Order, once or more


def test_events_of_one_document_wait_for_the_one_before_and_others_do_not(world: World, program: Receiver) -> None:
    listen(world, program)
    other = PartnerFactory(name="Autre")
    with later(minutes=0):
        for name in ("A", "B"):
            change(world, world.customer, name)
        change(world, other, "C")
        program.answers = [500]
        assert deliver_webhooks() == 1
        assert [event["document"]["id"] for event in program.events] == [world.customer.pk, other.pk]
        assert rows() == [("waiting", 1), ("waiting", 0), ("sent", 1)]
    with later(seconds=61):
        assert deliver_webhooks() == 2

    keys = [str(key) for key in WebhookEvent.objects.order_by("pk").values_list("key", flat=True)]
    assert [event["id"] for event in program.events] == [keys[0], keys[2], keys[0], keys[1]]


def test_flapping_receiver_gets_everything_in_order(world: World, program: Receiver) -> None:
    listen(world, program)
    program.answers = [500, 200, 503, 429, 200, 302, 200]
    with later(minutes=0):
        for name in ("A", "B", "C", "D"):
            change(world, world.customer, name)
    for hours in range(12):
        with later(hours=hours):
            deliver_webhooks()

    keys = [str(key) for key in WebhookEvent.objects.order_by("pk").values_list("key", flat=True)]
    order = [event["id"] for event in program.events]
    assert order == [keys[0], keys[0], keys[1], keys[1], keys[1], keys[2], keys[2], keys[3]]
    assert rows() == [("sent", 2), ("sent", 3), ("sent", 2), ("sent", 1)]


def test_delivery_in_flight_is_taken_by_nobody_else(world: World, program: Receiver) -> None:
    listen(world, program)
    for name in ("A", "B"):
        change(world, world.customer, name)
    first = WebhookDelivery.objects.order_by("pk")[0]
    WebhookDelivery.objects.filter(pk=first.pk).update(next_try_at=MORNING + services.LEASE, attempts=1)  # taken

    assert deliver_next(at=MORNING + timedelta(seconds=59)) is None
    assert deliver_next(at=MORNING + services.LEASE) is True
    assert len(program.received) == 1


def test_worker_that_died_after_sending_lets_it_be_received_twice_under_one_id(world: World, program: Receiver) -> None:
    listen(world, program)
    with later(minutes=0):
        change(world, world.customer, "A")
        deliver_webhooks()
    # as the worker left it: taken, sent, and nothing written of the answer
    WebhookDelivery.objects.update(state="waiting", sent_at=None, status=None, next_try_at=MORNING + services.LEASE)
    with later(minutes=2):
        deliver_webhooks()

    assert len({event["id"] for event in program.events}) == 1
    assert len(program.received) == 2
    assert rows() == [("sent", 2)]


def test_slow_receiver_is_cut_and_left_alone_for_a_while(
    world: World, program: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "TIMEOUT", 0.3)
    slow = listen(world, program)
    program.waits = 1
    with later(minutes=0):
        change(world, world.customer, "A")
        change(world, PartnerFactory(name="Autre"), "B")
        assert deliver_webhooks() == 0

    assert len(program.received) == 1  # the second one did not wait as long again
    slow.refresh_from_db()
    assert slow.not_before == MORNING + services.PAUSE
    assert WebhookDelivery.objects.order_by("pk")[0].error == "Pas de réponse en 0.3 secondes."
    program.waits = 0
    with later(seconds=60):
        assert deliver_webhooks() == 2


def test_receiver_that_drips_its_answer_is_cut_too(program: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TIMEOUT", 0.5)
    program.drips = True

    with pytest.raises(NoAnswer, match=r"Pas de réponse en 0\.5 secondes"):
        post(program.url, b"{}", {"Content-Type": "application/json"})


def test_redirect_is_not_followed(world: World, program: Receiver) -> None:
    listen(world, program)
    program.answers = [302]
    change(world, world.customer, "A")
    deliver_webhooks()

    assert [one.path for one in program.received] == ["/recu"]
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status, delivery.error) == ("waiting", 302, "Réponse 302.")


def test_eight_tries_over_a_day_then_it_stops_and_its_owner_is_told(world: World, program: Receiver) -> None:
    world.manager.email = "gestion@exemple.example"
    world.manager.save()
    listen(world, program)
    with later(minutes=0):
        change(world, world.customer, "A")
    program.answers = [500] * 20
    moment, moments = timedelta(0), []
    for wait in (*WAITS, None):
        with time_machine.travel(MORNING + moment, tick=False):
            deliver_webhooks()
            moments.append(len(program.received))
            assert deliver_next(at=MORNING + moment) is None
        moment += wait or timedelta(0)

    assert moments == [1, 2, 3, 4, 5, 6, 7, 8] == list(range(1, MOST_TRIES + 1))
    assert timedelta(hours=23) < moment < timedelta(hours=24)
    endpoint = WebhookEndpoint.objects.get()
    reason = "8 essais en un jour sans réponse valable. Le dernier : Réponse 500."
    assert (rows(), endpoint.is_listening, endpoint.stop_reason) == ([("failed", 8)], False, reason)
    assert HistoryLine.objects.of(endpoint).filter(act="stopped").get().text == f"Webhook arrêté : {reason}"
    told = FollowUp.objects.get(content_type=ContentType.objects.get_for_model(WebhookEndpoint))
    assert (told.user, told.text) == (world.manager, "Webhook arrêté : Site")
    mail = Message.objects.get(key__startswith="webhook-")
    assert (mail.to, mail.subject) == ("gestion@exemple.example", "Webhook arrêté : Site")
    assert reason in mail.body
    # nothing is sent nor written any more
    change(world, world.customer, "B")
    with later(days=2):
        assert (deliver_webhooks(), WebhookEvent.objects.count()) == (0, 1)


def test_resumed_endpoint_gets_what_had_failed_and_what_waited_in_order(world: World, program: Receiver) -> None:
    endpoint = listen(world, program)
    for name in ("A", "B"):
        change(world, world.customer, name)
    WebhookDelivery.objects.filter(pk=WebhookDelivery.objects.order_by("pk")[0].pk).update(state="failed", attempts=8)
    stopped = stop_endpoint(endpoint, by=world.manager)
    assert deliver_webhooks() == 0
    with pytest.raises(BusinessError, match="Site est déjà arrêté"):
        stop_endpoint(stopped, by=world.manager)

    resumed = resume_endpoint(stopped, by=world.manager)

    assert (resumed.is_listening, resumed.stop_reason) == (True, "")
    assert deliver_webhooks() == 2
    keys = [str(key) for key in WebhookEvent.objects.order_by("pk").values_list("key", flat=True)]
    assert [event["id"] for event in program.events] == keys
    assert rows() == [("sent", 1), ("sent", 1)]
    with pytest.raises(BusinessError, match="Site écoute déjà"):
        resume_endpoint(resumed, by=world.manager)


def test_replay_sends_the_same_event_again(world: World, program: Receiver) -> None:
    listen(world, program)
    change(world, world.customer, "A")
    deliver_webhooks()
    delivery = WebhookDelivery.objects.get()

    replay(delivery)
    with pytest.raises(BusinessError, match="attend déjà son tour"):
        replay(delivery)
    assert deliver_webhooks() == 1

    assert program.events[0] == program.events[1]
    assert rows() == [("sent", 1)]


def test_replay_to_a_stopped_endpoint_is_refused(world: World, program: Receiver) -> None:
    endpoint = listen(world, program)
    change(world, world.customer, "A")
    deliver_webhooks()
    stop_endpoint(endpoint, by=world.manager)

    with pytest.raises(BusinessError, match="Site est arrêté : reprenez-le d'abord"):
        replay(WebhookDelivery.objects.get())


def test_old_events_are_forgotten_once_nothing_waits(world: World, program: Receiver) -> None:
    listen(world, program)
    change(world, world.customer, "A")
    deliver_webhooks()
    change(world, world.customer, "B")

    assert forget_events(now=MORNING + timedelta(days=29)) == 0
    with later(days=31):
        assert forget_webhooks() == 1
    assert rows() == [("waiting", 0)]


# The addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://site.exemple.example/",
        "https://10.0.0.1/",
        "https://192.168.1.4/x",
        "https://172.16.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://0.0.0.0/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://moi:secret@site.exemple.example/",
        "https://",
        "ftp://site.exemple.example/",
        "https://site.exemple.example:99999/",
        "site",
    ],
)
def test_address_that_nothing_is_sent_to_is_refused_when_it_is_typed(world: World, url: str, settings: Any) -> None:
    settings.WEBHOOKS_LOOPBACK = False
    answer = Api(world.manager).post("webhooks/", {"name": "Site", "url": url})

    assert answer.status_code in (400, 409), answer.data
    assert WebhookEndpoint.objects.count() == 0
    with pytest.raises((AddressRefused, NoAnswer)):
        post(url, b"", {})


def test_name_that_resolves_inside_is_refused_when_it_is_sent(
    world: World, program: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_LOOPBACK = False
    save_endpoint(None, {"company": world.company, "name": "Site", "url": "https://localhost/recu"}, by=world.manager)
    change(world, world.customer, "A")
    deliver_webhooks()

    assert program.received == []
    assert WebhookDelivery.objects.get().error == (
        "« localhost » est une adresse intérieure, ou de cette machine : rien n'y est envoyé."
    )


def test_one_inside_address_among_others_is_enough(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.WEBHOOKS_LOOPBACK = False
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)

    with pytest.raises(AddressRefused):
        post("https://site.exemple.example/", b"", {})


def test_name_that_does_not_exist_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="n'existe pas"):
        post("https://nulle-part.invalid/", b"", {})


# The doors


def test_program_manages_its_webhook_by_the_api(world: World, program: Receiver) -> None:
    api = Api(world.manager)
    made = api.made("webhooks/", {"name": "Site", "url": f"{program.url}/recu", "areas": ["customers"]})
    assert (made["company"], made["areas"], made["stopped_at"], made["stop_reason"]) == (
        world.company.pk, ["customers"], None, "",
    )  # fmt: skip
    endpoint = WebhookEndpoint.objects.get(pk=made["id"])
    assert endpoint.owner == world.manager
    secret = api.get(f"webhooks/{made['id']}/secret/")
    assert (secret.json(), secret["Cache-Control"]) == ({"secret": secret_of(endpoint)}, "no-store")

    change(world, world.customer, "A")
    deliver_webhooks()
    (row,) = api.get("webhook-deliveries/", endpoint=made["id"], state="sent").json()["results"]
    assert UUID(row["event"]) == WebhookEvent.objects.get().key
    assert (row["kind"], row["document"], row["status"], row["attempts"]) == (
        "partner.changed",
        world.customer.pk,
        200,
        1,
    )
    again = api.made(f"webhook-deliveries/{row['id']}/replay/", status=200)
    assert (again["state"], deliver_webhooks(), len(program.received)) == ("waiting", 1, 2)

    assert refused(api.delete(f"webhooks/{made['id']}/")) == "Site écoute encore : arrêtez-le d'abord."
    assert api.made(f"webhooks/{made['id']}/stop/", status=200)["stop_reason"].startswith("Arrêté par")
    assert api.made(f"webhooks/{made['id']}/resume/", status=200)["stopped_at"] is None
    stale = api.post(f"webhooks/{made['id']}/stop/", {"version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    api.made(f"webhooks/{made['id']}/stop/", status=200)
    assert api.delete(f"webhooks/{made['id']}/").status_code == 204
    assert WebhookDelivery.objects.count() == 0


def test_unknown_area_is_refused(world: World) -> None:
    answer = Api(world.manager).post(
        "webhooks/", {"name": "S", "url": "https://a.exemple.example/", "areas": ["programs"]}
    )

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["areas"])


def test_manager_keeps_webhooks_at_the_office(world: World, program: Receiver) -> None:
    office = Office(world.manager)
    office.save(WebhookEndpoint, name="Site", company=world.company, url=f"{program.url}/recu")
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.areas, endpoint.owner) == ([], world.manager)
    office.save(endpoint, areas=["customers"])
    endpoint.refresh_from_db()
    assert (endpoint.areas, endpoint.version) == (["customers"], 2)
    page = office.get(f"/admin/invoicing/webhookendpoint/{endpoint.pk}/change/").content.decode()
    assert secret_of(endpoint) in page

    change(world, world.customer, "A")
    deliver_webhooks()
    delivery = WebhookDelivery.objects.get()
    office.act(delivery, "replay")
    assert deliver_webhooks() == 1
    office.act_on_many([delivery], "replay")
    assert deliver_webhooks() == 1
    assert len(program.received) == 3
    office.act(endpoint, "renew-secret")
    assert secret_of(WebhookEndpoint.objects.get()) != secret_of(endpoint)
    office.act(endpoint, "stop")
    office.act(endpoint, "resume")
    assert WebhookEndpoint.objects.get().is_listening
    office.act(endpoint, "stop")
    office.act(endpoint, "delete")
    assert WebhookEndpoint.objects.count() == 0


def test_address_of_the_inside_is_refused_on_the_page(world: World, settings: Any) -> None:
    settings.WEBHOOKS_LOOPBACK = False
    answer = Office(world.manager).save(WebhookEndpoint, name="Site", company=world.company, url="https://10.0.0.1/")

    assert "adresse intérieure" in answer.content.decode()
    assert WebhookEndpoint.objects.count() == 0


def test_webhook_of_another_company_is_not_there(world: World, program: Receiver) -> None:
    endpoint = listen(world, program, company=CompanyFactory(name="Autre"))
    api = Api(world.manager)

    assert api.get(f"webhooks/{endpoint.pk}/").status_code == 404
    assert api.get(f"webhooks/{endpoint.pk}/secret/").status_code == 404


def test_listening_endpoint_is_not_deleted(world: World, program: Receiver) -> None:
    with pytest.raises(BusinessError, match="écoute encore"):
        delete_endpoint(listen(world, program), by=world.manager)
