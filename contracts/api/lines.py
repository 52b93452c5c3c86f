"""Lines of a contract, with their articles and exceptions; what one does with a line."""

from datetime import date
from typing import Any

import django_filters
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from contracts.models import Article, ContractException, ContractLine
from contracts.services import activation, cancellation
from contracts.services.callouts import call_out
from contracts.services.next_bill import next_days
from contracts.services.prices import set_price
from interventions.api.requests import InterventionSerializer
from interventions.models import InstalledProduct, InterventionTemplate, Task
from invoicing.api.base import DaySerializer, NotedSerializer, OfficeSerializer, OfficeView, ReadMixin, act
from invoicing.api.lines import LineSerializer
from invoicing.api.records import JournalMixin
from invoicing.models import Address
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.api.fields import DayField, Id, IdFilter, id_field

CHANGE, BILL, PLAN = "contracts.change_contract", "contracts.bill_contract", "interventions.add_interventionrequest"


class PlainArticleSerializer(LineSerializer):
    """What articles and exceptions of contracts have in common."""

    def net_of(self, line: Article) -> Any:
        return line.net_amount(self.context["rounding"])

    def left_of(self, line: Article) -> None:
        return None


class ContractArticleSerializer(PlainArticleSerializer):
    """An article: quantity a year, yearly price. `from_on`: the first day it bills.

    Null: as its line; on a line that is billed, the first day not billed.
    """

    from_on = DayField(required=False, allow_null=True)

    def to_representation(self, line: Article) -> dict[str, Any]:
        return {**super().to_representation(line), "from_on": line.from_on.isoformat() if line.from_on else None}


class ContractExceptionSerializer(PlainArticleSerializer):
    """A dated one-off line of a contract line. A negative quantity is a reduction. `alone`: true bills it on its day;
    false bills it with the line's first period due from that day on.
    """

    least_quantity = None
    on = DayField()
    alone = serializers.BooleanField(required=False)

    def to_representation(self, line: ContractException) -> dict[str, Any]:
        return {**super().to_representation(line), "on": line.on.isoformat(), "alone": line.alone}


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
    articles = ContractArticleSerializer(many=True, required=False)
    exceptions = ContractExceptionSerializer(many=True, required=False)
    bill_past = serializers.BooleanField(required=False, write_only=True)
    next_due_on = serializers.SerializerMethodField()

    class Meta:
        model = ContractLine
        fields: tuple[str, ...] = (
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
            "bill_past",
            "next_due_on",
        )
        extra_kwargs = {"frequency": {"allow_null": True}, "invoicing": {"allow_null": True, "source": "timing"}}

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
        return {name: "" if name in ("frequency", "timing") and v is None else v for name, v in found.items()}


def with_articles(lines: Any) -> Any:
    """Lines with the articles and exceptions they show."""
    return lines.prefetch_related(
        Prefetch("articles", Article.objects.select_related("tax", "unit")),
        Prefetch("exceptions", ContractException.objects.select_related("tax", "unit")),
    )


class SingleContractLineSerializer(ContractLineSerializer):
    """A line by itself."""

    contract = Id(read_only=True)

    class Meta(ContractLineSerializer.Meta):
        fields: tuple[str, ...] = ("contract", *ContractLineSerializer.Meta.fields)

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return with_articles(queryset).select_related("contract__company")

    def to_representation(self, line: ContractLine) -> Any:
        if "next_days" not in self.context:
            rows = self.parent.instance if self.parent is not None else [self.instance]
            self.context["next_days"] = next_days({row.contract_id for row in rows})
        return super().to_representation(line)


class ActivatedContractLineSerializer(NotedSerializer, SingleContractLineSerializer):
    """The line, and which of its visits are past."""

    class Meta(SingleContractLineSerializer.Meta):
        fields = (*SingleContractLineSerializer.Meta.fields, "note")


class ActivateLineSerializer(serializers.Serializer):
    """`bill_past`: bill also what was due before today."""

    bill_past = serializers.BooleanField(required=False, default=False)


class CallOutSerializer(DaySerializer):
    """From which day, and what for."""

    title = serializers.CharField(required=False, default="", allow_blank=True, max_length=160)


class PriceSerializer(serializers.Serializer):
    """Another yearly price of an article, for the first period that begins on `from_on` or later."""

    article = id_field()
    from_on = DayField()
    unit_price = serializers.DecimalField(max_digits=14, decimal_places=4, min_value=0)
    discount = serializers.DecimalField(max_digits=5, decimal_places=2, min_value=0, max_value=100)


class ContractLineFilter(django_filters.FilterSet):
    contract = IdFilter()
    address = IdFilter()
    equipment = IdFilter()

    class Meta:
        model = ContractLine
        fields = ("state",)


class ContractLineView(JournalMixin, ReadMixin, OfficeView):
    """Lignes de contrat ; elles se créent et se changent avec leur contrat."""

    queryset = ContractLine.objects.all()
    serializer_class = SingleContractLineSerializer
    filterset_class = ContractLineFilter
    search_fields = ContractLine.SEARCHED
    ordering_fields = ("id",)

    @act(CHANGE, asks=ActivateLineSerializer, answers=ActivatedContractLineSerializer)
    def activate(self, line: ContractLine, asked: dict[str, Any]) -> Outcome:
        """Valide une ligne ajoutée à un contrat actif : elle se facture et se planifie dès lors."""
        return activation.activate_line(
            line, bill_past=asked["bill_past"], on=timezone.localdate(), seen=self.seen, by=self.request.user
        )

    @act(CHANGE)
    def cancel(self, line: ContractLine, asked: dict[str, Any]) -> ContractLine:
        """Annule une ligne dont rien n'est facturé."""
        return cancellation.cancel_line(line, on=timezone.localdate(), seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def reset(self, line: ContractLine, asked: dict[str, Any]) -> ContractLine:
        """Remet en brouillon une ligne annulée."""
        return cancellation.reset_line(line, seen=self.seen, by=self.request.user)

    @act(PLAN, asks=CallOutSerializer, answers=InterventionSerializer, status=201)
    def call_out(self, line: ContractLine, asked: dict[str, Any]) -> Any:
        """SAV : une DI au site de la ligne, couverte tant qu'il en reste de compris."""
        return call_out(line, on=asked["on"], title=asked["title"], by=self.request.user)

    @act(BILL, asks=PriceSerializer)
    def price(self, line: ContractLine, asked: dict[str, Any]) -> ContractLine:
        """Prix daté : un autre prix d'un article à partir d'un jour. Ce qui est facturé ne change pas."""
        article = line.articles.filter(pk=asked.pop("article")).first()
        if article is None:
            raise serializers.ValidationError({"article": [_("Pas un article de cette ligne.")]})
        set_price(article, **asked, on=timezone.localdate(), seen=self.seen, by=self.request.user)
        return line
