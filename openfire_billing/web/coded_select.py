"""The box of a record that is called by its code (« VEN-10 »): the name of the chosen one stands beside it."""

from typing import Any

from django import forms
from django.db import models
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import SELECT_CLASSES


def is_called_by_code(record: Any) -> bool:
    """Return whether the text of a record is its code, which says less than its name."""
    code = getattr(record, "code", "") if isinstance(record, models.Model) else ""
    return bool(code) and bool(getattr(record, "name", "")) and str(record) == code


def named_text(record: Any) -> SafeString:
    """Return the name of a record, with its code in grey."""
    return format_html('{} <small class="of-code-of">{}</small>', record.name, record.code)


class CodedSelect(forms.Select):
    """A select whose options carry the name of their record. static/openfire/office/codes.js shows that of the chosen one."""

    def __init__(self, attrs: dict[str, Any] | None = None, choices: Any = ()) -> None:
        super().__init__({"class": " ".join(SELECT_CLASSES), **(attrs or {})}, choices)

    def create_option(self, name: str, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **options)
        record = getattr(value, "instance", None)
        if record is not None:
            option["attrs"]["data-name"] = record.name
        return option

    def render(self, *args: Any, **options: Any) -> SafeString:
        return format_html('<of-code>{}<small class="of-code-of"></small></of-code>', super().render(*args, **options))
