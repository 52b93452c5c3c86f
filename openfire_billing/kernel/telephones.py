"""Telephone numbers as people type them."""

import re

_PAIRS = re.compile(r"\d\d([ .]\d\d)+([ .]?\d)?")


def telephone_of(text: str) -> str:
    """A number typed by pairs, as it is stored: « 06 12 34 ». Else ""."""
    return text.strip().replace(".", " ") if _PAIRS.fullmatch(text.strip()) else ""


def digits_meant(text: str) -> list[str]:
    """The digits under which the same telephone may be written: 06…, +33 6…, 0033 6…, +33 (0) 6…; none in, none out."""
    digits = re.sub(r"[^0-9]", "", text)
    if french := re.fullmatch(r"(?:0|(?:00)?330?)([1-9]\d{8})", digits):
        return [start + french[1] for start in ("0", "33", "0033", "330", "00330")]
    bare = digits.removeprefix("00")
    return [bare, f"00{bare}"] if bare else []
