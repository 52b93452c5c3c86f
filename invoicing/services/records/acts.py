"""How a door runs an act: in one transaction, once for its key, again after a conflict, an outage put into words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models import IdempotencyKey
from openfire_billing.db.transactions import atomic, repeated
from openfire_billing.kernel.errors import BusinessError, Unavailable

T = TypeVar("T")


@dataclass(frozen=True)
class Once:
    """The key of an act. `scope`: whose it is, « user:12 ». `fingerprint`: what was asked, for doors of programs."""

    scope: str
    key: str
    fingerprint: str = ""

    def of(self, document: Any) -> "Once":
        """The key of the part of an act on many documents that concerns one of them."""
        return Once(self.scope, f"{self.key}:{document._meta.label_lower}:{document.pk}", self.fingerprint)


@dataclass(frozen=True)
class Performed(Generic[T]):
    """`result` of the act; None when it was done before: then `status` and `answer` are what was answered."""

    result: T | None
    status: int = 0
    answer: Any = None
    is_repeat: bool = False


def _no_answer(_result: Any) -> tuple[int, Any]:
    return 0, None


def perform(
    act: Callable[[], T],
    *,
    once: Once | None = None,
    answer: Callable[[T], tuple[int, Any]] = _no_answer,
    restore: Callable[[], None] = lambda: None,
) -> Performed[T]:
    """Run `act` in one transaction. With a key: unless it was done already, and keep what `answer` gives of its result.

    A conflict between two acts repeats this one (`restore` first puts back what it used up). Raises what the act
    raises; Unavailable when the database is busy or away; BusinessError when the key was given to something else.
    """

    def whole() -> Performed[T]:
        if once is not None and not _take(once):
            return _earlier(once)
        result = act()
        if once is not None:
            status, kept = answer(result)
            IdempotencyKey.objects.filter(scope=once.scope, key=once.key).update(status=status, answer=kept)
        return Performed(result)

    if connection.in_atomic_block:  # a part of a larger act, which is repeated as a whole
        with atomic():
            return whole()
    try:
        return repeated(whole, restore=restore)
    except (OperationalError, InterfaceError) as away:
        raise Unavailable(
            _(
                "Rien n'est enregistré : la base de données est occupée ou ne répond pas. "
                "Votre saisie est gardée, réessayez dans quelques secondes."
            )
        ) from away


@contextmanager
def reading_only() -> Iterator[None]:
    """What is shown after a refusal writes nothing: on SQLite, the transaction of a page waits for no other writer."""
    mode = getattr(connection, "transaction_mode", None)
    connection.transaction_mode = None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.transaction_mode = mode  # type: ignore[attr-defined]


def _take(once: Once) -> bool:
    """Write the key: whether nobody had. Another act with the same key that is under way is waited for."""
    table = connection.ops.quote_name(IdempotencyKey._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {table} ("scope", "key", "fingerprint", "status", "at") VALUES (%s, %s, %s, 0, %s) '  # noqa: S608
            'ON CONFLICT ("scope", "key") DO NOTHING',
            [once.scope, once.key, once.fingerprint, timezone.now()],
        )
        return bool(cursor.rowcount == 1)


def _earlier(once: Once) -> Performed[Any]:
    """What was answered to the key. Raises BusinessError when it was given to something else."""
    row = IdempotencyKey.objects.get(scope=once.scope, key=once.key)
    if row.fingerprint != once.fingerprint:
        raise BusinessError(
            _("La clé « %s » a déjà servi à une autre demande : choisissez-en une nouvelle.") % once.key,
            code="idempotency_key_reused",
        )
    return Performed(None, row.status, row.answer, is_repeat=True)
