"""Lines of a contract, with their articles and exceptions."""

from datetime import date
from typing import Any

from rest_framework import serializers

from contracts.models import Article, ContractException, ContractLine
from interventions.models import InstalledProduct, InterventionTemplate, Task
from invoicing.api.base import OfficeSerializer
from invoicing.api.lines import LineSerializer
from invoicing.models import Address
from openfire_billing.api.fields import DayField, Id, id_field


class ArticleSerializer(LineSerializer):
    """An article: quantity a year, yearly price."""

    def net_of(self, line: Article) -> Any:
        return line.net_amount(self.context["rounding"])

    def left_of(self, line: Article) -> None:
        return None


class ExceptionSerializer(ArticleSerializer):
    """A one-off line of a day. A negative quantity takes something off."""

    least_quantity = None
    on = DayField()

    def to_representation(self, line: ContractException) -> dict[str, Any]:
        return {**super().to_representation(line), "on": line.on.isoformat()}


class ContractLineSerializer(OfficeSerializer):
    """What is promised for a site and its equipment. `frequency` and `invoicing` null: the contract's."""

    id = id_field(required=False)
    state = serializers.CharField(read_only=True)
    address = Id(queryset=Address.objects.all(), required=False)
    equipment = Id(queryset=InstalledProduct.objects.all(), required=False, allow_null=True)
    template = Id(queryset=InterventionTemplate.objects.all(), required=False, allow_null=True)
    task = Id(queryset=Task.objects.all(), required=False, allow_null=True)
    starts_on = DayField(required=False, allow_null=True)
    ends_on = DayField(required=False, allow_null=True)
    billed_elsewhere_until = DayField(required=False, allow_null=True)
    visit_months = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=12), max_length=12, required=False
    )
    visit_count = serializers.IntegerField(read_only=True)
    articles = ArticleSerializer(many=True, required=False)
    exceptions = ExceptionSerializer(many=True, required=False)
    next_due_on = serializers.SerializerMethodField()

    class Meta:
        model = ContractLine
        fields = (
            "id",
            "state",
            "title",
            "address",
            "equipment",
            "template",
            "task",
            "starts_on",
            "ends_on",
            "billed_elsewhere_until",
            "frequency",
            "every",
            "unit",
            "invoicing",
            "repeat",
            "repeat_unit",
            "visit_months",
            "visit_count",
            "uses_callouts",
            "included_callouts",
            "articles",
            "exceptions",
            "next_due_on",
        )
        extra_kwargs = {name: {"allow_null": True} for name in ("frequency", "invoicing")}

    def get_next_due_on(self, line: ContractLine) -> date | None:
        """Read for all the contracts of the page at once."""
        found: date | None = self.context.get("next_days", {}).get(line.pk)
        return found

    def validate_visit_months(self, months: list[int]) -> list[int]:
        return sorted(set(months))

    def to_representation(self, line: ContractLine) -> Any:
        self.context["rounding"] = line.contract.company.rounding
        data = super().to_representation(line)
        return {**data, "frequency": data["frequency"] or None, "invoicing": data["invoicing"] or None}

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        return {name: "" if name in ("frequency", "invoicing") and v is None else v for name, v in found.items()}
