"""Articles, taxes, fiscal positions, payment terms, units."""

from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from rest_framework import serializers

from invoicing.api.base import OfficeSerializer, OfficeView, ReadMixin, WriteMixin
from invoicing.models import Company, FiscalPosition, FiscalPositionTax, Partner, PaymentTerm, Product, Tax, Unit
from invoicing.services.catalogue import usual_unit
from invoicing.services.parties.companies import default_company
from invoicing.services.records.saving import save_record
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.api.fields import DayField, Id, IdFilter


class RecordSerializer(OfficeSerializer):
    """A serializer of records that `save_record` saves."""

    def create(self, data: dict[str, Any]) -> Any:
        return save_record(self.Meta.model(), values=data, by=self.user)

    def update(self, record: Any, data: dict[str, Any]) -> Any:
        return save_record(record, values=data, seen=self.seen, by=self.user)


class ProductSerializer(RecordSerializer):
    example = {"code": "GRANULES-15", "name": "Sac de granulés 15 kg", "tax": 3, "unit_price": "6.90"}
    changes = {"description": "Certifié, sac de 15 kg"}
    unit = Id(queryset=Unit.objects.all(), required=False)
    tax = Id(queryset=Tax.objects.all())
    supplier = Id(queryset=Partner.objects.all(), required=False, allow_null=True)

    class Meta:
        model = Product
        fields = (
            "id",
            "code",
            "name",
            "kind",
            "description",
            "unit",
            "unit_price",
            "tax",
            "income_account",
            "supplier",
            "purchase_price",
            "is_active",
        )

    def create(self, data: dict[str, Any]) -> Any:
        """Make an article. Without a unit it is sold by the piece; without an account, on that of the user's company."""
        unit = data.get("unit") or usual_unit()
        company = default_company(self.user)
        account = data.get("income_account", company.income_account if company else "")
        return super().create({**data, "unit": unit, "income_account": account})


class ProductFilter(django_filters.FilterSet):
    tax = IdFilter()
    supplier = IdFilter()

    class Meta:
        model = Product
        fields = ("code", "kind", "is_active", "tax", "supplier")


class ProductView(ReadMixin, WriteMixin, OfficeView):
    """Articles."""

    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    filterset_class = ProductFilter
    search_fields = ("code", "name")
    ordering_fields = ("code", "name", "unit_price", "id")


class TaxSerializer(RecordSerializer):
    example = {"name": "TVA 8,5 %", "rate": "8.5", "account": "445713"}
    changes = {"mention": "Taux réduit"}
    company = Id(queryset=Company.objects.all(), required=False, allow_null=True)
    replaces = Id(queryset=Tax.objects.all(), required=False, allow_null=True)
    valid_from = DayField(required=False, allow_null=True)

    class Meta:
        model = Tax
        fields = (
            "id",
            "name",
            "rate",
            "category",
            "mention",
            "account",
            "company",
            "replaces",
            "valid_from",
            "is_active",
        )

    def update(self, tax: Tax, data: dict[str, Any]) -> Any:
        try:
            return super().update(tax, data)
        except ValidationError as refused:
            if set(refused.message_dict) == {"__all__"} and tax.is_used():
                raise BusinessError(" ".join(refused.messages), code="in_use") from refused
            raise


class TaxView(ReadMixin, WriteMixin, OfficeView):
    """Taxes. Une taxe utilisée ne change plus : une nouvelle la remplace à partir d'une date."""

    queryset = Tax.objects.all()
    serializer_class = TaxSerializer
    filterset_fields = ("category", "is_active", "rate")
    search_fields = ("name",)
    ordering_fields = ("name", "rate", "id")


class TaxMappingSerializer(serializers.ModelSerializer):
    """A tax of articles and the one that replaces it under the position."""

    source = serializers.IntegerField(source="source_id", read_only=True)
    target = serializers.IntegerField(source="target_id", read_only=True)

    class Meta:
        model = FiscalPositionTax
        fields = ("source", "target")


class FiscalPositionSerializer(RecordSerializer):
    example = {"code": "VEN-DOM", "name": "Ventes outre-mer"}
    changes = {"mention": "TVA non applicable"}
    company = Id(queryset=Company.objects.all(), required=False, allow_null=True)
    mappings = TaxMappingSerializer(many=True, read_only=True)

    class Meta:
        model = FiscalPosition
        fields = ("id", "code", "name", "company", "mention", "is_active", "mappings")

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.prefetch_related("mappings")


class FiscalPositionView(ReadMixin, WriteMixin, OfficeView):
    """Positions fiscales."""

    queryset = FiscalPosition.objects.all()
    serializer_class = FiscalPositionSerializer
    filterset_fields = ("code", "is_active")
    search_fields = ("code", "name")
    ordering_fields = ("code", "id")


class PaymentTermSerializer(RecordSerializer):
    """A payment term. `counted`: how its days are; `end_of_month`: whether the end of a month counts."""

    example = {"name": "40 jours", "days": 40}
    changes = {"text": "Paiement à 40 jours"}

    end_of_month = serializers.BooleanField(read_only=True)

    class Meta:
        model = PaymentTerm
        fields = ("id", "name", "days", "counted", "end_of_month", "text")
        extra_kwargs = {"days": {"max_value": 3650}}


class PaymentTermView(ReadMixin, WriteMixin, OfficeView):
    """Conditions de règlement."""

    queryset = PaymentTerm.objects.all()
    serializer_class = PaymentTermSerializer
    filterset_fields = ("counted",)
    search_fields = ("name",)
    ordering_fields = ("days", "name", "id")


class UnitSerializer(OfficeSerializer):
    class Meta:
        model = Unit
        fields = ("id", "code", "name", "symbol")


class UnitView(ReadMixin, OfficeView):
    """Unités."""

    queryset = Unit.objects.all()
    serializer_class = UnitSerializer
    filterset_fields = ("code",)
    search_fields = ("name",)
    ordering_fields = ("name", "id")
