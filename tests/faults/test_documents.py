"""PDFs by worker processes: each made once, and a night is over before its papers are."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.utils import timezone

from contracts.models import BillingRun, Contract
from contracts.tasks import bill_night
from invoicing.models import DocumentJob, Invoice, InvoiceDocument
from invoicing.services.posting.post import post_invoices
from openfire_billing.celery import app
from tests.contracts.contract_builders import make_many
from tests.factories.world import World, make_world
from tests.faults.workers import Worker

MADE = re.compile(r"Task invoicing\.tasks\.render_(?:waiting|document)\[[^]]+\] succeeded in [^:]+: (\w+)")


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def _wait(until: Callable[[], bool], what: Callable[[], Any], *, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            pytest.fail(f"Not reached: {what()}", pytrace=False)
        time.sleep(0.1)


def _renderings(worker: Worker) -> int:
    """How many PDFs a worker says that it made."""
    return sum({"True": 1, "False": 0}.get(made) or int(made.isdecimal() and made) for made in _answers(worker))


def _answers(worker: Worker) -> list[str]:
    return MADE.findall(worker.log.read_text())


@pytest.mark.parametrize("count", [50, 20])
def test_two_workers_make_each_paper_once(
    world: World, broker: str, start_worker: Callable[..., Worker], count: int
) -> None:
    drafts = [world.draft() for _n in range(count)]
    workers = [start_worker("--queues=documents") for _n in range(2)]

    post_invoices(drafts, on=world.today, by=world.accountant)
    if count > 20:
        app.send_task("invoicing.tasks.render_waiting")  # as the sweep does meanwhile
    asked = 2 if count > 20 else count

    _wait(lambda: not DocumentJob.objects.exists(), DocumentJob.objects.count)
    _wait(lambda: sum(len(_answers(worker)) for worker in workers) == asked, lambda: [_answers(w) for w in workers])
    made = [_renderings(worker) for worker in workers]
    assert (InvoiceDocument.objects.count(), sum(made)) == (count, count)
    assert min(made) > 0


def test_night_that_posts_is_over_before_its_papers(
    world: World, broker: str, start_worker: Callable[..., Worker]
) -> None:
    make_many(world, 30, auto_post=True)
    start_worker("--queues=billing,default")

    bill_night()

    _wait(lambda: not BillingRun.objects.running().exists(), BillingRun.objects.values)
    posted = Invoice.objects.posted().count()
    assert BillingRun.objects.get().billed == 30
    assert posted >= 30
    assert not Contract.objects.due(timezone.localdate()).exists()
    assert (InvoiceDocument.objects.count(), DocumentJob.objects.count()) == (0, posted)
    with redis.from_url(broker) as queues:
        assert queues.llen("documents") >= 1
        assert queues.llen("billing") == queues.llen("default") == 0

    start_worker("--queues=documents")
    _wait(lambda: not DocumentJob.objects.exists(), DocumentJob.objects.count)
    assert InvoiceDocument.objects.count() == posted
