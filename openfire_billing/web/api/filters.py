"""`?search=`: as the search of the office's lists."""

from typing import Any

from rest_framework.filters import SearchFilter

from openfire_billing.db.search import holding, words_of


class WordsFilter(SearchFilter):
    """Every word, each in any of the view's `search_fields`."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        self.get_search_terms(request)  # refuses characters that no text holds
        words = words_of(request.query_params.get(self.search_param, ""))
        return holding(queryset, self.get_search_fields(view, request) or (), words)
