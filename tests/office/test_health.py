"""`/healthz`: database, broker, age of beat."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from kombu import pools

from openfire_billing.celery import app
from openfire_billing.office.tasks import HEARTBEAT, heartbeat

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
    cache.set(HEARTBEAT, timezone.now() - timedelta(minutes=6))

    assert Client().get("/healthz").json()["beat"] == "late"


@pytest.mark.usefixtures("broker_out")
def test_broker_out_of_reach_is_unavailable() -> None:
    answer = Client().get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "ok"
    assert answer.json()["broker"] != "ok"


def test_answer_is_never_kept() -> None:
    assert "no-store" in Client().get("/healthz")["Cache-Control"]
