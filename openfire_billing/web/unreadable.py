"""Requests that no page of ours sends: too large, or with NUL characters, which no text of the database holds."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from openfire_billing.web.uploads import RequestTooLarge

_TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that Django refuses to read: 413 when it is too large, else 400."""
    if isinstance(exception, RequestTooLarge):
        return render(request, "413.html", {"refusal": str(exception)}, status=413)
    is_too_large = isinstance(exception, _TOO_LARGE)
    return render(request, "400.html", {"is_too_large": is_too_large}, status=413 if is_too_large else 400)


class UnreadableMiddleware:
    """Refuses NUL characters in the address or in a form. The API, which has its own refusals, is left alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, options: Any) -> HttpResponse | None:
        if request.path.startswith("/api/"):
            return None
        is_form = request.method == "POST" and request.content_type in _FORMS
        return bad_request(request) if _has_nul(request.GET) or (is_form and _has_nul(request.POST)) else None


def _has_nul(sent: Any) -> bool:
    return any("\0" in text for name, values in sent.lists() for text in (name, *values))
