"""Workers in processes of their own, on the database under test and the real broker, to be killed at will."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.workers import Worker

CELERY = [sys.executable, "-m", "celery", "--app=openfire_billing", "worker"]
CELERY += ["--concurrency=1", "--loglevel=INFO", "--without-mingle", "--without-gossip"]


@pytest.fixture
def start_worker(broker: str, process_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """`start_worker()`: a worker that is ready. More words are given to `celery worker`. All are killed at the end."""
    workers: list[Worker] = []

    def start(*words: str) -> Worker:
        number = len(workers) + 1
        log = tmp_path / f"worker{number}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*CELERY, f"--hostname=worker{number}@tests", *words],
                env=process_environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        workers.append(Worker(process, log))
        workers[-1].wait_for(" ready.")
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
