"""Billing runs: started, then followed at their address."""

from typing import Any

import django_filters
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from contracts.choices import Result
from contracts.models import BillingOutcome, BillingRun, Contract
from contracts.services.manual_runs import retry_run, selection_of, start_manual
from contracts.services.runs import totals_seen
from invoicing.api.base import DaySerializer, OfficeSerializer, OfficeView, ReadMixin, act
from invoicing.services.records.shared import works_for_all
from openfire_billing.web.api.fields import SinceFilter, UntilFilter, id_field
from openfire_billing.web.api.permissions import permission_of
from openfire_billing.web.api.strict import checked

BILL = "contracts.bill_contract"
MOST = 1_000  # outcomes in the answer: those set aside come first


class BillingOutcomeSerializer(serializers.ModelSerializer):
    """The outcome of a billing run for one contract. `invoices`: ids of the drafts it created.

    `drafts`: descriptions of the drafts that it would create; only a dry run fills it.
    """

    contract = serializers.IntegerField(source="contract_id", read_only=True)
    result = serializers.ChoiceField(choices=Result.choices, read_only=True)
    invoices = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    drafts = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = BillingOutcome
        fields = ("contract", "result", "code", "reason", "invoices", "drafts")


class BillingRunSummarySerializer(OfficeSerializer):
    """How far a run is. `done` of `expected` contracts."""

    dry_run = serializers.BooleanField(source="is_dry", read_only=True)
    state = serializers.CharField(read_only=True)
    done = serializers.SerializerMethodField()

    class Meta:
        model = BillingRun
        fields: tuple[str, ...] = (
            "id",
            "on",
            "kind",
            "state",
            "dry_run",
            "expected",
            "done",
            "billed",
            "skipped",
            "refused",
            "visits",
            "note",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.with_totals(request.user)

    def get_done(self, run: BillingRun) -> int:
        return run.billed + run.skipped + run.refused

    def to_representation(self, run: BillingRun) -> Any:
        """Show the totals of the user's companies; the remarks name contracts of any company."""
        for name, count in totals_seen(run, self.user).items():
            setattr(run, name, count)
        if not works_for_all(self.user):
            run.note = ""
        return super().to_representation(run)


class BillingRunSerializer(BillingRunSummarySerializer):
    """A run and its outcomes, those set aside first."""

    outcomes = serializers.SerializerMethodField()

    class Meta(BillingRunSummarySerializer.Meta):
        fields = (*BillingRunSummarySerializer.Meta.fields, "outcomes")
        read_only_fields = fields

    @extend_schema_field(BillingOutcomeSerializer(many=True))
    def get_outcomes(self, run: BillingRun) -> list[dict[str, Any]]:
        rows = run.outcomes.visible_to(self.user).refused_first()[:MOST]
        return list(BillingOutcomeSerializer(rows, many=True).data)


class BillingRunStartSerializer(DaySerializer):
    """All that is due on a day, or what is due of these contracts."""

    dry_run = serializers.BooleanField(required=False, default=False)
    contracts = serializers.ListField(child=id_field(), required=False, allow_empty=False, max_length=1000)

    def validate_contracts(self, ids: list[int]) -> list[int]:
        visible = set(self.context["visible"](Contract.objects.filter(pk__in=ids)).values_list("pk", flat=True))
        if unknown := [str(pk) for pk in ids if pk not in visible]:
            raise serializers.ValidationError(_("Pas un contrat d'une de vos sociétés : %s.") % ", ".join(unknown))
        return ids


class RunFilter(django_filters.FilterSet):
    on_after = SinceFilter("on")
    on_before = UntilFilter("on")
    dry_run = django_filters.BooleanFilter(field_name="is_dry")

    class Meta:
        model = BillingRun
        fields = ("state", "kind", "on")


class RunView(ReadMixin, OfficeView):
    """Passages de facturation."""

    queryset = BillingRun.objects.all()
    serializer_class = BillingRunSerializer
    filterset_class = RunFilter
    ordering_fields = ("id", "on")

    def get_serializer_class(self) -> Any:
        return BillingRunSummarySerializer if self.action == "list" else BillingRunSerializer

    def permissions_needed(self) -> list[str]:
        needed = super().permissions_needed() if self.action != "create" else [permission_of(BillingRun, "list")]
        return [*needed, BILL] if self.action == "create" else needed

    @extend_schema(request=BillingRunStartSerializer, responses={202: BillingRunSerializer})
    def create(self, request: Any) -> Response:
        """Lance un passage ; son avancement est à son adresse (en-tête Location)."""
        serializer = BillingRunStartSerializer(data=request.data, context=self.get_serializer_context())
        checked(serializer, request.data)
        run = start_manual(
            on=serializer.validated_data["on"],
            is_dry=serializer.validated_data["dry_run"],
            by=request.user,
            selection=selection_of(
                request.user, on=serializer.validated_data["on"], contracts=serializer.validated_data.get("contracts")
            ),
        )
        return Response(self.shown(run), status=202)

    def finalize_response(self, request: Any, response: Any, *args: Any, **options: Any) -> Any:
        """Add the address of the run to an accepted answer, also when the answer is repeated."""
        if response.status_code == 202:
            response["Location"] = self.reverse_action("detail", args=[response.data["id"]])
        return super().finalize_response(request, response, *args, **options)

    @act(BILL, status=202)
    def retry(self, run: BillingRun, asked: dict[str, Any]) -> BillingRun:
        """Un autre passage sur ce que celui-ci a mis de côté ou laissé."""
        return retry_run(run, on=timezone.localdate(), by=self.request.user)
