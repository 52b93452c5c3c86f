"""The ground of this folder: a real PostgreSQL that makes writers wait, a real broker, a worker that dies."""

from collections.abc import Callable
from typing import Any

import redis
from django.contrib.auth.models import User
from django.db import connection, transaction

from openfire_billing.celery import app
from tests.faults.workers import Worker

TASK = "openfire_billing.office.tasks.heartbeat"
DONE = "succeeded in"


def test_threads_queue_for_a_row(in_threads: Callable[..., list[Any]]) -> None:
    User.objects.create(username="counter", last_name="0")

    def count(number: int) -> int:
        with transaction.atomic():
            counter = User.objects.select_for_update().get()
            counter.last_name = str(int(counter.last_name) + 1)
            counter.save()
            if number == 3:
                raise ValueError("three gives up")
        return number

    outcomes = in_threads(8, count)

    assert connection.vendor == "postgresql"
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [0, 1, 2, 4, 5, 6, 7]
    assert isinstance(outcomes[3], ValueError)
    assert User.objects.get().last_name == "7"


def test_task_waits_in_the_broker_for_a_worker(broker: str, start_worker: Callable[..., Worker]) -> None:
    app.send_task(TASK)

    with redis.from_url(broker) as queues:
        assert queues.llen("default") == 1
    start_worker().wait_for(DONE)
    with redis.from_url(broker) as queues:
        assert queues.llen("default") == 0


def test_killed_worker_is_gone_and_another_takes_over(start_worker: Callable[..., Worker]) -> None:
    first = start_worker()
    first.kill()
    app.send_task(TASK)

    start_worker().wait_for(DONE)

    assert first.process.returncode == -9
