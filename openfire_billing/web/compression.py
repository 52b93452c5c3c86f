"""Compression of answers that are text. PDFs, pictures and archives are compressed already, and keep their length."""

from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.middleware.gzip import GZipMiddleware

_TEXT = ("text/", "application/json", "application/xml", "image/svg+xml")


class TextGZipMiddleware(GZipMiddleware):
    """Django's compression, for answers of text alone."""

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponse | StreamingHttpResponse:
        if not response.headers.get("Content-Type", "").startswith(_TEXT):
            return response  # type: ignore[no-any-return]
        return super().process_response(request, response)
