"""Fields that mean the same everywhere: days, amounts, ids, quantities; and the filters on them."""

from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY
from openfire_billing.web.days import local_moment, refuse_far_day

LARGEST_ID = 2**63 - 1


class DayField(serializers.DateField):
    """A calendar day, ISO. Within two centuries: what is computed from it must be a date too."""

    default_error_messages = {"far": _("Choisissez une date entre 1990 et 2199.")}

    def to_internal_value(self, value: Any) -> Any:
        day = super().to_internal_value(value)
        if not FIRST_DAY <= day <= LAST_DAY:
            self.fail("far")
        return day


class MomentField(serializers.DateTimeField):
    """An instant, ISO with its offset; without one it is read in French time."""

    default_error_messages = {"far": _("Choisissez une date entre 1990 et 2199.")}

    def enforce_timezone(self, value: datetime) -> Any:
        if timezone.is_aware(value):
            return super().enforce_timezone(value)
        try:
            return local_moment(value)
        except ValidationError as wrong:
            raise serializers.ValidationError(wrong.messages) from wrong

    def to_internal_value(self, value: Any) -> Any:
        try:
            moment = super().to_internal_value(value)
        except OverflowError:
            moment = None
        if moment is None or not FIRST_DAY <= moment.date() <= LAST_DAY:
            self.fail("far")
        return moment


@extend_schema_field({"type": "string", "format": "time-local", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"})
class HourField(serializers.TimeField):
    """A time of the day in France, ISO: « 09:30:00 »; the seconds may be left out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"format": "%H:%M:%S", "input_formats": ["%H:%M:%S", "%H:%M"], **options})


class Amount(serializers.DecimalField):
    """An amount to the cent, as text, in the document's currency. By default read only."""

    def __init__(self, **options: Any) -> None:
        options = {"max_digits": 14, "decimal_places": 2, "read_only": True, **options}
        super().__init__(**options)


class Id(serializers.PrimaryKeyRelatedField):
    """The id of a record the user may name: `visible` in the serializer's context narrows the choice."""

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        visible = self.context.get("visible")
        return queryset if queryset is None or visible is None else visible(queryset)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int) or not 0 < data <= LARGEST_ID:
            self.fail("incorrect_type", data_type=type(data).__name__)
        return super().to_internal_value(data)


def id_field(**options: Any) -> serializers.IntegerField:
    """A plain id."""
    return serializers.IntegerField(min_value=1, max_value=LARGEST_ID, **options)


class _IdBox(forms.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_ID, **options)


class IdFilter(django_filters.Filter):
    """`?partner=12`."""

    field_class = _IdBox


class DayFilter(django_filters.DateFilter):
    """`?from_on_after=2026-01-01`: the day included."""


class _MomentBox(IsoDateTimeField):
    default_validators = [refuse_far_day]

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except OverflowError as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error


class MomentFilter(django_filters.IsoDateTimeFilter):
    """`?starts_after=2026-11-24T08:00:00+01:00`."""

    field_class = _MomentBox


class SinceFilter(DayFilter):
    """On that day or later."""

    def __init__(self, field_name: str, **options: Any) -> None:
        super().__init__(field_name=field_name, lookup_expr="gte", **options)


class UntilFilter(DayFilter):
    """On that day or before."""

    def __init__(self, field_name: str, **options: Any) -> None:
        super().__init__(field_name=field_name, lookup_expr="lte", **options)
