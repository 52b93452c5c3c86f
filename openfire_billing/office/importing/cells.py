"""A cell as people see it: its text, and what is wrong with it or was changed when it was read."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

_FORMULA = "=+-@\t\r\n"  # our exports put an apostrophe before a text that begins so
_ERRORS = re.compile(
    r"#(?:REF|N/A|VALUE|VALEUR|NAME|NOM|DIV/0|NULL|NUL|NUM|NOMBRE|SPILL|PROPAGATION|CALC|CALCUL)[!?]?|#{2,}",
    re.IGNORECASE,
)
_SHORTENED = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)  # 6,12E+08
_MOST_DIGITS = 15  # of a number that a spreadsheet keeps exactly
_PLACE = "\x00"  # where a number format has a text of its own
_DIGITS_SHAPE = re.compile(f"[0# ()/{_PLACE}-]*")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|_.|\[[^\]]*\]')
_WIDTHLESS = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_TWICE = re.compile(
    "[\u00c2\u00c3\u00c5\u00e2][\u0080-\u00bf\u0152\u0153\u0160\u0161\u017d\u017e\u2013-\u203a\u20ac\u2122]"
)
# Letters of another code page, read as Windows', in the middle of a word: « J‚gou », « JŽgou » for Jégou.
_OTHER_PAGE = re.compile(r"[a-zà-ÿ][‚ƒ„†‡ˆ‰‹›“”ŠŒŽ][a-zà-ÿ]|[A-ZÀ-Þ][‚ƒ„†‡ˆ‰‹›“”ŠŒŽ][a-zà-ÿ]")
LOST = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Cell:
    """`text`: as people see it. `fault`: why it cannot be taken, a sentence without its final dot; "" when it can.

    `is_day`: a day of a spreadsheet, which only a column of days takes.
    """

    text: str = ""
    fault: str = ""
    is_day: bool = False


EMPTY = Cell()


def clean_text(value: str) -> str:
    """Return a text on one line: spaces and line breaks of all kinds are spaces, runs of them one; the rest is printable."""
    spaced = "".join(
        " " if character.isspace() or unicodedata.category(character) in ("Zs", "Zl", "Zp") else character
        for character in value.translate(_WIDTHLESS)
    )
    return " ".join("".join(character for character in spaced if character.isprintable()).split())


def text_cell(value: str, *, is_other_page_possible: bool = False) -> Cell:
    """Return a cell of text. `is_other_page_possible`: the file does not say its encoding, Windows' is supposed."""
    if value.isascii() and value.isalnum():
        return Cell(value)
    text = clean_text(value[1:] if _is_guarded(value) else value)
    if _ERRORS.fullmatch(text):
        return Cell(text, f"« {text} » est une erreur du tableur : corrigez la formule, ou tapez la valeur")
    if LOST in text:
        return Cell(text, f"« {text} » a perdu des lettres : retapez-les, ou enregistrez de nouveau le fichier en XLSX")
    if (meant := _meant(text)) is not None:
        return Cell(
            text, f"« {text} » a des accents abîmés (« {meant} » ?) : enregistrez de nouveau le fichier en XLSX"
        )
    if is_other_page_possible and _OTHER_PAGE.search(text):
        return Cell(text, f"« {text} » a des accents abîmés : enregistrez de nouveau le fichier en XLSX")
    if _SHORTENED.fullmatch(text):
        return Cell(
            text, f"« {text} » est un nombre que le tableur a abrégé : mettez la cellule en texte, puis retapez-le"
        )
    return Cell(text)


def _is_guarded(value: str) -> bool:
    """Return whether our exports put an apostrophe before a text that a spreadsheet would run as a formula."""
    first = unicodedata.normalize("NFKC", value[1:].translate(_WIDTHLESS).lstrip(" \u00a0\u202f\u3000")[:1])
    return value.startswith("'") and first != "" and first in _FORMULA


def _meant(text: str) -> str | None:
    """Return the text that was written in UTF-8 and read as Windows' (« JÃ©gou » → « Jégou »); None for any other."""
    if not _TWICE.search(text):
        return None
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return None


def value_cell(value: Any, shape: str = "General") -> Cell:
    """Return a cell of a spreadsheet: its value, and the number format that shows it."""
    if value is None:
        return EMPTY
    if isinstance(value, bool):
        return Cell("VRAI" if value else "FAUX")
    if isinstance(value, datetime):
        has_hour = value.time() != time()
        return Cell(f"{value:%d/%m/%Y %H:%M}" if has_hour else f"{value:%d/%m/%Y}", is_day=True)
    if isinstance(value, date):
        return Cell(f"{value:%d/%m/%Y}", is_day=True)
    if isinstance(value, time):
        return Cell(f"{value:%H:%M}")
    if isinstance(value, int | float):
        return _number_cell(value, shape)
    return text_cell(str(value))


def _number_cell(value: int | float, shape: str) -> Cell:
    if isinstance(value, float) and not value.is_integer():
        number = Decimal(f"{value:.15g}")  # as many digits as a spreadsheet shows
        if "%" in shape:
            return Cell(f"{(number * 100).normalize():f} %".replace(".", ","))
        return Cell(f"{number:f}".replace(".", ","))
    whole = int(value)
    if len(str(abs(whole))) > _MOST_DIGITS:
        sentence = "le tableur n'en garde que 15 chiffres : mettez la cellule en texte, puis retapez-le"
        return Cell(str(whole), f"« {whole} » est un nombre trop long, {sentence}")
    if "%" in shape:
        return Cell(f"{whole * 100} %")
    return Cell(_shaped(whole, shape))


def _shaped(value: int, shape: str) -> str:
    """Return a whole number in its format when this has zeros before or groups: 1000 in « 00000 » → « 01000 »."""
    literals: list[str] = []

    def keep(found: re.Match[str]) -> str:
        literals.append(found[1] or found[2] or "")
        return _PLACE

    section = _LITERAL.sub(keep, shape.split(";", maxsplit=1)[0])
    if value < 0 or not _DIGITS_SHAPE.fullmatch(section) or "0" not in section:
        return str(value)
    least = len(re.findall("[0#]", section[section.index("0") :]))
    digits, shown = list(str(value).zfill(least)), []
    for character in reversed(section):
        if character not in "0#":
            shown.append(literals.pop() if character == _PLACE else character)
        elif digits:
            shown.append(digits.pop())
    return ("".join(digits) + "".join(reversed(shown))).strip()
