import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from openfire_billing.office.bench import Figures, measure


class Command(BaseCommand):
    help = "Mesure la facturation des contrats, dans une base à part qui est jetée ensuite."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--contracts", type=int, default=10_000)
        parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
        parser.add_argument("--workers", type=int, default=1)
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, contracts: int, database: str, workers: int, as_json: bool, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("La mesure ne se lance pas en production.")
        if database != connection.vendor:
            raise SystemExit(self.elsewhere(database))
        with tempfile.TemporaryDirectory() as folder:
            if database == "sqlite":
                connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "bench.sqlite3")
            else:
                connection.settings_dict["TEST"]["NAME"] = "bench_billing"
            kept = connection.settings_dict["NAME"]
            connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            try:
                figures = measure(contracts, workers=workers, say=self.stderr.write)
            finally:
                connection.creation.destroy_test_db(kept, verbosity=0)
        if not as_json:
            self.table(figures)
        self.stdout.write(json.dumps(figures.as_dict()))

    def elsewhere(self, database: str) -> int:
        """The same command on the other database: a SQLite file, or a PostgreSQL started for it."""
        again = [sys.executable, sys.argv[0], *sys.argv[1:]]
        environment = dict(os.environ)
        if database == "sqlite":
            environment["DATABASE_URL"] = "sqlite:///bench.sqlite3"
        elif importlib.util.find_spec("tests.servers") is None:
            raise CommandError("Donnez un PostgreSQL : DATABASE_URL=postgres://…")
        else:
            environment.pop("DATABASE_URL", None)
            again = [sys.executable, "-m", "tests.servers", *again]
        return subprocess.run(again, env=environment, check=False).returncode

    def table(self, figures: Figures) -> None:
        for name, value in figures.as_dict().items():
            self.stdout.write(f"{name:<22} {value}")
