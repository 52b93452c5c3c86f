"""Payments received and paid back."""

from decimal import Decimal
from typing import Any

import django_filters
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from invoicing.api.base import DaySerializer, OfficeSerializer, OfficeView, ReadMixin, WriteMixin, act
from invoicing.choices import PaymentKind
from invoicing.models import Allocation, Company, Invoice, Partner, Payment
from invoicing.services.parties.companies import default_company
from invoicing.services.settlement.payments import allocate_payment, record_payment
from invoicing.services.settlement.refunds import refund_payment, reject_payment
from openfire_billing.web.api.fields import Amount, DayField, Id, IdFilter, SinceFilter, UntilFilter


class AllocationSerializer(serializers.Serializer):
    """A settled document and the amount allocated to it. `invoice`: its id; a credit note for a refund."""

    invoice = serializers.IntegerField(source="document_id")
    amount = Amount()


class AllocationPartSerializer(serializers.Serializer):
    """An invoice and the amount to allocate to it."""

    invoice = Id(queryset=Invoice.objects.all())
    amount = Amount(read_only=False)


class AllocateSerializer(serializers.Serializer):
    """The invoices of the customer to settle with what is left."""

    invoices = AllocationPartSerializer(many=True, allow_empty=False)

    def validate_invoices(self, parts: list[dict[str, Any]]) -> dict[int, Decimal]:
        """Return {invoice id: amount}."""
        amounts = {part["invoice"].pk: part["amount"] for part in parts}
        if len(amounts) < len(parts):
            raise serializers.ValidationError(_("Une facture n'est donnée qu'une fois."))
        return amounts


class PaySerializer(DaySerializer):
    """Money received for this invoice."""

    amount = Amount(read_only=False)
    kind = serializers.ChoiceField(PaymentKind.choices, required=False, default=PaymentKind.TRANSFER)
    reference = serializers.CharField(required=False, default="", allow_blank=True, max_length=80)


class RefundSerializer(PaySerializer):
    """Money paid back to the customer."""


class RejectSerializer(DaySerializer):
    """The day of the rejection, and why."""

    reason = serializers.CharField(max_length=80)


class PaymentSerializer(OfficeSerializer):
    """Money received from a customer. `invoices`: those to settle, oldest first. The rest (`left`) stays to his credit.

    `is_refund`: money paid back to him, for the credit note it is allocated to or of a payment (`pays_back`).
    """

    number = serializers.CharField(read_only=True)
    company = Id(queryset=Company.objects.all(), required=False)
    customer = Id(queryset=Partner.objects.all())
    on = DayField()
    kind = serializers.ChoiceField(PaymentKind.choices, required=False)
    amount = serializers.DecimalField(source="amount.amount", max_digits=14, decimal_places=2)
    currency = serializers.CharField(source="amount.currency.code", read_only=True)
    is_refund = serializers.BooleanField(read_only=True)
    invoices = Id(queryset=Invoice.objects.all(), many=True, write_only=True, required=False)
    pays_back = serializers.IntegerField(source="pays_back_id", read_only=True, allow_null=True)
    left = Amount()
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
            "is_refund",
            "pays_back",
            "invoices",
            "left",
            "allocations",
        )

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.with_left().prefetch_related(Prefetch("allocations", Allocation.objects.in_force()))

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
        fields = ("number", "kind", "customer", "company", "reference", "is_refund")


class PaymentView(ReadMixin, WriteMixin, OfficeView):
    """Paiements reçus et remboursements. Un paiement ne se modifie pas."""

    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    http_method_names = ["get", "post", "head", "options"]
    search_fields = Payment.SEARCHED
    ordering_fields = ("id", "on", "number")

    @act("invoicing.post_invoice", asks=AllocateSerializer)
    def allocate(self, payment: Payment, body: dict[str, Any]) -> Payment:
        """Affecte à des factures du client ce qui reste du paiement."""
        return allocate_payment(payment, parts=body["invoices"], on=timezone.localdate(), by=self.request.user)

    @act("invoicing.post_invoice", asks=RefundSerializer, status=201)
    def refund(self, payment: Payment, body: dict[str, Any]) -> Payment:
        """Enregistre le remboursement au client de ce que ce paiement ne règle pas."""
        return refund_payment(payment, by=self.request.user, **body)

    @act("invoicing.post_invoice", asks=RejectSerializer, status=201)
    def reject(self, payment: Payment, body: dict[str, Any]) -> Payment:
        """Rejeté par la banque, ou saisi par erreur : ce qu'il réglait est de nouveau dû. Répond le paiement contraire."""
        return reject_payment(payment, by=self.request.user, **body)
