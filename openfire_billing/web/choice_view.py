"""What the boxes that choose a record show: Django's autocompletion, with what tells the records apart."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView


class ChoiceView(AutocompleteJsonView):
    """Answer the records found. Rights, companies and search are those of their own admin page.

    Each result has an id and a text, and what `choice_details(record)` of the admin page tells: a name, a code, details.
    """

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        narrow = getattr(self.model_admin, "choice_queryset", None)
        return narrow(found, self.term) if narrow else found

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, Any]:
        tell = getattr(self.model_admin, "choice_details", None)
        return super().serialize_result(obj, to_field_name) | (tell(obj) if tell else {})
