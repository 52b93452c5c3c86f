"""What an address carries of the list that a record was opened from: its filters, and the place of the record in it."""

from django.http import HttpRequest
from django.utils.http import urlencode

FILTERS = "_changelist_filters"  # Django's own name: its forms go back to the list with these filters
PLACE = "at"  # from 1


def place_of(request: HttpRequest) -> dict[str, str]:
    """Return the filters and the place; {} for a record opened elsewhere."""
    found = {name: request.GET.get(name, "") for name in (FILTERS, PLACE)}
    return found if all(found.values()) else {}


def with_place(request: HttpRequest, url: str) -> str:
    """Return the address of a page of the same record, which keeps its place in the list."""
    place = place_of(request)
    return f"{url}?{urlencode(place)}" if place else url


def list_left(request: HttpRequest, url: str) -> str:
    """Return the address `url` of a list, with the filters under which the record was opened."""
    place = place_of(request)
    return f"{url}?{place[FILTERS]}" if place else url
