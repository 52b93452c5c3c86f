"""What the measures share: a database of their own, made empty and thrown away; a PostgreSQL started for it."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
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
    """This same command on the other database: a SQLite file, or a PostgreSQL started for it. Its exit code."""
    again = [sys.executable, sys.argv[0], *sys.argv[1:]]
    environment = dict(os.environ)
    if database == "sqlite":
        environment["DATABASE_URL"] = "sqlite:///bench.sqlite3"
    elif importlib.util.find_spec("tests.servers") is None:
        raise CommandError("Donnez un PostgreSQL : DATABASE_URL=postgres://…")
    else:
        environment.pop("DATABASE_URL", None)
        again = [sys.executable, "-m", "tests.servers", *again]
    return subprocess.run(again, env=environment, check=False).returncode  # noqa: S603 (our own command)


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


def at_least_one(text: str) -> int:
    """How many, on a command line."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"« {text} » n'est pas un nombre d'au moins 1")
    return int(text)


class BenchCommand(BaseCommand):
    """A measure: `figures(options)` runs on the empty database; shown as a table and as one line of JSON."""

    database_name = ""

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, database: str, as_json: bool, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("La mesure ne se lance pas en production.")
        if database != connection.vendor:
            raise SystemExit(again_on(database))
        with thrown_away(self.database_name):
            figures = self.figures(options)
        if not as_json:
            self.table(figures)
        self.stdout.write(json.dumps(figures))

    def figures(self, options: dict[str, Any]) -> dict[str, Any]:
        raise TypeError(f"{type(self).__name__} measures nothing.")

    def table(self, figures: dict[str, Any]) -> None:
        """For people."""
        for name, value in figures.items():
            self.stdout.write(f"{name:<22} {value}")
