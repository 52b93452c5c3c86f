"""What the API does not know is refused by name, in bodies and in addresses: nothing that is sent is left out in silence."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter

from openfire_billing.db.stamps import STAMP, is_stamped

UNKNOWN_FIELD, READ_ONLY, UNKNOWN_PARAMETER = "unknown_field", "read_only", "unknown_parameter"


class UnknownName(ValidationError):
    """A request with names that are refused: {name: sentences}. `rule`: the code of the refusal."""

    def __init__(self, fields: Mapping[str, str], rule: str) -> None:
        super().__init__({name: [text] for name, text in fields.items()})
        self.rule = rule


def checked(serializer: serializers.BaseSerializer, data: Any) -> None:
    """Validate the body of a request. Raises UnknownName for a name the serializer does not write, ValidationError."""
    faults = dict(_faults(serializer, data, ""))
    if faults:
        texts = {
            UNKNOWN_FIELD: _("Ce nom n'existe pas ici : voyez les noms de cette adresse à /api/v1/docs/."),
            READ_ONLY: _("Ce champ se lit et ne s'écrit pas : ôtez-le de la demande."),
        }
        raise UnknownName({path: texts[rule] for path, rule in faults.items()}, next(iter(faults.values())))
    serializer.is_valid(raise_exception=True)


def _faults(serializer: Any, data: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield (path, rule) of each refused name: « lines.0.prix »."""
    if isinstance(serializer, serializers.ListSerializer):
        for rank, row in enumerate(data if isinstance(data, list) else ()):
            yield from _faults(serializer.child, row, f"{path}{rank}.")
        return
    if not isinstance(serializer, serializers.Serializer) or not isinstance(data, Mapping):
        return
    for name, value in data.items():
        field = serializer.fields.get(name)
        if field is None:
            if path or name != "version":  # of the document, which any body may give
                yield f"{path}{name}", UNKNOWN_FIELD
        elif field.read_only:
            yield f"{path}{name}", READ_ONLY
        else:
            yield from _faults(field, value, f"{path}{name}.")


def refuse_parameters(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise UnknownName for the parameters of an address that are not `known`."""
    names = sorted(set(known))
    text = _("Cette adresse n'a pas ce paramètre.")
    if names:
        text = _("Cette adresse n'a pas ce paramètre. Elle connaît : %s.") % ", ".join(names)
    if unknown := {name: text for name in given if name not in names}:
        raise UnknownName(unknown, UNKNOWN_PARAMETER)


class Filters(DjangoFilterBackend):
    """`?partner=12`, by the view's `filterset_class` or `filterset_fields`."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        """Raise ValidationError for a value that a filter does not read: « oui » where true or false is meant."""
        found = super().filter_queryset(request, queryset, view)
        filterset = self.get_filterset(request, queryset, view)
        read = filterset.form.cleaned_data if filterset is not None and filterset.is_valid() else {}
        text = _("« %s » ne se lit pas ici : voyez les valeurs de ce filtre à /api/v1/docs/.")
        given = {name: request.query_params.get(name, "").strip() for name, value in read.items() if value is None}
        if unread := {name: [text % value] for name, value in given.items() if value}:
            raise ValidationError(unread)
        return found


class Ordering(OrderingFilter):
    """`?ordering=-id`, by the view's `ordering_fields` and the moment of the last change; rows that are equal, by id."""

    def get_valid_fields(self, queryset: Any, view: Any, context: Any = None) -> Any:
        own = super().get_valid_fields(queryset, view, context or {})
        return [*own, (STAMP, STAMP)] if is_stamped(queryset.model) else own

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        order = list(self.get_ordering(request, queryset, view) or ())
        if not order:
            return queryset
        if {"id", "-id"}.isdisjoint(order):
            order.append("-id" if order[-1].startswith("-") else "id")
        if not {STAMP, f"-{STAMP}"}.isdisjoint(order):
            queryset = queryset.with_changed_at()
            order = [name.replace(STAMP, "changed_at") for name in order]
        return queryset.order_by(*order)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Name the columns that order the list."""
        names = [name for name, _label in self.get_valid_fields(view.queryset, view)]
        shown = ", ".join(f"`{name}`" for name in names)
        (parameter,) = super().get_schema_operation_parameters(view)
        text = _("Le tri : %s ; « - » devant pour l'ordre inverse, une virgule entre deux.") % shown
        return [{**parameter, "description": text}]

    def remove_invalid_fields(self, queryset: Any, fields: Any, view: Any, request: Any) -> Any:
        """Raise UnknownName for a column that does not order this list."""
        valid = [name for name, _label in self.get_valid_fields(queryset, view, {"request": request})]
        if any(name.removeprefix("-") not in valid for name in fields):
            text = _("Cette liste se trie par : %s (« - » devant pour l'ordre inverse).") % ", ".join(valid)
            raise UnknownName({self.ordering_param: text}, UNKNOWN_PARAMETER)
        return fields
