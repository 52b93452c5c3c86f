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

    One chip is chosen at a time, `?view=late`; those of `combined` are chosen beside it, `?view=late.mine`. `linked`:
    slugs that links of other pages choose; the list shows them only then. `uncounted`: slugs whose rows are not counted,
    many by nature or slow to count. `orders`: {slug: order} of those with an order of their own.
    """

    title = _("Vue")
    parameter_name = "view"
    template = "office/list_no_filter.html"  # the chips stand above the list, not among the filters
    chips: ClassVar[Sequence[tuple[str, Any, Any]]] = ()
    combined: ClassVar[frozenset[str]] = frozenset()
    linked: ClassVar[frozenset[str]] = frozenset()
    uncounted: ClassVar[frozenset[str]] = frozenset()
    orders: ClassVar[Mapping[str, Sequence[Any]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = self.chosen_in(request)
        return [(slug, label) for slug, label, _narrow in self.chips if slug not in self.linked or slug in chosen]

    @classmethod
    def chosen_in(cls, request: HttpRequest) -> list[str]:
        """Return the slugs that a request chooses, in the order of the chips: one, and any of `combined`."""
        asked = request.GET.get(cls.parameter_name, "").split(".")
        found = [slug for slug, _label, _narrow in cls.chips if slug in asked]
        alone = [slug for slug in found if slug not in cls.combined]
        return [slug for slug in found if slug not in alone[1:]]

    @classmethod
    def with_chip(cls, chosen: Sequence[str], slug: str) -> str:
        """Return the value of the address once a chip is pressed: it is added or taken off, or takes the place of another."""
        if slug in cls.combined:
            left = [one for one in chosen if one != slug] + [slug] * (slug not in chosen)
        else:
            left = [slug, *(one for one in chosen if one in cls.combined)]
        return ".".join(left)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if chosen := self.chosen_in(request):
            return asked_once(self._narrowed(queryset, request, chosen), of=queryset)
        return queryset if self.value() else self._whole(queryset, request)

    @classmethod
    def _narrowed(cls, queryset: Any, request: HttpRequest, chosen: Sequence[str]) -> Any:
        """Return the rows under these chips."""
        rows = queryset if set(chosen) - cls.combined else cls._whole(queryset, request)
        for slug, _label, narrow in cls.chips:
            if slug in chosen:
                rows = narrow(rows, request)
        return rows

    @classmethod
    def _whole(cls, queryset: Any, request: HttpRequest) -> Any:
        return queryset if FromFilter.parameter_name in request.GET else cls.usual(queryset)

    @classmethod
    def usual(cls, queryset: Any) -> Any:
        """The rows shown while no chip is chosen."""
        return queryset

    @classmethod
    def questions(cls, queryset: Any, request: HttpRequest) -> dict[str, Any]:
        """Return {slug: rows} of the chips that are counted, `combined` left out."""
        left_out = cls.uncounted | cls.linked | cls.combined
        return {slug: narrow(queryset, request) for slug, _label, narrow in cls.chips if slug not in left_out}

    @classmethod
    def counts(cls, queryset: Any, request: HttpRequest, *, shown: int) -> dict[str, str]:
        """Return {slug: « 12 », « 999+ »} of the chips that are counted, in one query: how many rows of `queryset` the list
        shows under each, beside those chosen that combine with it. `shown`: how many it shows under those chosen.
        """
        chosen = cls.chosen_in(request)
        beside = queryset
        for slug, _label, narrow in cls.chips:
            if slug in chosen and slug in cls.combined:
                beside = narrow(beside, request)
        asked = cls.questions(beside, request)
        for slug in cls.combined - cls.uncounted:
            asked[slug] = cls._narrowed(queryset, request, [*chosen, slug])
        known = {slug: min(shown, MOST_COUNTED) for slug in chosen if asked.pop(slug, None) is not None}
        counts = counted_together(asked, most=MOST_COUNTED) | known
        return {slug: str(n) if n < MOST_COUNTED else f"{MOST_COUNTED - 1}+" for slug, n in counts.items()}
