"""The page of an appointment, its lists, and the week."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Case, F, Q, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.admin.appointment_acts import APPOINTMENT_ACTIONS, BILL
from appointments.choices import AppointmentState, CustomerAnswer
from appointments.models import Appointment, AppointmentLine, AppointmentLineClaim
from appointments.querysets import day_bounds
from appointments.services.announced import announced
from appointments.services.answers import answer_of
from appointments.services.saving import save_appointment
from interventions.admin.customer_facts import CUSTOMER_FACTS, CustomerFactsMixin
from interventions.admin.forms import explain_duration
from interventions.admin.line_states import (
    VIEW_INVOICE,
    badge_of_line,
    documents_of,
    gather,
    kept_lines,
    locked_lines,
    state_of_request_line,
)
from interventions.admin.requests import net_of_lines, place_of
from interventions.choices import LineState, state_of_line
from interventions.models import InstalledProduct, RequestLine, Task
from invoicing.admin.document_admin import DocumentAdmin, add_defaults, record_of, values_of
from invoicing.admin.documents.published import PublishedMixin
from invoicing.admin.filters import ChipFilter, FromFilter
from invoicing.admin.lines import LinesInline
from invoicing.admin.saving import seen_by
from invoicing.models import Partner
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents.lines import LineEdit
from invoicing.services.parties.companies import default_company
from openfire_billing.kernel.formats import day_text, number_text
from openfire_billing.kernel.money import line_gross
from openfire_billing.web.asked import POSITION_TO_BILL, Asked
from openfire_billing.web.columns import column, state_column
from openfire_billing.web.contributions import SmartButton, contribute
from openfire_billing.web.known_relations import know
from openfire_billing.web.lines import SaleLineForm
from openfire_billing.web.summary import Heading
from openfire_billing.web.tags import badge, nowrap
from openfire_billing.web.users import user_of

S = AppointmentState


_ANSWERS = {CustomerAnswer.YES: _("sera là"), CustomerAnswer.NO: _("absent")}  # in a column
_CUSTOMER = (
    "announced_from",
    "announced_to",
    "announced_text",
    "answer_text",
)  # what the customer is told, and answers


class AppointmentForm(forms.ModelForm):
    """An end that was typed is kept; else it follows what it is computed from."""

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the hours announced to the service, which checks them: each constraint costs queries."""
        return {*super()._get_validation_exclusions(), "announced_to"}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("ends_at") and "ends_at" in self.changed_data:
            data["is_end_forced"] = True
        if not data.get("is_end_forced"):
            if {"starts_at", "duration", "is_all_day", "is_end_forced", "task", "lead"} & set(self.changed_data):
                data["ends_at"] = None  # computed again from the working hours
        elif data.get("starts_at") and not data.get("ends_at") and "ends_at" not in self.errors:
            self.add_error("ends_at", _("Donnez la fin, ou décochez « Fin forcée » : elle se calcule alors."))
        return data


class AppointmentLineForm(SaleLineForm):
    """The form of an RDV line.

    When the line is copied from a DI line, article, label, unit price, discount and tax are read from the DI line and
    cannot be edited; the quantity can.
    """

    least_quantity = Decimal(0)

    class Meta(SaleLineForm.Meta):
        model = AppointmentLine

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        line = self.instance
        if line.pk and line.request_line is not None:
            self.know(line.request_line.product)
            for name in ("product", "label", "unit_price", "discount", "tax", "tax_is_manual"):
                self.initial[name] = getattr(line.request_line, f"{name}_id", getattr(line.request_line, name))
                self.fields[name].disabled = True
            for name in ("product", "tax"):
                know(self.fields[name], getattr(line.request_line, name))


class AppointmentLineInline(LinesInline):
    model = AppointmentLine
    form = AppointmentLineForm

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("request_line__product", "request_line__tax")


def _today(queryset: Any, request: HttpRequest) -> Any:
    return queryset.on_day(timezone.localdate())


def _this_week(queryset: Any, request: HttpRequest) -> Any:
    today = timezone.localdate()
    return queryset.on_day(today - timedelta(days=today.weekday()), 7)


