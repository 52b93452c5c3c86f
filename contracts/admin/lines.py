"""The contract line's page and its tabs: Facturation · Planification · Équipement · Suivi."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Prefetch, Subquery, prefetch_related_objects
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment
from contracts.admin.actions import CHANGE, LINE_ACTIONS
from contracts.admin.amounts import yearly_column
from contracts.admin.forms import ContractLineForm
from contracts.choices import ContractLineState, ContractState
from contracts.models import Article, Contract, ContractException, ContractLine, ContractRequest
from contracts.services.callouts import callouts_left
from contracts.services.days_served import exceptions_left_out, first_day_not_billed
from contracts.services.lines import save_line
from contracts.services.next_bill import NextBill, next_bill, yearly_nets_of_lines
from interventions.models import InstalledProduct, InterventionTemplate
from invoicing.admin.document_admin import DocumentAdmin, record_of, values_of
from invoicing.admin.documents.paper import amounts_of_lines
from invoicing.admin.filters import FromFilter
from invoicing.admin.lines import LinesInline, edits_of
from invoicing.admin.saving import seen_by
from invoicing.models import Partner, Tax
from invoicing.models.documents.lines import lines_totals
from openfire_billing.kernel.money import Totals
from openfire_billing.web.columns import column, state_column
from openfire_billing.web.date_boxes import DayInput
from openfire_billing.web.lines import LineForm, live_totals, totals_html
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.users import user_of

L = ContractLineState


class ArticleForm(LineForm):
    class Meta(LineForm.Meta):
        model = Article
        fields = (*LineForm.Meta.fields, "from_on")
        widgets = {**LineForm.Meta.widgets, "from_on": DayInput}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["from_on"].widget.attrs["class"] = "of-input of-day"


class ArticleInline(LinesInline):
    model = Article
    form = ArticleForm
    has_first_day = True


class ExceptionForm(LineForm):
    least_quantity = None

    class Meta(LineForm.Meta):
        model = ContractException
        fields = ("on", "alone", *LineForm.Meta.fields)
        widgets = {**LineForm.Meta.widgets, "on": DayInput}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["on"].widget.attrs["class"] = "of-input of-day"


class ExceptionInline(LinesInline):
    model = ContractException
    form = ExceptionForm
    template = "contracts/exceptions.html"


@admin.register(ContractLine)
class ContractLineAdmin(DocumentAdmin):
    new_title = _("Nouvelle ligne de contrat")
    next_label = _("Enregistrer et revenir au contrat")
    has_checking_service = True
    followed = ()  # the journal of its contract follows them
    form = ContractLineForm
    lines_prefix = "articles"
    list_display = ("__str__", "town", "equipment", "task", "visits_text", "yearly_text", "state_badge")
    list_card = ("yearly_text", "town", "state_badge", "task", "visits_text")
    list_filter = (FromFilter, "state", "task", "contract__state")
    search_fields = ContractLine.SEARCHED
    autocomplete_fields = ("contract", "address", "equipment", "task")
    list_select_related = ("contract", "address", "equipment", "task")
    inlines = (ArticleInline, ExceptionInline)
    status_path = L.path
    document_actions = LINE_ACTIONS
    empty_text = _("Les lignes s'ajoutent depuis leur contrat : une par site et équipement.")
    fieldsets = (
        (_("Contrat"), {"fields": ("contract", "title", "address")}),
        (
            _("Quand"),
            {"fields": (("starts_on", "ends_on"), "billed_elsewhere_until", "bill_past", "next_text", "next_amounts")},
        ),
        (
            _("Rythme propre"),
            {"fields": ("frequency", ("every", "unit"), "timing"), "classes": ("notebook",)},
        ),
        (
            _("Planification"),
            {
                "fields": ("template", "task", ("repeat", "repeat_unit"), "visit_months", "visits_text"),
                "classes": ("notebook",),
            },
        ),
        (_("SAV"), {"fields": ("uses_callouts", "included_callouts", "callouts_text"), "classes": ("notebook",)}),
        (_("Appareil"), {"fields": ("equipment", "serial_text", "site_text"), "classes": ("notebook",)}),
    )
    notebook = (
        ("billing", _("Facturation"), ("inline:articles", "inline:exceptions", _("Rythme propre"))),
        ("planning", _("Planification"), (_("Planification"), _("SAV"))),
        ("equipment", _("Équipement"), (_("Appareil"),)),
    )
    readonly_fields = ("next_text", "next_amounts", "visits_text", "callouts_text", "serial_text", "site_text")

    class Media:
        css = {"all": ["openfire/contracts.css"]}
        js = ["openfire/contracts.js"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super().get_queryset(request).select_related("contract__company", "contract__payer", "equipment", "address")
        )

    def read_together(self, records: Sequence[ContractLine]) -> None:
        """Give each line the net of its year."""
        nets = yearly_nets_of_lines({line.contract_id for line in records}, on=timezone.localdate())
        for line in records:
            line.yearly_net = nets.get(line.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or (
            obj.state != L.CANCELLED and obj.contract.state not in (ContractState.TERMINATED, ContractState.CANCELLED)
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Offer to bill what is past where articles may be added to what is billed: on a validated line."""
        found = super().get_fieldsets(request, obj)
        if obj is not None and obj.state == L.VALIDATED:
            return found
        return [
            (title, {**options, "fields": tuple(name for name in options["fields"] if name != "bill_past")})
            for title, options in found
        ]

    def next_page(self, obj: Any) -> str:
        return reverse_change(obj.contract)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(["contract"] if obj else [])]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        for name in ("address", "repeat", "repeat_unit", "included_callouts"):
            if name in form.base_fields:
                form.base_fields[name].required = False
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_changeform_initial_data(request)
        contract = self._contract(request.GET.get("contract"), request.user)
        if contract is not None:
            address = contract.payer.default_address()
            equipment = InstalledProduct.objects.filter(partner=contract.payer, is_active=True).first()
            found |= {
                "address": equipment.address_id if equipment else address.pk if address else None,
                "equipment": equipment.pk if equipment else None,
                "starts_on": first_day_not_billed(contract),
            }
        return found

    @staticmethod
    def _contract(pk: Any, user: Any) -> Contract | None:
        return record_of(Contract.objects.select_related("payer", "company"), pk, user)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        line = super().get_object(request, object_id, from_field)
        if line is not None and request.method == "GET":
            with_tax = (Article, "articles"), (ContractException, "exceptions")
            prefetch_related_objects(
                [line], *[Prefetch(name, model.objects.select_related("tax")) for model, name in with_tax]
            )
        return line

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        line = self.get_object(request, object_id) if object_id else None
        contract = (
            line.contract
            if line
            else self._contract(request.GET.get("contract") or request.POST.get("contract"), request.user)
        )
        context["contract_position"] = str(contract.fiscal_position_id or "") if contract else ""
        if line is not None:
            rounding = line.contract.company.rounding
            articles, exceptions = line.articles.all(), line.exceptions.all()
            context["office_amounts"] = amounts_of_lines(articles, rounding)
            context["contract_exception_amounts"] = amounts_of_lines(exceptions, rounding)
            context["contract_exception_footer"] = totals_html(lines_totals(exceptions, rounding))
        return context

    def tabs(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        last = Appointment.objects.filter(intervention=OuterRef("intervention")).order_by("-starts_at").values("pk")[:1]
        requests: list[Any] = list(
            ContractRequest.objects.filter(line=document)
            .annotate(last_appointment=Subquery(last))
            .select_related("intervention")
            .order_by("intervention__from_on", "pk")
        )
        appointments = Appointment.objects.in_bulk([r.last_appointment for r in requests if r.last_appointment])
        for request_row in requests:
            request_row.appointment = appointments.get(request_row.last_appointment)
        suivi = {
            "slug": "follow-up",
            "title": _("Suivi"),
            "template": "contracts/follow_tab.html",
            "context": {"requests": requests},
            "order": 40,
            "items": [],
            "errors": 0,
        }
        return [suivi, *super().tabs(request, document)]

    def totals_of(self, document: Any) -> Totals:
        return lines_totals(document.articles.all(), document.contract.company.rounding)

    def totals_view(self, request: HttpRequest) -> JsonResponse:
        """Return the totals of one of the two blocks of lines; the address says which is being typed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        contract = self._contract(request.POST.get("contract"), request.user)
        prefix = "exceptions" if request.GET.get("prefix") == "exceptions" else self.lines_prefix
        taxes = {str(tax.pk): tax for tax in Tax.objects.all()}
        rounding = contract.company.rounding if contract else "half_even"
        return live_totals(request, prefix=prefix, taxes=taxes, rounding=rounding)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        edits = {formset.prefix: edits_of(formset) for formset in formsets}
        saved = save_line(
            form.instance.pk,
            values_of(form),
            articles=edits.get("articles", ()),
            exceptions=edits.get("exceptions", ()),
            bill_past=form.cleaned_data.get("bill_past", False),
            seen=seen_by(request),
            on=timezone.localdate(),
            by=user_of(request),
        )
        vars(form.instance).update(vars(saved))
        days = {"starts_on", "ends_on", "billed_elsewhere_until"} & set(form.changed_data)
        if days and (left_out := exceptions_left_out(saved.contract)):
            messages.warning(request, left_out)

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        """Return what a template (task) or an equipment (site) fills."""
        found: dict[str, Any] = {}
        template = record_of(InterventionTemplate.objects.select_related("task"), data.get("template"), request.user)
        equipment = record_of(InstalledProduct.objects.select_related("address"), data.get("equipment"), request.user)
        partner = record_of(Partner.objects, data.get("partner"), request.user)
        for name, item in (
            ("task", template and template.task),
            ("address", equipment.address if equipment else partner and partner.default_address()),
        ):
            if item is not None:
                found[name] = {"value": item.pk, "text": str(item)}
        return found

    @admin.display(description=_("Ville"), ordering="address__city")
    def town(self, line: ContractLine) -> str:
        return line.address.city

    yearly_text = yearly_column(lambda line: line.contract)
    state_badge = state_column()

    @column(_("Nombre de visites"), export={_("Nombre de visites par an"): lambda line: line.visit_count})
    def visits_text(self, line: ContractLine) -> str:
        return f"{line.visit_count} par an" if line.pk else "0"

    @admin.display(description=_("SAV restants cette année"))
    def callouts_text(self, line: ContractLine) -> str:
        return str(callouts_left(line, timezone.localdate())) if line.pk else "–"

    @admin.display(description=_("N° de série"))
    def serial_text(self, line: ContractLine) -> str:
        return (line.equipment.serial_number if line.equipment else "") or "–"

    @admin.display(description=_("Installé à"))
    def site_text(self, line: ContractLine) -> str:
        return str(line.equipment.address) if line.equipment else "–"

    @admin.display(description=_("Prochaine échéance"))
    def next_text(self, line: ContractLine) -> str:
        bill = _next_bill(line)
        return f"{bill.on:%d/%m/%Y}" if bill else "–"

    @admin.display(description=_("Prochain montant"))
    def next_amounts(self, line: ContractLine) -> str:
        bill = _next_bill(line)
        return bill.text if bill else "–"


# The line a page shows and what it bills next: two fields tell it, each read twice by the page.
_last_computed: ContextVar[tuple[ContractLine, NextBill | None] | None] = ContextVar("last_asked", default=None)


def _next_bill(line: ContractLine) -> NextBill | None:
    """Return what a line bills next, computed once for the instance that the page shows."""
    cached = _last_computed.get()
    if cached is None or cached[0] is not line:
        cached = (line, next_bill(line) if line.pk else None)
        _last_computed.set(cached)
    return cached[1]


def line_url(line: ContractLine) -> str:
    """Return the address of a line's page."""
    return reverse("admin:contracts_contractline_change", args=[line.pk])
