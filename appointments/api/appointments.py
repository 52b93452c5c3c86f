"""Appointments (RDV)."""

from decimal import Decimal
from typing import Any

import django_filters
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.response import Response

from appointments.api.lines import LINE_PRICES, AppointmentLineSerializer, UsedSerializer
from appointments.choices import AppointmentState, CustomerAnswer
from appointments.models import Appointment, AppointmentLine
from appointments.services import states as services
from appointments.services.billing import invoice_appointment, invoice_appointments
from appointments.services.letters import APPOINTMENT_LETTER
from appointments.services.lines import record_used
from appointments.services.moving import forced_end_at
from appointments.services.planning import propose_slot
from appointments.services.saving import appoint, move_appointment, save_appointment
from appointments.services.texts import APPOINTMENT_TEXT
from interventions.models import (
    InstalledProduct,
    InterventionRequest,
    InterventionTemplate,
    InterventionType,
    Task,
    Technician,
)
from invoicing.api.acts import mail_act, publish_act, sms_act
from invoicing.api.base import (
    DaySerializer,
    DeleteMixin,
    NotedSerializer,
    OfficeView,
    ReadMixin,
    ReasonSerializer,
    WriteMixin,
    act,
    checked_body,
)
from invoicing.api.invoices import InvoiceSerializer
from invoicing.api.lines import CompanyCurrency, DocumentSerializer, edits_of
from invoicing.api.many import invoice_many
from invoicing.api.records import JournalMixin
from invoicing.models import Address, FiscalPosition, Partner
from invoicing.services.parties.companies import default_company
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY
from openfire_billing.web.api.description import MAY_MISS
from openfire_billing.web.api.fields import HourField, Id, IdFilter, MomentField, MomentFilter

CHANGE, ADD, BILL = "appointments.change_appointment", "appointments.add_appointment", "invoicing.bill"
S = AppointmentState

# What a technician may do with his own RDVs, here as on the phone.
DONE_BY_TECHNICIAN = {"list", "retrieve", "used", "done", "unfinished"}
PRICES = ("net", "tax", "gross", "taxes", "currency", "counts", "fiscal_position")


