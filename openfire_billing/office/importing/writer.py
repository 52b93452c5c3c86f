"""What the kinds share: rows compared with existing records, counted, then written in bulk."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from invoicing.models import Company
from invoicing.services.documents.lines import changes_of
from invoicing.services.records.history import record_many
from invoicing.services.records.shared import kept_among, refusal_of_kept, used_elsewhere
from openfire_billing.db.locks import lock_rows
from openfire_billing.db.people import By

Rows = list[dict[str, Any]]
Faults = list[tuple[int, str, str]]
Progress = Callable[[int, int], None]
CHUNK = 1000
NEW, SKIP = "new", "skip"  # answers: a new record is made; the line is left


@dataclass(frozen=True)
class Question:
    """What a file leaves open. `key` names it in answers; `line` is the first line that asks; `choices`: (answer, label)."""

    key: str
    line: int
    title: str
    text: str
    choices: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Change:
    """A value that is not as the file, or the record, has it. `why`: of a value changed as it was read."""

    line: int
    title: str
    old: str
    new: str
    why: str = ""


class Writer:
    """Base of the kinds. A subclass gives the key of a row, the existing records, and how rows are written.

    `answers`: {key of a question: answer}.
    """

    titles: Mapping[str, str] = {}  # of fields that no column of the kind names

    def __init__(self, company: Company, *, by: By, answers: Mapping[str, str]) -> None:
        self.company = company
        self.by = by
        self.answers = answers
        self.existing: dict[Any, Any] = {}

    def key(self, row: dict[str, Any]) -> Any:
        raise TypeError(f"{type(self).__name__} has no key.")

    def record_of(self, row: dict[str, Any]) -> Any:
        """Return the existing record that a row is about; None for a new one."""
        return self.existing.get(self.key(row))

    def values(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the model's values of a row; a missing cell is left out."""
        raise TypeError(f"{type(self).__name__} has no values.")

    def check(self, rows: Rows, faults: Faults) -> None:
        """Report the rows that are twice in the file."""
        seen: dict[Any, int] = {}
        for row in rows:
            key = self.key(row)
            if key in seen:
                faults.append((row["line"], "", f"déjà à la ligne {seen[key]} du fichier."))
            seen.setdefault(key, row["line"])

    def ask(self, rows: Rows, faults: Faults) -> list[Question]:
        """Return what these rows, which have no fault, leave open and no answer says. Answers may make faults."""
        return []

    def left(self, rows: Rows) -> set[int]:
        """Return the lines that an answer leaves."""
        return set()

    def bad_lines(self, rows: Rows, faults: Faults) -> set[int]:
        """Return the lines that are not taken when the good ones are."""
        return {line for line, _column, _sentence in faults}

    def check_kept(self, rows: Rows, faults: Faults) -> None:
        """Report the rows that change fields which another company's use keeps. The rows have no other fault."""
        if self.by is None:
            return
        changing = []
        for row in rows:
            record = self.record_of(row)
            if record is not None and (kept := kept_among(record, self.changes(row))):
                changing.append((row["line"], record, kept))
        for start in range(0, len(changing), CHUNK):
            chunk = changing[start : start + CHUNK]
            model = type(chunk[0][1])
            rows_of = model._default_manager.filter(pk__in=[record.pk for _line, record, _kept in chunk])
            used = set(used_elsewhere(rows_of, self.by).values_list("pk", flat=True))
            faults += [
                (line, "", str(refusal_of_kept(record, kept))) for line, record, kept in chunk if record.pk in used
            ]

    def notes(self, rows: Rows) -> Faults:
        """Return the texts of rows that are not taken, with the reason; the rest of these rows is."""
        return []

    def counts(self, rows: Rows) -> tuple[int, int, int]:
        """Return the numbers of new, changed and unchanged rows."""
        new = sum(self.record_of(row) is None for row in rows)
        changed = sum(self.record_of(row) is not None and self.is_changed(row) for row in rows)
        return new, changed, len(rows) - new - changed

    def changes(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return {field: new value} of the fields in which a row differs from its existing record."""
        record = self.record_of(row)
        return {name: value for name, value in self.values(row).items() if getattr(record, name) != value}

    def is_changed(self, row: dict[str, Any]) -> bool:
        return bool(self.changes(row))

    def texts(self, row: dict[str, Any]) -> dict[str, list[str]]:
        """Return {field: [old, new]} of what a row changes on its existing record, as the journal keeps it."""
        record, changes = self.record_of(row), self.changes(row)
        after = copy(record)
        for name, value in changes.items():
            setattr(after, name, value)
        return changes_of(record, after, changes)

    def shown(self, rows: Rows, titles: Mapping[str, str]) -> list[Change]:
        """Return what these rows change on existing records. `titles`: {field: title of its column}."""
        return [
            Change(row["line"], titles.get(name) or self.titles.get(name, name), old, new)
            for row in rows
            if self.record_of(row) is not None and self.is_changed(row)
            for name, (old, new) in self.texts(row).items()
        ]

    def lock(self, rows: Rows) -> None:
        """Lock the records that these rows change, and read their columns again."""
        lock_again(record for row in rows if (record := self.record_of(row)) and self.is_changed(row))

    def write(self, rows: Rows, *, by: By, progress: Progress) -> None:
        total = len(rows)
        for start in range(0, total, CHUNK):
            chunk = rows[start : start + CHUNK]
            self.add([row for row in chunk if self.record_of(row) is None], by=by)
            self.change([row for row in chunk if self.record_of(row) is not None and self.is_changed(row)], by=by)
            progress(min(start + CHUNK, total), total)

    def add(self, rows: Rows, *, by: By) -> None:
        raise TypeError(f"{type(self).__name__} does not add.")

    def change(self, rows: Rows, *, by: By) -> None:
        names = {"version"} | {name for row in rows for name in self.changes(row)}
        acts = [(self.record_of(row), "Importé", self.take(row)) for row in rows]
        if acts:
            type(acts[0][0])._default_manager.bulk_update([record for record, *_rest in acts], sorted(names))
            record_many(acts, "imported", by=by)

    def take(self, row: dict[str, Any]) -> dict[str, list[str]]:
        """Set what a row changes on its existing record, not saved. Return the changes for the journal."""
        record, changes, texts = self.record_of(row), self.changes(row), self.texts(row)
        for name, value in changes.items():
            setattr(record, name, value)
        record.version += 1
        return texts


def filled(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the cells of a row that are not empty."""
    return {name: row[name] for name in names if row[name] is not None}


def lock_again(records: Iterable[Model]) -> None:
    """Lock records of one model, and read their columns again."""
    by_pk: dict[int, Model] = {record.pk: record for record in records}
    if not by_pk:
        return
    model = type(next(iter(by_pk.values())))
    for pk, fresh in lock_rows(model._default_manager.filter(pk__among=sorted(by_pk))).items():
        for field in model._meta.concrete_fields:
            setattr(by_pk[pk], field.attname, getattr(fresh, field.attname))


def unanswered(questions: Iterable[Question], answers: Mapping[str, str]) -> list[Question]:
    """Return the questions without an answer among their choices."""
    return [
        question
        for question in questions
        if answers.get(question.key) not in {choice for choice, _label in question.choices}
    ]
