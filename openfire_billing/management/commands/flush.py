"""`flush` of Django, which empties every table: guards would refuse it."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import flush
from django.db import OperationalError

from openfire_billing.db.guards import without_guards
from openfire_billing.db.transactions import is_conflict

MOST_TRIES = 5


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        """Empty the database, in one transaction without guards; again after a deadlock with a request still running."""
        for turn in range(1, MOST_TRIES + 1):
            try:
                with without_guards(options["database"]):
                    super().handle(**options)
                return
            except (CommandError, OperationalError) as error:
                cause = error.__cause__ if isinstance(error, CommandError) else error
                if turn == MOST_TRIES or not isinstance(cause, OperationalError) or not is_conflict(cause):
                    raise
