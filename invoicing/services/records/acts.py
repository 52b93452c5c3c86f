"""How a door runs an act: in one transaction, once for its key, again after a conflict, an outage put into words."""

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
    """The key of an act. `scope`: whose it is, « user:12 ». `fingerprint`: what was asked, for doors of programs."""

    scope: str
    key: str
    fingerprint: str = ""

    @property
    def name(self) -> str:
        """The whole key, for a row that keeps it."""
        return f"{self.scope}:{self.key}"

    def of(self, document: Model) -> "Once":
        """The key of the part of an act on many documents that concerns one of them."""
        return Once(self.scope, f"{self.key}:{document._meta.label_lower}:{document.pk}", self.fingerprint)


@dataclass(frozen=True)
class Performed(Generic[T]):
    """`result` of the act; None when it was done before: then `status` and `answer` are what was answered."""

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


def perform_each(
    documents: Iterable[AnyRecord], act: Callable[[AnyRecord], object], *, once: Once | None = None
) -> list[Outcome]:
    """Run an act on each document, in a transaction each; a refusal never stops the others, an outage does.

    `act(document)` returns what it made, or an Outcome. `once`: as for `perform_together`. Raises Unavailable.
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
    """Run an act on documents that go together, in one transaction; the outcomes in the order of the documents.

    `once`: the key of the whole act. Each document has a key under it: one that was done before is not acted on again,
    its outcome is given again; one that is refused leaves no key, and may be tried again.
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
    """Write the key of each document. The outcomes of those that had it already, by the document's id."""
    keys = {once.of(document).key: document for document in sorted(documents, key=lambda document: document.pk)}
    taken = {key for key in keys if _take(Once(once.scope, key, once.fingerprint))}
    rows = IdempotencyKey.objects.filter(scope=once.scope, key__in=keys.keys() - taken)
    return {keys[row.key].pk: _outcomes_kept(keys[row.key], row.answer) for row in rows}


def _keep_each(once: Once, documents: Sequence[Model], outcomes: Mapping[int, list[Outcome]]) -> None:
    """Keep the outcomes of each document under its key; the key of a refused one is free again."""
    keys = {once.of(document).key: outcomes[document.pk] for document in documents}
    rows = list(IdempotencyKey.objects.filter(scope=once.scope, key__in=keys))
    refused = [row.pk for row in rows if any(outcome.is_refused for outcome in keys[row.key])]
    IdempotencyKey.objects.filter(pk__in=refused).delete()
    answers = [(row.pk, [_kept(outcome) for outcome in keys[row.key]]) for row in rows if row.pk not in refused]
    bulk.update(IdempotencyKey, ["answer"], answers)


class KeptOutcome(TypedDict):
    """An outcome as it is stored. A document is [label of its model, id]."""

    made: list[str | int] | None
    also: list[list[str | int] | None]
    notes: list[str]


def _kept(outcome: Outcome) -> KeptOutcome:
    """An outcome as it is stored."""
    return {
        "made": _name_of(outcome.made),
        "also": [_name_of(document) for document in outcome.also],
        "notes": [str(note) for note in outcome.notes],
    }


def _name_of(document: object) -> list[str | int] | None:
    return [document._meta.label_lower, document.pk] if isinstance(document, Model) else None


def _document_of(name: Sequence[str | int] | None) -> Model | None:
    return apps.get_model(str(name[0]))._default_manager.filter(pk=name[1]).first() if name else None


def _outcomes_kept(document: Model, answer: Sequence[KeptOutcome] | None) -> list[Outcome]:
    """The outcomes of an act done before; a document it made that was deleted since is not named."""
    return [
        Outcome(
            document,
            made=_document_of(one["made"]),
            also=tuple(filter(None, map(_document_of, one["also"]))),
            notes=tuple(map(str, one["notes"])),
        )
        for one in answer or ()
    ]


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


def _earlier(once: Once) -> Performed[T]:
    """What was answered to the key. Raises BusinessError when it was given to something else."""
    row = IdempotencyKey.objects.get(scope=once.scope, key=once.key)
    if row.fingerprint != once.fingerprint:
        raise BusinessError(
            _("La clé « %s » a déjà servi à une autre demande : choisissez-en une nouvelle.") % once.key,
            code="idempotency_key_reused",
        )
    return Performed(None, row.status, row.answer, is_repeat=True)