class AppointmentChips(ChipFilter):
    combined = frozenset({"mine"})
    linked = frozenset({"own-lines"})
    chips = (
        ("today", _("Aujourd'hui"), _today),
        ("week", _("Cette semaine"), _this_week),
        ("mine", _("Mes RDV"), lambda q, r: q.filter(technicians__user=r.user)),
        ("to-confirm", _("À confirmer"), lambda q, r: q.filter(state=S.DRAFT)),
        ("absent", _("Client absent"), lambda q, r: q.refused_by_customer(timezone.now())),
        ("to-bill", _("À facturer"), lambda q, r: q.to_bill(timezone.localdate())),
        ("own-lines", _("Lignes hors DI à facturer"), lambda q, r: q.with_own_lines_to_bill()),
        ("unfinished", _("Inachevés"), lambda q, r: q.filter(state=S.UNFINISHED)),
    )
    orders: ClassVar = {"week": ("starts_at", "pk"), "to-bill": ("starts_at", "pk"), "unfinished": ("starts_at", "pk")}


@admin.register(Appointment)
class AppointmentAdmin(CustomerFactsMixin, PublishedMixin, DocumentAdmin):
    new_title = _("Nouveau RDV")
    form = AppointmentForm
    list_display = ("__str__", "when", "partner", "town", "task", "who", "net_text", "state_badge", "answered")
    list_lead = "partner"
    list_card = ("net_text", "when", "state_badge", "task", "town")
    list_filter = (AppointmentChips, FromFilter, "state", "technicians", "type", "company")
    search_fields = Appointment.SEARCHED
    date_hierarchy = "starts_at"
    autocomplete_fields = ("intervention", "partner", "bill_to", "address", "equipment", "technicians", "lead", "tags")
    inlines = (AppointmentLineInline,)
    status_path = S.path
    document_actions = APPOINTMENT_ACTIONS
    empty_text = _("Les RDV naissent d'une DI (Action › Générer le RDV), ou se créent ici.")
    fieldsets = (
        (_("Où"), {"fields": ("partner", "address", "place", *CUSTOMER_FACTS, "bill_to")}),
        (_("Quand"), {"fields": ("starts_at", "ends_at", "is_end_forced", "is_all_day", "override", *_CUSTOMER)}),
        (_("Quoi"), {"fields": ("task", "equipment", "title", "type", "duration", "intervention", "company")}),
        (_("Qui"), {"fields": ("technicians", "lead", "team", "tags")}),
        (_("Texte"), {"fields": ("description", "report", "reason"), "classes": ("notebook", "wide")}),
        (_("Position"), {"fields": ("fiscal_position",), "classes": ("notebook",)}),
    )
    notebook = (
        ("description", _("Description et compte rendu"), (_("Texte"),)),
        ("billing", _("Facturation"), (_("Position"), "inline:lines")),
    )
    opened_tab = "billing"
    readonly_fields = (*CUSTOMER_FACTS, "place", "reason", "announced_text", "answer_text")
    asks: ClassVar = {
        "fiscal_position": POSITION_TO_BILL,
        "starts_at": Asked(_("obligatoire pour confirmer")),
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .with_lines()
            .select_related("partner", "address", "task", "type", "lead", "company", "intervention", "fiscal_position")
            .prefetch_related("technicians")
        )

    def list_order(self, view: str) -> Sequence[Any]:
        """Return those of today and to come by hour, then those to place, then the past ones, latest first."""
        today, _tomorrow = day_bounds(timezone.localdate())
        ahead = Q(starts_at__gte=today) | Q(ends_at__gt=today)
        rank = Case(When(ahead, then=0), When(starts_at=None, then=1), default=2)
        return super().list_order(view) or (
            rank.asc(),
            Case(When(ahead, then=F("starts_at"))).asc(nulls_last=True),
            F("starts_at").desc(nulls_last=True),
            "-pk",
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Address, duration and end may be left to the customer, the task and the working hours."""
        form = super().get_form(request, obj, change=change, **options)
        for name in ("address", "duration", "lead", "partner", "task"):
            if name in form.base_fields:
                form.base_fields[name].required = name in ("partner", "task")
        return explain_duration(form)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        link = {
            "label": _("Planning"),
            "url": reverse("planning:board"),
            "icon": "calendar_view_week",
        }
        return super().changelist_view(request, {**(extra_context or {}), "office_links": [link]})

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        appointment = self.get_object(request, object_id) if object_id else None
        if appointment is None:
            return context
        today = timezone.localdate()
        lines = list(appointment.lines.with_billed().select_related("tax", "request_line__tax"))
        linked = [line for line in lines if line.request_line_id]
        requests = RequestLine.objects.left_to_bill(today).in_bulk([line.request_line_id for line in linked])
        for line in linked:
            line.request_left = requests[line.request_line_id].left
        documents = documents_of(requests.values(), on=today, user=request.user)
        own = _invoices_of(lines, user=request.user)
        states = {line.pk: _state(line, requests.get(line.request_line_id)) for line in lines}
        context["office_line_states"] = {
            line.pk: badge_of_line(states[line.pk], documents.get(line.request_line_id) or own.get(line.pk) or ())
            for line in lines
        }
        context["office_locked_lines"] = locked_lines(states)
        context["office_kept_lines"] = kept_lines(states)
        context["office_amounts"] = _amounts(lines, appointment.company.rounding)
        if not any(line.left > 0 for line in lines):
            self.without_button(context, "invoice")
        if appointment.state == S.CONFIRMED and appointment.starts_at and appointment.starts_at > timezone.now():
            context["office_primary"] = [act | {"is_optional": True} for act in context["office_primary"]]
        return context

    def heading(self, document: Appointment) -> Heading:
        """Return the header of an RDV with its day and its hour."""
        if document.starts_at is None:
            return super().heading(document)
        begins = timezone.localtime(document.starts_at)
        return replace(super().heading(document), when=f"{day_text(begins.date(), 'l')[:3]}. {begins:%d/%m/%Y %H:%M}")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the hour of a saved RDV before its place. A new one begins at its customer, without what is announced."""
        where, when, *others = super().get_fieldsets(request, obj)
        if obj:
            return (when, where, *others)
        name, options = when
        fields = tuple(field for field in options["fields"] if field not in _CUSTOMER)
        return (where, (name, options | {"fields": fields}), *others)

    def tab_opened_for(self, user: Any, document: Any) -> str:
        """Return the lines of an RDV that is done, for who bills; else its description and report."""
        return "billing" if document.state == S.DONE and user.has_perm(BILL) else "description"

    def is_visit_ahead(self, document: Appointment) -> bool:
        return document.state not in (S.DONE, S.CANCELLED)

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit]) -> Appointment:
        values = values_of(form)
        if form.instance.pk is None and not values.get("company"):
            values["company"] = default_company(request.user)
        people = values.pop("technicians", None)
        return save_appointment(
            form.instance.pk,
            values,
            technicians=None if people is None else list(people),
            edits=edits,
            seen=seen_by(request),
            on=timezone.localdate(),
            by=user_of(request),
        )

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        """Customer → address, payer, position, equipment; task → type and duration."""
        found: dict[str, Any] = {}
        partner = record_of(Partner.objects.select_related("bill_to"), data.get("partner"), request.user)
        if partner is not None:
            add_defaults(
                found,
                address=partner.default_address(),
                bill_to=partner.bill_to,
                fiscal_position=usual_terms(partner).fiscal_position,
                equipment=InstalledProduct.objects.filter(partner=partner, is_active=True).first(),
            )
        task = record_of(Task.objects.select_related("type", "fiscal_position"), data.get("task"), request.user)
        if task is not None:
            add_defaults(found, type=task.type, fiscal_position=task.fiscal_position)
            found["duration"] = {"value": number_text(task.duration), "text": ""}
        return found

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        return [(_("HT de la page"), sum(rdv.totals.net for rdv in cl.result_list))]

    @admin.display(description=_("Réponse"))
    def answered(self, rdv: Appointment) -> Any:
        if not rdv.customer_answer or rdv.state != S.CONFIRMED:
            return ""
        return badge(CustomerAnswer.colours[rdv.customer_answer], _ANSWERS[rdv.customer_answer])

    @column(
        _("Quand"),
        export={_("Début"): lambda rdv: rdv.starts_at, _("Fin"): lambda rdv: rdv.ends_at},
        ordering="starts_at",
    )
    def when(self, rdv: Appointment) -> Any:
        if rdv.starts_at is None:
            return _("à placer")
        return nowrap(rdv.period)

    @admin.display(description=_("Annoncé au client"))
    def announced_text(self, rdv: Appointment) -> str:
        found = announced(rdv) if rdv.pk else None
        return found.words if found else "–"

    @admin.display(description=_("Réponse du client"))
    def answer_text(self, rdv: Appointment) -> Any:
        """Return what the customer answered on his page, with his wish."""
        return answer_of(rdv) or "–"

    @admin.display(description=_("Ville"), ordering="address__city")
    def town(self, rdv: Appointment) -> str:
        return rdv.address.city

    @admin.display(description=_("Intervenants"))
    def who(self, rdv: Appointment) -> str:
        return ", ".join(technician.name for technician in rdv.technicians.all())

    @column(
        _("HT"),
        export={
            _("HT"): lambda rdv: rdv.totals.net,
            _("TVA"): lambda rdv: rdv.totals.tax,
            _("TTC"): lambda rdv: rdv.totals.gross,
        },
    )
    def net_text(self, rdv: Appointment) -> Any:
        return net_of_lines(rdv, [line.request_line or line for line in rdv.lines.all() if line.terms.is_article])

    @admin.display(description=_("Numéro"), ordering="number")
    def numbered(self, record: Any) -> str:
        return record.number or str(_("provisoire n° %s") % record.pk)

    state_badge = state_column()

    @admin.display(description=_("Secteur, dépt."))
    def place(self, rdv: Appointment) -> str:
        return place_of(rdv)


