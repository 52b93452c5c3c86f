"""The night, its workers killed without warning, beat firing twice, the broker gone: everything is billed once."""

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.db import connections
from django.utils import timezone
from kombu import pools

from contracts.models import BillingRun, Contract, PeriodClaim
from contracts.services.billing import bill_chunk
from contracts.services.night import resume_runs, run_night, start_night
from contracts.services.runs import chunks_of, finish_run, start_run
from contracts.tasks import bill_night
from invoicing.models import Company, Invoice, InvoiceLine
from openfire_billing.celery import app
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_volume import MARK, load_contracts
from tests.bench.kinds import bench_kinds
from tests.contracts.contract_builders import day, make_many
from tests.factories.world import World, make_world
from tests.faults.workers import Worker

KILLS, VOLUME = 20, 800


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def test_killed_twenty_times_and_taken_up(transactional_db: None) -> None:
    on = timezone.localdate()
    load_demonstration(on=on)
    load_contracts(VOLUME, company=Company.objects.get(), on=on, kinds=bench_kinds(on))
    volume = list(Contract.objects.filter(notes=MARK).values_list("pk", flat=True))
    run = start_run(on=on, by=None, selection=volume)
    dice = random.Random(20)

    for _time in range(KILLS):
        _kill_at_work(run, dice)

    before = run.outcomes.count()
    for ids in chunks_of(run, 3):
        bill_chunk(run, ids)
    run = finish_run(run)
    assert KILLS <= before < VOLUME
    assert (run.expected, run.billed, run.refused) == (VOLUME, VOLUME, 0)
    assert Invoice.objects.count() == VOLUME
    assert (
        PeriodClaim.objects.count() == PeriodClaim.objects.values("article", "start").distinct().count() == 3 * VOLUME
    )
    assert InvoiceLine.objects.filter(periodclaims__isnull=True).count() == 0


def _kill_at_work(run: BillingRun, dice: random.Random) -> None:
    """A process of its own bills the run in small chunks; it dies some chunks later, at any point of one."""
    wanted = run.outcomes.count() + dice.randint(1, 9)
    connections.close_all()  # the child must not share a connection
    child = os.fork()
    if child == 0:
        try:
            for ids in chunks_of(run, 3):
                bill_chunk(run, ids)
        finally:
            os._exit(0)
    while run.outcomes.count() < wanted:
        time.sleep(0.001)
    time.sleep(dice.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was done before it died"


def _wait_until_done(run_id: int, seconds: float = 60) -> BillingRun:
    end = time.monotonic() + seconds
    while (run := BillingRun.objects.get(pk=run_id)).is_running:
        if time.monotonic() > end:
            pytest.fail(f"Not finished: {run.outcomes.count()} of {run.expected}", pytrace=False)
        time.sleep(0.1)
    return run


def test_two_beats_make_one_night(
    world: World, broker: str, start_worker: Callable[..., Worker], in_threads: Any
) -> None:
    contracts = make_many(world, 30)
    start_worker()

    nights = in_threads(2, lambda number: bill_night())

    (run_id,) = {night for night in nights if night is not None}
    run = _wait_until_done(run_id)
    assert BillingRun.objects.count() == 1
    assert (run.kind, run.billed, run.refused) == ("night", 30, 0)
    claims = PeriodClaim.objects.filter(article__line__contract__in=contracts)
    assert claims.count() == claims.values("article", "start").distinct().count()
    assert not Contract.objects.due(timezone.localdate()).exists()


def test_worker_killed_in_the_middle_is_replaced(
    world: World, broker: str, start_worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_many(world, 120)
    first = start_worker()
    run = start_run(on=day("15/02/26"), by=None)
    for ids in chunks_of(run, 10):
        app.send_task("contracts.tasks.bill_chunk", args=[run.pk, ids])
    while not run.outcomes.exists():
        time.sleep(0.01)
    first.kill()
    assert run.outcomes.count() < 120

    start_worker()
    assert resume_runs(still=0) == 1

    done = _wait_until_done(run.pk)
    assert (done.expected, done.billed, done.refused) == (120, 120, 0)
    assert Invoice.objects.count() == PeriodClaim.objects.count() == 240


def test_broker_gone_and_back(world: World, broker: str, start_worker: Callable[..., Worker]) -> None:
    make_many(world, 20)
    run = start_night(on=timezone.localdate())
    assert run is not None
    _speak_to("redis://127.0.0.1:1/0")
    try:
        run_night(run)  # survives: nothing could be handed out
    finally:
        _speak_to(broker)
    with redis.from_url(broker) as queues:
        assert queues.llen("billing") == 0
    assert BillingRun.objects.get().is_running
    assert not Invoice.objects.exists()

    start_worker()
    assert resume_runs(still=0) == 1

    done = _wait_until_done(run.pk)
    assert (done.billed, done.refused) == (20, 0)
    claims = PeriodClaim.objects.all()
    assert claims.count() == claims.values("article", "start").distinct().count() > 0


def _speak_to(url: str) -> None:
    app.conf.broker_url = app.conf.broker_read_url = app.conf.broker_write_url = url
    pools.reset()
    app._after_fork()
