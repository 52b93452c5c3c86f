"""The page of an intervention request."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Case, F, OrderBy, Q, When
from django.forms import DateField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from interventions.admin.customer_facts import CUSTOMER_FACTS, CustomerFactsMixin
from interventions.admin.forms import explain_duration
from interventions.admin.line_states import badge_of_line, documents_of, kept_lines, locked_lines, state_of_request_line
from interventions.admin.request_acts import CHANGE, INTERVENTION_ACTIONS
from interventions.choices import InterventionState, LineState
from interventions.models import InstalledProduct, InterventionRequest, InterventionTemplate, RequestLine, Task
from interventions.services import requests as services
from interventions.services.sectors import sector_of
from invoicing.admin.ages import AgeFilter
from invoicing.admin.document_admin import DocumentAdmin, add_defaults, record_of, values_of
from invoicing.admin.documents.paper import amounts_of_lines
from invoicing.admin.documents.published import PublishedMixin
from invoicing.admin.filters import ChipFilter, FromFilter
from invoicing.admin.lines import LinesInline
from invoicing.admin.notebook import tab_of_work
from invoicing.admin.saving import seen_by
from invoicing.models import Partner
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents.lines import LineEdit
from invoicing.services.parties.companies import default_company
from openfire_billing.kernel.formats import days_text
from openfire_billing.web.asked import POSITION_TO_BILL
from openfire_billing.web.columns import age_column, column, state_column
from openfire_billing.web.lines import SaleLineForm
from openfire_billing.web.smart_buttons import listed_button
from openfire_billing.web.tags import amount, badge, hours, nothing, nowrap, on_right, stars, stored_state
from openfire_billing.web.users import user_of

S = InterventionState


class RequestLineForm(SaleLineForm):
    least_quantity = Decimal(0)

    class Meta(SaleLineForm.Meta):
        model = RequestLine


class RequestLineInline(LinesInline):
    model = RequestLine
    form = RequestLineForm


class InterventionChips(ChipFilter):
    chips = (
        ("to-plan", _("À planifier"), lambda q, r: q.active().filter(state__in=[S.TO_PLAN, S.PARTLY_PLANNED])),
        ("late", _("En retard"), lambda q, r: q.active().filter(late=True)),
        ("soon", _("D'ici 30 j"), lambda q, r: q.active().soon(timezone.localdate())),
        ("to-bill", _("À facturer"), lambda q, r: q.active().to_bill(timezone.localdate())),
        ("drafts", _("Brouillons"), lambda q, r: q.active().filter(state=S.DRAFT)),
        ("mine", _("Mes DI"), lambda q, r: q.filter(user=r.user)),
        ("archived", _("Archivées"), lambda q, r: q.filter(is_active=False)),
    )

    combined = frozenset({"mine"})
    uncounted = frozenset({"archived"})

    @classmethod
    def usual(cls, queryset: Any) -> Any:
        return queryset.active()


def _days_open(di: InterventionRequest) -> int | None:
    """Return for how many days a DI that is not done has waited: since its period opened, of a late one since it was over,
    as on the first page. None before it opens.
    """
    days = (timezone.localdate() - (di.to_on if di.late else di.from_on)).days
    return days if days >= 0 and di.state not in (S.DONE, S.CANCELLED) else None


def net_of_lines(document: Any, articles: Sequence[Any]) -> Any:
    """Return the amount of a document for its list: « Contrat » when a contract bills all of it, « – » without a line."""
    if not articles:
        return nothing()
    if all(getattr(line, "covered", False) for line in articles):
        return on_right(badge("violet", _("Contrat")))
    return amount(document.totals.net)


class DoneAge(AgeFilter):
    """For how long a DI has been done."""

    title = _("Réalisée")
    field = "done_on"
    labels = (_("Réalisée aujourd'hui"), _("Il y a 1 à 30 j"), _("Il y a 31 à 60 j"), _("Il y a plus de 60 j"))
    condition = Q(state=S.DONE)
    others = (("not-done", _("Pas encore réalisée"), Q(state__in=sorted(S.planning))),)


@admin.register(InterventionRequest)
class InterventionRequestAdmin(CustomerFactsMixin, PublishedMixin, DocumentAdmin):
    new_title = _("Nouvelle DI")
    has_checking_service = True
    list_display = ("__str__", "title_text", "partner", "town", "window", "age", "net_text", "state_badge", "who")
    list_lead = "partner"
    field_labels: ClassVar = {"partner": _("Partenaire")}
    list_card = ("net_text", "title_text", "state_badge", "town", "age")
    list_filter = (InterventionChips, FromFilter, DoneAge, "state", "type", "task", "technicians", "tags", "company")
    search_fields = InterventionRequest.SEARCHED
    date_hierarchy = "from_on"
    autocomplete_fields = ("partner", "bill_to", "address", "subcontractor", "equipment", "tags", "technicians")
    inlines = (RequestLineInline,)
    opened_tab = "billing"
    new_act = "validate"
    status_path = S.path
    document_actions = INTERVENTION_ACTIONS
    empty_text = _("Ce que vos clients demandent. Commencez par une DI : un client, une tâche, une période.")
    fieldsets = (
        (_("Où"), {"fields": ("partner", "address", "place", *CUSTOMER_FACTS, "bill_to")}),
        (_("Quoi"), {"fields": ("task", "title", "type", "priority", "duration", "durations", "template")}),
        (_("Quand"), {"fields": ("from_on", "to_on", "technicians", "subcontractor", "done_on")}),
        (_("Qui"), {"fields": ("user", "tags", "company")}),
        (_("Texte"), {"fields": ("description",), "classes": ("notebook", "wide")}),
        (_("Appareil"), {"fields": ("equipment",), "classes": ("notebook",)}),
        (_("Position"), {"fields": ("fiscal_position",), "classes": ("notebook",)}),
    )
    notebook = (
        ("description", _("Description"), (_("Texte"),)),
        ("product", _("Produit installé"), (_("Appareil"),)),
        ("billing", _("Facturation"), (_("Position"), "inline:lines")),
    )
    readonly_fields = (*CUSTOMER_FACTS, "place", "durations", "done_on")
    asks: ClassVar = {"fiscal_position": POSITION_TO_BILL}

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .with_lines()
            .with_lateness(timezone.localdate())
            .select_related("partner", "address", "task", "type", "user", "company", "fiscal_position")
            .prefetch_related("technicians", "partner__tags")
        )

    def list_order(self, view: str) -> Sequence[Any]:
        """Return the late ones first, then the open ones by the end of their period; those done or cancelled last."""
        ends = Case(When(~Q(state__in=[S.DONE, S.CANCELLED]), then=F("to_on")))
        return super().list_order(view) or (OrderBy(F("late"), descending=True), ends.asc(nulls_last=True), "-pk")

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
        lines = list(intervention.lines.left_to_bill(today).select_related("tax"))
        documents = documents_of(lines, on=today, user=request.user)
        states = {line.pk: state_of_request_line(line) for line in lines}
        context["office_line_states"] = {
            pk: badge_of_line(state, documents.get(pk, ())) for pk, state in states.items()
        }
        context["office_locked_lines"] = locked_lines(states)
        context["office_kept_lines"] = kept_lines(states, LineState.QUOTED)
        context["office_amounts"] = amounts_of_lines(lines, intervention.company.rounding)
        if not any(line.left > 0 for line in lines):
            self.without_button(context, "invoice")
        return context

    def tab_opened_for(self, user: Any, document: Any) -> str:
        return tab_of_work(user, document)

    def is_visit_ahead(self, document: InterventionRequest) -> bool:
        return document.state not in (S.DONE, S.CANCELLED)

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        buttons = super().smart_buttons(request, document)
        if request.user.has_perm(CHANGE):
            buttons.insert(-1, listed_button(document, is_feminine=self.is_feminine))
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
        return [(_("HT de la page"), sum(di.totals.net for di in cl.result_list))]

    @admin.display(description=_("Numéro"), ordering="number")
    def numbered(self, record: Any) -> str:
        return record.number or str(_("provisoire n° %s") % record.pk)

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
        return nowrap(days_text(di.from_on, di.to_on))

    age = age_column(_days_open, lambda di: di.late)

    @column(
        _("HT"),
        export={
            _("HT"): lambda di: di.totals.net,
            _("TVA"): lambda di: di.totals.tax,
            _("TTC"): lambda di: di.totals.gross,
        },
    )
    def net_text(self, di: InterventionRequest) -> Any:
        return net_of_lines(di, [line for line in di.lines.all() if line.is_article])

    state_badge = state_column(lambda di: ("red", _("En retard")) if getattr(di, "late", False) else stored_state(di))

    @admin.display(description=_("Intervenants"))
    def who(self, di: InterventionRequest) -> str:
        return ", ".join(technician.name for technician in di.technicians.all())

    @admin.display(description=_("Secteur, dépt."))
    def place(self, di: InterventionRequest) -> str:
        return place_of(di)

    @admin.display(description=_("Planifiée / restante"))
    def durations(self, di: InterventionRequest) -> str:
        if not di.pk or di.state in (S.DONE, S.CANCELLED):
            return "–"
        return f"{hours(di.planned_duration)} / {hours(di.remaining_duration)}"


def place_of(document: Any) -> str:
    """Sector, department and telephone of where a DI or an RDV takes place. A page reads it several times: kept with it."""
    if not document.address_id:
        return "–"
    address, texts = document.address, vars(document).setdefault("_places", {})
    if address.pk not in texts:
        parts = [str(sector_of(address) or ""), address.department, address.phone]
        texts[address.pk] = " · ".join(filter(None, parts)) or "–"
    return str(texts[address.pk])


def _date(text: str | None) -> Any:
    try:
        return DateField().to_python(text)
    except ValidationError:
        return None
