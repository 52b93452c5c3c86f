"""Forms of the technician's phone."""

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from invoicing.login_forms import SecondFactorForm
from openfire_billing.web.number_fields import DecimalInputField


class PhoneLoginForm(SecondFactorForm):
    """The login of the phone, where the office's people come in too."""


class PartForm(forms.Form):
    """An article used on site."""

    product = forms.IntegerField(widget=forms.HiddenInput)
    quantity = DecimalInputField(
        label=_("Qté"), max_digits=9, decimal_places=3, min_value=Decimal("0.001"), initial=Decimal(1), least_places=0
    )


class DoneForm(forms.Form):
    report = forms.CharField(label=_("Compte rendu"), required=False, widget=forms.Textarea(attrs={"rows": 4}))


class UnfinishedForm(forms.Form):
    # Of several lines, so that Enter never presses « Réalisé » beside it.
    reason = forms.CharField(
        label=_("Pourquoi n'est-ce pas fini ?"),
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2, "aria-required": "true"}),
    )
    report = forms.CharField(label=_("Compte rendu"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
