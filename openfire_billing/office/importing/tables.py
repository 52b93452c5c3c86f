"""A file in, rows out: {column title: text}, whatever the separator or the spreadsheet."""

import csv
import unicodedata
from io import BytesIO, StringIO
from zipfile import BadZipFile

from openpyxl import load_workbook

from openfire_billing.errors import BusinessError

MOST_ROWS = 100_000


def simple(title: str) -> str:
    """A title without accents, case or punctuation: « N° de série » and « no de serie » are the same column."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def read_table(name: str, content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV (semicolons, commas or tabs; UTF-8 or Windows) or of the first sheet of an XLSX.

    Raises BusinessError: not readable, no row, too many rows.
    """
    rows = _xlsx(content) if name.lower().endswith((".xlsx", ".xlsm")) else _csv(content)
    if len(rows) < 2:
        raise BusinessError("Le fichier est vide : la première ligne porte les titres, les suivantes les fiches.")
    if len(rows) > MOST_ROWS:
        raise BusinessError(f"Le fichier dépasse {MOST_ROWS} lignes : coupez-le en plusieurs.")
    titles = [simple(title) for title in rows[0]]
    return [
        {title: value.strip() for title, value in zip(titles, row, strict=False) if title}
        for row in rows[1:]
        if any(value.strip() for value in row)
    ]


def _csv(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise BusinessError("Ce fichier n'est pas un tableau : enregistrez-le en CSV ou en XLSX, puis réessayez.")
    first = text.split("\n", 1)[0]
    separator = max(";\t,", key=first.count)
    return list(csv.reader(StringIO(text), delimiter=separator))


def _xlsx(content: bytes) -> list[list[str]]:
    try:
        book = load_workbook(BytesIO(content), read_only=True, data_only=True)
    except (BadZipFile, KeyError, OSError, ValueError) as broken:
        raise BusinessError(
            "Ce classeur ne s'ouvre pas : enregistrez-le de nouveau en XLSX, puis réessayez."
        ) from broken
    sheet = book.worksheets[0]
    return [[_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]


def _text(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "strftime"):
        return str(value.strftime("%d/%m/%Y"))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