@extend_schema_serializer(extensions={MAY_MISS: list(PRICES)})
class AppointmentSerializer(DocumentSerializer):
    """An RDV. For a technician: without prices."""

    example = {"intervention": 12, "technicians": [4], "starts_at": "2026-12-08T09:00:00+01:00"}
    changes = {"description": "Prévoir l'échelle"}

    number = serializers.CharField(read_only=True, allow_null=True)
    intervention = Id(queryset=InterventionRequest.objects.all(), required=False, allow_null=True)
    partner = Id(queryset=Partner.objects.all(), required=False)
    bill_to = Id(queryset=Partner.objects.all(), required=False, allow_null=True)
    address = Id(queryset=Address.objects.all(), required=False)
    type = Id(queryset=InterventionType.objects.all(), required=False, allow_null=True)
    task = Id(queryset=Task.objects.all(), required=False)
    template = Id(queryset=InterventionTemplate.objects.all(), required=False, allow_null=True)
    equipment = Id(queryset=InstalledProduct.objects.all(), required=False, allow_null=True)
    fiscal_position = Id(queryset=FiscalPosition.objects.all(), required=False, allow_null=True)
    technicians = Id(queryset=Technician.objects.all(), many=True, required=False)
    lead = Id(queryset=Technician.objects.all(), required=False, allow_null=True)
    starts_at = MomentField(required=False, allow_null=True)
    ends_at = MomentField(required=False, allow_null=True)
    announced_from = HourField(required=False, allow_null=True)
    announced_to = HourField(required=False, allow_null=True)
    customer_answer = serializers.ChoiceField(CustomerAnswer.choices, allow_blank=True, read_only=True)
    currency = CompanyCurrency()
    lines = AppointmentLineSerializer(many=True, required=False)

    class Meta:
        model = Appointment
        fields = (
            "id",
            "number",
            "state",
            "intervention",
            "partner",
            "bill_to",
            "address",
            "company",
            "title",
            "type",
            "task",
            "template",
            "technicians",
            "lead",
            "starts_at",
            "ends_at",
            "is_end_forced",
            "is_all_day",
            "override",
            "duration",
            "equipment",
            "description",
            "report",
            "reason",
            "done_at",
            "announced_from",
            "announced_to",
            "confirmed_at",
            "customer_answer",
            "answered_at",
            "wish",
            "fiscal_position",
            "lines",
            "currency",
            "net",
            "tax",
            "gross",
            "taxes",
            "counts",
            "published",
        )
        read_only_fields = ("reason", "done_at", "confirmed_at", "customer_answer", "answered_at", "wish")
        extra_kwargs = {"duration": {"required": False, "min_value": Decimal("0.05")}}

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        lines = AppointmentLine.objects.left_to_bill(timezone.localdate()).select_related(
            "tax", "unit", "request_line__tax", "request_line__unit"
        )
        return super().rows(queryset, request).prefetch_related("technicians", Prefetch("lines", lines))

    def to_representation(self, document: Any) -> Any:
        data = super().to_representation(document)
        if self.context.get("without_prices"):
            for name in PRICES:
                data.pop(name, None)
            for line in data["lines"]:
                for name in LINE_PRICES:
                    line.pop(name)
        return data

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None and not data.get("intervention"):
            missing = {name: [_("Donnez une DI, ou ceci.")] for name in ("partner", "task") if not data.get(name)}
            if missing:
                raise serializers.ValidationError(missing)
        return data

    def create(self, data: dict[str, Any]) -> Appointment:
        source = data.get("intervention")
        company = data.pop("company", None) or (source.company if source else default_company(self.user))
        if company is None:
            raise serializers.ValidationError({"company": [_("Votre compte n'a accès à aucune société.")]})
        if source is not None and source.company_id != company.pk:
            raise serializers.ValidationError({"company": [_("La DI est d'une autre société.")]})
        if source is not None:
            data = {"partner": source.partner, "task": source.task, "bill_to": source.bill_to, **data}
        return self._saved(None, {**data, "company": company})

    def update(self, appointment: Appointment, data: dict[str, Any]) -> Appointment:
        data.pop("company", None)
        if "intervention" in data and data["intervention"] != appointment.intervention:
            raise serializers.ValidationError({"intervention": [_("La DI d'un RDV ne change pas.")]})
        if "starts_at" in data and "ends_at" not in data and not data.get("is_end_forced", appointment.is_end_forced):
            data["ends_at"] = None  # computed again from the working hours
        return self._saved(appointment, data)

    def _saved(self, appointment: Appointment | None, data: dict[str, Any]) -> Appointment:
        lines = appointment.lines.select_related("request_line") if appointment else ()
        edits = edits_of(data.pop("lines", ()), lines)
        return save_appointment(
            appointment.pk if appointment else None,
            {name: value for name, value in data.items() if name != "technicians"},
            technicians=data.get("technicians"),
            edits=edits,
            seen=self.seen,
            on=timezone.localdate(),
            by=self.user,
        )


def _technician_alone(user: Any) -> Technician | None:
    """Return the technician that a user is, when he may see no other RDVs than his own."""
    if user.has_perm("appointments.view_appointment"):
        return None
    return Technician.objects.filter(user=user, is_active=True).first()


class AppointmentFilter(django_filters.FilterSet):
    intervention = IdFilter()
    partner = IdFilter()
    company = IdFilter()
    task = IdFilter()
    technicians = IdFilter()
    lead = IdFilter()
    day = django_filters.DateFilter(method="on_day")
    starts_after = MomentFilter(field_name="starts_at", lookup_expr="gte")
    starts_before = MomentFilter(field_name="starts_at", lookup_expr="lt")

    class Meta:
        model = Appointment
        fields = ("number", "state")

    def on_day(self, queryset: Any, name: str, value: Any) -> Any:
        """Taking time that day, in France: each of the days of an RDV of several; for a technician, of his own time."""
        if not FIRST_DAY <= value <= LAST_DAY:
            return queryset.none()
        return queryset.on_day(value, technician=_technician_alone(self.request.user))


