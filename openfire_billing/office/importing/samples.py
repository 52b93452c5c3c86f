"""Files given back: a sample of each kind, and the lines that an import leaves, each with its reason."""

import csv
from io import BytesIO, StringIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from invoicing.admin.lists import text_cell
from openfire_billing.office.importing.kinds import Kind
from openfire_billing.office.importing.run import Preview

REASON = "Raison"
_SKIPPED = "laissée par votre réponse à l'aperçu."
_WITH_ANOTHER = "une autre ligne du même contrat a un défaut."
_TEXT = "@"  # the number format that keeps zeros and long numbers as they are typed
_ROOM = 200  # lines of the sample in this format


def sample_of(kind: Kind) -> bytes:
    """Return an XLSX workbook of the titles of a kind and one line, all cells of text."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(kind.label)
    sheet.append([column.title for column in kind.columns])
    for number in range(_ROOM):
        row = []
        for column in kind.columns:
            cell = WriteOnlyCell(sheet, column.example if number == 0 else None)
            cell.number_format = _TEXT
            row.append(cell)
        sheet.append(row)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def left_of(preview: Preview) -> bytes:
    """Return a CSV of the lines that are not taken, as the file has them, with their reasons in the last column."""
    table, out = preview.table, StringIO()
    writer = csv.writer(out, delimiter=";")
    kept = [(heading, title) for heading, title in zip(table.headings, table.titles, strict=True) if heading != REASON]
    writer.writerow([*(heading for heading, _title in kept), REASON])
    reasons: dict[int, list[str]] = {}
    for line, column, sentence in preview.faults:
        reasons.setdefault(line, []).append(f"{column} : {sentence}" if column else sentence)
    for line, cells in table.rows:
        if line in preview.left:
            texts = [text_cell(cells[title].text) if title in cells else "" for _heading, title in kept]
            other = _SKIPPED if line in preview.skipped else _WITH_ANOTHER
            reason = " ".join(reasons.get(line, [other]))
            writer.writerow([*texts, text_cell(reason)])
    return out.getvalue().encode("utf-8-sig")
