"""Filters of lists: the records behind a smart button, and one-click filters."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.counting import counted_together
from openfire_billing.db.narrowing import asked_once
from openfire_billing.web.smart_buttons import origin_filter

MOST_COUNTED = 1_000  # rows of a chip: beyond, it says « 999+ »


class FromFilter(SimpleListFilter):
    """Keeps the records that a smart button counts: `?from=app.model-id`."""

    title = _("Origine")
    parameter_name = "from"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        value = request.GET.get(self.parameter_name)
        return [(value, _("documents liés"))] if value else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return origin_filter(queryset.model)(queryset, value) if (value := self.value()) else queryset


class ChipFilter(SimpleListFilter):
    """One-click filters of a list. `chips`: (slug, label, narrow(queryset, request)).

    `linked`: slugs that links of other pages choose; the list shows them only then. `uncounted`: slugs whose rows are
    not counted, many by nature or slow to count. `orders`: {slug: order} of those with an order of their own.
    """

    title = _("Vue")
    parameter_name = "view"
    template = "office/list_no_filter.html"  # the chips stand above the list, not among the filters
    chips: ClassVar[Sequence[tuple[str, Any, Any]]] = ()
    linked: ClassVar[frozenset[str]] = frozenset()
    uncounted: ClassVar[frozenset[str]] = frozenset()
    orders: ClassVar[Mapping[str, Sequence[Any]]] = {}

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

    @classmethod
    def questions(cls, queryset: Any, request: HttpRequest) -> dict[str, Any]:
        """Return {slug: rows} of the chips that are counted."""
        left_out = cls.uncounted | cls.linked
        return {slug: narrow(queryset, request) for slug, _label, narrow in cls.chips if slug not in left_out}

    @classmethod
    def counts(cls, queryset: Any, request: HttpRequest) -> dict[str, str]:
        """Return {slug: « 12 », « 999+ »} of the chips whose rows in `queryset` are counted, in one query."""
        counts = counted_together(cls.questions(queryset, request), most=MOST_COUNTED)
        return {slug: str(n) if n < MOST_COUNTED else f"{MOST_COUNTED - 1}+" for slug, n in counts.items()}
