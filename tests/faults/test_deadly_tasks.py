"""A task that kills its process: it is not delivered again, its row counts the tries, and it is given up."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection, transaction
from django.utils import timezone

from contracts.models import BillingRun, Contract
from contracts.services.night import resume_runs
from contracts.services.runs import chunks_of, start_run
from invoicing.models import DocumentJob, Invoice, InvoiceDocument, Message
from invoicing.services.records.messages import queue_message
from openfire_billing.celery import app
from tests.contracts.contract_builders import day, make_many
from tests.factories.world import World, make_world
from tests.faults.gateways import mail_server
from tests.faults.workers import Worker

LOST = "WorkerLostError"


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def _wait(until: Callable[[], Any], what: Callable[[], Any], *, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            pytest.fail(f"Not reached: {what()}", pytrace=False)
        time.sleep(0.05)


def _lost(worker: Worker, times: int = 1) -> None:
    """Wait until the worker has noticed that so many of its processes died."""
    _wait(lambda: worker.log.read_text().count(f"raised error: {LOST}") >= times, worker.log.read_text)


def _until_one_waits(worker: Worker) -> None:
    """Wait until a process of the worker waits for a lock that the test holds."""

    def waiting() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")
            return int(cursor.fetchone()[0])

    _wait(waiting, worker.log.read_text)


def _none_left(broker: str) -> None:
    """Wait until no message is in the queues, and all that were given out are acknowledged."""

    def left() -> list[int]:
        with redis.from_url(broker) as queues:
            return [queues.llen(name) for name in ("billing", "documents", "default")] + [queues.hlen("unacked")]

    _wait(lambda: left() == [0, 0, 0, 0], left, seconds=5)


def test_text_message_that_kills_its_worker_leaves_once(
    world: World, broker: str, process_environment: dict[str, str], start_worker: Callable[..., Worker], tmp_path: Path
) -> None:
    sent = tmp_path / "sent"
    process_environment |= {"SMS_BACKEND": "tests.faults.gateways.deadly", "DEADLY_SMS": str(sent)}
    worker = start_worker()

    message = queue_message(None, key="k", kind="sms", to="+33639982010", body="Bonjour", by=world.planner)
    _lost(worker)

    _none_left(broker)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("sending", 1)
    Message.objects.update(next_try_at=timezone.now())
    app.send_task("invoicing.tasks.send_waiting_messages")
    _wait(lambda: Message.objects.get().state == "unsure", worker.log.read_text)
    assert sent.read_text() == "+33639982010 Bonjour\n"
    assert Message.objects.get().error == (
        "L'envoi a été coupé, le processus s'est arrêté. Le SMS est peut-être parti : il n'est pas renvoyé tout seul. "
        "Demandez au client, puis renvoyez."
    )


def test_mail_whose_worker_dies_is_sent_again(
    world: World, broker: str, process_environment: dict[str, str], start_worker: Callable[..., Worker]
) -> None:
    workers: list[Worker] = []

    def on_letter(count: int) -> bool:
        if count == 1:
            workers[0].kill_children()
        return count == 1

    with mail_server(on_letter) as (address, received):
        process_environment |= {"EMAIL_URL": address}
        workers.append(start_worker())
        queue_message(None, key="k", to="a@exemple.example", subject="Bonjour", body="Bonjour", by=world.planner)
        _lost(workers[0])
        _none_left(broker)
        assert Message.objects.values_list("state", "attempts").get() == ("sending", 1)

        Message.objects.update(next_try_at=timezone.now())
        app.send_task("invoicing.tasks.send_waiting_messages")
        _wait(lambda: Message.objects.get().state == "sent", workers[0].log.read_text)

    assert (len(received), Message.objects.get().attempts) == (2, 2)


def test_document_that_kills_its_worker_is_given_up_after_three(
    world: World, broker: str, start_worker: Callable[..., Worker]
) -> None:
    invoice = world.posted()
    workers: list[Worker] = []
    for loss in (1, 2, 3):
        with transaction.atomic():
            InvoiceDocument.objects.create(invoice=invoice, content=b"", sha256="")  # the worker waits for its end
            if workers:
                app.send_task("invoicing.tasks.render_waiting")
            else:
                workers.append(start_worker("--queues=documents"))  # posting has queued the task
            _until_one_waits(workers[0])
            workers[0].kill_children()
            _lost(workers[0], loss)
            transaction.set_rollback(True)
        _none_left(broker)
        job = DocumentJob.objects.get()
        assert (job.attempts, job.losses) == (loss, loss - 1)
        DocumentJob.objects.update(taken_until=timezone.now() - timedelta(seconds=1))

    app.send_task("invoicing.tasks.render_waiting")

    _wait(lambda: DocumentJob.objects.get().last_error, workers[0].log.read_text)
    job = DocumentJob.objects.get()
    assert (job.attempts, job.losses, InvoiceDocument.objects.count()) == (3, 3, 0)
    assert job.last_error.startswith("la mise en page a arrêté 3 fois de suite le processus")


def test_chunk_that_kills_its_worker_is_taken_up_by_its_run_alone(
    world: World, broker: str, start_worker: Callable[..., Worker]
) -> None:
    contracts = make_many(world, 3)
    run = start_run(on=day("15/02/26"), by=None)
    worker = start_worker("--queues=billing")
    with transaction.atomic():
        Contract.objects.select_for_update().get(pk=contracts[0].pk)  # the worker waits for its end
        for ids in chunks_of(run):
            app.send_task("contracts.tasks.bill_chunk", args=[run.pk, ids])
        _until_one_waits(worker)
        worker.kill_children()
        _lost(worker)
    _none_left(broker)
    assert Invoice.objects.count() == 0

    assert resume_runs(still=0) == 1

    _wait(lambda: not BillingRun.objects.running().exists(), worker.log.read_text)
    done = BillingRun.objects.get()
    assert (done.state, done.billed, done.refused, done.resumed) == ("done", 3, 0, 0)
