"""The choices of forms, narrowed to the records that the user may see."""

from functools import partial
from typing import Any

from django import forms
from django.contrib.admin import FieldListFilter, RelatedFieldListFilter
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db.models import Q
from django.forms.models import ModelChoiceIterator

from openfire_billing.db.scope import visible
from openfire_billing.kernel.formats import read_id


class Choices(ModelChoiceIterator):
    """The choices of a field, read by one statement: Django opens a cursor on the server, which takes three.

    `kept` of the field: {query: its records}, shared by the rows of a formset, which read the same choices once.
    """

    def __iter__(self) -> Any:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        yield from map(self.choice, self._records())

    def _records(self) -> Any:
        kept = getattr(self.field, "kept", None)
        if kept is None:
            return self.queryset.all()
        try:
            query = str(self.queryset.query)
        except EmptyResultSet:
            return ()
        if query not in kept:
            kept[query] = list(self.queryset.all())
        return kept[query]


def narrow_choices(form: Any, user: Any, *, kept: dict[str, Any] | None = None) -> None:
    """Narrow the choices of records of a form to those that `user` may see (`visible`) and those already chosen.

    A choice of several records refuses texts that are no identifiers. `kept`: see Choices.
    """
    for name, field in form.fields.items():
        if not isinstance(field, forms.ModelChoiceField) or field.queryset is None:
            continue
        if isinstance(field, forms.ModelMultipleChoiceField) and field.to_field_name in (None, "pk", "id"):
            field.clean = partial(_clean_keys, field, field.clean)  # type: ignore[method-assign]
        if not hasattr(field, "_choices"):  # a list of its own stands in its place
            field.iterator = Choices
            field.kept = kept  # type: ignore[attr-defined]
            field.widget.choices = field.choices
        every = field.queryset
        seen = visible(every, user)
        if seen is every:
            continue
        chosen = _chosen(form, name)
        field.queryset = seen if chosen is None else every.filter(Q(pk__in=seen.order_by().values("pk")) | chosen)


def _clean_keys(field: forms.ModelMultipleChoiceField, clean: Any, value: Any) -> Any:
    """As Django's `clean`, which lets the database fail on a number too large for a key."""
    for text in value or ():
        if read_id(getattr(text, "pk", text)) is None:
            raise ValidationError(field.error_messages["invalid_pk_value"], "invalid_pk_value", {"pk": text})
    return clean(value)


def _chosen(form: Any, name: str) -> Q | None:
    """Return the condition on the records that the stored row of a form already has in a field; None without any."""
    row = getattr(form, "instance", None)
    if row is None or row.pk is None:
        return None
    relation = next((f for f in (*row._meta.concrete_fields, *row._meta.many_to_many) if f.name == name), None)
    if relation is None or not relation.is_relation:
        return None
    if relation.many_to_many:
        return Q(pk__in=getattr(row, name).order_by().values("pk"))
    key = getattr(row, relation.attname)
    return None if key is None else Q(pk=key)


def narrowed_formset(formset: Any, user: Any) -> Any:
    """Return the class of a formset whose rows offer the choices that `user` may see."""
    kept: dict[str, Any] = {}

    class NarrowedFormSet(formset):  # type: ignore[misc]
        def add_fields(self, form: Any, index: int | None) -> None:
            narrow_choices(form, user, kept=kept)
            super().add_fields(form, index)

    NarrowedFormSet.__name__ = formset.__name__
    return NarrowedFormSet


class VisibleFilter(RelatedFieldListFilter):
    """The filter of a list on a relation. It offers the records that the user may see."""

    def field_choices(self, field: Any, request: Any, model_admin: Any) -> list[tuple[Any, str]]:
        ordering = self.field_admin_ordering(field, request, model_admin)
        rows = visible(field.related_model._default_manager.order_by(*ordering), request.user)
        return [(row.pk, str(row)) for row in rows]


FieldListFilter.register(lambda field: field.remote_field is not None, VisibleFilter, take_priority=True)
