"""`flush` of Django, which empties every table: guards would refuse it."""

from typing import Any

from django.core.management.commands import flush

from openfire_billing.db.guards import without_guards


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        """Empty the database, in one transaction without guards."""
        with without_guards(options["database"]):
            super().handle(**options)
