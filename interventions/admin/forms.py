"""Questions that the actions of a DI ask."""

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.admin.forms import DateInput


class FinishForm(forms.Form):
    on = forms.DateField(label=_("Terminée le"), widget=DateInput, initial=timezone.localdate)
