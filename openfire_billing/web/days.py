"""The days that may be typed in forms of the office: within the product's calendar, since others are computed from
them.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY


def refuse_far_day(value: date) -> None:
    """Raise ValidationError for a day, or a moment, out of the product's calendar."""
    day = value.date() if isinstance(value, datetime) else value
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValidationError(_("Choisissez une date entre 1990 et 2199."))


def local_moment(moment: datetime) -> datetime:
    """Return a moment typed without a zone, in French time; of an hour that comes twice in autumn, the first.

    Raises ValidationError for an hour that does not exist: in spring, the clocks skip it.
    """
    aware = timezone.make_aware(moment)
    if timezone.localtime(aware.astimezone(UTC)).replace(tzinfo=None) != moment:
        raise ValidationError(
            _("%(hour)s n'existe pas le %(day)s : on passe à l'heure d'été. Choisissez une autre heure.")
            % {"hour": f"{moment.hour} h {moment:%M}", "day": f"{moment:%d/%m/%Y}"}
        )
    return aware


class MomentFormField(forms.DateTimeField):
    """A date and time as people type it."""

    def to_python(self, value: Any) -> datetime | None:
        try:
            return super().to_python(value)
        except ValidationError as wrong:
            if wrong.code != "ambiguous_timezone":
                raise
            return local_moment(wrong.params["datetime"])


class SplitMomentField(forms.SplitDateTimeField):
    """A date and a time in two boxes."""

    def compress(self, data_list: list[Any]) -> datetime | None:
        try:
            return super().compress(data_list)
        except ValidationError as wrong:
            if wrong.code != "ambiguous_timezone":
                raise
            return local_moment(wrong.params["datetime"])


def limit_days(fields: Iterable[Any]) -> None:
    """Give these form fields, those that read a day or a moment, the bounds of the calendar."""
    for field in fields:
        if isinstance(field, forms.DateField | forms.DateTimeField | forms.SplitDateTimeField):
            field.validators = [*(v for v in field.validators if v is not refuse_far_day), refuse_far_day]
