"""Which sector a postcode is in: pure, no Django.

A sector covers ranges of postcodes of five digits, both ends included. A range may be typed as the beginning of its
postcodes: « 35 » is 35000 to 35999, « 352 » is 35200 to 35299.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
DIGITS = 5


def whole_range(first: str, last: str = "") -> tuple[str, str]:
    """Return the range of two beginnings of postcodes, « 35 » and « 362 » giving 35000–36299; `last` may be left out."""
    return first.ljust(DIGITS, "0"), (last or first).ljust(DIGITS, "9")


def range_text(first: str, last: str) -> str:
    """Return « 35000–35999 », « 35000 » for a range of one postcode."""
    return first if first == last else f"{first}–{last}"


@dataclass(frozen=True)
class Covered(Generic[S]):
    """A range of postcodes, both included, and its sector."""

    first: str
    last: str
    sector: S
    name: str

    def has(self, zip_code: str) -> bool:
        return self.first <= zip_code <= self.last

    @property
    def rank(self) -> tuple[int, str]:
        """The rank among ranges that share a postcode: the most precise comes first, then the first by name."""
        return int(self.last) - int(self.first), self.name


class SectorTable(Generic[S]):
    """The ranges of all sectors. A postcode is looked for once, whatever the number of addresses that bear it."""

    def __init__(self, ranges: Iterable[Covered[S]]) -> None:
        self._ranges = sorted(ranges, key=lambda covered: covered.rank)
        self._found: dict[str, S | None] = {}

    def sector_at(self, zip_code: str) -> S | None:
        """Return the sector of a postcode; None when no sector covers it."""
        code = zip_code.replace(" ", "")
        if code not in self._found:
            self._found[code] = self._search(code)
        return self._found[code]

    def _search(self, code: str) -> S | None:
        if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
            return None
        return next((covered.sector for covered in self._ranges if covered.has(code)), None)
