"""Columns and form fields that mean the same everywhere: quantities, unit prices, percents, sums of decimals."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Func, Lookup, Subquery, Sum
from django.utils import formats
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.widgets import INPUT_CLASSES


def quantity_field(verbose_name: Any = _("Qté"), **options: Any) -> models.DecimalField:
    """A quantity: three decimals."""
    return models.DecimalField(verbose_name, max_digits=12, decimal_places=3, **options)


def unit_price_field(verbose_name: Any = _("Prix unitaire"), **options: Any) -> models.DecimalField:
    """A unit price net of tax, in the document's currency: up to four decimals."""
    return models.DecimalField(verbose_name, max_digits=14, decimal_places=4, **options)


def percent_field(verbose_name: Any, **options: Any) -> models.DecimalField:
    """A percentage: 5.50 is 5,5 %."""
    return models.DecimalField(verbose_name, max_digits=5, decimal_places=2, **options)


def amount_field(verbose_name: Any, **options: Any) -> models.DecimalField:
    """An amount in the document's currency, to the cent."""
    return models.DecimalField(verbose_name, max_digits=14, decimal_places=2, **options)


def hours_field(verbose_name: Any, **options: Any) -> models.DecimalField:
    """A duration in hours: 1.50 is one hour and a half."""
    return models.DecimalField(verbose_name, max_digits=6, decimal_places=2, **options)


class Balance(Func):
    """Signed sum of decimal terms, null counted as zero, rounded once to `places`; never below zero if `floor`.

    SQLite adds decimals as floats: without the rounding, 0.1 + 0.2 would differ from 0.3 in a comparison. Written
    flat, since SQLite's parser refuses deep expressions. `Balance("+", quantity, "-", billed, places=3)`.
    """

    def __init__(self, *signed: Any, places: int, floor: bool = False) -> None:
        self.signs = signed[::2]
        self.places = places
        self.floor = floor
        super().__init__(*signed[1::2], output_field=models.DecimalField(max_digits=18, decimal_places=places))

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:
        parts, params = [], []
        for sign, term in zip(self.signs, self.source_expressions, strict=True):
            sql, term_params = compiler.compile(term)
            parts.append(f"{sign} COALESCE({sql}, 0)")
            params.extend(term_params)
        sql = f"ROUND({' '.join(parts)}, {self.places})"
        if self.floor:
            sql = f"{'MAX' if connection.vendor == 'sqlite' else 'GREATEST'}({sql}, 0)"
        return sql, params

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:
        sql, params = self.as_sql(compiler, connection, **extra)
        return f"CAST({sql} AS NUMERIC)", params  # without affinity, SQLite compares it to '0' as text


def sum_of(queryset: Any, column: str, group: str) -> Subquery:
    """Scalar subquery: the sum of `column` over a correlated queryset, `group` being its correlated column; or null."""
    field = models.DecimalField(max_digits=18, decimal_places=4)
    sums = queryset.order_by().values(group).annotate(_sum=Sum(column)).values("_sum")
    return Subquery(sums, output_field=field)


class CountOfUnion(Func):
    """How many different ids several correlated querysets give together, nulls left out.

    Only the querysets are read, by their own indexes: asking for the documents « whose id is in one or in the other »
    would read every document for each row of a list.
    """

    output_field = models.IntegerField()

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:
        parts, params = [], []
        for source in self.source_expressions:
            sql, its_params = compiler.compile(source)
            parts.append(sql.removeprefix("(").removesuffix(")"))
            params.extend(its_params)
        union = " UNION ".join([*parts, "SELECT CAST(NULL AS bigint)"])
        return f"(SELECT COUNT(*) FROM ({union} EXCEPT SELECT CAST(NULL AS bigint)) AS _ids)", params


class Among(Lookup):  # type: ignore[type-arg]
    """`pk__among=ids`: as `__in`, the ids given as one parameter, so that a thousand of them cost nothing to write.

    On PostgreSQL an array, on SQLite a JSON list. Registered for every column by the ground's app.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, params = self.process_lhs(compiler, connection)
        ids = list(self.rhs)
        if connection.vendor == "sqlite":
            return f"{left} IN (SELECT value FROM json_each(%s))", [*params, json.dumps(ids)]
        return f"{left} = ANY(%s)", [*params, ids]


class DecimalTextInput(forms.TextInput):
    """A text box for a number: the phone shows its digits, French commas are shown and read.

    It looks like the other boxes of a page wherever it is declared: without their classes it would have no border.
    """

    def __init__(self, attrs: dict[str, Any] | None = None, *, least_places: int = 2) -> None:
        usual = {"inputmode": "decimal", "autocomplete": "off", "class": " ".join(INPUT_CLASSES)}
        super().__init__({**usual, **(attrs or {})})
        self.least_places = least_places

    def format_value(self, value: Any) -> str:
        if value in (None, ""):
            return ""
        if isinstance(value, str):
            return value
        return number_text(Decimal(value), self.least_places)


def number_text(value: Decimal, least_places: int = 2) -> str:
    """Write a number the French way with at least `least_places` decimals: 175.0000 → « 175,00 », 0.0830 → « 0,083 »."""
    exponent = value.normalize().as_tuple().exponent
    places = max(least_places, -exponent if isinstance(exponent, int) else 0)
    return formats.number_format(value, decimal_pos=places, use_l10n=True, force_grouping=False)


def value_text(value: Any, *, least_places: int = 2) -> str:
    """A value as people read it in a journal: « 2,35 », « oui », « 30/11/2026 08:00 », a record's name, « – » for none."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return str(_("oui") if value else _("non"))
    if isinstance(value, Decimal):
        return number_text(value, least_places)
    if isinstance(value, datetime):
        return (localtime(value) if is_aware(value) else value).strftime("%d/%m/%Y %H:%M")
    return value.strftime("%d/%m/%Y") if isinstance(value, date) else str(value)


def names_text(names: Sequence[Any], most: int = 5) -> str:
    """Name several things in a sentence, not all when they are many: « A, B et 3 autres »."""
    left = len(names) - most
    told = ", ".join(str(name) for name in names[:most])
    return (
        ngettext("%(told)s et %(left)s autre", "%(told)s et %(left)s autres", left) % {"told": told, "left": left}
        if left > 0
        else told
    )


def read_decimal(text: Any) -> Decimal | None:
    """Read « 12,5 », « 12.5 » or « 1 234,50 »; None when empty. Raises ValueError on anything else."""
    cleaned = "".join(str(text if text is not None else "").split()).replace("\u202f", "").replace(",", ".")
    if not cleaned:
        return None
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite():
        raise ValueError(text)
    return number


def read_id(text: Any) -> int | None:
    """The identifier a page sends (« 12 »); None for anything else, as for nothing."""
    text = str(text if text is not None else "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


class DecimalInputField(forms.DecimalField):
    """A decimal form field that reads a comma or a point."""

    def __init__(self, *args: Any, least_places: int = 2, **options: Any) -> None:
        options["widget"] = options.get("widget") or DecimalTextInput(least_places=least_places)
        super().__init__(*args, **options)

    def to_python(self, value: Any) -> Decimal | None:
        if isinstance(value, Decimal):
            return value
        try:
            return read_decimal(value)
        except ValueError:
            raise ValidationError(
                _("« %(value)s » n'est pas un nombre : tapez par exemple 12,5."), params={"value": value}
            ) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        if self.disabled:
            return False
        try:
            return read_decimal(initial) != read_decimal(data)
        except ValueError:
            return True

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {}
