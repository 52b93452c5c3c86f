"""The first visible sheet of an XLSX workbook, read part by part within bounds.

The parts are those of ECMA-376; openpyxl reads them. Its own reader of workbooks believes the size that a sheet declares
and reads each sheet once more for it; here the rows are those that the sheet has.
"""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import XMLPullParser

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, WorkSheetParser

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.importing.bounds import Meter
from openfire_billing.office.importing.cells import EMPTY, Cell, value_cell

_BROKEN = "Ce classeur ne s'ouvre pas : enregistrez-le de nouveau en XLSX, puis réessayez."
_NO_RESULT = "une formule sans résultat"
_BLOCK = 1 << 16  # bytes of a sheet parsed at once


class _Bounded(zipfile.ZipFile):
    """An archive whose parts are read within bounds of time and size."""

    def __init__(self, content: bytes, meter: Meter) -> None:
        super().__init__(BytesIO(content))
        self.meter = meter
        bounds = meter.bounds
        if len(self.infolist()) > bounds.parts:
            bounds.refuse("parts")
        if sum(part.file_size for part in self.infolist()) > bounds.unpacked:
            bounds.refuse("unpacked")

    def open(self, name: Any, *args: Any, **options: Any) -> Any:
        """Return a part that is read block by block: the texts that the sheets share."""
        if self.getinfo(name).file_size > self.meter.bounds.strings:
            self.meter.bounds.refuse("strings")
        return self.sheet(name, *args, **options)

    def sheet(self, name: Any, *args: Any, **options: Any) -> Any:
        """Return the part of a sheet, which only the bound of all parts limits."""
        return _Part(super().open(name, *args, **options), self.meter)

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        """Return a part that is held as a whole."""
        if self.getinfo(name).file_size > self.meter.bounds.part:
            self.meter.bounds.refuse("part")
        return super().read(name, pwd)


class _Part:
    """A part of the archive: the time used is checked with each block read."""

    def __init__(self, file: Any, meter: Meter) -> None:
        self._file, self._meter = file, meter

    def read(self, size: int = -1) -> bytes:
        self._meter.clock()
        block: bytes = self._file.read(size)
        return block

    def __enter__(self) -> "_Part":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


class _Parser(WorkSheetParser):
    """Parses the rows of a sheet alone, each within its bound, and marks a formula whose result the workbook lacks."""

    def rows_within(self, meter: Meter) -> Iterator[tuple[int, list[Any]]]:
        """Yield (line, cells) of each row."""
        pull, tags = XMLPullParser(("start", "end")), 0
        while block := self.source.read(_BLOCK):
            pull.feed(block)
            for event, element in pull.read_events():
                if event == "start":
                    tags += 1
                elif element.tag == ROW_TAG:
                    row = self.parse_row(element)
                    element.clear()
                    tags = 0
                    yield row
                elif element.tag == DATA_TAG:
                    return
            if tags > meter.bounds.row_tags:
                meter.bounds.refuse("row_tags")
        pull.close()

    def parse_cell(self, element: Any) -> Any:
        cell = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            cell["data_type"] = _NO_RESULT
        return cell


def sheet_lines(content: bytes, meter: Meter, remarks: list[str]) -> Iterator[tuple[int, list[Cell]]]:
    """Yield (line, cells) of each row that the first visible sheet writes, one by one: a fault further down is raised
    when it is reached. `remarks` gets a sentence when other sheets are left.
    """
    try:
        with _Bounded(content, meter) as archive:
            reader = ExcelReader(BytesIO(content), read_only=True, data_only=True, keep_links=False)
            reader.archive = archive
            reader.read_manifest()
            reader.read_strings()
            reader.read_workbook()
            apply_stylesheet(archive, reader.wb)
            place = _first_sheet(reader, remarks)
            with archive.sheet(place) as source:
                yield from _rows(_parser(source, reader), reader.wb, meter)
    except BusinessError:
        raise
    except Exception as broken:  # the library lets through whatever its parsers of ZIP, XML and styles raise
        raise BusinessError(_BROKEN) from broken


def _first_sheet(reader: ExcelReader, remarks: list[str]) -> str:
    """Return the place of the first visible sheet in the archive."""
    sheets = [
        (sheet, relation)
        for sheet, relation in reader.parser.find_sheets()
        if "chartsheet" not in relation.Type and sheet.state == "visible"
    ]
    if not sheets:
        raise BusinessError(_BROKEN)
    first, relation = sheets[0]
    if len(sheets) > 1:
        remarks.append(
            f"Le classeur a {len(sheets)} feuilles : seule « {first.name} » est lue. Pour une autre, enregistrez-la "
            "dans un classeur à elle."
        )
    return str(relation.target)


def _parser(source: Any, reader: ExcelReader) -> _Parser:
    book = reader.wb
    return _Parser(
        source,
        reader.shared_strings,
        data_only=True,
        epoch=book.epoch,
        date_formats=book._date_formats,  # noqa: SLF001 as its own reader hands them over
        timedelta_formats=book._timedelta_formats,  # noqa: SLF001
    )


def _rows(parser: _Parser, book: Any, meter: Meter) -> Iterator[tuple[int, list[Cell]]]:
    formats, last = _formats(book), 0
    for line, row in parser.rows_within(meter):
        if line <= last:
            raise BusinessError(_BROKEN)
        last = line
        filled = [cell for cell in row if cell["value"] is not None or cell["data_type"] == _NO_RESULT]
        width = max((cell["column"] for cell in filled), default=0)
        if width > meter.bounds.columns:
            meter.bounds.refuse("columns")
        cells = [EMPTY] * width
        for cell in filled:
            cells[cell["column"] - 1] = _cell(cell, formats)
        yield line, cells


def _formats(book: Any) -> list[str]:
    """Return the number format of each style of a workbook."""
    # openpyxl says nowhere else which format a style has.
    own = list(book._number_formats)  # noqa: SLF001
    return [
        own[style.numFmtId - BUILTIN_FORMATS_MAX_SIZE]
        if BUILTIN_FORMATS_MAX_SIZE <= style.numFmtId < BUILTIN_FORMATS_MAX_SIZE + len(own)
        else BUILTIN_FORMATS.get(style.numFmtId, "General")
        for style in book._cell_styles  # noqa: SLF001
    ]


def _cell(found: Any, formats: list[str]) -> Cell:
    kind, value, style = found["data_type"], found["value"], int(found["style_id"])
    if kind == _NO_RESULT:
        return Cell("?", f"« ? » est {_NO_RESULT} : ouvrez le classeur dans le tableur et enregistrez-le")
    if kind == "e":
        return Cell(str(value), f"« {value} » est une erreur du tableur : corrigez la formule, ou tapez la valeur")
    return value_cell(value, formats[style] if kind == "n" and style < len(formats) else "General")
