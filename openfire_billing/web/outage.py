"""A page when the database is busy or away: what happened and what to do."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

log = logging.getLogger(__name__)
RETRY_AFTER = 5  # seconds


def outage_page(error: Exception) -> HttpResponse:
    """Return the page (503) that says that the database is busy or away."""
    log.warning("The database is busy or away: %s", error)
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(RETRY_AFTER)})


class OutageMiddleware:
    """Answers 503 with a sentence when the database does not answer a view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return outage_page(error) if isinstance(error, OperationalError | InterfaceError) else None
