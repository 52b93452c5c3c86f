"""`updated_at`, `?updated_after=` and `?ordering=updated_at`: how a program reads what changed since its last visit."""

import re
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend

from openfire_billing.db.stamps import STAMP, is_stamped
from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY

UPDATED_AFTER = "updated_after"
_WITH_ZONE = re.compile(r"(Z|[+-]\d{2}:?\d{2})$", re.IGNORECASE)


@extend_schema_field({"type": "string", "format": "date-time"})
class UpdatedAtField(serializers.DateTimeField):
    """The last change of the record and of what is read with it. A record inside another one shows its own row's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "source": "*", "read_only": True})

    def to_representation(self, record: Any) -> Any:
        return super().to_representation(getattr(record, "changed_at", None) or getattr(record, STAMP))


class UpdatedAfter(BaseFilterBackend):
    """`?updated_after=2026-11-24T08:00:00Z`: what changed later than that moment, the moment itself left out."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        """Raises ValidationError for a moment that cannot be read, or without a time zone."""
        text = request.query_params.get(UPDATED_AFTER)
        if text is None or not is_stamped(queryset.model):
            return queryset
        return queryset.changed_after(_moment(text))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        queryset = getattr(view, "queryset", None)
        if queryset is None or not is_stamped(queryset.model):
            return []
        description = _("Ce qui a changé après ce moment, lui-même exclu ; ISO 8601, avec son fuseau.")
        schema = {"type": "string", "format": "date-time"}
        return [{"name": UPDATED_AFTER, "required": False, "in": "query", "description": description, "schema": schema}]


def _moment(text: str) -> datetime:
    """Return the moment that a text names. Raises ValidationError."""
    try:
        moment = parse_datetime(text.strip()) if _WITH_ZONE.search(text.strip()) else None
    except ValueError:
        moment = None
    if moment is None or not FIRST_DAY <= moment.date() <= LAST_DAY:
        sentence = _(
            "« %s » ne se lit pas : donnez un moment avec son fuseau, 2026-11-24T08:00:00Z ou 2026-11-24T08:00:00%%2B01:00 "
            "(dans une adresse, « + » s'écrit %%2B)."
        )
        raise ValidationError({UPDATED_AFTER: [sentence % text]})
    return moment
