"""Contracts."""

from typing import Any

import django_filters
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from contracts.api.lines import BILL, CHANGE, PLAN, ContractLineSerializer, with_articles
from contracts.api.runs import BillingRunSerializer
from contracts.choices import ContractState, Timing
from contracts.models import Contract, ContractLine
from contracts.services import activation, cancellation, termination, waivers
from contracts.services.billing import bill_contract
from contracts.services.contracts import save_contract, set_active
from contracts.services.lines import save_line
from contracts.services.next_bill import next_days
from contracts.services.visits import horizon, plan_visits
from invoicing.api.base import (
    DaySerializer,
    DeleteMixin,
    NotedSerializer,
    OfficeSerializer,
    OfficeView,
    ReadMixin,
    WriteMixin,
    act,
)
from invoicing.api.lines import edits_of
from invoicing.api.records import JournalMixin
from invoicing.models import Address, Company, FiscalPosition, Journal, Partner, PaymentTerm
from invoicing.services.parties.companies import default_company
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.api.counts import CountsField, with_counts
from openfire_billing.web.api.fields import Amount, DayField, Id, IdFilter, SinceFilter, UntilFilter

ADMINISTER = "contracts.administer_contract"


class ContractSerializer(OfficeSerializer):
    """What a payer is bound to. Dates are last days included."""

    reference = serializers.CharField(read_only=True, allow_null=True)
    state = serializers.CharField(read_only=True)
    phase = serializers.SerializerMethodField()
    payer = Id(queryset=Partner.objects.all())
    company = Id(queryset=Company.objects.all(), required=False)
    billing_address = Id(queryset=Address.objects.all(), required=False, allow_null=True)
    fiscal_position = Id(queryset=FiscalPosition.objects.all(), required=False, allow_null=True)
    payment_term = Id(queryset=PaymentTerm.objects.all(), required=False, allow_null=True)
    journal = Id(queryset=Journal.objects.all(), required=False, allow_null=True)
    subscribed_on = DayField(required=False, allow_null=True)
    start_on = DayField()
    end_on = DayField(required=False, allow_null=True)
    currency = serializers.CharField(source="company.currency", read_only=True)
    lines = ContractLineSerializer(many=True, required=False)
    counts = CountsField()

    class Meta:
        model = Contract
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "state",
            "phase",
            "payer",
            "company",
            "billing_address",
            "subscribed_on",
            "start_on",
            "end_on",
            "auto_renew",
            "terminated_on",
            "frequency",
            "every",
            "unit",
            "invoicing",
            "alignment",
            "anchor_day",
            "proration",
            "grouped",
            "group_by_payer",
            "late_billing",
            "auto_post",
            "fiscal_position",
            "payment_term",
            "journal",
            "purchase_order",
            "notes",
            "is_active",
            "next_due_on",
            "lines",
            "currency",
            "counts",
        )
        read_only_fields = ("terminated_on", "is_active", "next_due_on")
        extra_kwargs = {"invoicing": {"source": "timing"}}

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        lines = with_articles(ContractLine.objects.order_by("pk"))
        return with_counts(queryset, request.user).select_related("company").prefetch_related(Prefetch("lines", lines))

    @extend_schema_field(
        serializers.ChoiceField(choices=sorted({*ContractState.values, "upcoming", "active", "ended"}))
    )
    def get_phase(self, contract: Contract) -> str:
        """upcoming, active, ended, or the state."""
        return contract.phase(timezone.localdate())[0]

    def to_representation(self, contract: Contract) -> Any:
        if "next_days" not in self.context:
            rows = self.parent.instance if self.parent is not None else [self.instance]
            self.context["next_days"] = next_days([row.pk for row in rows])
        return super().to_representation(contract)

    def create(self, data: dict[str, Any]) -> Contract:
        company = data.pop("company", None) or default_company(self.user)
        if company is None:
            raise serializers.ValidationError({"company": [_("Votre compte n'a accès à aucune société.")]})
        return self._saved(None, {**data, "company": company})

    def update(self, contract: Contract, data: dict[str, Any]) -> Contract:
        if data.pop("company", contract.company) != contract.company:
            raise serializers.ValidationError({"company": [_("La société d'un document ne change pas.")]})
        return self._saved(contract, data)

    def _saved(self, contract: Contract | None, data: dict[str, Any]) -> Contract:
        lines, today = data.pop("lines", ()), timezone.localdate()
        saved = save_contract(contract.pk if contract else None, data, seen=self.seen, on=today, by=self.user)
        lines_by_id = {line.pk: line for line in saved.lines.all()}
        for rank, line_data in enumerate(lines):
            pk = line_data.pop("id", None)
            if pk is not None and pk not in lines_by_id:
                raise serializers.ValidationError(
                    {"lines": [*[{}] * rank, {"id": [_("Pas une ligne de ce contrat.")]}]}
                )
            self._save_line(saved, lines_by_id.get(pk), line_data, today)
        return saved

    def _save_line(self, contract: Contract, line: ContractLine | None, data: dict[str, Any], today: Any) -> None:
        articles = edits_of(data.pop("articles", ()), line.articles.all() if line else ())
        exceptions = edits_of(data.pop("exceptions", ()), line.exceptions.all() if line else ())
        bill_past = data.pop("bill_past", False)
        save_line(
            line.pk if line else None,
            {**data, "contract": contract},
            articles=articles,
            exceptions=exceptions,
            bill_past=bill_past,
            on=today,
            by=self.user,
        )


