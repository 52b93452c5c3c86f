"""What a form changes, as a journal line shows it."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.db import models

from openfire_billing.kernel.formats import value_text


def header_changes(form: Any) -> dict[str, list[str]]:
    """Return {field: [before, after]} of the changes of a form."""
    changes = {}
    for name in form.changed_data:
        if name.startswith("_"):
            continue
        field = form.fields[name]
        changes[name] = [
            _shown(field, form.get_initial_for_field(field, name)),
            _shown(field, form.cleaned_data.get(name)),
        ]
    return changes


def _shown(field: Any, value: Any) -> str:
    if value in (None, "", []):
        return value_text(None)
    if isinstance(field, forms.ModelMultipleChoiceField):
        assert field.queryset is not None
        ids = [getattr(item, "pk", item) for item in value]
        items = field.queryset.model._default_manager.filter(pk__in=ids)
        return ", ".join(field.label_from_instance(item) for item in items) or value_text(None)
    if isinstance(field, forms.ModelChoiceField):
        assert field.queryset is not None
        if not isinstance(value, models.Model):
            value = field.queryset.model._default_manager.filter(pk=value).first() or value
        return str(field.label_from_instance(value))
    if isinstance(field, forms.ChoiceField):
        labels = dict(cast("Iterable[tuple[Any, Any]]", field.choices))
        values = value if isinstance(value, list) else [value]
        return ", ".join(str(labels.get(item, item)) for item in values)
    return value_text(value, least_places=getattr(field.widget, "least_places", 2))
