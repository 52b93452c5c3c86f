"""Filters of lists: what a smart button counts, and one-click views."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.narrowing import asked_once
from openfire_billing.web.smart_buttons import origin_filter


class FromFilter(SimpleListFilter):
    """The list behind a smart button: `?from=app.model-id`."""

    title = _("Origine")
    parameter_name = "from"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        value = request.GET.get(self.parameter_name)
        return [(value, _("documents liés"))] if value else [("", "")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return origin_filter(queryset.model)(queryset, self.value()) if self.value() else queryset


class ChipFilter(SimpleListFilter):
    """One-click filters of a list. `chips`: (slug, label, narrow(queryset, request)).

    `linked`: slugs that a link of another page leads to; they are shown while they are chosen.
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
        """What the list shows before a chip is chosen."""
        return queryset