class ContractFilter(django_filters.FilterSet):
    payer = IdFilter()
    company = IdFilter()
    start_on_after = SinceFilter("start_on")
    start_on_before = UntilFilter("start_on")
    next_due_on_before = UntilFilter("next_due_on")
    invoicing = django_filters.ChoiceFilter("timing", choices=Timing.choices)

    class Meta:
        model = Contract
        fields = ("reference", "state", "frequency", "auto_renew", "auto_post", "is_active")


class BillSerializer(DaySerializer):
    """Up to which day. `force`: beyond the safety bound of 36 periods."""

    force = serializers.BooleanField(required=False, default=False)


class ChargeKeySerializer(serializers.Serializer):
    """What was waived, by the key that names it."""

    key = serializers.CharField()
    label = serializers.CharField()


class ChargeSerializer(ChargeKeySerializer):
    """What is due and not billed: since when, how much."""

    due_on = serializers.DateField()
    amount = Amount()


class ChargesSerializer(serializers.Serializer):
    """What is due today (when nothing is, what falls due next), and what was settled without an invoice."""

    due = ChargeSerializer(many=True)
    waived = ChargeKeySerializer(many=True)


class ChargeKeysSerializer(serializers.Serializer):
    """Which of them, by their keys (`GET …/charges/`)."""

    keys = serializers.ListField(child=serializers.CharField(max_length=80), allow_empty=False, max_length=1000)


class TerminateSerializer(DaySerializer):
    """`on`: the last day served. `refund`: not yet; what is billed beyond is credited by hand."""

    on = DayField()
    reason = serializers.CharField(max_length=200)
    refund = serializers.BooleanField(required=False, default=False)

    def validate_refund(self, asked: bool) -> bool:
        if asked:
            raise serializers.ValidationError(_("Pas d'avoir fait d'office : faites-le de la facture, après."))
        return asked


class HorizonSerializer(serializers.Serializer):
    """Up to which day, included? By default as far as the nights plan."""

    until = DayField(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"until": horizon(timezone.localdate()), **data}


class PlannedContractSerializer(ContractSerializer):
    """The contract, and the DIs that were made."""

    planned = serializers.SerializerMethodField()

    class Meta(ContractSerializer.Meta):
        fields = (*ContractSerializer.Meta.fields, "planned")

    def get_planned(self, contract: Contract) -> list[int]:
        return [intervention.pk for intervention in self.context["outcome"].also]


class ActivatedContractSerializer(NotedSerializer, ContractSerializer):
    """The contract, and which of its visits are past."""

    class Meta(ContractSerializer.Meta):
        fields = (*ContractSerializer.Meta.fields, "note")


