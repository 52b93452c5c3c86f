"""What the boxes that choose a record show: Django's autocompletion, with what tells the records apart."""

import json
from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest, JsonResponse


class ChoiceView(AutocompleteJsonView):
    """Answer the records found. Rights, companies and search are those of their own admin page.

    Each result has an id and a text, and what `choice_details(record)` of the admin page tells: a name, a code, details.
    `creation`: how the user may create such a record from the box (`creation_offer` of the admin page); None when he
    may not.
    """

    def get(self, request: HttpRequest, *args: Any, **options: Any) -> JsonResponse:
        answer = json.loads(super().get(request, *args, **options).content)
        offer = getattr(self.model_admin, "creation_offer", None)
        return JsonResponse(answer | {"creation": offer(request) if offer else None})

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        narrow = getattr(self.model_admin, "choice_queryset", None)
        return narrow(found, self.term) if narrow else found

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, Any]:
        return super().serialize_result(obj, to_field_name) | details_of(self.model_admin, obj)


def details_of(model_admin: Any, record: Any) -> dict[str, Any]:
    """Return what tells a record from others in a list of choices."""
    tell = getattr(model_admin, "choice_details", None)
    return tell(record) if tell else {}
