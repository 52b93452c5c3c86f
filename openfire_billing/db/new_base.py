"""A new SQLite database, which takes its name once it is filled."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

ENDINGS = ("", "-journal", "-shm", "-wal")  # of the files of a SQLite database


@contextmanager
def filled_aside() -> Iterator[None]:
    """Fill a SQLite database that does not exist yet under another name, and rename it at the end of the block.

    A process that is killed, or an exception, leaves no database of the real name; what it began is removed by the
    next call. A database that exists, one in memory and any PostgreSQL are filled as they stand.
    """
    name = str(connection.settings_dict["NAME"])
    base = Path(name)
    if connection.vendor != "sqlite" or name == ":memory:" or "mode=memory" in name or base.exists():
        yield
        return
    unfinished = base.with_name(f"{base.name}.new")
    for ending in ENDINGS:
        Path(f"{unfinished}{ending}").unlink(missing_ok=True)
    connection.close()
    connection.settings_dict["NAME"] = str(unfinished)
    try:
        yield
    finally:
        connection.close()  # the last one: SQLite writes its log into the file
        connection.settings_dict["NAME"] = str(base)
    unfinished.replace(base)
