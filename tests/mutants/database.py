"""A pytest plugin: the first run migrates a SQLite database and keeps it; the runs after it start from a copy.

`MUTANTS_DATABASE` names the file kept. On PostgreSQL each run migrates a database of its own.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3.creation import DatabaseCreation

KEPT = Path(os.environ["MUTANTS_DATABASE"])
_create = DatabaseCreation.create_test_db


def create_test_db(self: DatabaseCreation, *args: Any, **options: Any) -> str:
    """As Django's, from the file kept when there is one."""
    settings = self.connection.settings_dict
    if not KEPT.exists():
        made = _create(self, *args, **options)
        self.connection.close()
        part = KEPT.with_suffix(f".{os.getpid()}")
        shutil.copyfile(made, part)
        part.replace(KEPT)  # whole or not there: other runs look for it
        return made
    self.connection.close()
    settings["NAME"] = str(settings["TEST"]["NAME"])
    shutil.copyfile(KEPT, settings["NAME"])
    return settings["NAME"]


DatabaseCreation.create_test_db = create_test_db  # type: ignore[method-assign]
