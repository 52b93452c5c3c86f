"""The open invoices of a customer on the page of a new payment: which are settled, each with which amount."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from invoicing.admin.document_admin import record_of
from invoicing.models import Company, Invoice, Partner, Payment
from invoicing.services.parties.companies import default_company
from invoicing.services.settlement.payments import oldest_first, open_invoices
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import number_text
from openfire_billing.web.number_fields import DecimalInputField

SHOW = "_show"  # the button that shows the invoices of the customer chosen
MOST = 100  # invoices shown; older ones first
TICK, PART = "pay_", "part_"


def may_settle(user: Any) -> bool:
    """Return whether the user may settle invoices with a payment, as by its act « Affecter »."""
    return bool(user.has_perm("invoicing.view_invoice") and user.has_perm("invoicing.post_invoice"))


class SettleForm(forms.Form):
    """A tick and an amount for each open invoice. An invoice ticked without an amount takes what is left, in order."""

    def __init__(self, invoices: list[Invoice], *, amount: Decimal = Decimal(0), data: Any = None) -> None:
        super().__init__(data)
        self.invoices = invoices[:MOST]
        self.left_out = len(invoices) - len(self.invoices)
        proposed = oldest_first(amount, self.invoices)
        for invoice in self.invoices:
            part = proposed.get(invoice.pk)
            self.fields[f"{TICK}{invoice.pk}"] = forms.BooleanField(
                label=_("Régler %s") % invoice, required=False, initial=part is not None
            )
            self.fields[f"{PART}{invoice.pk}"] = field = DecimalInputField(
                label=_("Montant affecté à %s") % invoice,
                max_digits=14,
                decimal_places=2,
                min_value=Decimal("0.01"),
                required=False,
            )
            field.widget.attrs |= {"class": "of-input of-number", "placeholder": number_text(part, 2) if part else ""}

    def rows(self) -> Iterable[tuple[Invoice, Any, Any]]:
        """Yield each invoice with its two boxes."""
        for invoice in self.invoices:
            yield invoice, self[f"{TICK}{invoice.pk}"], self[f"{PART}{invoice.pk}"]

    def parts(self, amount: Decimal) -> dict[int, Decimal]:
        """Return {invoice id: amount} of the answers: those typed, then what is left of `amount` for those ticked."""
        typed = {i.pk: part for i in self.invoices if (part := self.cleaned_data[f"{PART}{i.pk}"]) is not None}
        ticked = [i for i in self.invoices if i.pk not in typed and self.cleaned_data[f"{TICK}{i.pk}"]]
        return typed | oldest_first(amount - sum(typed.values(), Decimal(0)), ticked)


def settle_form_of(request: HttpRequest) -> SettleForm | None:
    """Return the form of the invoices of the customer that the page names; None before one is chosen."""
    asked = request.POST if request.method == "POST" else request.GET
    customer = record_of(Partner.objects.all(), asked.get("customer"), request.user)
    company = record_of(Company.objects.all(), asked.get("company"), request.user) or default_company(request.user)
    if customer is None or company is None:
        return None
    data = request.POST if request.method == "POST" else None
    return SettleForm(_open(company, customer), amount=_amount(asked.get("amount", "")), data=data)


def parts_chosen(request: HttpRequest, *, company: Company, customer: Partner, amount: Decimal) -> dict[int, Decimal]:
    """Return {invoice id: amount} that a posted page settles. Raises BusinessError: an amount that is none, an invoice
    that is no longer open; PermissionDenied.
    """
    asked = {name for name, value in request.POST.items() if name.startswith((TICK, PART)) and value}
    if not asked:
        return {}
    if not may_settle(request.user):
        raise PermissionDenied
    form = SettleForm(_open(company, customer), data=request.POST)
    if asked - set(form.fields):
        raise BusinessError(
            _("Une des factures choisies n'est plus à régler par ce client. Affichez ses factures, puis recommencez."),
            code="stale",
        )
    if not form.is_valid():
        raise BusinessError(_("Un montant affecté n'est pas valable : corrigez-le dans la liste des factures."))
    return form.parts(amount)


def typed_so_far(data: Any, names: Iterable[str]) -> str:
    """Return the query of an address that fills the fields `names` with what was typed."""
    return urlencode({name: data[name] for name in names if data.get(name)})


def _open(company: Company, customer: Partner) -> list[Invoice]:
    return open_invoices(Payment(company=company, customer=customer))


def _amount(text: str) -> Decimal:
    """Return the amount typed; 0 for what is none: nothing is proposed then."""
    try:
        value = DecimalInputField(max_digits=14, decimal_places=2).clean(text)
    except (forms.ValidationError, InvalidOperation):
        return Decimal(0)
    return max(Decimal(value), Decimal(0))
