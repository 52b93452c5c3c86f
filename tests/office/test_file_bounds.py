"""« A 2 kB workbook that declares a billion rows holds a thread for hours »: files are bounded before they are held."""

import re
import time
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from openpyxl import Workbook

from invoicing.admin import lists
from invoicing.models import Partner
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing.bounds import BOUNDS
from openfire_billing.office.importing.tables import read_table
from openfire_billing.office.roles import MANAGER
from tests.factories import PartnerFactory, World, nothing_changed
from tests.factories.pages import address

SHEET = "xl/worksheets/sheet1.xml"
SHARED = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
NAMESPACE = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'"


def workbook(*, rows: str = "", dimension: str = "A1", **parts: str) -> bytes:
    """A workbook of one title, « Nom », and these rows; `parts`: {name of a part without its folder: its text}."""
    book, whole, out = Workbook(), BytesIO(), BytesIO()
    book.active.append(["Nom"])
    book.save(whole)
    with zipfile.ZipFile(whole) as read, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for name in read.namelist():
            text = read.read(name).decode()
            if name == SHEET:
                text = re.sub(r'<dimension ref="[^"]*"', f'<dimension ref="{dimension}"', text)
                text = text.replace("</sheetData>", f"{rows}</sheetData>")
            if "texts.xml" in parts and name == "[Content_Types].xml":
                text = text.replace("</Types>", f"<Override PartName='/xl/texts.xml' ContentType='{SHARED}'/></Types>")
            written.writestr(name, parts.pop(Path(name).stem, text))
        for name, text in parts.items():
            written.writestr(f"xl/{name}", text)
    return out.getvalue()


def refused(name: str, content: bytes, **bounds: Any) -> tuple[str, str]:
    """The code and the sentence of the refusal, which comes within ten seconds of this thread's work."""
    began = time.thread_time()
    with pytest.raises(BusinessError) as refusal:
        read_table(name, content, bounds=replace(BOUNDS, **bounds))
    assert time.thread_time() - began < 10
    return refusal.value.code, str(refusal.value)


def test_declared_size_of_a_sheet_is_not_believed() -> None:
    """2 kB, a sheet of 16,384 columns and 1,048,576 rows by its own word: what it holds is read at once."""
    content, began = (
        workbook(rows="<row r='3'><c r='A3'><v>7</v></c></row>", dimension="A1:XFD1048576"),
        time.thread_time(),
    )

    table = read_table("x.xlsx", content)

    assert (table.titles, [(line, cells["nom"].text) for line, cells in table.rows]) == (["nom"], [(3, "7")])
    assert (len(content) < 10_000, time.thread_time() - began < 1) == (True, True)


def test_a_billion_rows_are_refused() -> None:
    content = workbook(rows="<row r='1000000000'><c r='A1000000000'><v>1</v></c></row>", dimension="A1:A1000000000")

    assert refused("x.xlsx", content) == ("beyond_lines", "Le fichier dépasse 100000 lignes : coupez-le en plusieurs.")


def test_columns_are_bounded_before_a_row_is_made() -> None:
    wide = "".join(f"<row r='{n}'><c r='XFD{n}'><v>1</v></c></row>" for n in range(2, 5_000))
    sentence = "Le fichier dépasse 200 colonnes : ôtez celles qui ne servent pas."

    assert refused("x.xlsx", workbook(rows=wide)) == ("beyond_columns", sentence)
    assert refused("x.csv", f"Nom\n{'a;' * 200}a\n".encode()) == ("beyond_columns", sentence)
    assert len(read_table("x.csv", b"Nom" + b";" * 5_000 + b"\nEven" + b";" * 5_000).rows) == 1


def test_a_row_without_an_end_is_refused() -> None:
    """Five million empty cells in one row would be a gigabyte before the row ends."""
    content = workbook(rows=f"<row r='2'>{'<c/>' * 5_000_000}</row>")

    assert len(content) < 100_000
    assert refused("x.xlsx", content) == (
        "beyond_row_tags",
        "Une ligne de la feuille a trop de cellules : copiez les valeurs dans un classeur neuf.",
    )


