"""How large a file to import may be, and the time that it may take: checked while it is read, before it is held."""

import time
from dataclasses import dataclass, field
from typing import NoReturn

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.uploads import LARGEST

_MB = 1024 * 1024
_CUT = "coupez-le en plusieurs"


@dataclass(frozen=True)
class Bounds:
    """The bounds of one file. A program that reads a file within them holds a few hundred megabytes at most."""

    bytes: int = LARGEST  # of the file
    parts: int = 1_000  # of a workbook: its sheets, pictures, styles
    unpacked: int = 60 * _MB  # all parts of a workbook
    strings: int = 20 * _MB  # the texts that the sheets of a workbook share
    part: int = 5 * _MB  # each part of a workbook that is read whole: styles, list of sheets
    row_tags: int = 100_000  # marks of one row of a sheet, empty cells included
    lines: int = 200_000  # of the file, blank ones included
    rows: int = 100_000  # that are not blank
    columns: int = 200
    cells: int = 2_000_000
    seconds: float = 20.0  # of this thread's work

    def sentence(self, name: str) -> str:
        """Return what refuses a file beyond the bound `name`."""
        return {
            "bytes": f"Le fichier dépasse {self.bytes // _MB} Mo : {_CUT}.",
            "parts": f"Le classeur a plus de {self.parts} parties : gardez la seule feuille à importer.",
            "unpacked": f"Le classeur dépasse {self.unpacked // _MB} Mo une fois ouvert : {_CUT}.",
            "strings": f"Les textes du classeur dépassent {self.strings // _MB} Mo : {_CUT}.",
            "part": (
                f"Les styles ou la liste des feuilles du classeur dépassent {self.part // _MB} Mo : copiez ses valeurs "
                "dans un classeur neuf."
            ),
            "row_tags": "Une ligne de la feuille a trop de cellules : copiez les valeurs dans un classeur neuf.",
            "lines": f"Le fichier dépasse {self.rows} lignes : {_CUT}.",
            "rows": f"Le fichier dépasse {self.rows} lignes : {_CUT}.",
            "columns": f"Le fichier dépasse {self.columns} colonnes : ôtez celles qui ne servent pas.",
            "cells": f"Le fichier dépasse {self.cells} cellules : {_CUT}.",
            "seconds": f"Le fichier demande plus de {self.seconds:g} secondes à lire : {_CUT}.",
        }[name]

    def refuse(self, name: str) -> NoReturn:
        """Raise BusinessError with the sentence of the bound `name`."""
        raise BusinessError(self.sentence(name), code=f"beyond_{name}")


BOUNDS = Bounds()


@dataclass
class Meter:
    """What one reading has used of its bounds. Each method raises BusinessError beyond the bound."""

    bounds: Bounds = BOUNDS
    rows: int = 0
    cells: int = 0
    start: float = field(default_factory=time.thread_time)

    def clock(self) -> None:
        """Check the time used since the reading began."""
        if time.thread_time() - self.start > self.bounds.seconds:
            self.bounds.refuse("seconds")

    def line(self, number: int) -> None:
        """Check the number of a line of the file, and the time."""
        if number > self.bounds.lines:
            self.bounds.refuse("lines")
        if number % 100 == 0:
            self.clock()

    def row(self, width: int) -> None:
        """Count a row that is not blank, with the number of its last column that is not empty."""
        self.rows += 1
        self.cells += width
        if width > self.bounds.columns:
            self.bounds.refuse("columns")
        if self.rows > self.bounds.rows + 1:  # the titles
            self.bounds.refuse("rows")
        if self.cells > self.bounds.cells:
            self.bounds.refuse("cells")
