"""Text messages (SMS): how many parts a text takes, and the letters that make it long.

Sources: 3GPP TS 23.038 (the 7-bit alphabet), TS 23.040 (concatenated messages).
"""

import re
import unicodedata
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # two units each: an escape and a letter
_SIMPLE = {
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "…": "...",
    "–": "-",
    "—": "-",
    "•": "-",
    "œ": "oe",
    "Œ": "OE",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
}
_QUOTES = re.compile("«\\s*|\\s*»")
_ALONE, _JOINED = 160, 153  # units of a message of one part, and of each of several
_ALONE_UNICODE, _JOINED_UNICODE = 70, 67


@dataclass(frozen=True)
class Size:
    """What a text takes. `units`: of the alphabet used. `costly`: the letters that make each part hold 70 and not 160."""

    units: int
    parts: int
    costly: tuple[str, ...] = ()

    @property
    def is_unicode(self) -> bool:
        return bool(self.costly)


def size_of(text: str) -> Size:
    """Return what a text takes, in the 7-bit alphabet when it holds all its letters, else in UTF-16.

    A letter of two units is never cut between two parts.
    """
    costly = tuple(dict.fromkeys(letter for letter in text if letter not in _BASIC and letter not in _EXTENDED))
    if costly:
        widths = [len(letter.encode("utf-16-le")) // 2 for letter in text]
        return _sized(widths, _ALONE_UNICODE, _JOINED_UNICODE, costly)
    return _sized([2 if letter in _EXTENDED else 1 for letter in text], _ALONE, _JOINED, ())


def _sized(widths: list[int], alone: int, joined: int, costly: tuple[str, ...]) -> Size:
    units = sum(widths)
    if units <= alone:
        return Size(units, 1 if units else 0, costly)
    parts, room = 1, joined
    for width in widths:
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return Size(units, parts, costly)


def simplified(text: str) -> str:
    """Return a text whose costly letters are replaced by near ones of the 7-bit alphabet: « cœur » → « coeur ».

    A letter without a near one (an emoji) stays.
    """
    quoted = _QUOTES.sub('"', text)
    return "".join(letter if letter in _BASIC or letter in _EXTENDED else _near(letter) for letter in quoted)


def _near(letter: str) -> str:
    if letter in _SIMPLE:
        return _SIMPLE[letter]
    bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return bare if bare and all(part in _BASIC for part in bare) else letter