@pytest.mark.parametrize(
    ("parts", "code", "sentence"),
    [
        ({f"p{n}.xml": "" for n in range(1_001)}, "beyond_parts", "Le classeur a plus de 1000 parties"),
        ({"media/a.bin": "0" * 61 * 1024**2}, "beyond_unpacked", "Le classeur dépasse 60 Mo une fois ouvert"),
        ({"texts.xml": "x" * 21 * 1024**2}, "beyond_strings", "Les textes du classeur dépassent 20 Mo"),
        ({"styles": "x" * 6 * 1024**2}, "beyond_part", "Les styles ou la liste des feuilles"),
    ],
    ids=["parts", "unpacked", "strings", "styles"],
)
def test_parts_of_a_workbook_are_bounded_before_they_are_opened(
    parts: dict[str, str], code: str, sentence: str
) -> None:
    found = refused("x.xlsx", workbook(**parts))

    assert (found[0], found[1].startswith(sentence)) == (code, True)


def test_sheets_that_are_one_file_are_read_once() -> None:
    """A list of ten thousand sheets, all one part without a size, was ten thousand readings."""
    sheets = "".join(f"<sheet name='f{n}' sheetId='{n}' r:id='rId1'/>" for n in range(1, 10_000))
    relations = "xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'"
    book = f"<workbook {NAMESPACE} {relations}><sheets>{sheets}</sheets></workbook>"
    rows = "".join(f"<row r='{n}'><c r='A{n}'><v>{n}</v></c></row>" for n in range(2, 1_002))
    began = time.thread_time()

    table = read_table("x.xlsx", workbook(rows=rows, workbook=book))

    assert (len(table.rows), time.thread_time() - began < 8) == (1_000, True)
    assert table.remarks == [
        "Le classeur a 9999 feuilles : seule « f1 » est lue. Pour une autre, enregistrez-la dans un classeur à elle."
    ]


def test_rows_cells_and_seconds_are_bounded_in_both_kinds() -> None:
    csv = "Nom;Rue\n" + "Even;2 rue\n" * 5_000
    xlsx = workbook(rows="".join(f"<row r='{n}'><c r='A{n}'><v>{n}</v></c></row>" for n in range(2, 5_000)))

    assert refused("x.csv", csv.encode(), rows=10) == (
        "beyond_rows",
        "Le fichier dépasse 10 lignes : coupez-le en plusieurs.",
    )
    assert refused("x.csv", csv.encode(), cells=99) == (
        "beyond_cells",
        "Le fichier dépasse 99 cellules : coupez-le en plusieurs.",
    )
    for name, content in (("x.csv", csv.encode()), ("x.xlsx", xlsx)):
        assert refused(name, content, seconds=-1) == (
            "beyond_seconds",
            "Le fichier demande plus de -1 secondes à lire : coupez-le en plusieurs.",
        )


def test_as_many_rows_as_are_allowed_are_read() -> None:
    csv = "Nom\n" + "\n".join(f"Client {n}" for n in range(100_000))

    assert len(read_table("x.csv", csv.encode()).rows) == 100_000
    assert refused("x.csv", f"{csv}\nDe trop".encode())[0] == "beyond_rows"


@pytest.mark.django_db
def test_page_and_command_refuse_more_than_20_mb(world: World, tmp_path: Path) -> None:
    said, file = "Le fichier dépasse 20 Mo : coupez-le en plusieurs.", tmp_path / "clients.csv"
    with file.open("wb") as out:
        out.truncate(20 * 1024**2 + 1)

    with nothing_changed():
        page = world.office(MANAGER).client.post(
            "/admin/import/customers/", {"file": SimpleUploadedFile("c.csv", file.read_bytes())}
        )
        with pytest.raises(CommandError) as refusal:
            call_command("import_data", "clients", str(file))

    assert (page.status_code, page.context["refusal"], str(refusal.value)) == (409, said, said)


@pytest.mark.django_db
def test_sheet_of_more_rows_than_it_takes_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    PartnerFactory(name="Un de plus")
    count = Partner.objects.count()
    monkeypatch.setattr(lists, "MOST_SHEET_ROWS", count - 1)
    office, export = world.office(MANAGER), address(Partner, "export")

    answer = office.client.get(export, {"format": "xlsx", "is_active__exact": "1"}, follow=True)

    assert answer.redirect_chain == [("/admin/invoicing/partner/?is_active__exact=1", 302)]
    assert [str(message) for message in answer.context["messages"]] == [
        f"Cette liste a {count} lignes, un classeur en prend {count - 1} : filtrez-la, ou prenez le CSV."
    ]
    assert len(b"".join(office.get(export, format="csv").streaming_content).splitlines()) == count + 1
    monkeypatch.setattr(lists, "MOST_SHEET_ROWS", count)
    assert office.get(export, format="xlsx").status_code == 200
