"""Columns of a list: what the page shows of a record, and the plain values that an export writes of it.

A model field is exported as its typed value (a choice as its label, a relation as its name), a display method as what it
returns. A display method that returns HTML, or a number as text, declares its values with `column`.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date, time
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import FieldDoesNotExist
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from openfire_billing.web.tags import amount, badge, days_waited, nothing, stored_state

Value = Callable[[Any], Any]  # record → Decimal, int, bool, date, datetime, time, text or None


def column(description: Any, *, export: Value | Mapping[Any, Value], ordering: str | None = None) -> Any:
    """Decorate a display method that shows more than the plain value. `export`: the record's value, or {heading: value} for several."""

    def decorate(method: Any) -> Any:
        shown = admin.display(description=description, ordering=ordering)(method)
        shown.export = export
        return shown

    return decorate


def amount_column(
    description: Any, value: Value, *, ordering: str | None = None, export: Mapping[Any, Value] | None = None
) -> Any:
    """Make a display method for an amount: `value` gives a Decimal or a Money, None for none. `export` as in `column`."""

    @column(description, export=export or value, ordering=ordering)
    def shown(model_admin: Any, record: Any) -> SafeString:
        found = value(record)
        return nothing() if found is None else amount(found)

    return shown


def age_column(age: Callable[[Any], int | None], is_late: Callable[[Any], bool]) -> Any:
    """Make a display method for how many days a record has waited, in red when it is late; None while it does not wait.

    An export does not write it: it changes from one day to the next.
    """

    @column(_("Depuis"), export={})
    def shown(model_admin: Any, record: Any) -> SafeString:
        days = age(record)
        return nothing() if days is None else days_waited(days, is_late=is_late(record))

    return shown


def state_column(state: Callable[[Any], tuple[str, Any]] = stored_state) -> Any:
    """Make a display method for the state of a record: `state` gives its colour and its label."""

    @column(_("État"), export=lambda record: state(record)[1], ordering="state")
    def shown(model_admin: Any, record: Any) -> SafeString:
        return badge(*state(record))

    return shown


def exported_columns(model_admin: Any, *, but: Collection[str] = ()) -> list[tuple[str, Value]]:
    """Return (heading, value) of each column that an export of the list writes. `but`: columns left out."""
    found: list[tuple[str, Value]] = []
    for name in model_admin.list_display:
        if name == "action_checkbox" or name in but:
            continue
        heading, value = label_for_field(name, model_admin.model, model_admin), _value_of(model_admin, name)
        several = value if isinstance(value, Mapping) else {str(heading): value}
        found += [(str(capfirst(title)), partial(_plain, read)) for title, read in several.items()]
    return found


def _plain(read: Value, record: Any) -> Any:
    """Return what `read` gives of a record: an amount without its currency, another record or a translation as its
    text.
    """
    value = read(record)
    if isinstance(value, Money):
        return value.amount
    return value if value is None or isinstance(value, str | Decimal | int | date | time) else str(value)


def _value_of(model_admin: Any, name: Any) -> Value | Mapping[Any, Value]:
    """Return the reader of a column's value, found in the order in which the list itself finds a column."""
    try:
        return _field_value(model_admin.model._meta.get_field(name))
    except FieldDoesNotExist:
        pass
    if name == "__str__":
        return str
    on_admin = getattr(model_admin, name, None)
    display = on_admin or getattr(model_admin.model, name)
    return getattr(display, "export", display)


def _field_value(field: Any) -> Value:
    if field.flatchoices:
        return lambda record: getattr(record, f"get_{field.name}_display")()
    return lambda record: getattr(record, field.name)
