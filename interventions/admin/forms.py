"""Forms of the acts on a DI."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from openfire_billing.web.date_boxes import DayInput


class FinishForm(forms.Form):
    on = forms.DateField(label=_("Terminée le"), widget=DayInput, initial=timezone.localdate)


def explain_duration(form: Any) -> Any:
    """Word the error of a duration that is too short. `form`: the class of a page's form."""
    if "duration" in form.base_fields:
        form.base_fields["duration"].error_messages["min_value"] = _(
            "La durée est d'au moins 0,05 h, soit 3 minutes. Une heure et demie s'écrit 1,5."
        )
    return form
