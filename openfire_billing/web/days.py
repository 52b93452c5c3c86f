"""The days that may be typed in forms of the office: within the product's calendar, since others are computed from
them.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY


def refuse_far_day(value: date) -> None:
    """Raise ValidationError for a day, or a moment, out of the product's calendar."""
    day = value.date() if isinstance(value, datetime) else value
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValidationError(_("Choisissez une date entre 1990 et 2199."))


def limit_days(fields: Iterable[Any]) -> None:
    """Give these form fields, those that read a day or a moment, the bounds of the calendar."""
    for field in fields:
        if isinstance(field, forms.DateField | forms.DateTimeField | forms.SplitDateTimeField):
            field.validators = [*(v for v in field.validators if v is not refuse_far_day), refuse_far_day]
