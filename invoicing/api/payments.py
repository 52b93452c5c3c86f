"""Payments received."""

from typing import Any

import django_filters
from django.utils.translation import gettext as _
from rest_framework import serializers

from invoicing.admin.base import default_company
from invoicing.api.base import OfficeSerializer, OfficeView, ReadMixin, WriteMixin
from invoicing.choices import PaymentKind
from invoicing.models import Company, Invoice, Partner, Payment
from invoicing.services.settlement import record_payment
from openfire_billing.api.fields import Amount, DayField, Id, IdFilter, SinceFilter, UntilFilter


class AllocationSerializer(serializers.Serializer):
    """What of it settles which invoice."""

    invoice = serializers.IntegerField(source="invoice_id")
    amount = Amount()


class PaymentSerializer(OfficeSerializer):
    """Money of a customer. `invoices`: those it settles, oldest first; the rest stays to his credit."""

    number = serializers.CharField(read_only=True)
    company = Id(queryset=Company.objects.all(), required=False)
    customer = Id(queryset=Partner.objects.all())
    on = DayField()
    kind = serializers.ChoiceField(PaymentKind.choices, required=False)
    amount = serializers.DecimalField(source="amount.amount", max_digits=14, decimal_places=2)
    currency = serializers.CharField(source="amount.currency.code", read_only=True)
    invoices = Id(queryset=Invoice.objects.all(), many=True, write_only=True, required=False)
    allocations = AllocationSerializer(many=True, read_only=True)

    class Meta:
        model = Payment
        fields = (
            "id",
            "number",
            "company",
            "customer",
            "on",
            "kind",
            "amount",
            "currency",
            "reference",
            "invoices",
            "allocations",
        )

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.prefetch_related("allocations")

    def create(self, data: dict[str, Any]) -> Payment:
        company = data.get("company") or default_company(self.user)
        if company is None:
            raise serializers.ValidationError({"company": [_("Votre compte n'a accès à aucune société.")]})
        invoices = data.get("invoices", [])
        if any(invoice.company_id != company.pk for invoice in invoices):
            raise serializers.ValidationError({"invoices": [_("Une facture est d'une autre société.")]})
        return record_payment(
            company=company,
            customer=data["customer"],
            amount=data["amount"]["amount"],
            on=data["on"],
            kind=data.get("kind", PaymentKind.TRANSFER),
            reference=data.get("reference", ""),
            invoices=invoices,
            by=self.user,
        )


class PaymentFilter(django_filters.FilterSet):
    customer = IdFilter()
    company = IdFilter()
    on_after = SinceFilter("on")
    on_before = UntilFilter("on")

    class Meta:
        model = Payment
        fields = ("number", "kind", "customer", "company", "reference")


class PaymentView(ReadMixin, WriteMixin, OfficeView):
    """Paiements reçus. Un paiement ne se modifie pas."""

    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    http_method_names = ["get", "post", "head", "options"]
    search_fields = ("number", "customer__name", "reference")
    ordering_fields = ("id", "on", "number")