def _state(line: AppointmentLine, request_line: Any) -> LineState | None:
    """The state of an RDV line: its DI line's when that one is covered or quoted, else its own."""
    if request_line is not None and (request_line.covered or request_line.is_quoted):
        return state_of_request_line(request_line)
    if not line.terms.is_article:
        return None
    return state_of_line(covered=False, is_quoted=False, quantity=line.quantity, billed=line.billed, unbilled=line.left)


def _invoices_of(lines: Sequence[Any], *, user: Any) -> dict[int, list[Any]]:
    """{RDV line: the invoices that bill it}, of those without a DI line and if the user may see them."""
    if not user.has_perm(VIEW_INVOICE):
        return {}
    own = [line.pk for line in lines if line.billed > 0 and line.request_line_id is None]
    claims = AppointmentLineClaim.objects.filter(appointment_line__in=own).select_related("invoice_line__invoice")
    return gather((claim.appointment_line_id, claim.invoice_line.invoice) for claim in claims)


def _amounts(lines: list[Any], rounding: str) -> dict[int, dict[str, str]]:
    amounts = {}
    for line in lines:
        if line.terms.is_article and line.terms.tax:
            net = line.net_amount(rounding)
            gross = line_gross(net, line.terms.tax.rate, rounding)
            amounts[line.pk] = {"net": number_text(net), "gross": number_text(gross)}
    return amounts


contribute(
    Appointment,
    smart_buttons=[
        SmartButton("interventions", _("DI"), "home_repair_service", "interventions.InterventionRequest", order=5),
        SmartButton("invoices", _("Factures"), "receipt_long", "invoicing.Invoice", order=20),
    ],
    origins={
        "interventions": lambda rdv: Appointment.objects.filter(pk=rdv, intervention__isnull=False).values(
            "intervention"
        ),
        "invoices": lambda rdv: AppointmentLineClaim.objects.filter(appointment_line__appointment=rdv).values(
            "invoice_line__invoice"
        ),
    },
)
