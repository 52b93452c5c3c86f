"""An import: prepared without writing, then applied whole or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from invoicing.models import Company
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing.cells import Cell
from openfire_billing.office.importing.kinds import Column, Fault, Kind, day
from openfire_billing.office.importing.tables import read_table
from openfire_billing.office.importing.writer import Writer
from openfire_billing.office.importing.writers import WRITERS

Progress = Callable[[int, int], None]


@dataclass
class Preview:
    """What an import would do.

    `faults`: (line of the file, column, sentence); with one, nothing is written. `ignored`: titles of the file that are
    no column of the kind. `notes`: as faults, for parts of a row that are left out.
    """

    kind: Kind
    rows: list[dict[str, Any]] = field(default_factory=list)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    new: int = 0
    changed: int = 0
    same: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.faults


def prepare_import(kind: Kind, *, name: str, content: bytes, company: Company, by: By) -> Preview:
    """Read a file and check every row. Raise BusinessError when it is no table, or its titles are not the kind's.

    `by`: who imports; rows that change what he may not are faults.
    """
    table = read_table(name, content)
    _refuse_titles(kind, table.titles)
    if not table.rows:
        raise BusinessError("Le fichier n'a aucune ligne sous ses titres : mettez une fiche par ligne.")
    titles = {title for column in kind.columns for title in column.titles()}
    preview = Preview(kind, ignored=[title for title in table.titles if title and title not in titles])
    for line, cells in table.rows:
        preview.rows.append({"line": line, **_read(kind, cells, line, preview.faults)})
    writer = WRITERS[kind.code](company, by=by)
    _check(writer, preview)
    if preview.is_clean:
        preview.new, preview.changed, preview.same = writer.counts(preview.rows)
        preview.notes = writer.notes(preview.rows)
    return preview


def _check(writer: Writer, preview: Preview) -> None:
    """Add the faults of the rows to the preview."""
    writer.check(preview.rows, preview.faults)
    if preview.is_clean:
        writer.check_kept(preview.rows, preview.faults)


def _refuse_titles(kind: Kind, titles: Sequence[str]) -> None:
    """Refuse a file that lacks a needed column, or has one twice."""
    missing = [c.title for c in kind.columns if c.is_required and not set(titles) & set(c.titles())]
    if missing:
        raise BusinessError(f"Colonnes manquantes : {', '.join(missing)}. Donnez ces titres à la première ligne.")
    twice = [c.title for c in kind.columns if any(titles.count(title) > 1 for title in c.titles())]
    if twice:
        raise BusinessError(f"Titres en double : {', '.join(twice)}. Gardez une seule colonne de chaque.")


def _read(kind: Kind, cells: dict[str, Cell], line: int, faults: list[tuple[int, str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if beside := cells.get(""):
        faults.append((line, "", f"{beside.fault}."))
    for column in kind.columns:
        try:
            values[column.name] = _value(column, _cell(column, cells))
        except Fault as fault:
            faults.append((line, column.title, f"{fault}."))
            values[column.name] = None
    return values


def _cell(column: Column, cells: dict[str, Cell]) -> str:
    """Return the text of a row for a column. Several titles of the file may stand for it, with one text."""
    found = [cells[title] for title in column.titles() if title in cells and cells[title].text]
    for cell in found:
        if cell.fault:
            raise Fault(cell.fault)
        if cell.is_day and column.read is not day:
            raise Fault(f"« {cell.text} » est une date pour le tableur : mettez la cellule en texte, puis retapez-la")
    texts = list(dict.fromkeys(cell.text for cell in found))
    if len(texts) > 1:
        both = " et ".join(f"« {text} »" for text in texts)
        raise Fault(f"{both} dans deux colonnes du fichier qui disent la même chose : gardez-en une")
    return texts[0] if texts else ""


def _value(column: Column, raw: str) -> Any:
    if not raw:
        if column.is_required:
            raise Fault("à remplir")
        return None
    if len(raw) > column.longest:
        raise Fault(f"trop long : {column.longest} caractères au plus")
    return column.read(raw)


def apply_import(preview: Preview, *, company: Company, by: By, progress: Progress | None = None) -> Preview:
    """Write a prepared import, in one transaction. Raise BusinessError when a row has a fault: nothing is written."""
    with atomic():
        writer = WRITERS[preview.kind.code](company, by=by)
        if preview.is_clean:
            _check(writer, preview)
        if not preview.is_clean:
            raise BusinessError(
                f"{len(preview.faults)} défaut(s) dans le fichier : rien n'est écrit. Corrigez, puis réessayez."
            )
        preview.new, preview.changed, preview.same = writer.counts(preview.rows)
        writer.write(preview.rows, by=by, progress=progress or (lambda done, total: None))
    return preview
