"""Payments."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from invoicing.admin.base import OfficeAdmin
from invoicing.models import Allocation, Payment
from invoicing.services.settlement import record_payment
from openfire_billing.fields import DecimalInputField
from openfire_billing.templatetags.office import amount


class AllocationInline(TabularInline):
    model = Allocation
    fk_name = "payment"
    extra = 0
    fields = ("invoice", "amount", "on")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("invoice")


class PaymentForm(forms.ModelForm):
    amount = DecimalInputField(label=_("Montant"), max_digits=14, decimal_places=2)


@admin.register(Payment)
class PaymentAdmin(OfficeAdmin):
    company_path = "company"
    form = PaymentForm
    list_display = ("number", "on", "customer", "kind", "amount_text", "reference")
    list_filter = ("kind",)
    search_fields = ("number", "customer__name", "reference")
    list_select_related = ("customer",)
    autocomplete_fields = ("customer",)
    date_hierarchy = "on"
    inlines = (AllocationInline,)
    fields = ("company", "customer", "on", "kind", "amount", "reference")
    empty_text = _(
        "L'argent reçu. Un paiement s'enregistre plutôt depuis la facture : Action › Enregistrer un paiement."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Payment, form: Any, change: bool) -> None:
        data = form.cleaned_data
        made = record_payment(
            company=data["company"],
            customer=data["customer"],
            amount=data["amount"],
            on=data["on"],
            kind=data["kind"],
            reference=data["reference"],
            by=request.user,
        )
        obj.pk, obj.number = made.pk, made.number

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service wrote it all."""

    @admin.display(description=_("Montant"), ordering="amount")
    def amount_text(self, payment: Payment) -> str:
        return amount(payment.amount)
