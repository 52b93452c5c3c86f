"""Read a file as rows: line of the file, {column title: cell}; whatever the separator or the spreadsheet."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from itertools import zip_longest

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing.bounds import BOUNDS, Bounds, Meter
from openfire_billing.office.importing.cells import Cell, text_cell
from openfire_billing.office.importing.workbooks import sheet_lines

_NO_TABLE = "Ce fichier n'est pas un tableau : enregistrez-le en CSV ou en XLSX, puis réessayez."
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"  # XLS, and workbooks with a password
WORKBOOKS = (".xlsx", ".xlsm")


def simple(title: str) -> str:
    """Return a title without accents, case or punctuation: « N° de série » and « no de serie » are the same column."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


@dataclass(frozen=True)
class Table:
    """The titles of a file as it writes them and in simple form, and its rows that are not blank.

    A row: (line of the file, {simple title: cell}); under "" a cell that has no title, with its fault. `remarks`: sentences on what of the file is not read.
    """

    headings: list[str]
    titles: list[str]
    rows: list[tuple[int, dict[str, Cell]]]
    remarks: list[str] = field(default_factory=list)


def read_table(name: str, content: bytes, *, bounds: Bounds = BOUNDS) -> Table:
    """Read a CSV (semicolons, commas or tabs, or as its line « sep= » says; UTF-8, UTF-16 or Windows) or the first
    visible sheet of an XLSX.

    Raises BusinessError: not readable, nothing in it, beyond a bound.
    """
    if len(content) > bounds.bytes:
        bounds.refuse("bytes")
    if content.startswith(_OLD_WORKBOOK):
        raise BusinessError(
            "Ce classeur est de l'ancien format XLS, ou protégé par un mot de passe : enregistrez-le en XLSX, sans mot "
            "de passe, puis réessayez."
        )
    meter, remarks = Meter(bounds), list[str]()
    is_workbook = name.lower().endswith(WORKBOOKS) or content.startswith(b"PK\x03\x04")
    lines = sheet_lines(content, meter, remarks) if is_workbook else _csv(content)
    rows = _measured(lines, meter)
    _line, header = next(rows, (0, []))
    if not header:
        raise BusinessError("Le fichier est vide : la première ligne porte les titres, les suivantes les fiches.")
    headings = [cell.text for cell in header]
    titles = [simple(heading) for heading in headings]
    table = Table(headings, titles, [], remarks)
    for line, cells in rows:
        row = {title: cell for title, cell in zip(titles, cells, strict=False) if title}
        beside = [cell for title, cell in zip_longest(titles, cells) if not title and cell and cell.text]
        table.rows.append((line, row | ({"": _untitled(beside[0])} if beside else {})))
    return table


def _measured(lines: Iterable[tuple[int, list[Cell]]], meter: Meter) -> Iterator[tuple[int, list[Cell]]]:
    """Yield the lines that are not blank. A small file may announce millions of blank ones."""
    for line, cells in lines:
        meter.line(line)
        while cells and not cells[-1].text:
            cells.pop()
        if cells:
            meter.row(len(cells))
            yield line, cells


def _csv(content: bytes) -> Iterator[tuple[int, list[Cell]]]:
    """Yield (line where it begins, cells) of each row; a quoted cell may span several lines."""
    text, is_supposed = _decoded(content)
    if "\x00" in text:
        raise BusinessError(_NO_TABLE)
    separator, body, before = _separator(text)
    reader = csv.reader(StringIO(body, newline=""), delimiter=separator, strict=True)
    skipped = before
    try:
        for cells in reader:
            yield before + 1, [text_cell(cell, is_other_page_possible=is_supposed) for cell in cells]
            before = skipped + reader.line_num
    except csv.Error as broken:
        raise BusinessError(
            f"À partir de la ligne {before + 1}, un guillemet est mal placé ou n'est pas refermé : corrigez-le, ou "
            "enregistrez le fichier en XLSX."
        ) from broken


def _decoded(content: bytes) -> tuple[str, bool]:
    """Return the text of a file, and whether its encoding is supposed to be Windows'."""
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16"), False
        return content.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252"), True
    except UnicodeDecodeError as unknown:
        raise BusinessError(
            "L'encodage de ce fichier n'est pas connu : enregistrez-le en « CSV UTF-8 » ou en XLSX, puis réessayez."
        ) from unknown


def _separator(text: str) -> tuple[str, str, int]:
    """Return what separates the cells, the text to read, and how many lines stand before it.

    A first line « sep=; » says the separator, as spreadsheets write it.
    """
    first, _end, rest = text.partition("\n")
    said = first.strip('\r"')
    if said.lower().startswith("sep=") and len(said) == 5:
        return said[4], rest, 1
    titles = text.lstrip("\r\n").split("\n", 1)[0]
    return max(";\t,", key=titles.count), text, 0


def _untitled(cell: Cell) -> Cell:
    fault = f"« {cell.text} » est dans une colonne sans titre : donnez-lui un titre, ou ôtez un séparateur de trop"
    return Cell(cell.text, fault)
