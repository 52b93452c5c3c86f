"""The `celery` command as an operator types it."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parents[2]


def test_task_is_queued_from_the_command_line() -> None:
    command = [
        sys.executable,
        "-m",
        "celery",
        "--app=openfire_billing",
        "call",
        "openfire_billing.office.tasks.heartbeat",
    ]
    environment = {**os.environ, "TESTING": "1", "REDIS_URL": "", "DJANGO_SETTINGS_MODULE": "openfire_billing.settings"}

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert UUID(done.stdout.strip())
