"""Intervention requests (DI)."""

from decimal import Decimal
from typing import Any

import django_filters
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from interventions.models import (
    InstalledProduct,
    InterventionRequest,
    InterventionTemplate,
    InterventionType,
    RequestLine,
    Task,
    Technician,
)
from interventions.services import billing, states
from interventions.services import requests as services
from interventions.services.letters import INTERVENTION_LETTER
from interventions.services.purchases import order_supplies
from interventions.services.texts import INTERVENTION_TEXT
from invoicing.api.acts import mail_act, publish_act, sms_act
from invoicing.api.base import DaySerializer, DeleteMixin, OfficeView, ReadMixin, WriteMixin, act, checked_body
from invoicing.api.invoices import InvoiceSerializer
from invoicing.api.lines import CompanyCurrency, DocumentSerializer, SaleLineSerializer, edits_of
from invoicing.api.many import invoice_many
from invoicing.api.purchases import PurchaseOrderSerializer
from invoicing.api.quotes import QuoteSerializer
from invoicing.api.records import JournalMixin
from invoicing.choices import TagScope
from invoicing.models import Address, FiscalPosition, Partner, Tag
from invoicing.services.parties.companies import default_company
from openfire_billing.db.people import By
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.api.fields import DayField, Id, IdFilter, SinceFilter, UntilFilter

CHANGE, BILL = "interventions.change_interventionrequest", "invoicing.bill"


class RequestLineSerializer(SaleLineSerializer):
    document = "intervention"

    def validate_quantity(self, quantity: Any) -> Any:
        """Zero is how a line taken over by an RDV is given up."""
        if quantity < 0:
            raise serializers.ValidationError(_("La quantité n'est pas négative."))
        return quantity


class InterventionSerializer(DocumentSerializer):
    """A DI. Only task, customer and first day need typing: the rest comes from them."""

    example = {
        "partner": 12,
        "task": 5,
        "from_on": "2026-12-01",
        "title": "Ramonage",
        "lines": [{"product": 31, "quantity": "2"}],
    }
    changes = {"description": "Prévoir l'échelle"}

    number = serializers.CharField(read_only=True, allow_null=True)
    late = serializers.BooleanField(read_only=True)
    type = Id(queryset=InterventionType.objects.all(), required=False)
    template = Id(queryset=InterventionTemplate.objects.all(), required=False, allow_null=True)
    task = Id(queryset=Task.objects.all(), required=False)
    partner = Id(queryset=Partner.objects.all())
    bill_to = Id(queryset=Partner.objects.all(), required=False, allow_null=True)
    address = Id(queryset=Address.objects.all(), required=False)
    subcontractor = Id(queryset=Partner.objects.all(), required=False, allow_null=True)
    equipment = Id(queryset=InstalledProduct.objects.all(), required=False, allow_null=True)
    fiscal_position = Id(queryset=FiscalPosition.objects.all(), required=False, allow_null=True)
    technicians = Id(queryset=Technician.objects.all(), many=True, required=False)
    tags = serializers.SlugRelatedField(
        slug_field="name", many=True, required=False, queryset=Tag.objects.filter(scope=TagScope.INTERVENTION)
    )
    from_on = DayField()
    to_on = DayField(required=False)
    remaining_duration = serializers.DecimalField(max_digits=6, decimal_places=2, read_only=True)
    currency = CompanyCurrency()
    lines = RequestLineSerializer(many=True, required=False)

    class Meta:
        model = InterventionRequest
        fields = (
            "id",
            "number",
            "state",
            "late",
            "type",
            "template",
            "task",
            "title",
            "priority",
            "partner",
            "bill_to",
            "address",
            "company",
            "subcontractor",
            "equipment",
            "fiscal_position",
            "from_on",
            "to_on",
            "done_on",
            "duration",
            "planned_duration",
            "remaining_duration",
            "technicians",
            "tags",
            "description",
            "is_active",
            "created_at",
            "lines",
            "currency",
            "net",
            "tax",
            "gross",
            "taxes",
            "counts",
            "published",
        )
        read_only_fields = ("done_on", "planned_duration", "created_at", "is_active")
        extra_kwargs = {"duration": {"required": False, "min_value": Decimal("0.05")}}

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        today = timezone.localdate()
        lines = RequestLine.objects.left_to_bill(today).select_related("tax", "unit")
        return (
            super()
            .rows(queryset, request)
            .with_lateness(today)
            .prefetch_related("technicians", "tags", Prefetch("lines", lines))
        )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None and not (data.get("task") or data.get("template")):
            raise serializers.ValidationError({"task": [_("Donnez une tâche, ou un modèle d'intervention.")]})
        return data

    def create(self, data: dict[str, Any]) -> InterventionRequest:
        company = data.pop("company", None) or default_company(self.user)
        if company is None:
            raise serializers.ValidationError({"company": [_("Votre compte n'a accès à aucune société.")]})
        return self._saved(None, {**data, "company": company})

    def update(self, intervention: InterventionRequest, data: dict[str, Any]) -> InterventionRequest:
        data.pop("company", None)
        return self._saved(intervention, data)

    def _saved(self, intervention: InterventionRequest | None, data: dict[str, Any]) -> InterventionRequest:
        edits = edits_of(data.pop("lines", ()), intervention.lines.all() if intervention else ())
        return services.save_intervention(
            intervention.pk if intervention else None,
            data,
            edits=edits,
            seen=self.seen,
            on=timezone.localdate(),
            by=self.user,
        )


class PurchaseSerializer(serializers.Serializer):
    """Which day? By default today."""

    example = {"on": "2026-11-24"}

    on = DayField(required=False)


class SkippedLineSerializer(serializers.Serializer):
    """A line that was not ordered, and why."""

    line = serializers.IntegerField()
    label = serializers.CharField()
    reason = serializers.CharField()


