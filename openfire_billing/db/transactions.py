"""Transactions of services. Doors open none: they hand their act to `perform` (invoicing/services/records/acts.py)."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection
from django.db.transaction import atomic, on_commit, set_rollback

from openfire_billing.db.locks import Moved

__all__ = ["atomic", "in_transaction", "is_conflict", "on_commit", "repeated", "set_rollback"]

T = TypeVar("T")
MOST_MOVES = 3  # times an act is repeated because what it must lock changed
_CONFLICTS = ("40P01", "40001")  # deadlock detected, serialization failure


def in_transaction() -> bool:
    """Return whether a transaction is open: its locks are kept until it ends."""
    return connection.in_atomic_block


def is_conflict(error: OperationalError) -> bool:
    """Return whether the database ended a transaction because of another one: repeated, it may pass."""
    return getattr(error.__cause__, "sqlstate", "") in _CONFLICTS


def repeated(act: Callable[[], T], *, restore: Callable[[], None] = lambda: None) -> T:
    """Run `act` in a transaction; once more after a conflict, three times more when what it must lock changed.

    `restore` puts back, before each repetition, what the act used up outside the database. Inside an open transaction
    nothing is repeated: the outer act is. Raises OperationalError when it does not pass.
    """
    if in_transaction():
        with atomic():
            return act()
    conflicts = moves = 0
    while True:
        try:
            with atomic():
                return act()
        except Moved:
            moves += 1
            if moves > MOST_MOVES:
                raise
        except OperationalError as error:
            conflicts += 1
            if conflicts > 1 or not is_conflict(error):
                raise
        restore()
