"""`/healthz`: database, broker, age of beat."""

from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from kombu import pools

from contracts.models import Contract
from invoicing.models import Message
from openfire_billing.celery import app
from openfire_billing.office.roles import MANAGER
from openfire_billing.office.tasks import HEARTBEAT, heartbeat
from tests.contracts.contract_builders import make_contract
from tests.factories import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_beat_yet() -> Iterator[None]:
    cache.delete(HEARTBEAT)
    yield
    cache.delete(HEARTBEAT)


@pytest.fixture
def broker_out() -> Iterator[None]:
    """A broker nobody listens at."""
    usual = app.conf.broker_url
    app.conf.broker_url = app.conf.broker_write_url = "redis://127.0.0.1:1/0"
    pools.reset()
    yield
    app.conf.broker_url = app.conf.broker_write_url = usual
    pools.reset()


def test_all_is_well_and_beat_was_never_seen() -> None:
    answer = Client().get("/healthz")

    told = {name: answer.json()[name] for name in ("database", "broker", "beat_age", "beat")}
    assert answer.status_code == 200
    assert told == {"database": "ok", "broker": "ok", "beat_age": None, "beat": "late"}


def test_beat_just_seen_is_told_with_its_age() -> None:
    heartbeat()

    answer = Client().get("/healthz").json()

    assert answer["beat"] == "ok"
    assert 0 <= answer["beat_age"] < 5


def test_beat_seen_long_ago_is_late() -> None:
    cache.set(HEARTBEAT, timezone.now().timestamp() - 360)

    assert Client().get("/healthz").json()["beat"] == "late"


@pytest.mark.usefixtures("broker_out")
def test_broker_out_of_reach_is_unavailable() -> None:
    answer = Client().get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "ok"
    assert answer.json()["broker"] != "ok"


def test_answer_is_never_kept() -> None:
    assert "no-store" in Client().get("/healthz")["Cache-Control"]


@pytest.mark.parametrize(("ahead", "told"), [(60, "ok"), (180, "late"), (86_400 * 30, "late")])
def test_beat_of_a_clock_that_ran_ahead_is_late(ahead: int, told: str) -> None:
    cache.set(HEARTBEAT, timezone.now().timestamp() + ahead)

    answer = Client().get("/healthz").json()

    assert answer["beat"] == told
    assert -ahead <= answer["beat_age"] < -ahead + 30


def test_what_waits_is_counted_without_a_name(world: World) -> None:
    contract = make_contract(world, "01/11/26")
    Contract.objects.filter(pk=contract.pk).update(set_aside_code="x", set_aside_reason="Aubry")
    for number, state in enumerate(("waiting", "waiting", "failed", "sent")):
        created = timezone.now() - timedelta(seconds=100 * number)
        Message.objects.create(key=f"k{number}", to="a@exemple.example", body="Aubry", state=state, created_at=created)
    world.posted()

    answer = Client().get("/healthz")

    told = answer.json()
    assert told["contracts"] == {"set_aside": 1}
    assert (told["messages"]["waiting"], told["messages"]["failed"]) == (2, 1)
    assert 100 <= told["messages"]["oldest"] < 130
    assert (told["documents"]["waiting"], told["documents"]["queued"]) == (0, 1)
    assert 0 <= told["documents"]["oldest"] < 30
    assert told["night"] == "missing"
    for personal in ("Aubry", "exemple.example", contract.reference):
        assert personal not in answer.content.decode()


def test_first_page_says_the_same(world: World) -> None:
    make_contract(world, "01/11/26")
    created = timezone.now() - timedelta(minutes=11)
    Message.objects.create(key="k1", to="a@exemple.example", body="x", created_at=created)
    Message.objects.create(key="k2", to="a@exemple.example", body="x", state="failed")

    page = unescape(world.office(MANAGER).get("/admin/").content.decode())

    assert "Aucun passage de facturation dans la nuit du 24/11/2026 : lancez-le depuis cette page." in page
    assert "<b>1 message en attente</b><small>Depuis plus de dix minutes." in page
    assert "<b>E-mail en échec</b> <span>a@exemple.example</span>" in page
    assert "<b>Nuit sans facturation</b>" in page
