"""A worker process as a test holds it."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Worker:
    """A Celery worker and its children, one group of processes."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, text: str, *, seconds: float = 30) -> None:
        """Until the log says `text`."""
        end = time.monotonic() + seconds
        while text not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"The worker did not say {text!r}:\n{self.log.read_text()}", pytrace=False)
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut does: nothing is finished, nothing is given back."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_children(self) -> None:
        """Kill the processes that do the tasks, as the system does when memory is short; the worker itself lives on."""
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
