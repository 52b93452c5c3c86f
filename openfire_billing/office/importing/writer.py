"""What the kinds share: rows compared with existing records, counted, then written in bulk."""

from collections.abc import Callable
from copy import copy
from typing import Any

from invoicing.models import Company
from invoicing.services.documents.lines import changes_of
from invoicing.services.records.history import record_many
from invoicing.services.records.shared import kept_among, refusal_of_kept, used_elsewhere
from openfire_billing.db.people import By

Rows = list[dict[str, Any]]
Faults = list[tuple[int, str, str]]
Progress = Callable[[int, int], None]
CHUNK = 1000


class Writer:
    """Base of the kinds. A subclass gives the key of a row, the existing records, and how rows are written."""

    def __init__(self, company: Company, *, by: By) -> None:
        self.company = company
        self.by = by
        self.existing: dict[Any, Any] = {}

    def key(self, row: dict[str, Any]) -> Any:
        raise TypeError(f"{type(self).__name__} has no key.")

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

    def check_kept(self, rows: Rows, faults: Faults) -> None:
        """Report the rows that change fields which another company's use keeps. The rows have no other fault."""
        if self.by is None:
            return
        changing = []
        for row in rows:
            record = self.existing.get(self.key(row))
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
        new = sum(self.key(row) not in self.existing for row in rows)
        changed = sum(self.key(row) in self.existing and self.is_changed(row) for row in rows)
        return new, changed, len(rows) - new - changed

    def changes(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return {field: new value} of the fields in which a row differs from its existing record."""
        record = self.existing[self.key(row)]
        return {name: value for name, value in self.values(row).items() if getattr(record, name) != value}

    def is_changed(self, row: dict[str, Any]) -> bool:
        return bool(self.changes(row))

    def write(self, rows: Rows, *, by: By, progress: Progress) -> None:
        total = len(rows)
        for start in range(0, total, CHUNK):
            chunk = rows[start : start + CHUNK]
            self.add([row for row in chunk if self.key(row) not in self.existing], by=by)
            self.change([row for row in chunk if self.key(row) in self.existing and self.is_changed(row)], by=by)
            progress(min(start + CHUNK, total), total)

    def add(self, rows: Rows, *, by: By) -> None:
        raise TypeError(f"{type(self).__name__} does not add.")

    def change(self, rows: Rows, *, by: By) -> None:
        names = {name for row in rows for name in self.changes(row)}
        acts = [(self.existing[self.key(row)], "Importé", self.take(row)) for row in rows]
        if names:
            type(acts[0][0])._default_manager.bulk_update([record for record, *_rest in acts], sorted(names))
        if acts:
            record_many(acts, "imported", by=by)

    def take(self, row: dict[str, Any]) -> dict[str, list[str]]:
        """Set what a row changes on its existing record, not saved. Return the changes for the journal."""
        record, changes = self.existing[self.key(row)], self.changes(row)
        before = copy(record)
        for name, value in changes.items():
            setattr(record, name, value)
        return changes_of(before, record, changes)


def filled(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the cells of a row that are not empty."""
    return {name: row[name] for name in names if row[name] is not None}
