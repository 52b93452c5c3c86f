"""A page of a list: the most urgent records first, each with a link that tells its form where it stands in the list."""

from typing import Any

from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.http import urlencode
from unfold.views import ChangeList

from invoicing.admin.filters import ChipFilter
from openfire_billing.web.place import FILTERS, PLACE


class OfficeList(ChangeList):
    """Reads the ids of the page first, then computes what it shows for these rows alone."""

    def __init__(self, request: HttpRequest, *args: Any, **options: Any) -> None:
        self.view = request.GET.get(ChipFilter.parameter_name, "").partition(".")[0]
        self.read_filters: Any = None
        super().__init__(request, *args, **options)
        filters = request.GET.copy()
        filters.pop(PAGE_VAR, None)
        self.preserved_filters = urlencode({FILTERS: filters.urlencode() or f"{PAGE_VAR}=1"})

    def _get_default_ordering(self) -> Any:
        """Return the order of the list while no column sorts it."""
        return self.model_admin.list_order(self.view) or super()._get_default_ordering()

    def get_ordering_field_columns(self) -> dict[int, str]:
        """Return the columns that sort the list: none while it has its own order, of which no head is a part."""
        columns: dict[int, str] = super().get_ordering_field_columns()
        return columns if ORDER_VAR in self.params else {}

    def get_filters(self, request: HttpRequest) -> Any:
        """Return the filters of the list, made once: the side ones read their choices."""
        if self.read_filters is None:
            self.read_filters = super().get_filters(request)
        return self.read_filters

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count  # the count stands under the list alone
        self.page_ids = self.result_list.values_list("pk", flat=True)
        del self.result_list

    @cached_property
    def places(self) -> dict[Any, int]:
        """Return {id: place in the whole list, from 1} of the rows of the page."""
        before = (self.page_num - 1) * self.list_per_page if self.multi_page and not self.show_all else 0
        return {pk: before + rank for rank, pk in enumerate(self.page_ids, 1)}

    @cached_property
    def result_list(self) -> list[Any]:
        """Return the rows of the page."""
        rows = self.root_queryset.order_by()
        if not rows.query.select_related:
            rows = self.apply_select_related(rows)
        found = rows.in_bulk(list(self.places))
        shown = [found[pk] for pk in self.places if pk in found]
        self.model_admin.read_together(shown)
        return shown

    def url_for_result(self, result: Any) -> str:
        url = super().url_for_result(result)
        return url if self.is_popup else f"{url}?{PLACE}={self.places[result.pk]}"