class ContractView(JournalMixin, ReadMixin, WriteMixin, DeleteMixin, OfficeView):
    """Contrats."""

    queryset = Contract.objects.all()
    serializer_class = ContractSerializer
    filterset_class = ContractFilter
    search_fields = Contract.SEARCHED
    ordering_fields = ("id", "reference", "start_on", "next_due_on")

    def delete_document(self, document: Contract, by: By) -> None:
        cancellation.delete_contracts([document], by=by)

    @act(CHANGE, answers=ActivatedContractSerializer)
    def activate(self, contract: Contract, asked: dict[str, Any]) -> Outcome:
        """Active : le contrat reçoit sa référence, il se facture et se planifie désormais seul."""
        return activation.activate_contract(contract, on=timezone.localdate(), seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def archive(self, contract: Contract, asked: dict[str, Any]) -> Contract:
        """Archive : le contrat quitte les listes ; ce qui y est dû se facture toujours."""
        return set_active(contract, active=False, seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def restore(self, contract: Contract, asked: dict[str, Any]) -> Contract:
        """Remet en service un contrat archivé."""
        return set_active(contract, active=True, seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def reset(self, contract: Contract, asked: dict[str, Any]) -> Contract:
        """Remet en brouillon un contrat annulé ; il garde sa référence."""
        return cancellation.reset_contract(contract, seen=self.seen, by=self.request.user)

    @act(ADMINISTER, asks=TerminateSerializer)
    def terminate(self, contract: Contract, asked: dict[str, Any]) -> Contract:
        """Résilie : ce qui est dû jusqu'au dernier jour servi se facture encore, les visites d'après s'annulent."""
        return termination.terminate_contract(
            contract,
            last_day=asked["on"],
            reason=asked["reason"],
            on=timezone.localdate(),
            seen=self.seen,
            by=self.request.user,
        )

    @act(ADMINISTER)
    def cancel(self, contract: Contract, asked: dict[str, Any]) -> Contract:
        """Annule un contrat dont rien n'est facturé."""
        return cancellation.cancel_contract(contract, on=timezone.localdate(), seen=self.seen, by=self.request.user)

    @extend_schema(responses=ChargesSerializer, filters=False)
    @action(detail=True, methods=["get"], permission="contracts.view_contract")
    def charges(self, request: Any, pk: str) -> Response:
        """Ce qui y est dû et pas facturé, et ce qui ne le sera pas."""
        contract = self.get_object()
        due = [
            {"key": one.key, "label": one.label, "due_on": one.due_on, "amount": one.amount}
            for one in waivers.charges_due(contract, on=timezone.localdate())
        ]
        waived = [{"key": waivers.claim_key(one), "label": str(one)} for one in waivers.waived(contract)]
        return Response(ChargesSerializer({"due": due, "waived": waived}).data)

    @act(BILL, asks=ChargeKeysSerializer)
    def waive(self, contract: Contract, asked: dict[str, Any]) -> Contract:
        """Ne pas facturer : ce qui est choisi est réglé sans facture."""
        return waivers.waive(
            contract, keys=asked["keys"], on=timezone.localdate(), seen=self.seen, by=self.request.user
        )

    @act(BILL, asks=ChargeKeysSerializer)
    def take_back(self, contract: Contract, asked: dict[str, Any]) -> Contract:
        """Remet à facturer ce qui ne l'était pas."""
        return waivers.take_back(
            contract, keys=asked["keys"], on=timezone.localdate(), seen=self.seen, by=self.request.user
        )

    @act(BILL, asks=BillSerializer, answers=BillingRunSerializer, status=201)
    def bill(self, contract: Contract, asked: dict[str, Any]) -> Any:
        """Facture tout ce qui est dû et pas encore facturé. Recommencer n'ajoute rien."""
        return bill_contract(contract, by=self.request.user, **asked)

    @act(PLAN, asks=HorizonSerializer, answers=PlannedContractSerializer, path="plan-visits")
    def plan_visits(self, contract: Contract, asked: dict[str, Any]) -> Outcome:
        """Crée une DI validée pour chaque visite du contrat dont la période s'ouvre au plus tard le jour `until` (inclus).

        `until` absent : jusqu'au jour que la nuit planifie. Une visite déjà planifiée, ou finie avant la validation de sa ligne,
        n'en reçoit pas. Renvoie le contrat et les id des DI créées.
        """
        outcomes = plan_visits([contract], until=asked["until"], on=timezone.localdate(), by=self.request.user)
        for outcome in outcomes:
            if outcome.is_refused:
                raise outcome.error or BusinessError(outcome.refusal)
        return Outcome(contract, made=contract, also=tuple(outcome.made for outcome in outcomes))