class DoneSerializer(serializers.Serializer):
    """When, and what was done."""

    example = {"report": "Ramonage fait, conduit en bon état"}

    at = MomentField(required=False)
    report = serializers.CharField(required=False, default="", allow_blank=True, max_length=5000)


class UnfinishedSerializer(serializers.Serializer):
    """Why it is not done."""

    example = {"reason": "Pièce manquante", "report": "Vitre à commander"}

    reason = serializers.CharField(max_length=200)
    report = serializers.CharField(required=False, default="", allow_blank=True, max_length=5000)


class MoveSerializer(serializers.Serializer):
    """When, and who. `technicians`: without it, those it has; the lead, if he is none of them, is replaced by the first.

    `ends_at`: an end that is forced; null: computed from the working hours; without it, a forced end keeps its distance.
    `override`: why to pass over a slot that is taken or not worked.
    """

    example = {"starts_at": "2026-12-09T14:00:00+01:00", "technicians": [4]}

    starts_at = MomentField()
    ends_at = MomentField(required=False, allow_null=True)
    technicians = Id(queryset=Technician.objects.all(), many=True, required=False, allow_empty=False)
    override = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class BilledAppointmentSerializer(NotedSerializer, InvoiceSerializer):
    """The draft, and which lines a quote or a contract bills instead."""

    class Meta(InvoiceSerializer.Meta):
        fields = (*InvoiceSerializer.Meta.fields, "note")


