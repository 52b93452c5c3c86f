"""The text box of a telephone: any text is accepted, and a number that cannot be dialled gets a hint."""

from typing import Any

from django import forms
from django.db.models import Field
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES

from openfire_billing.db.fields import TelephoneKeyField
from openfire_billing.kernel.telephones import is_possible, key_of


def is_telephone(field: Field) -> bool:
    """Return whether a column holds telephones as typed, not their keys."""
    columns = field.model._meta.concrete_fields
    return any(isinstance(column, TelephoneKeyField) and column.of[0] == field.name for column in columns)


class TelephoneInput(forms.TextInput):
    """A box followed by a grey hint when no telephone can have its value."""

    input_type = "tel"

    def __init__(self) -> None:
        super().__init__({"autocomplete": "off", "class": " ".join(INPUT_CLASSES)})

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        box = super().render(name, value, attrs, renderer)
        if not value or is_possible(key_of(str(value))):
            return box
        hint = _("Numéro à vérifier : un chiffre manque ou est en trop. Il est gardé tel quel.")
        return format_html('{}<p class="of-hint">{}</p>', box, hint)
