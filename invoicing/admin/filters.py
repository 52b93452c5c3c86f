"""Filters of lists: the records behind a smart button, and one-click filters."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.narrowing import asked_once
from openfire_billing.web.smart_buttons import origin_filter


class FromFilter(SimpleListFilter):
    """Keeps the records that a smart button counts: `?from=app.model-id`."""

    title = _("Origine")
    parameter_name = "from"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        value = request.GET.get(self.parameter_name)
        return [(value, _("documents liés"))] if value else [("", "")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return origin_filter(queryset.model)(queryset, value) if (value := self.value()) else queryset


class ChipFilter(SimpleListFilter):
    """One-click filters of a list. `chips`: (slug, label, narrow(queryset, request)).

    `linked`: slugs that links of other pages choose; the list shows them only then.
    """

    title = _("Vue")
    parameter_name = "view"
    chips: ClassVar[Sequence[tuple[str, Any, Any]]] = ()
    linked: ClassVar[frozenset[str]] = frozenset()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = request.GET.get(self.parameter_name)
        return [(slug, label) for slug, label, _narrow in self.chips if slug not in self.linked or slug == chosen]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        for slug, _label, narrow in self.chips:
            if slug == self.value():
                return asked_once(narrow(queryset, request), of=queryset)
        return queryset if FromFilter.parameter_name in request.GET or self.value() else self.usual(queryset)

    def usual(self, queryset: Any) -> Any:
        """The rows shown while no chip is chosen."""
        return queryset
