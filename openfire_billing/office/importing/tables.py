"""Read a file as rows: line of the file, {column title: text}; whatever the separator or the spreadsheet."""

import csv
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO

from openpyxl import load_workbook

from openfire_billing.kernel.errors import BusinessError

MOST_ROWS = 100_000
LAST_LINE = 2 * MOST_ROWS  # of the file, blank ones included
LARGEST_XLSX = 200 * 1024 * 1024  # bytes of a workbook's parts, once unpacked
_TOO_LONG = f"Le fichier dépasse {MOST_ROWS} lignes : coupez-le en plusieurs."
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
    rows = ((line, cells) for line, cells in _bounded(lines) if any(cell.strip() for cell in cells))
    _line, header = next(rows, (0, []))
    if not header:
        raise BusinessError("Le fichier est vide : la première ligne porte les titres, les suivantes les fiches.")
    titles = [simple(title) for title in header]
    table = Table(titles, [])
    for line, cells in rows:
        if len(table.rows) == MOST_ROWS:
            raise BusinessError(_TOO_LONG)
        table.rows.append((line, {t: cell.strip() for t, cell in zip(titles, cells, strict=False) if t}))
    return table


def _bounded(lines: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Yield lines, blank ones too, up to LAST_LINE. A small file may announce millions of blank ones."""
    for line, cells in lines:
        if line > LAST_LINE:
            raise BusinessError(_TOO_LONG)
        yield line, cells


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
        with zipfile.ZipFile(BytesIO(content)) as parts:
            is_too_large = sum(part.file_size for part in parts.infolist()) > LARGEST_XLSX
        if is_too_large:
            raise BusinessError(_TOO_LONG)
        book = load_workbook(BytesIO(content), read_only=True, data_only=True)
        for line, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield line, [_text(value) for value in row]
    except BusinessError:
        raise
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
