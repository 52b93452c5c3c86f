"""Values written for people in French, and read back from what they type."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from openfire_billing.kernel.words import gettext as _
from openfire_billing.kernel.words import ngettext

PARIS = ZoneInfo("Europe/Paris")
_AMOUNT = re.compile(r"(?:\d{1,3}(?:[ .\u00a0\u202f]\d{3})+|\d+)(?:,\d{1,2}|(?<![ .\u00a0\u202f]\d{3})\.\d{2})\s*€?")
_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_FRENCH = str.maketrans({",": "\N{NO-BREAK SPACE}", ".": ","})


def number_text(value: Decimal, least_places: int = 2) -> str:
    """Write a number the French way with at least `least_places` decimals: 175.0000 → « 175,00 », 0.0830 → « 0,083 »."""
    exponent = value.normalize().as_tuple().exponent
    places = max(least_places, -exponent if isinstance(exponent, int) else 0)
    return f"{value or abs(value):,.{places}f}".translate(_FRENCH)  # never -0,00


def place_text(noun: object, rank: int, of: int) -> str:
    """Return « 1re visite sur 2 », « 3e échéance sur 12 », « visite unique »; « 3/12 » reads as a date."""
    if of == 1:
        return _("%s unique") % noun
    values = {"nth": "1re" if rank == 1 else f"{rank}e", "noun": noun, "of": of}
    return _("%(nth)s %(noun)s sur %(of)s") % values


def money_text(amount: Decimal, currency: str = "EUR") -> str:
    """Return « 1 234,56 € »; another currency by its ISO code."""
    return f"{number_text(amount)} {'€' if currency == 'EUR' else currency}"


def value_text(value: object, *, least_places: int = 2) -> str:
    """Return a value as people read it in a journal: « 2,35 », « oui », « 30/11/2026 08:00 », « 08:00 », a record's name, « – »
    for none.
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("oui") if value else _("non")
    if isinstance(value, Decimal):
        return number_text(value, least_places)
    if isinstance(value, datetime):
        return (value.astimezone(PARIS) if value.tzinfo else value).strftime("%d/%m/%Y %H:%M")
    if isinstance(value, time):
        return value.strftime("%H:%M")
    return value.strftime("%d/%m/%Y") if isinstance(value, date) else str(value)


def day_text(day: date, parts: str = "l j F") -> str:
    """Return a day in words: « mardi 1er décembre ».

    `parts`: letters of Django's date filter, in their order, a space between: l (weekday), j (day), F (month), Y (year).
    """
    texts = {
        "l": _WEEKDAYS[day.weekday()],
        "j": "1er" if day.day == 1 else str(day.day),
        "F": _MONTHS[day.month - 1],
        "Y": str(day.year),
    }
    return " ".join(texts[letter] for letter in parts.split())


def days_text(first: date, last: date) -> str:
    """Return « 24/11/2026 », « 01/09 – 30/09/2027 », « 15/12/2026 – 15/01/2027 »."""
    if first == last:
        return f"{last:%d/%m/%Y}"
    return f"{first:%d/%m}{'' if first.year == last.year else f'/{first.year}'} – {last:%d/%m/%Y}"


def names_text(names: Sequence[object], most: int = 5) -> str:
    """Name several things in a sentence, not all when they are many: « A, B et 3 autres »."""
    left = len(names) - most
    shown = ", ".join(str(name) for name in names[:most])
    return (
        ngettext("%(shown)s et %(left)s autre", "%(shown)s et %(left)s autres", left) % {"shown": shown, "left": left}
        if left > 0
        else shown
    )


def read_decimal(text: object) -> Decimal | None:
    """Read « 12,5 », « 12.5 », « 1 234,50 » or « −150 »; None when empty. Raises ValueError on anything else."""
    cleaned = "".join(str(text if text is not None else "").split()).replace("\u202f", "").replace(",", ".")
    cleaned = cleaned.replace("\N{MINUS SIGN}", "-")
    if not cleaned:
        return None
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite():
        raise ValueError(text)
    return number


def amount_including_tax(text: object) -> str | None:
    """Return what stands before « TTC » in a price typed with tax (« 1 234,50 € ttc »); None without « TTC »."""
    typed = str(text if text is not None else "").strip()
    return typed[:-3].rstrip().removesuffix("€") if typed[-3:].lower() == "ttc" else None


def read_amount(text: str) -> Decimal | None:
    """Read an amount with cents as people search it, « 1 184,62 € » or « 1184.62 »; None for any other text."""
    return (
        read_decimal(text.strip().removesuffix("€").replace(".", "", text.count(".") if "," in text else 0))
        if (_AMOUNT.fullmatch(text.strip()))
        else None
    )


DAY_MINUTES = 24 * 60


def read_minutes(text: object) -> int | None:
    """Return the minutes since midnight that a page sends, 0 to 1440; None for anything else."""
    minutes = read_id(text)
    return minutes if minutes is not None and minutes <= DAY_MINUTES else None


def read_id(text: object) -> int | None:
    """Return the identifier that a page sends (« 12 »); None for anything else, None included."""
    text = str(text if text is not None else "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
