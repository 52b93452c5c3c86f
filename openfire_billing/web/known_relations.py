"""Choices of a form sent back unchanged: they take records already loaded instead of a query each."""

from functools import partial
from typing import Any

from django import forms
from django.db import models

from openfire_billing.web.record_select import RecordSelect


def reuse_known(form: forms.ModelForm) -> None:
    """Let the choices of a form take the records that its instance has loaded, when they are sent back unchanged."""
    for relation in form.instance._meta.concrete_fields:
        if relation.is_relation and relation.name in form.fields and relation.is_cached(form.instance):
            know(form.fields[relation.name], relation.get_cached_value(form.instance))


def know(field: forms.Field, record: models.Model | None) -> None:
    """Let a choice of one record take `record` without a query when its key is sent."""
    if record is not None and isinstance(field, forms.ModelChoiceField) and _is_by_key(field):
        field.to_python = partial(_known_or_asked, field.to_python, record)  # type: ignore[method-assign]
        box = getattr(field.widget, "widget", field.widget)  # inside the admin's frame
        if isinstance(box, RecordSelect):
            box.known = {str(record.pk): str(field.label_from_instance(record))}  # type: ignore[misc]


def _is_by_key(field: forms.ModelChoiceField) -> bool:
    return not isinstance(field, forms.ModelMultipleChoiceField) and field.to_field_name in (None, "pk", "id")


def _known_or_asked(ask: Any, record: models.Model, value: Any) -> Any:
    return record if str(record.pk) == str(value) else ask(value)
