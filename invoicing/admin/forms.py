"""Questions that actions ask."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import PaymentKind
from invoicing.models import InvoiceLine
from openfire_billing.fields import DecimalInputField, number_text


class DateInput(forms.DateInput):
    """The browser's own date picker."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class OnForm(forms.Form):
    """On which day?"""

    on = forms.DateField(label=_("Date"), widget=DateInput, initial=timezone.localdate)


class InvoiceForm(OnForm):
    """Date proposed on the draft."""

    on = forms.DateField(label=_("Date proposée"), widget=DateInput, initial=timezone.localdate)


class GroupedInvoiceForm(InvoiceForm):
    """Many documents: one invoice each, or one for each payer."""

    group_by_customer = forms.BooleanField(label=_("Regrouper par « Facturer à »"), required=False)


class PostForm(OnForm):
    on = forms.DateField(
        label=_("Date d'émission"),
        widget=DateInput,
        initial=timezone.localdate,
        help_text=_("La date proposée sur le brouillon est gardée quand elle suit la dernière facture du journal."),
    )


class ProlongForm(forms.Form):
    until = forms.DateField(label=_("Nouvelle fin de validité"), widget=DateInput)


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Motif"), required=False, max_length=200)


class PaymentForm(forms.Form):
    on = forms.DateField(label=_("Reçu le"), widget=DateInput, initial=timezone.localdate)
    amount = DecimalInputField(label=_("Montant"), max_digits=14, decimal_places=2, min_value=Decimal("0.01"))
    kind = forms.ChoiceField(label=_("Moyen"), choices=PaymentKind)
    reference = forms.CharField(label=_("Référence"), required=False, max_length=80)

    def prepare(self, request: Any, documents: Any) -> None:
        self.fields["amount"].initial = documents[0].residual


class CreditForm(forms.Form):
    """What to credit: a quantity for each line (all that is left by default)."""

    on = forms.DateField(label=_("Date de l'avoir"), widget=DateInput, initial=timezone.localdate)
    reason = forms.CharField(label=_("Motif"), max_length=200, initial=_("Annulation"))
    rebill = forms.BooleanField(
        label=_("Remettre à facturer ?"),
        required=False,
        initial=True,
        help_text=_("Oui pour une annulation : ce qui est crédité redevient à facturer. Non pour un geste commercial."),
    )

    def prepare(self, request: Any, documents: Any) -> None:
        lines = InvoiceLine.objects.filter(invoice=documents[0], kind="article").left_to_credit()
        for line in lines:
            left = line.quantity - line.credited
            if left:
                self.fields[f"line_{line.pk}"] = DecimalInputField(
                    label=str(line),
                    max_digits=12,
                    decimal_places=3,
                    initial=left,
                    required=False,
                    least_places=0,
                    help_text=_("reste %s à créditer") % number_text(left, 0),
                )

    @staticmethod
    def quantities(data: dict[str, Any]) -> dict[int, Decimal] | None:
        """{line id: quantity} of the answers; None before any answer (= all that is left)."""
        found = {int(k.removeprefix("line_")): v for k, v in data.items() if k.startswith("line_")}
        return {pk: quantity for pk, quantity in found.items() if quantity} if found else None


class MessageForm(forms.Form):
    to = forms.EmailField(label=_("À"))
    subject = forms.CharField(label=_("Objet"), max_length=200)
    body = forms.CharField(label=_("Message"), widget=forms.Textarea(attrs={"rows": 9}))
    key = forms.CharField(widget=forms.HiddenInput)
