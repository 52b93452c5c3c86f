"""The header of a record's page, and its fields as text: what is read before anything is changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

from django.contrib.admin.helpers import AdminReadonlyField
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone
from django.utils.html import format_html, strip_tags
from django.utils.translation import gettext as _

from openfire_billing.kernel.formats import number_text
from openfire_billing.web.coded_select import is_called_by_code, named_text
from openfire_billing.web.number_fields import PRICE_UNIT
from openfire_billing.web.record_links import link_to

_NOTHING = ("", "–", "-")
_CUSTOMERS = ("partner", "customer", "payer", "supplier")
_PRICES = ("unit_price", "purchase_price")  # without tax
_REPEATED = {"bill_to": "partner", "site": "billing_address", "lead": "technicians", "title": "task"}
_LINKED = ("intervention", "equipment")  # records that one goes on to
_IN_USE = "is_active"  # read when it is false alone: nearly all records are in use
_PLACES = ("address", "site", "billing_address")


@dataclass(frozen=True)
class Heading:
    """What names a document: its number, its customer, where, when, how to reach them. Empty texts are not shown."""

    title: str
    customer: Any = None
    town: str = ""
    when: str = ""
    telephone: str = ""
    map_url: str = ""


def heading_of(document: Any) -> Heading:
    """Return the header of a document from its customer and its place, whatever they are called there."""
    customer = _first(document, _CUSTOMERS)
    place = _first(document, _PLACES)
    telephone = str(getattr(place, "phone", "") or "")
    if customer is not None:
        telephone = telephone or str(customer.mobile or customer.phone or "")
    return Heading(
        title=str(document),
        customer=customer,
        town=place.city if place is not None else "",
        telephone=telephone,
        map_url=map_url(place) if place is not None else "",
    )


def heading_of_customer(customer: Any) -> Heading:
    """Return the header of a customer's own page, from his default address."""
    place = customer.default_address()
    return Heading(
        title=str(customer),
        town=place.city if place is not None else "",
        telephone=str(customer.mobile or customer.phone or (place.phone if place is not None else "")),
        map_url=map_url(place) if place is not None else "",
    )


def map_url(address: Any) -> str:
    """Return the page of a map where an address is searched."""
    return f"https://www.openstreetmap.org/search?query={quote_plus(str(address))}"


def _first(document: Any, names: Iterable[str]) -> Any:
    return next((found for name in names if (found := getattr(document, name, None)) is not None), None)


def groups_as_text(fieldsets: Iterable[Any]) -> list[tuple[Any, list[tuple[Any, Any]]]]:
    """Return [(name of the fieldset, [(label, text), …]), …] of the fields that hold something, a text that repeats
    another field once (`_REPEATED`).
    """
    fieldsets = list(fieldsets)
    texts = {name_of(field): text_of(field) for fieldset in fieldsets for line in fieldset for field in line}
    found = []
    for fieldset in fieldsets:
        rows = [
            (label_of(field), text)
            for line in fieldset
            for field in line
            if (text := texts[name_of(field)]) != "" and text != texts.get(_REPEATED.get(name_of(field), ""))
        ]
        if rows:
            found.append((fieldset.name, rows))
    return found


def has_boxes(fieldsets: Iterable[Any]) -> bool:
    """Return whether one of the fields may be changed."""
    return any(
        not isinstance(field, AdminReadonlyField) for fieldset in fieldsets for line in fieldset for field in line
    )


def name_of(field: Any) -> str:
    """Return the name of a field of an admin form."""
    return str(field.field["name"] if isinstance(field, AdminReadonlyField) else field.field.name)


def is_empty_text(field: Any) -> bool:
    """Return whether a field of an admin form is only read and holds nothing."""
    return isinstance(field, AdminReadonlyField) and text_of(field) == ""


def label_of(field: Any) -> str:
    """Return the label of a field of an admin form, without the mark of what must be filled."""
    if isinstance(field, AdminReadonlyField):
        return str(field.field["label"])
    return str(getattr(field.field.field, "plain_label", field.field.label))


def text_of(field: Any) -> Any:
    """Return what a field of an admin form holds, as text, a picture as itself; "" for nothing and for « in use »."""
    if isinstance(field, AdminReadonlyField):
        text = field.contents()
        return "" if strip_tags(str(text)).strip() in _NOTHING else text
    name = field.field.name
    record = field.field.form.instance
    try:
        column = record._meta.get_field(name)
    except FieldDoesNotExist:
        return ""
    if isinstance(column, models.ManyToManyField):
        return ", ".join(str(other) for other in getattr(record, name).all()) if record.pk else ""
    if column.choices:
        return str(getattr(record, f"get_{name}_display")() or "")
    value = getattr(record, name)
    if name in _LINKED and value is not None:
        return link_to(value)
    if isinstance(column, models.EmailField):
        return broken_after_at(value)
    if name == _IN_USE:
        return "" if value else _("Non")
    if isinstance(column, models.ImageField):
        return format_html('<img class="of-thumb" src="{}" alt="{}">', value.url, column.verbose_name) if value else ""
    return f"{number_text(value)} {PRICE_UNIT}" if name in _PRICES else plain_text(value)


def broken_after_at(address: str) -> Any:
    """Return an e-mail address that a narrow column breaks after its « @ »."""
    mailbox, at, domain = address.partition("@")
    return format_html("{}@<wbr>{}", mailbox, domain) if at else address


def plain_text(value: Any) -> str:
    """Return a value as people read it: 24/11/2026, 24/11/2026 14:30, 12,5, Oui; "" for none and for no."""
    if value is None or value is False:
        return ""
    if value is True:
        return _("Oui")
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%d/%m/%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, Decimal):
        return number_text(value, 0)
    if is_called_by_code(value):
        return named_text(value)
    if isinstance(value, models.Model) and hasattr(value, "get_full_name"):
        return value.get_full_name() or str(value)
    return str(value)
