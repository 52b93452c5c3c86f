"""Forms of the dialogs of actions."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from invoicing.choices import PaymentKind
from invoicing.models import InvoiceLine, Payment, SupplierBill
from invoicing.services.settlement.payments import oldest_first, open_invoices
from openfire_billing.kernel.formats import number_text
from openfire_billing.web.date_boxes import DayInput
from openfire_billing.web.mail_addresses import AddressesField
from openfire_billing.web.number_fields import DecimalInputField
from openfire_billing.web.tags import euros


class OnForm(forms.Form):
    """The day of the act."""

    on = forms.DateField(label=_("Date"), widget=DayInput, initial=timezone.localdate)


class InvoiceForm(OnForm):
    """The date proposed on the draft."""

    on = forms.DateField(label=_("Date proposée"), widget=DayInput, initial=timezone.localdate)


class GroupedInvoiceForm(InvoiceForm):
    """The date, and whether documents of one payer share an invoice."""

    group_by_customer = forms.BooleanField(label=_("Regrouper par « Facturer à »"), required=False)


class PostForm(OnForm):
    on = forms.DateField(
        label=_("Date d'émission"),
        widget=DayInput,
        initial=timezone.localdate,
        help_text=_("La date proposée sur le brouillon est gardée quand elle suit la dernière facture du journal."),
    )


class ProlongForm(forms.Form):
    until = forms.DateField(label=_("Nouvelle fin de validité"), widget=DayInput)


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Motif"), required=False, max_length=200)


class PaymentForm(forms.Form):
    on = forms.DateField(label=_("Reçu le"), widget=DayInput, initial=timezone.localdate)
    amount = DecimalInputField(label=_("Montant"), max_digits=14, decimal_places=2, min_value=Decimal("0.01"))
    kind = forms.ChoiceField(label=_("Moyen"), choices=PaymentKind)
    reference = forms.CharField(label=_("Référence"), required=False, max_length=80)

    def prepare(self, request: Any, documents: Any) -> None:
        (document,) = documents
        self.fields["amount"].initial = document.left if isinstance(document, Payment) else document.residual
        if isinstance(document, SupplierBill):
            self.fields["on"].label = _("Payé le")


class RefundForm(PaymentForm):
    on = forms.DateField(label=_("Remboursé le"), widget=DayInput, initial=timezone.localdate)


class RejectForm(forms.Form):
    """The day of a rejection, and why."""

    on = forms.DateField(label=_("Rejeté le"), widget=DayInput, initial=timezone.localdate)
    reason = forms.CharField(
        label=_("Motif"), max_length=80, help_text=_("Par exemple : provision insuffisante, saisi deux fois.")
    )


class AllocateForm(forms.Form):
    """The amount to allocate to each invoice; proposes the oldest first."""

    MOST = 40
    nothing_to_do = False

    def prepare(self, request: Any, documents: Any) -> None:
        (document,) = documents
        owed = open_invoices(document)
        self.nothing_to_do = not owed
        proposed = oldest_first(document.left if isinstance(document, Payment) else document.residual, owed)
        for invoice in owed[: self.MOST]:
            assert invoice.issued_on is not None  # it is posted
            self.fields[f"invoice_{invoice.pk}"] = DecimalInputField(
                label=str(invoice),
                max_digits=14,
                decimal_places=2,
                min_value=0,
                initial=proposed.get(invoice.pk),
                required=False,
                help_text=_("du %(day)s, reste %(left)s à payer")
                % {"day": date_format(invoice.issued_on, "d/m/Y"), "left": euros(invoice.residual)},
            )

    def clean(self) -> dict[str, Any]:
        answered = {name for name, value in self.data.items() if name.startswith(self.add_prefix("invoice_")) and value}
        if answered - {self.add_prefix(name) for name in self.fields}:
            raise forms.ValidationError(_("Une des factures vient d'être payée : revenez, puis recommencez."))
        return super().clean() or {}

    @staticmethod
    def parts(data: dict[str, Any]) -> dict[int, Decimal]:
        """Return {invoice id: amount} of the answers."""
        return {
            int(name.removeprefix("invoice_")): amount for name, amount in data.items() if amount and name != "seen"
        }


def explain_allocation(document: Any) -> Any:
    """Return the sentence of the dialog: what is left to allocate, or that no invoice is owed."""
    if not open_invoices(document):
        return _("%s n'a aucune facture à régler : rien à faire ici.") % document.customer
    left = document.left if isinstance(document, Payment) else document.residual
    return _("Il reste %(left)s à affecter. Les factures les plus anciennes de %(customer)s sont proposées.") % {
        "left": euros(left),
        "customer": document.customer,
    }


class CreditForm(forms.Form):
    """The quantity to credit of each line, all that is left by default."""

    on = forms.DateField(label=_("Date de l'avoir"), widget=DayInput, initial=timezone.localdate)
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
                least, most = sorted((Decimal(0), left))
                bounds = _("La quantité va de %(least)s à %(most)s.") % {
                    "least": number_text(least, 0),
                    "most": number_text(most, 0),
                }
                self.fields[f"line_{line.pk}"] = DecimalInputField(
                    label=str(line),
                    max_digits=12,
                    decimal_places=3,
                    min_value=least,
                    max_value=most,
                    initial=left,
                    required=False,
                    least_places=0,
                    help_text=_("quantité à créditer, %s au plus") % number_text(left, 0),
                    error_messages={"min_value": bounds, "max_value": bounds},
                )

    @staticmethod
    def quantities(data: dict[str, Any]) -> dict[int, Decimal] | None:
        """Return {line id: quantity} of the answers; None before any answer, for all that is left."""
        answers = {int(k.removeprefix("line_")): v for k, v in data.items() if k.startswith("line_")}
        return {pk: quantity for pk, quantity in answers.items() if quantity} if answers else None


class MessageForm(forms.Form):
    to = AddressesField(label=_("À"), help_text=_("Plusieurs adresses : séparez-les par des virgules."))
    cc = AddressesField(label=_("Copie à"), required=False)
    subject = forms.CharField(label=_("Objet"), max_length=200)
    body = forms.CharField(label=_("Message"), widget=forms.Textarea(attrs={"rows": 9}))
    key = forms.CharField(widget=forms.HiddenInput)
