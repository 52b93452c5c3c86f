"""What the measures share: a database of their own, made empty and thrown away; a PostgreSQL started for it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection


@contextmanager
def thrown_away(name: str) -> Iterator[None]:
    """The connection on an empty, migrated database of that name, which is gone afterwards."""
    kept = connection.settings_dict["NAME"]
    with tempfile.TemporaryDirectory() as folder:
        is_file = connection.vendor == "sqlite"
        connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / f"{name}.sqlite3") if is_file else name
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(kept, verbosity=0)


def again_on(database: str) -> int:
    """The same measure on the other database: a SQLite file, or a PostgreSQL started for it. Its exit code."""
    again = [sys.executable, "-m", "tests.bench", *sys.argv[1:]]
    environment = dict(os.environ)
    if database == "sqlite":
        environment["DATABASE_URL"] = "sqlite:///bench.sqlite3"
    else:
        environment.pop("DATABASE_URL", None)
        again = [sys.executable, "-m", "tests.servers", *again]
    return subprocess.run(again, env=environment, check=False).returncode


def session_of_database() -> int:
    """The process of this database session, 0 when there is none (SQLite) or it is out of sight (another machine)."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = int(cursor.fetchone()[0])
    return pid if Path(f"/proc/{pid}/stat").exists() else 0


def cpu_of(pid: int) -> float:
    """Processor seconds that a process has used; none for 0."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def analyse() -> None:
    """Fresh statistics, as the database's own housekeeping would have made."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def sweep() -> None:
    """Tables as they are found after some days: swept and counted on PostgreSQL; on SQLite nothing does it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
