"""An import: prepared without writing, then applied whole, or its good lines alone, or not at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from invoicing.models import Company
from invoicing.services.locks import lock_imports
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.countries import HOME
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing.cells import EMPTY, Cell
from openfire_billing.office.importing.kinds import Column, Fault, Kind, day, restored
from openfire_billing.office.importing.tables import Table, read_table
from openfire_billing.office.importing.writer import Change, Question, Rows, Writer, unanswered
from openfire_billing.office.importing.writers import WRITERS

Progress = Callable[[int, int], None]


@dataclass
class Preview:
    """What an import would do.

    `faults`: (line of the file, column, sentence). `bad`: the lines that have one, or go with a line that has one; the
    counts are of the others. `skipped`: the lines that an answer leaves. `questions`: what the file leaves open; `answers`: {key of a question: answer}.
    `changes`: values that are not as the file or the record has them. `ignored`: titles of the file that are no column
    of the kind. `notes`: as faults, for parts of a row that are left out. `remarks`: sentences on parts of the file.
    `readings`: {(line, field): text of the file} of cells changed as they were read.
    """

    kind: Kind
    table: Table
    answers: Mapping[str, str] = field(default_factory=dict)
    rows: Rows = field(default_factory=list)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)
    skipped: set[int] = field(default_factory=set)
    questions: list[Question] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    readings: dict[tuple[int, str], str] = field(default_factory=dict)
    cell_faults: list[tuple[int, str, str]] = field(default_factory=list)  # those that no record changes
    new: int = 0
    changed: int = 0
    same: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.faults

    @property
    def remarks(self) -> list[str]:
        return self.table.remarks

    @property
    def open_questions(self) -> list[Question]:
        """Return the questions that have no answer."""
        return unanswered(self.questions, self.answers)

    @property
    def open_text(self) -> str:
        """Return the sentence that refuses to write before the open questions have an answer."""
        questions = self.open_questions
        return (
            f"{len(questions)} question(s) sans réponse, d'abord à la ligne {questions[0].line} : rien n'est écrit. "
            "Répondez, puis réessayez."
        )

    @property
    def left(self) -> set[int]:
        """Return the lines that are not taken: those that have a fault or go with one, and those that an answer leaves."""
        return self.bad | self.skipped

    @property
    def good(self) -> int:
        """Return the number of lines that have no fault."""
        return len(self.rows) - len(self.bad)


def prepare_import(
    kind: Kind,
    *,
    name: str,
    content: bytes,
    company: Company,
    by: By,
    answers: Mapping[str, str] | None = None,
) -> Preview:
    """Read a file and check every row. Raise BusinessError when it is no table, or its titles are not the kind's.

    `by`: who imports; rows that change what he may not are faults.
    """
    table = read_table(name, content)
    _refuse_titles(kind, table.titles)
    if not table.rows:
        raise BusinessError("Le fichier n'a aucune ligne sous ses titres : mettez une fiche par ligne.")
    titles = {title for column in kind.columns for title in column.titles()}
    preview = Preview(kind, table, answers or {})
    preview.ignored = [title for title in table.titles if title and title not in titles]
    for line, cells in table.rows:
        preview.rows.append({"line": line, **_read(preview, cells, line)})
    preview.cell_faults = list(preview.faults)
    _compare(preview, company=company, by=by)
    return preview


def answer_import(preview: Preview, answers: Mapping[str, str], *, company: Company, by: By) -> None:
    """Set the answers of a prepared import, and what it would do with them. A question that was asked stays."""
    asked, preview.answers = preview.questions, answers
    _compare(preview, company=company, by=by)
    known = {question.key for question in asked}
    preview.questions = [*asked, *(question for question in preview.questions if question.key not in known)]


def _compare(preview: Preview, *, company: Company, by: By) -> None:
    """Set what an import would do with its answers: faults, questions, counts, notes and changes."""
    writer, good = _checked(preview, company=company, by=by)
    preview.notes = writer.notes(good)
    fields = {column.name: column.title for column in preview.kind.columns}
    lines = {row["line"]: row for row in good}
    preview.changes = [
        Change(line, fields[name], text, lines[line][name], "zéro de tête rendu")
        for (line, name), text in preview.readings.items()
        if line in lines
    ]
    preview.changes = sorted([*preview.changes, *writer.shown(good, fields)], key=lambda change: change.line)


def _checked(preview: Preview, *, company: Company, by: By) -> tuple[Writer, Rows]:
    """Compare the rows with the records as they are now: set faults, questions and counts of the preview.

    Returns the writer, and the rows that it may write.
    """
    writer = WRITERS[preview.kind.code](company, by=by, answers=preview.answers)
    preview.faults = list(preview.cell_faults)
    writer.check(preview.rows, preview.faults)
    good = _good(writer, preview)
    preview.questions = writer.ask(good, preview.faults)
    good = _good(writer, preview)
    writer.check_kept(good, preview.faults)
    good = _good(writer, preview)
    preview.skipped = writer.left(good)
    good = [row for row in good if row["line"] not in preview.skipped]
    preview.new, preview.changed, preview.same = writer.counts(good)
    return writer, good


def _good(writer: Writer, preview: Preview) -> Rows:
    """Return the rows without a fault, and set the lines of the others."""
    preview.bad = writer.bad_lines(preview.rows, preview.faults)
    return [row for row in preview.rows if row["line"] not in preview.bad]


def _refuse_titles(kind: Kind, titles: Sequence[str]) -> None:
    """Refuse a file that lacks a needed column, or has one twice."""
    missing = [c.title for c in kind.columns if c.is_required and not set(titles) & set(c.titles())]
    if missing:
        raise BusinessError(f"Colonnes manquantes : {', '.join(missing)}. Donnez ces titres à la première ligne.")
    twice = [c.title for c in kind.columns if any(titles.count(title) > 1 for title in c.titles())]
    if twice:
        raise BusinessError(f"Titres en double : {', '.join(twice)}. Gardez une seule colonne de chaque.")


def _read(preview: Preview, cells: dict[str, Cell], line: int) -> dict[str, Any]:
    """Return {field: value} of a row. A cell that cannot be read is None, with its fault."""
    values: dict[str, Any] = {}
    if beside := cells.get(""):
        preview.faults.append((line, "", f"{beside.fault}."))
    columns = preview.kind.columns
    for column in sorted(columns, key=lambda column: column.name != "country"):
        try:
            text = _cell(column, cells)
            whole = restored(column.name, text, values.get("country") or HOME)
            if whole != text:
                preview.readings[line, column.name] = text
            values[column.name] = _value(column, whole)
        except Fault as fault:
            preview.faults.append((line, column.title, f"{fault}."))
            values[column.name] = None
    return values


def _cell(column: Column, cells: dict[str, Cell]) -> str:
    """Return the text of a row for a column. Several titles of the file may stand for it, with one text."""
    found = [cell for title in column.titles() if (cell := cells.get(title, EMPTY)).text]
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


def apply_import(
    preview: Preview, *, company: Company, by: By, only_good: bool = False, progress: Progress | None = None
) -> Preview:
    """Write a prepared import, in one transaction, after every other import: the records are read under that lock.

    Raises BusinessError, and writes nothing, when a row has a fault (`only_good`: when all have one) or a question has
    no answer.
    """
    with atomic():
        lock_imports()
        writer, good = _checked(preview, company=company, by=by)
        if preview.faults and not only_good:
            raise BusinessError(
                f"{len(preview.faults)} défaut(s) dans le fichier : rien n'est écrit. Corrigez, puis réessayez."
            )
        if preview.open_questions:
            raise BusinessError(preview.open_text)
        if not preview.good:
            raise BusinessError("Aucune ligne n'est à prendre : rien n'est écrit. Corrigez le fichier.")
        writer.lock(good)
        preview.new, preview.changed, preview.same = writer.counts(good)
        writer.write(good, by=by, progress=progress or (lambda done, total: None))
    return preview
