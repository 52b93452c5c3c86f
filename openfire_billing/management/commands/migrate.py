"""`migrate` of Django: one at a time on a database, and its guards are back after a migration that fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from openfire_billing.db.guards import guard_statements, put_back

_LOCK = "hashtext('openfire_billing.migrate')"


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. After a failure the guards that were there before are there again, for the version in place."""
        with _alone(options["database"]):
            kept = guard_statements(options["database"])
            try:
                super().handle(*args, **options)
            except BaseException:
                put_back(kept, options["database"])
                raise


@contextmanager
def _alone(using: str) -> Iterator[None]:
    """Hold the database's lock of migrations; wait while another process holds it.

    The session that migrates holds the lock itself: PostgreSQL releases it when that session ends, which for a killed
    process is after the statement it was in, a COMMIT too. SQLite has one writer at a time and needs none.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({_LOCK})")
    session = connection.connection
    try:
        yield
    finally:
        if connection.connection is session and not session.closed:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock({_LOCK})")
