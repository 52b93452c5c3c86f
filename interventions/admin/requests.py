"""The page of an intervention request."""

from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms import DateField
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from interventions.admin.forms import explain_duration
from interventions.admin.line_states import badge_of_line, documents_of, state_of_request_line
from interventions.admin.request_acts import CHANGE, INTERVENTION_ACTIONS
from interventions.choices import InterventionState
from interventions.models import InstalledProduct, InterventionRequest, InterventionTemplate, RequestLine, Task
from interventions.services import requests as services
from invoicing.admin.ages import AgeFilter
from invoicing.admin.base import seen_by
from invoicing.admin.document_admin import DocumentAdmin, add_defaults, record_of, values_of
from invoicing.admin.documents.paper import amounts_of_lines
from invoicing.admin.documents.published import PublishedMixin
from invoicing.admin.filters import ChipFilter, FromFilter
from invoicing.admin.lines import LinesInline
from invoicing.models import Partner
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents.lines import LineEdit
from invoicing.services.parties.companies import default_company
from openfire_billing.web.asked import ASKED_TO_BILL
from openfire_billing.web.columns import amount_column, column, state_column
from openfire_billing.web.lines import SaleLineForm
from openfire_billing.web.tags import badge, hours, nowrap, stars, stored_state
from openfire_billing.web.users import user_of

S = InterventionState


class RequestLineForm(SaleLineForm):
    least_quantity = Decimal(0)

    class Meta(SaleLineForm.Meta):
        model = RequestLine


class RequestLineInline(LinesInline):
    model = RequestLine
    form = RequestLineForm
    with_state = True


class InterventionChips(ChipFilter):
    chips = (
        ("to-plan", _("À planifier"), lambda q, r: q.active().filter(state__in=[S.TO_PLAN, S.PARTLY_PLANNED])),
        ("late", _("En retard"), lambda q, r: q.active().filter(late=True)),
        ("to-bill", _("À facturer"), lambda q, r: q.active().to_bill(timezone.localdate())),
        ("drafts", _("Brouillons"), lambda q, r: q.active().filter(state=S.DRAFT)),
        ("mine", _("Mes DI"), lambda q, r: q.active().filter(user=r.user)),
        ("archived", _("Archivées"), lambda q, r: q.filter(is_active=False)),
    )

    def usual(self, queryset: Any) -> Any:
        return queryset.active()


class DoneAge(AgeFilter):
    """For how long a DI has been done."""

    title = _("Réalisée")
    field = "done_on"
    labels = (_("Réalisée aujourd'hui"), _("Il y a 1 à 30 j"), _("Il y a 31 à 60 j"), _("Il y a plus de 60 j"))
    condition = Q(state=S.DONE)
    others = (("not-done", _("Pas encore réalisée"), Q(state__in=sorted(S.planning))),)


