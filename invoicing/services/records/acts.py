"""Run an act for an office page, the phone or the API: one transaction, once for its key, repeated after a conflict."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypedDict, TypeVar

from django.apps import apps
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models import IdempotencyKey
from invoicing.services.locks import AnyRecord
from openfire_billing.db import bulk
from openfire_billing.db.transactions import atomic, repeated
from openfire_billing.kernel.errors import BusinessError, Unavailable
from openfire_billing.kernel.outcome import Outcome

T = TypeVar("T")


@dataclass(frozen=True)
class Once:
    """The key of an act. `scope`: its owner, « user:12 ». `fingerprint`: SHA-256 of the request, for programs."""

    scope: str
    key: str
    fingerprint: str = ""

    @property
    def name(self) -> str:
        """The scope and the key in one text, for a row that stores it."""
        return f"{self.scope}:{self.key}"

    def of(self, document: Model) -> "Once":
        """Return the key of one document, in an act on many."""
        return Once(self.scope, f"{self.key}:{document._meta.label_lower}:{document.pk}", self.fingerprint)


@dataclass(frozen=True)
class Performed(Generic[T]):
    """The `result` of an act. Of a repeated act (`is_repeat`) it is None, and `status` and `answer` are those stored."""

    result: T | None
    status: int = 0
    answer: object = None
    is_repeat: bool = False


def _no_answer(_result: object) -> tuple[int, object]:
    return 0, None


def perform(
    act: Callable[[], T],
    *,
    once: Once | None = None,
    answer: Callable[[T], tuple[int, object]] = _no_answer,
    restore: Callable[[], None] = lambda: None,
) -> Performed[T]:
    """Run `act` in one transaction. With a key, run it once, and store `answer(result)` as (status, JSON value).

    After a conflict with another act, calls `restore`, which undoes what the attempt consumed, and runs `act` again.
    Raises what the act raises; Unavailable when the database is busy or away; BusinessError when the key has another
    fingerprint.
    """

    def whole() -> Performed[T]:
        if once is not None and not _take(once):
            return _earlier(once)
        result = act()
        if once is not None:
            status, value = answer(result)
            IdempotencyKey.objects.filter(scope=once.scope, key=once.key).update(status=status, answer=value)
        return Performed(result)

    if connection.in_atomic_block:  # part of a larger act, which is repeated as a whole
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


def perform_each(
    documents: Iterable[AnyRecord], act: Callable[[AnyRecord], object], *, once: Once | None = None
) -> list[Outcome]:
    """Run an act on each document, in a transaction each. A refusal does not stop the others; Unavailable does.

    `act(document)` returns a document it created, None, or an Outcome. `once`: as in `perform_together`.
    """

    def alone(members: Sequence[AnyRecord]) -> list[Outcome]:
        made = act(members[0])
        return [made if isinstance(made, Outcome) else Outcome(members[0], made=made)]

    outcomes: list[Outcome] = []
    for document in documents:
        try:
            outcomes += perform_together([document], alone, once=once)
        except Unavailable:
            raise
        except BusinessError as refusal:
            outcomes.append(Outcome.refused(document, refusal))
    return outcomes


def perform_together(
    documents: Sequence[AnyRecord], act: Callable[[Sequence[AnyRecord]], list[Outcome]], *, once: Once | None = None
) -> list[Outcome]:
    """Run an act on several documents in one transaction. Returns the outcomes in the order of the documents.

    `once`: the key of the whole act. Each document has a key under it. A document done before is not acted on again:
    its stored outcomes are returned. A refused document leaves no key, and may be tried again.
    """

    def whole() -> list[Outcome]:
        earlier = _take_each(once, documents) if once is not None else {}
        outcomes = {document.pk: list(earlier.get(document.pk, [])) for document in documents}
        if left := [document for document in documents if document.pk not in earlier]:
            for outcome in act(left):
                outcomes[outcome.document.pk].append(outcome)
            if once is not None:
                _keep_each(once, left, outcomes)
        return [outcome for document in documents for outcome in outcomes[document.pk]]

    return perform(whole).result or []


def _take_each(once: Once, documents: Sequence[Model]) -> dict[int, list[Outcome]]:
    """Insert the key of each document. Returns the stored outcomes of those that had it already, by id."""
    keys = {once.of(document).key: document for document in sorted(documents, key=lambda document: document.pk)}
    taken = {key for key in keys if _take(Once(once.scope, key, once.fingerprint))}
    rows = IdempotencyKey.objects.filter(scope=once.scope, key__in=keys.keys() - taken)
    return {keys[row.key].pk: _stored_outcomes(keys[row.key], row.answer) for row in rows}


def _keep_each(once: Once, documents: Sequence[Model], outcomes: Mapping[int, list[Outcome]]) -> None:
    """Store the outcomes of each document under its key. Deletes the keys of refused documents."""
    keys = {once.of(document).key: outcomes[document.pk] for document in documents}
    rows = list(IdempotencyKey.objects.filter(scope=once.scope, key__in=keys))
    refused = [row.pk for row in rows if any(outcome.is_refused for outcome in keys[row.key])]
    IdempotencyKey.objects.filter(pk__in=refused).delete()
    answers = [(row.pk, [_as_stored(outcome) for outcome in keys[row.key]]) for row in rows if row.pk not in refused]
    bulk.update(IdempotencyKey, ["answer"], answers)


class StoredOutcome(TypedDict):
    """An outcome as JSON. A document is [label of its model, id]."""

    made: list[str | int] | None
    also: list[list[str | int] | None]
    notes: list[str]


def _as_stored(outcome: Outcome) -> StoredOutcome:
    """Return an outcome as JSON."""
    return {
        "made": _name_of(outcome.made),
        "also": [_name_of(document) for document in outcome.also],
        "notes": [str(note) for note in outcome.notes],
    }


def _name_of(document: object) -> list[str | int] | None:
    return [document._meta.label_lower, document.pk] if isinstance(document, Model) else None


def _document_of(name: Sequence[str | int] | None) -> Model | None:
    return apps.get_model(str(name[0]))._default_manager.filter(pk=name[1]).first() if name else None


def _stored_outcomes(document: Model, answer: Sequence[StoredOutcome] | None) -> list[Outcome]:
    """Return the outcomes of an act done before. A document deleted since is None in them."""
    return [
        Outcome(
            document,
            made=_document_of(outcome["made"]),
            also=tuple(filter(None, map(_document_of, outcome["also"]))),
            notes=tuple(map(str, outcome["notes"])),
        )
        for outcome in answer or ()
    ]


@contextmanager
def reading_only() -> Iterator[None]:
    """Open transactions for reading only, to show a page after a refusal: on SQLite they then wait for no writer."""
    mode = getattr(connection, "transaction_mode", None)
    connection.transaction_mode = None  # type: ignore[attr-defined]  # SQLite alone has it
    try:
        yield
    finally:
        connection.transaction_mode = mode  # type: ignore[attr-defined]  # SQLite alone has it


def _take(once: Once) -> bool:
    """Insert the key. Returns whether it is new. Waits for a running act with the same key."""
    table = connection.ops.quote_name(IdempotencyKey._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {table} ("scope", "key", "fingerprint", "status", "at") VALUES (%s, %s, %s, 0, %s) '  # noqa: S608
            'ON CONFLICT ("scope", "key") DO NOTHING',
            [once.scope, once.key, once.fingerprint, timezone.now()],
        )
        return bool(cursor.rowcount == 1)


def _earlier(once: Once) -> Performed[T]:
    """Return the stored answer of the key. Raises BusinessError when its fingerprint differs."""
    row = IdempotencyKey.objects.get(scope=once.scope, key=once.key)
    if row.fingerprint != once.fingerprint:
        raise BusinessError(
            _("La clé « %s » a déjà servi à une autre demande : choisissez-en une nouvelle.") % once.key,
            code="idempotency_key_reused",
        )
    return Performed(None, row.status, row.answer, is_repeat=True)