class PurchasesSerializer(serializers.Serializer):
    """The orders made, one for each supplier, and the lines left out."""

    orders = PurchaseOrderSerializer(many=True)
    skipped = SkippedLineSerializer(many=True)


class InterventionFilter(django_filters.FilterSet):
    partner = IdFilter()
    bill_to = IdFilter()
    address = IdFilter()
    company = IdFilter()
    type = IdFilter()
    task = IdFilter()
    technicians = IdFilter()
    equipment = IdFilter()
    late = django_filters.BooleanFilter(method="is_late")
    to_bill = django_filters.BooleanFilter(method="left_to_bill")
    from_on_after = SinceFilter("from_on")
    from_on_before = UntilFilter("from_on")
    to_on_after = SinceFilter("to_on")
    to_on_before = UntilFilter("to_on")

    class Meta:
        model = InterventionRequest
        fields = ("number", "state", "priority", "is_active")

    def is_late(self, queryset: Any, name: str, value: bool) -> Any:
        """Its period is over, and it is neither planned nor done."""
        return queryset.with_lateness(timezone.localdate()).filter(late=value)

    def left_to_bill(self, queryset: Any, name: str, value: bool) -> Any:
        """Validated, with lines left to bill directly."""
        wanted = InterventionRequest.objects.to_bill(timezone.localdate()).values("pk")
        return queryset.filter(pk__in=wanted) if value else queryset.exclude(pk__in=wanted)


class InterventionView(JournalMixin, ReadMixin, WriteMixin, DeleteMixin, OfficeView):
    """Demandes d'intervention (DI)."""

    queryset = InterventionRequest.objects.all()
    serializer_class = InterventionSerializer
    filterset_class = InterventionFilter
    search_fields = InterventionRequest.SEARCHED
    ordering_fields = ("id", "number", "from_on", "to_on", "priority")

    def delete_document(self, document: InterventionRequest, by: By) -> None:
        services.delete_interventions([document], by=by)

    @act(CHANGE)
    def validate(self, intervention: InterventionRequest, asked: dict[str, Any]) -> InterventionRequest:
        """Valide : la DI reçoit son numéro, elle peut être planifiée et facturée."""
        return states.validate_intervention(intervention, seen=self.seen, by=self.request.user)

    @act("invoicing.add_quote", asks=DaySerializer, answers=QuoteSerializer, status=201)
    def quote(self, intervention: InterventionRequest, asked: dict[str, Any]) -> Any:
        """Devis en brouillon des lignes qui restent à facturer."""
        return billing.quote_intervention(intervention, on=asked["on"], seen=self.seen, by=self.request.user)

    @act(BILL, asks=DaySerializer, answers=InvoiceSerializer, status=201)
    def invoice(self, intervention: InterventionRequest, asked: dict[str, Any]) -> Any:
        """Facture en brouillon des lignes qui restent à facturer."""
        return billing.invoice_intervention(intervention, on=asked["on"], seen=self.seen, by=self.request.user)

    @invoice_many(BILL)
    def invoice_many(self, interventions: list[InterventionRequest], asked: dict[str, Any]) -> list[Outcome]:
        """Factures en brouillon de plusieurs DI : un refus n'arrête pas les autres."""
        return billing.invoice_interventions(interventions, by=self.request.user, **asked)

    @action(
        detail=True,
        methods=["post"],
        permission="invoicing.add_purchaseorder",
        asks=PurchaseSerializer,
        answers=PurchasesSerializer,
        status=201,
        is_act=True,
    )
    def purchase(self, request: Any, pk: str) -> Response:
        """Commandes fournisseurs en brouillon, une par fournisseur ; les lignes laissées sont dites, avec leur raison."""
        intervention = self.get_object()
        on = checked_body(self, request).get("on") or timezone.localdate()
        made = order_supplies(intervention, on=on, by=request.user)
        orders = [self.shown(order, PurchaseOrderSerializer) for order in made.orders]
        skipped = [{"line": line.pk, "label": str(line), "reason": why} for line, why in made.skipped]
        return Response({"orders": orders, "skipped": skipped}, status=201)

    @act(CHANGE, asks=DaySerializer)
    def finish(self, intervention: InterventionRequest, asked: dict[str, Any]) -> InterventionRequest:
        """Termine : le travail a été fait ce jour-là."""
        return states.finish_intervention(intervention, on=asked["on"], seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def cancel(self, intervention: InterventionRequest, asked: dict[str, Any]) -> InterventionRequest:
        """Annule une DI sans RDV ouvert et sans rien de facturé."""
        return states.cancel_intervention(intervention, on=timezone.localdate(), seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def reset(self, intervention: InterventionRequest, asked: dict[str, Any]) -> InterventionRequest:
        """Remet une DI annulée en brouillon."""
        return states.reset_intervention(intervention, seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def archive(self, intervention: InterventionRequest, asked: dict[str, Any]) -> InterventionRequest:
        """Archive : la DI quitte les listes."""
        return states.set_active(intervention, active=False, seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def restore(self, intervention: InterventionRequest, asked: dict[str, Any]) -> InterventionRequest:
        """Remet en service une DI archivée."""
        return states.set_active(intervention, active=True, seen=self.seen, by=self.request.user)

    mail = mail_act(INTERVENTION_LETTER, CHANGE)
    sms = sms_act(INTERVENTION_TEXT)
    publish = publish_act(CHANGE)

    @act("interventions.add_interventionrequest", status=201)
    def duplicate(self, intervention: InterventionRequest, asked: dict[str, Any]) -> InterventionRequest:
        """Copie en brouillon, à partir d'aujourd'hui."""
        return services.duplicate_intervention(intervention, on=timezone.localdate(), by=self.request.user)