@admin.register(InterventionRequest)
class InterventionRequestAdmin(PublishedMixin, DocumentAdmin):
    has_checking_service = True
    list_display = ("__str__", "title_text", "partner", "town", "window", "net_text", "state_badge", "who")
    list_filter = (InterventionChips, FromFilter, DoneAge, "state", "type", "task", "technicians", "tags", "company")
    search_fields = InterventionRequest.SEARCHED
    date_hierarchy = "from_on"
    autocomplete_fields = ("partner", "bill_to", "address", "subcontractor", "equipment", "tags", "technicians")
    inlines = (RequestLineInline,)
    status_path = S.path
    document_actions = INTERVENTION_ACTIONS
    empty_text = _("Ce que vos clients demandent. Commencez par une DI : un client, une tâche, une période.")
    fieldsets = (
        (_("Qui"), {"fields": ("title", ("type", "priority"), "template", "user", "tags")}),
        (_("Où"), {"fields": ("partner", "customer_facts", "bill_to", "address", "place")}),
        (_("Quoi"), {"fields": ("task", "duration", "durations", "company")}),
        (_("Quand"), {"fields": (("from_on", "to_on"), "technicians", "subcontractor", "done_on")}),
        (_("Texte"), {"fields": ("description",), "classes": ("notebook", "wide")}),
        (_("Appareil"), {"fields": ("equipment",), "classes": ("notebook",)}),
        (_("Position"), {"fields": ("fiscal_position",), "classes": ("notebook",)}),
    )
    notebook = (
        ("description", _("Description"), (_("Texte"),)),
        ("product", _("Produit installé"), (_("Appareil"),)),
        ("billing", _("Facturation"), (_("Position"), "inline:lines")),
    )
    readonly_fields = ("customer_facts", "place", "durations", "done_on")
    asks: ClassVar = {"fiscal_position": ASKED_TO_BILL}

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .with_lines()
            .with_lateness(timezone.localdate())
            .select_related("partner", "address", "task", "type", "user", "company", "fiscal_position")
            .prefetch_related("technicians", "partner__tags")
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "from_on": timezone.localdate(),
            "user": request.user.pk,
            **super().get_changeform_initial_data(request),
        }

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Type, task and address may be left to the template, the task and the customer."""
        form = super().get_form(request, obj, change=change, **options)
        for name in ("type", "task", "address", "duration", "to_on"):
            if name in form.base_fields:
                form.base_fields[name].required = False
        return explain_duration(form)

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        intervention = self.get_object(request, object_id) if object_id else None
        if intervention is None:
            return context
        if intervention.late:
            context["office_flag"] = badge("red", _("En retard"))
        if not intervention.is_active:
            context["office_flag"] = badge("grey", _("Archivée"))
        today = timezone.localdate()
        lines = list(intervention.lines.left_to_bill(today).with_unbilled().select_related("tax"))
        documents = documents_of(lines, on=today, user=request.user)
        context["office_line_states"] = {
            line.pk: badge_of_line(state_of_request_line(line), documents.get(line.pk, ())) for line in lines
        }
        context["office_amounts"] = amounts_of_lines(lines, intervention.company.rounding)
        return context

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        buttons = super().smart_buttons(request, document)
        if request.user.has_perm(CHANGE):
            act = "archive" if document.is_active else "restore"
            url = reverse("admin:interventions_interventionrequest_act", args=[document.pk, act])
            text = _("Actif") if document.is_active else _("Archivé")
            buttons.insert(
                -1, {"label": _("Dans les listes"), "icon": "inventory_2", "text": text, "url": url, "is_dialog": True}
            )
        return buttons

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit]) -> InterventionRequest:
        values = values_of(form)
        if form.instance.pk is None and not values.get("company"):
            values["company"] = default_company(request.user)
        return services.save_intervention(
            form.instance.pk,
            values,
            edits=edits,
            seen=seen_by(request),
            on=timezone.localdate(),
            by=user_of(request),
        )

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        """Customer → address, payer, position, equipment; task or template → type, duration, end of the window."""
        found: dict[str, Any] = {}
        partner = record_of(Partner.objects.select_related("bill_to"), data.get("partner"), request.user)
        if partner is not None:
            add_defaults(
                found,
                address=partner.default_address(),
                bill_to=partner.bill_to,
                fiscal_position=usual_terms(partner).fiscal_position,
            )
            add_defaults(found, equipment=InstalledProduct.objects.filter(partner=partner, is_active=True).first())
        template = record_of(
            InterventionTemplate.objects.select_related("task", "type", "fiscal_position"),
            data.get("template"),
            request.user,
        )
        task = record_of(Task.objects.select_related("type", "fiscal_position"), data.get("task"), request.user)
        if template is not None:
            task = task or template.task
            add_defaults(found, task=template.task, type=template.type, fiscal_position=template.fiscal_position)
        if task is not None:
            add_defaults(found, type=task.type, fiscal_position=task.fiscal_position)
            found["duration"] = {"value": f"{task.duration:.2f}".replace(".", ","), "text": ""}
            begins = _date(data.get("from_on"))
            if begins:
                ends = services.propose_dates(task.granularity, begins)
                found["to_on"] = {"value": ends.strftime("%d/%m/%Y"), "text": ""}
        return found

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        return [(_("Total HT de la page"), sum(di.totals.net for di in cl.result_list))]

    @column(_("Titre"), export=lambda di: di.title or str(di.task), ordering="title")
    def title_text(self, di: InterventionRequest) -> Any:
        title = di.title or str(di.task)
        return format_html('<span class="of-stars">{}</span> {}', stars(di.priority), title) if di.priority else title

    @admin.display(description=_("Ville"), ordering="address__city")
    def town(self, di: InterventionRequest) -> str:
        return di.address.city

    @column(
        _("Entre le … et le"),
        export={_("Entre le"): lambda di: di.from_on, _("et le"): lambda di: di.to_on},
        ordering="from_on",
    )
    def window(self, di: InterventionRequest) -> str:
        return nowrap(f"{di.from_on:%d/%m/%Y} – {di.to_on:%d/%m/%Y}")

    net_text = amount_column(
        _("HT"),
        lambda di: di.totals.net,
        export={
            _("HT"): lambda di: di.totals.net,
            _("TVA"): lambda di: di.totals.tax,
            _("TTC"): lambda di: di.totals.gross,
        },
    )
    state_badge = state_column(lambda di: ("red", _("En retard")) if getattr(di, "late", False) else stored_state(di))

    @admin.display(description=_("Intervenants"))
    def who(self, di: InterventionRequest) -> str:
        return ", ".join(technician.name for technician in di.technicians.all())

    @admin.display(description=_("Coordonnées"))
    def customer_facts(self, di: InterventionRequest) -> str:
        if not di.partner_id:
            return "–"
        tags = ", ".join(tag.name for tag in di.partner.tags.all())
        facts = (di.partner.mobile or di.partner.phone, di.partner.email, di.partner.store_code, tags)
        return " · ".join(fact for fact in facts if fact) or "–"

    @admin.display(description=_("Secteur, dépt."))
    def place(self, di: InterventionRequest) -> str:
        return place_of(di)

    @admin.display(description=_("Planifiée / restante"))
    def durations(self, di: InterventionRequest) -> str:
        if not di.pk or di.state in (S.DONE, S.CANCELLED):
            return "–"
        return f"{hours(di.planned_duration)} / {hours(di.remaining_duration)}"


def place_of(document: Any) -> str:
    """Sector, department and telephone of where a DI or an RDV takes place."""
    if not document.address_id:
        return "–"
    address = document.address
    return " · ".join(filter(None, [str(services.sector_of(address) or ""), address.department, address.phone])) or "–"


def _date(text: str | None) -> Any:
    try:
        return DateField().to_python(text)
    except ValidationError:
        return None
