"""Answers to the scripts of the office, which ask with « X-Requested-With: fetch »."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse


def is_fetched(request: HttpRequest) -> bool:
    """Return whether a script asks, not the browser itself."""
    return request.headers.get("X-Requested-With") == "fetch"


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Send the browser to an address; tell a script the address, which it opens itself."""
    return JsonResponse({"location": url}) if is_fetched(request) else HttpResponseRedirect(url)
