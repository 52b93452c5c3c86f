"""Telephone numbers: the key under which a number is stored, and the digits by which one is found."""

import re
from enum import Enum

import phonenumbers

# Number plans of French postcodes outside metropolitan France.
_OVERSEAS = {
    "971": "GP",
    "972": "MQ",
    "973": "GF",
    "974": "RE",
    "975": "PM",
    "976": "YT",
    "977": "BL",
    "978": "MF",
    "986": "WF",
    "987": "PF",
    "988": "NC",
}
_SPACE = " .\u00a0\u202f"
_PAIRS = rf"\d\d(?:[{_SPACE}-]\d\d)+(?:[{_SPACE}-]?\d)?"
_WHOLE = re.compile(rf"\+?[\d{_SPACE}()/-]+")
_TYPED_BY_PAIRS = re.compile(_PAIRS)
_INSIDE = re.compile(rf"(?<![\w.+-])(?:(?:\+|00)\d[\d{_SPACE}()-]{{7,}}\d|{_PAIRS})(?![\w.-])")
_OF_FICTION = re.compile(r"\+3363998\d{4}")  # of the French plan, given to nobody
SHORTEST = 6  # digits typed without separators; fewer are a postcode, a year, a number of a document
LAST = 6  # digits compared when a whole number is typed with another prefix than the stored one
WHOLE = 9  # digits of a French number without its prefix


def region_of(country: str, zip_code: str) -> str:
    """Return the number plan of an address: ISO 3166 code, overseas departments apart (« FR », 97400 → « RE »)."""
    return _OVERSEAS.get(zip_code[:3], "FR") if country == "FR" else country


def key_of(text: str, region: str = "FR") -> str:
    """Return the E.164 form of a possible number typed in `region`, else its digits; "" when there are none.

    Possible means of a length that the plan allows: numbers reserved for fiction are possible, not valid.
    """
    digits = digits_of(text)
    if not digits:
        return ""
    try:
        number = phonenumbers.parse(re.sub(r"[^\d+.()/-]", " ", text), region)
    except phonenumbers.NumberParseException:
        return digits
    if not phonenumbers.is_possible_number(number):
        return digits
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def is_possible(key: str) -> bool:
    """Say whether a key (`key_of`) is that of a possible number."""
    return key.startswith("+")


def digits_of(text: str) -> str:
    return "".join(character for character in text if character.isascii() and character.isdigit())


def searched_digits(text: str) -> str:
    """Return the digits that the key of the number typed contains, without its prefix; "" when `text` is no number.

    « 06 39 98 », « +33 (0)6 39 98 », « 0033 639 98 » → 63998.
    """
    text = text.strip()
    digits = digits_of(text)
    if not _WHOLE.fullmatch(text) or not (
        len(digits) >= SHORTEST or text.startswith("+") or (len(digits) >= 4 and _TYPED_BY_PAIRS.fullmatch(text))
    ):
        return ""
    is_abroad = text.startswith("+") or digits.startswith("00")
    digits = digits.removeprefix("00") if is_abroad else digits.removeprefix("0")
    if is_abroad and digits.startswith("330"):
        digits = digits.removeprefix("330")
    return digits


def split_numbers(text: str) -> list[tuple[str, bool]]:
    """Cut `text` into (part, is a telephone), in order."""
    if searched_digits(text):
        return [(text.strip(), True)]
    parts, end = [], 0
    for found in _INSIDE.finditer(text):
        parts += [(text[end : found.start()], False), (found[0], True)]
        end = found.end()
    return [*parts, (text[end:], False)]


class NumberFault(Enum):
    """Why no text message can be sent to a telephone."""

    MISSING = "missing"
    LANDLINE = "landline"
    WRONG = "wrong"


def mobile_of(text: str, region: str = "FR") -> str | NumberFault:
    """Return the E.164 form of a mobile number typed in `region`, or why it is none. Numbers of fiction are mobile."""
    if not digits_of(text):
        return NumberFault.MISSING
    try:
        number = phonenumbers.parse(re.sub(r"[^\d+.()/-]", " ", text), region)
    except phonenumbers.NumberParseException:
        return NumberFault.WRONG
    written = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    if _OF_FICTION.fullmatch(written):
        return written
    if not phonenumbers.is_valid_number_for_region(number, phonenumbers.region_code_for_number(number) or region):
        return NumberFault.WRONG
    kind = phonenumbers.number_type(number)
    mobile = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    return written if kind in mobile else NumberFault.LANDLINE
