"""`?search=`: as the search of the office's lists."""

from typing import Any

from rest_framework.filters import SearchFilter

from openfire_billing.db.search import holding
from openfire_billing.kernel.telephones import telephone_of


class WordsFilter(SearchFilter):
    """Every word, each in any of the view's `search_fields`."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        words = self.get_search_terms(request)
        number = telephone_of(" ".join(words))
        return holding(queryset, self.get_search_fields(view, request) or (), [number] if number else words)
