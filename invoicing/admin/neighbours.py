"""The records before and after the one of a form, in the list from which it was opened."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import SuspiciousOperation
from django.db import DataError
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from invoicing.admin.office_list import OfficeList
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.place import FILTERS, PLACE, place_of

AROUND = 25  # places before and after its own at which a record is looked for: the list has moved meanwhile


def neighbours_of(model_admin: Any, request: HttpRequest, document: Any) -> dict[str, Any] | None:
    """Return `previous` and `next` (addresses, "" at the ends), `position`, `count` and `back`, the list's address.

    `position` is None for a record that has left the list: its neighbours are then those of the place it had. None for a
    record that was not opened from a list.
    """
    place = place_of(request)
    at = read_id(place.get(PLACE))
    if at is None or document is None or document.pk is None:
        return None
    filters = QueryDict(place[FILTERS], mutable=True)
    filters.pop(PAGE_VAR, None)
    try:
        found = _list_of(model_admin, request, filters)
        first = max(at - 1 - AROUND, 0)
        ids = list(found.queryset.values_list("pk", flat=True)[first : at + AROUND])
    except (IncorrectLookupParameters, SuspiciousOperation, DataError, IndexError, OverflowError, ValueError):
        return None
    is_listed = document.pk in ids
    index = ids.index(document.pk) if is_listed else min(at - 1 - first, len(ids))
    after = index + 1 if is_listed else index
    meta = model_admin.model._meta
    name = f"admin:{meta.app_label}_{meta.model_name}"

    def address(rank: int) -> str:
        if not 0 <= rank < len(ids):
            return ""
        query = urlencode({FILTERS: place[FILTERS], PLACE: first + rank + 1})
        return f"{reverse(f'{name}_change', args=[ids[rank]])}?{query}"

    page = min(first + index, max(found.result_count - 1, 0)) // model_admin.list_per_page + 1
    if page > 1:
        filters[PAGE_VAR] = str(page)
    back = reverse(f"{name}_changelist")
    return {
        "previous": address(index - 1),
        "next": address(after),
        "position": first + index + 1 if is_listed else None,
        "count": found.result_count,
        "back": f"{back}?{filters.urlencode()}" if filters else back,
    }


def _list_of(model_admin: Any, request: HttpRequest, filters: QueryDict) -> OfficeList:
    """Return the list with these filters. A side filter that is not used is left out: it would read its choices."""
    asked = HttpRequest()
    asked.method, asked.path, asked.user, asked.session = "GET", request.path, request.user, request.session  # type: ignore[attr-defined]
    asked.META, asked.GET = request.META, filters
    names = {key.split("__")[0] for key in filters}
    used = [
        item
        for item in model_admin.get_list_filter(asked)
        if isinstance(item, type) or (item if isinstance(item, str) else item[0]).split("__")[0] in names
    ]
    columns = list(model_admin.get_list_display(asked))
    if model_admin.get_actions(asked):
        columns.insert(0, "action_checkbox")  # the address names a sorted column by its position
    return OfficeList(
        asked,
        model_admin.model,
        columns,
        None,
        used,
        None,
        model_admin.get_search_fields(asked),
        False,
        model_admin.list_per_page,
        model_admin.list_max_show_all,
        (),
        model_admin,
        None,
        None,
    )
