"""Read a file as rows: line of the file, {column title: text}; whatever the separator or the spreadsheet."""

import csv
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO

from openpyxl import load_workbook

from openfire_billing.kernel.errors import BusinessError

MOST_ROWS = 100_000
_NO_TABLE = "Ce fichier n'est pas un tableau : enregistrez-le en CSV ou en XLSX, puis réessayez."


def simple(title: str) -> str:
    """Return a title without accents, case or punctuation: « N° de série » and « no de serie » are the same column."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


@dataclass(frozen=True)
class Table:
    """The simple titles of a file, and its rows that are not blank: (line of the file, {title: text})."""

    titles: list[str]
    rows: list[tuple[int, dict[str, str]]]


def read_table(name: str, content: bytes) -> Table:
    """Read a CSV (semicolons, commas or tabs; UTF-8 or Windows) or the first sheet of an XLSX.

    Raises BusinessError: not readable, nothing in it, too many rows.
    """
    lines = _xlsx(content) if name.lower().endswith((".xlsx", ".xlsm")) else _csv(content)
    rows = ((line, cells) for line, cells in lines if any(cell.strip() for cell in cells))
    _line, header = next(rows, (0, []))
    if not header:
        raise BusinessError("Le fichier est vide : la première ligne porte les titres, les suivantes les fiches.")
    titles = [simple(title) for title in header]
    table = Table(titles, [])
    for line, cells in rows:
        if len(table.rows) == MOST_ROWS or line > 2 * MOST_ROWS:
            raise BusinessError(f"Le fichier dépasse {MOST_ROWS} lignes : coupez-le en plusieurs.")
        table.rows.append((line, {t: cell.strip() for t, cell in zip(titles, cells, strict=False) if t}))
    return table


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield (line where it begins, cells) of each row; a quoted cell may span several lines."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise BusinessError(_NO_TABLE)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(";\t,", key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator)
    before = 0
    try:
        for cells in reader:
            yield before + 1, cells
            before = reader.line_num
    except csv.Error as broken:
        raise BusinessError(_NO_TABLE) from broken


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first sheet, read one by one: a fault further down is raised when it is reached."""
    try:
        book = load_workbook(BytesIO(content), read_only=True, data_only=True)
        for line, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield line, [_text(value) for value in row]
    except Exception as broken:  # the library lets through whatever its parsers of ZIP, XML and styles raise
        raise BusinessError(
            "Ce classeur ne s'ouvre pas : enregistrez-le de nouveau en XLSX, puis réessayez."
        ) from broken


def _text(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "strftime"):
        return str(value.strftime("%d/%m/%Y"))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
