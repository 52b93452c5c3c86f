"""Lists come in pages."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

from openfire_billing.kernel.formats import read_id
from openfire_billing.web.api.strict import UNKNOWN_PARAMETER, UnknownName


class Pages(PageNumberPagination):
    """{"count", "next", "results"}: `?page=2`, `?page_size=` up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_page_size(self, request: Any) -> int:
        """Return the size that the address asks for. Raises UnknownName beyond the bounds."""
        text = request.query_params.get(self.page_size_query_param)
        size = self.page_size if text is None else read_id(text)
        if size is None or not 1 <= size <= self.max_page_size:
            sentence = _("Une page a de 1 à %d lignes.") % self.max_page_size
            raise UnknownName({self.page_size_query_param: sentence}, UNKNOWN_PARAMETER)
        return size

    def get_paginated_response(self, data: Any) -> Response:
        assert self.page is not None
        return Response({"count": self.page.paginator.count, "next": self.get_next_link(), "results": data})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["count", "next", "results"],
            "properties": {
                "count": {"type": "integer"},
                "next": {"type": ["string", "null"], "format": "uri"},
                "results": schema,
            },
        }
