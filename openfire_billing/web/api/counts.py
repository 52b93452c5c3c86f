"""`counts`: the numbers of a page's smart buttons, for a whole list in its one query."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from openfire_billing.web.contributions import contributions_to
from openfire_billing.web.smart_buttons import buttons_for, counter


def with_counts(queryset: Any, user: Any) -> Any:
    """Annotate each document with the count of what was made from it, by the registry of contributions."""
    model = queryset.model
    return queryset.annotate(
        **{f"count_{button.origin}": counter(button, model, user) for button in buttons_for(model, user)}
    )


@extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
class CountsField(serializers.Field):
    """{"quotes": 1, "invoices": 2}: a number for each smart button of the document's page that the user sees."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "source": "*", "read_only": True})

    def to_representation(self, document: Any) -> dict[str, int]:
        names = (button.origin for button in contributions_to(type(document)).smart_buttons)
        return {name: getattr(document, f"count_{name}") for name in names if hasattr(document, f"count_{name}")}
