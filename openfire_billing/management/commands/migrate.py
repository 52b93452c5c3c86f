"""`migrate` of Django, which a failing migration ends before the guards are made again."""

from typing import Any

from django.core.management.commands import migrate

from openfire_billing.db.guards import guard_statements, put_back


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. After a failure the guards that were there before are there again, for the version in place."""
        kept = guard_statements(options["database"])
        try:
            super().handle(*args, **options)
        except BaseException:
            put_back(kept, options["database"])
            raise