class AppointmentView(JournalMixin, ReadMixin, WriteMixin, DeleteMixin, OfficeView):
    """Rendez-vous (RDV). Un intervenant voit les siens, sans les prix."""

    queryset = Appointment.objects.all()
    serializer_class = AppointmentSerializer
    filterset_class = AppointmentFilter
    search_fields = Appointment.SEARCHED
    ordering_fields = ("id", "number", "starts_at")

    def _technician(self) -> Technician | None:
        return _technician_alone(self.request.user)

    def permissions_needed(self) -> list[str]:
        if self.action in DONE_BY_TECHNICIAN and self._technician() is not None:
            return []
        return super().permissions_needed()

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        technician = None if getattr(self, "swagger_fake_view", False) else self._technician()
        if technician is not None:
            own = Appointment.objects.shown_to(technician)
            return AppointmentSerializer.rows(own, self.request) if self.action == "retrieve" else own
        return queryset

    def get_serializer_context(self) -> dict[str, Any]:
        fake = getattr(self, "swagger_fake_view", False)
        return {**super().get_serializer_context(), "without_prices": not fake and self._technician() is not None}

    def delete_document(self, document: Appointment, by: By) -> None:
        services.delete_appointments([document], by=by)

    @act(CHANGE)
    def confirm(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Confirme : le RDV reçoit son numéro."""
        return services.confirm_appointment(appointment, seen=self.seen, by=self.request.user)

    @act(CHANGE, asks=UsedSerializer)
    def used(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Quantités utilisées sur place ; retire les lignes ajoutées sur place."""
        return record_used(
            appointment,
            {line["line"]: line["quantity"] for line in asked["lines"] if not line["delete"]},
            [line["line"] for line in asked["lines"] if line["delete"]],
            seen=self.seen,
            on=timezone.localdate(),
            by=self.request.user,
        )

    @act(CHANGE, asks=DoneSerializer)
    def done(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Réalisé."""
        at = asked.get("at") or timezone.now()
        return services.finish_appointment(
            appointment, at=at, report=asked["report"], seen=self.seen, by=self.request.user
        )

    @act(CHANGE, asks=UnfinishedSerializer)
    def unfinished(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Inachevé : l'intervenant est venu, le travail n'est pas fini."""
        return services.leave_unfinished(appointment, seen=self.seen, by=self.request.user, **asked)

    @act(CHANGE, asks=ReasonSerializer)
    def postpone(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Reporté : les intervenants sont libres de nouveau."""
        return services.postpone_appointment(appointment, seen=self.seen, by=self.request.user, **asked)

    @act(CHANGE, asks=ReasonSerializer)
    def cancel(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Annulé : les intervenants sont libres de nouveau."""
        return services.cancel_appointment(appointment, seen=self.seen, by=self.request.user, **asked)

    @act(CHANGE)
    def reset(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Remet en brouillon un RDV qui n'est pas facturé."""
        return services.reset_appointment(appointment, seen=self.seen, by=self.request.user)

    @act(CHANGE, asks=MoveSerializer)
    def move(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Déplace un RDV en brouillon ou confirmé : autre heure, autres intervenants."""
        starts_at, people = asked["starts_at"], asked.get("technicians")
        return move_appointment(
            appointment,
            starts_at=starts_at,
            ends_at=asked["ends_at"] if "ends_at" in asked else forced_end_at(appointment, starts_at),
            technicians=people,
            lead=people[0] if people and appointment.lead not in people else None,
            override=asked["override"],
            seen=self.seen,
            on=timezone.localdate(),
            by=self.request.user,
        )

    mail = mail_act(APPOINTMENT_LETTER, CHANGE)
    sms = sms_act(APPOINTMENT_TEXT)
    publish = publish_act(CHANGE)

    @act(BILL, asks=DaySerializer, answers=BilledAppointmentSerializer, status=201)
    def invoice(self, appointment: Appointment, asked: dict[str, Any]) -> Any:
        """Facture en brouillon des lignes du RDV qui restent à facturer."""
        return invoice_appointment(appointment, on=asked["on"], seen=self.seen, by=self.request.user)

    @invoice_many(BILL)
    def invoice_many(self, appointments: list[Appointment], asked: dict[str, Any]) -> list[Outcome]:
        """Factures en brouillon de plusieurs RDV : un refus n'arrête pas les autres."""
        return invoice_appointments(appointments, by=self.request.user, **asked)

    @act(ADD, status=201)
    def duplicate(self, appointment: Appointment, asked: dict[str, Any]) -> Appointment:
        """Copie en brouillon, à placer, sans DI ni facturation."""
        return services.duplicate_appointment(appointment, by=self.request.user)


class AppointSerializer(serializers.Serializer):
    """Who and when; without a moment, the first free slot of somebody able."""

    example = {"technicians": [4], "starts_at": "2026-12-08T09:00:00+01:00"}

    technicians = Id(queryset=Technician.objects.filter(is_active=True), many=True, required=False)
    starts_at = MomentField(required=False)
    duration = serializers.DecimalField(max_digits=6, decimal_places=2, min_value=Decimal("0.05"), required=False)
    override = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class AppointView(OfficeView):
    """POST /interventions/{id}/appointment/."""

    queryset = InterventionRequest.objects.all()
    serializer_class = AppointmentSerializer
    is_act = True
    permission = ADD
    asks = AppointSerializer
    answers = AppointmentSerializer
    status = 201

    def appointment(self, request: Any, pk: str) -> Response:
        """RDV en brouillon d'une DI validée, avec toutes ses lignes."""
        intervention = self.get_object()
        asked = checked_body(self, request)
        people, starts_at = asked.get("technicians") or list(intervention.technicians.all()), asked.get("starts_at")
        if starts_at is None:
            proposal = propose_slot(intervention, not_before=timezone.localtime())
            if proposal is None:
                raise BusinessError(
                    _("%s : aucun créneau libre dans sa période. Donnez un début, ou élargissez la période.")
                    % intervention,
                    code="no_free_slot",
                )
            starts_at, people = proposal.starts_at, asked.get("technicians") or [proposal.technician]
        made = appoint(
            intervention,
            technicians=people,
            starts_at=starts_at,
            duration=asked.get("duration"),
            override=asked["override"],
            on=timezone.localdate(),
            by=request.user,
        )
        return Response(self.shown(made), status=self.status)
