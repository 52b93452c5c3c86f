"""Save a record: set values on the locked row, check them, save the changed columns, write the journal."""

from collections.abc import Collection, Iterable, Mapping
from typing import cast

from django.db.models import Field, ForeignKey, Model
from django.utils.translation import gettext_lazy as _

from invoicing.services.locks import AnyRecord, lock_record
from invoicing.services.records.history import record
from invoicing.services.records.shared import refusal_of_shared
from openfire_billing.db.people import By
from openfire_billing.db.scope import refuse_others
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import Versioned, columns_of, raise_parent, raise_version, save_changed
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import value_text


def assign(document: Model, values: Mapping[str, object]) -> dict[str, Collection[Model]]:
    """Set values on a record without saving. Returns those of many-to-many fields, which need a saved record."""
    many = {}
    for name, value in values.items():
        if document._meta.get_field(name).many_to_many:
            many[name] = cast("Collection[Model]", value)
        else:
            setattr(document, name, value)
    return many


def set_many(document: Model, many: Mapping[str, Collection[Model]]) -> dict[str, list[str]]:
    """Write many-to-many fields. Returns {field: [before, after]} of those that change, as texts for people.

    Raises ValidationError for a record of another company.
    """
    changes = {}
    for name, wanted in many.items():
        manager = getattr(document, name)
        before, after = list(manager.all()), list(wanted)
        if {record.pk for record in before} == {record.pk for record in after}:
            continue
        refuse_others(document, name, after)
        manager.set(after)
        changes[name] = [_names(before), _names(after)]
    return changes


def describe_changes(document: Model, before: Mapping[str, object], names: Iterable[str]) -> dict[str, list[str]]:
    """Return {field: [before, after]} of the named fields whose column differs from `before` (`columns_of`)."""
    changes = {}
    for name in names:
        field = document._meta.get_field(name)
        if (
            not isinstance(field, Field)
            or field.many_to_many
            or before[field.attname] == getattr(document, field.attname)
        ):
            continue
        changes[name] = [
            _text(field, before[field.attname]),
            _text(field, getattr(document, field.attname)),
        ]
    return changes


def _refuse_shared(document: Model, changed: Iterable[str], by: By) -> None:
    if refusal := refusal_of_shared(document, changed=changed, by=by):
        raise BusinessError(refusal)


def _text(field: "Field[object, object]", value: object) -> str:
    if value is not None and isinstance(field, ForeignKey):
        value = field.related_model._base_manager.filter(pk=value).first()
    elif field.choices:
        value = dict(field.flatchoices).get(value, value)
    elif isinstance(value, list):
        return _names(value)
    return value_text(getattr(value, "amount", value))


def _names(records: Iterable[object]) -> str:
    return ", ".join(sorted(str(item) for item in records)) or value_text(None)


def save_record(document: AnyRecord, *, values: Mapping[str, object], seen: int | None = None, by: By) -> AnyRecord:
    """Save values on a new or an existing record, and return it. An existing one is locked and read again.

    `document`: the record, or the initial values of a new one. `values`: {field: value}; a collection of records for a
    many-to-many field. Raises and saves nothing: Django's ValidationError; BusinessError for a shared record that `by`
    may not change; StaleForm when the version is not `seen`.
    """
    with atomic():
        is_new = document.pk is None
        if not is_new:
            document = lock_record(document, seen=seen)
        before, fields = columns_of(document), {field.name for field in document._meta.concrete_fields}
        if not is_new:
            changed = [name for name, value in values.items() if name in fields and getattr(document, name) != value]
            _refuse_shared(document, changed, by)
        many = assign(document, values)
        if is_new:
            _refuse_shared(document, (), by)
        document.full_clean()
        if is_new:
            document.save()
            set_many(document, many)
            record(document, "created", by=by, text=_("Fiche créée"))
            if isinstance(document, Versioned):
                raise_parent(document)
            return document
        changes = describe_changes(document, before, values)
        written = save_changed(document, before)
        changes |= set_many(document, many)
        if changes and not written and isinstance(document, Versioned):
            raise_version(document)
        if changes:
            record(document, "changed", by=by, text=_("Fiche modifiée"), changes=changes)
            if isinstance(document, Versioned):
                raise_parent(document)
    return document


def lock_for_form(document: AnyRecord, *, seen: int | None) -> AnyRecord:
    """Lock a record that Django's form saves. The caller is inside `perform`.

    Raises BusinessError when it no longer exists, StaleForm when its version is not `seen`.
    """
    return lock_record(document, seen=seen)
