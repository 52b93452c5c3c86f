"""Records without a life of their own (customers, addresses, articles…): checked, saved, written in their journal."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from invoicing.services.records.history import record
from openfire_billing.kernel.formats import value_text

AnyRecord = TypeVar("AnyRecord", bound=Model)


def save_record(document: AnyRecord, *, values: Mapping[str, Any], by: Any) -> AnyRecord:
    """Give a record (new or not) these values, tags included. Raises ValidationError (Django's) and saves nothing.

    `values`: {field: value}, for a many-to-many field the records wanted.
    """
    fields = {name: document._meta.get_field(name) for name in values}
    with transaction.atomic():
        is_new = document.pk is None
        changes = {}
        for name, field in fields.items():
            if not field.many_to_many:
                before = None if is_new else getattr(document, name)
                setattr(document, name, values[name])
                if not is_new and before != values[name]:
                    changes[str(field.verbose_name)] = [_text(before), _text(values[name])]  # type: ignore[union-attr]
        document.full_clean()
        document.save()
        for name, field in fields.items():
            if field.many_to_many:
                many = getattr(document, name)
                before, after = _text(many.all()), _text(values[name])
                many.set(values[name])
                if before != after:
                    changes[str(field.verbose_name)] = [before, after]  # type: ignore[union-attr]
        if is_new:
            record(document, "created", by=by, text=_("Fiche créée"))
        elif changes:
            record(document, "changed", by=by, text=_("Fiche modifiée"), changes=changes)
    return document


def _text(value: Any) -> str:
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return ", ".join(sorted(str(item) for item in value)) or value_text(None)
    return value_text(value)
