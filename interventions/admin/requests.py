"""The page of an intervention request, as on the seed's screens."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import DateField
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from interventions.admin.forms import FinishForm
from interventions.choices import InterventionState, LineState
from interventions.models import InstalledProduct, InterventionRequest, InterventionTemplate, RequestLine, Task
from interventions.services import billing
from interventions.services import requests as services
from interventions.services.purchases import Purchases, order_supplies
from invoicing.admin.base import default_company
from invoicing.admin.document import DocumentAdmin, one, put
from invoicing.admin.documents.mailing import mail_action, signed
from invoicing.admin.documents.paper import amounts_of_lines
from invoicing.admin.documents.published import PublishedMixin
from invoicing.admin.filters import ChipFilter, FromFilter
from invoicing.admin.forms import GroupedInvoiceForm, InvoiceForm, OnForm
from invoicing.admin.lines import LinesInline
from invoicing.models import Partner
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents.lines import LineEdit
from openfire_billing.errors import Outcome
from openfire_billing.look.actions import DocumentAction, each
from openfire_billing.look.lines import LineForm
from openfire_billing.templatetags.office import amount, badge, hours, nowrap, stars

S = InterventionState
CHANGE, BILL = "interventions.change_interventionrequest", "invoicing.bill"


class RequestLineForm(LineForm):
    least_quantity = 0

    class Meta(LineForm.Meta):
        model = RequestLine


class RequestLineInline(LinesInline):
    model = RequestLine
    form = RequestLineForm
    with_state = True


class InterventionChips(ChipFilter):
    chips = (
        ("planifier", _("À planifier"), lambda q, r: q.active().filter(state__in=[S.TO_PLAN, S.PARTLY_PLANNED])),
        ("retard", _("En retard"), lambda q, r: q.active().filter(late=True)),
        ("facturer", _("À facturer"), lambda q, r: q.active().to_bill(timezone.localdate())),
        ("brouillons", _("Brouillons"), lambda q, r: q.active().filter(state=S.DRAFT)),
        ("miennes", _("Mes DI"), lambda q, r: q.active().filter(user=r.user)),
        ("archivees", _("Archivées"), lambda q, r: q.filter(is_active=False)),
    )

    def usual(self, queryset: Any) -> Any:
        return queryset.active()


def _letter(intervention: InterventionRequest) -> tuple[str, str, str]:
    text = _("Nous avons bien noté votre demande « %(what)s » au %(where)s, prévue entre le %(from)s et le %(to)s.") % {
        "what": intervention.title or intervention.task,
        "where": intervention.address,
        "from": intervention.from_on.strftime("%d/%m/%Y"),
        "to": intervention.to_on.strftime("%d/%m/%Y"),
    }
    company = intervention.company
    return intervention.partner.email, f"{company} : {intervention.title or intervention.task}", signed(company, text)


def _ordered(purchases: Purchases) -> Outcome:
    """The first order made; the others and the lines left out are named."""
    others = ", ".join(order.number for order in purchases.orders[1:])
    return Outcome(purchases, made=purchases.orders[0], note=" ".join(filter(None, [others, purchases.note])))


INTERVENTION_ACTIONS = (
    DocumentAction(
        name="valider",
        label=_("Valider"),
        icon="check",
        permission=CHANGE,
        states=frozenset({S.DRAFT}),
        primary_in=frozenset({S.DRAFT}),
        explain=_("La DI reçoit son numéro : elle peut être planifiée et facturée."),
        run=lambda request, di, data: services.validate_intervention(di, by=request.user),
        run_many=lambda request, dis, data: each(dis, lambda di: services.validate_intervention(di, by=request.user)),
        done=_("validée"),
    ),
    DocumentAction(
        name="devis",
        order=10,
        label=_("Générer le devis"),
        icon="request_quote",
        permission="invoicing.add_quote",
        states=S.validated,
        explain=_(
            "Un devis en brouillon reprend les lignes à facturer. Tant qu'il vit, elles se facturent par lui seul."
        ),
        form=OnForm,
        run=lambda request, di, data: billing.quote_intervention(di, on=data["on"], by=request.user),
        run_many=lambda request, dis, data: billing.quote_interventions(dis, on=data["on"], by=request.user),
        done=_("Devis créé"),
    ),
    DocumentAction(
        name="facturer",
        order=20,
        label=_("Générer la facture"),
        icon="receipt_long",
        permission=BILL,
        offered=lambda di: di.state != S.CANCELLED,
        explain=_("Une facture en brouillon reprend les lignes qui restent à facturer."),
        form=InvoiceForm,
        run=lambda request, di, data: billing.invoice_intervention(di, on=data["on"], by=request.user),
        done=_("Facture en brouillon créée"),
    ),
    DocumentAction(
        name="facturer-plusieurs",
        label=_("Générer les factures"),
        permission=BILL,
        form=GroupedInvoiceForm,
        run_many=lambda request, dis, data: billing.invoice_interventions(
            dis, on=data["on"], group_by_customer=data["group_by_customer"], by=request.user
        ),
    ),
    DocumentAction(
        name="commander",
        order=40,
        label=_("Générer la commande fournisseur"),
        icon="shopping_cart",
        permission="invoicing.add_purchaseorder",
        states=S.validated,
        explain=_(
            "Une commande en brouillon par fournisseur : celui de l'article, ou le prestataire pour une prestation."
        ),
        run=lambda request, di, data: _ordered(order_supplies(di, on=timezone.localdate(), by=request.user)),
        run_many=lambda request, dis, data: each(
            dis, lambda di: _ordered(order_supplies(di, on=timezone.localdate(), by=request.user)).made
        ),
        done=_("Commande créée"),
    ),
    DocumentAction(
        name="terminer",
        label=_("Terminer"),
        icon="task_alt",
        permission=CHANGE,
        states=S.planning,
        primary_in=S.planning,
        explain=_("Le travail est fait, sans passer par un RDV."),
        form=FinishForm,
        run=lambda request, di, data: services.finish_intervention(di, on=data["on"], by=request.user),
        done=_("terminée"),
    ),
    mail_action(_letter, permission=CHANGE, paper=False),
    DocumentAction(
        name="dupliquer",
        label=_("Dupliquer"),
        icon="content_copy",
        permission="interventions.add_interventionrequest",
        explain=_(
            "Une nouvelle DI en brouillon, à partir d'aujourd'hui : mêmes client, travail et lignes, rien de facturé."
        ),
        run=lambda request, di, data: services.duplicate_intervention(di, on=timezone.localdate(), by=request.user),
        done=_("Copie créée"),
    ),
    DocumentAction(
        name="brouillon",
        label=_("Remettre en brouillon"),
        icon="undo",
        permission=CHANGE,
        states=frozenset({S.CANCELLED}),
        primary_in=frozenset({S.CANCELLED}),
        run=lambda request, di, data: services.reset_intervention(di, by=request.user),
        done=_("remise en brouillon"),
    ),
    DocumentAction(
        name="archiver",
        label=_("Archiver"),
        icon="archive",
        permission=CHANGE,
        offered=lambda di: di.is_active,
        explain=_("La DI quitte les listes ; rien n'est perdu. Elle se retrouve sous « Archivées »."),
        run=lambda request, di, data: services.set_active(di, active=False, by=request.user),
        done=_("archivée"),
    ),
    DocumentAction(
        name="activer",
        label=_("Remettre en service"),
        icon="unarchive",
        permission=CHANGE,
        offered=lambda di: not di.is_active,
        explain=_("La DI revient dans les listes."),
        run=lambda request, di, data: services.set_active(di, active=True, by=request.user),
        done=_("remise en service"),
    ),
    DocumentAction(
        name="annuler",
        label=_("Annuler"),
        icon="block",
        permission=CHANGE,
        offered=lambda di: di.state != S.CANCELLED,
        explain=_("Refusé tant qu'un RDV est ouvert ou que quelque chose est facturé."),
        is_danger=True,
        run=lambda request, di, data: services.cancel_intervention(di, on=timezone.localdate(), by=request.user),
        done=_("annulée"),
    ),
    DocumentAction(
        name="supprimer",
        label=_("Supprimer"),
        icon="delete",
        permission="interventions.delete_interventionrequest",
        states=frozenset({S.DRAFT}),
        explain=_("Cette DI en brouillon disparaît."),
        is_danger=True,
        leave=True,
        run=lambda request, di, data: services.delete_interventions([di], by=request.user) and None,
        run_many=lambda request, dis, data: each(
            dis, lambda di: services.delete_interventions([di], by=request.user) and None
        ),
        done=_("supprimée"),
    ),
)


@admin.register(InterventionRequest)
class InterventionRequestAdmin(PublishedMixin, DocumentAdmin):
    company_path = "company"
    list_display = ("__str__", "title_text", "partner", "town", "window", "net_text", "state_badge", "who")
    list_filter = (InterventionChips, FromFilter, "state", "type", "task", "technicians", "tags", "company")
    search_fields = (
        "number",
        "title",
        "partner__name",
        "partner__phone",
        "partner__mobile",
        "address__city",
        "address__street",
        "equipment__serial_number",
    )
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
        ("produit", _("Produit installé"), (_("Appareil"),)),
        ("facturation", _("Facturation"), (_("Position"), "inline:lines")),
    )
    readonly_fields = ("customer_facts", "place", "durations", "done_on")

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .with_lines()
            .with_lateness(timezone.localdate())
            .select_related("partner", "address", "task", "type", "user", "company")
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
        return form

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        intervention = self.get_object(request, object_id) if object_id else None
        if intervention is None:
            return context
        if intervention.late:
            context["office_flag"] = badge("late", _("En retard"))
        if not intervention.is_active:
            context["office_flag"] = badge("archived", _("Archivée"))
        lines = list(intervention.lines.left_to_bill(timezone.localdate()).select_related("tax"))
        context["office_line_states"] = {line.pk: state_of_line(line) for line in lines}
        context["office_amounts"] = amounts_of_lines(lines, intervention.company.rounding)
        return context

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        buttons = super().smart_buttons(request, document)
        if request.user.has_perm(CHANGE):
            act = "archiver" if document.is_active else "activer"
            url = reverse("admin:interventions_interventionrequest_act", args=[document.pk, act])
            text = _("Actif") if document.is_active else _("Archivé")
            buttons.insert(
                -1, {"label": _("Dans les listes"), "icon": "inventory_2", "text": text, "url": url, "is_dialog": True}
            )
        return buttons

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit], change: bool) -> None:
        intervention = form.instance
        if not change and not intervention.company_id:
            intervention.company = default_company(request.user)
        services.save_intervention(intervention, edits=edits, on=timezone.localdate(), by=request.user)
        form.save_m2m()
        if change:
            self.write_journal(request, form, change)

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        """Customer → address, payer, position, equipment; task or template → type, duration, end of the window."""
        found: dict[str, Any] = {}
        partner = one(Partner.objects.select_related("bill_to"), data.get("partner"))
        if partner is not None:
            put(
                found,
                address=partner.default_address(),
                bill_to=partner.bill_to,
                fiscal_position=usual_terms(partner).fiscal_position,
            )
            put(found, equipment=InstalledProduct.objects.filter(partner=partner, is_active=True).first())
        template = one(
            InterventionTemplate.objects.select_related("task", "type", "fiscal_position"), data.get("template")
        )
        task = one(Task.objects.select_related("type", "fiscal_position"), data.get("task"))
        if template is not None:
            task = task or template.task
            put(found, task=template.task, type=template.type, fiscal_position=template.fiscal_position)
        if task is not None:
            put(found, type=task.type, fiscal_position=task.fiscal_position)
            found["duration"] = {"value": f"{task.duration:.2f}".replace(".", ","), "text": ""}
            begins = _date(data.get("from_on"))
            if begins:
                ends = services.propose_dates(task.granularity, begins)
                found["to_on"] = {"value": ends.strftime("%d/%m/%Y"), "text": ""}
        return found

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        return [(_("Total HT de la page"), sum(di.totals.net for di in cl.result_list))]

    @admin.display(description=_("Titre"), ordering="title")
    def title_text(self, di: InterventionRequest) -> Any:
        title = di.title or str(di.task)
        return format_html('<span class="of-stars">{}</span> {}', stars(di.priority), title) if di.priority else title

    @admin.display(description=_("Ville"), ordering="address__city")
    def town(self, di: InterventionRequest) -> str:
        return di.address.city

    @admin.display(description=_("Entre le … et le"), ordering="from_on")
    def window(self, di: InterventionRequest) -> str:
        return nowrap(f"{di.from_on:%d/%m/%Y} – {di.to_on:%d/%m/%Y}")

    @admin.display(description=_("HT"))
    def net_text(self, di: InterventionRequest) -> str:
        return amount(di.totals.net)

    @admin.display(description=_("État"), ordering="state")
    def state_badge(self, di: Any) -> Any:
        if getattr(di, "late", False):
            return badge("late", _("En retard"))
        return badge(di.state, di.get_state_display())

    @admin.display(description=_("Intervenants"))
    def who(self, di: InterventionRequest) -> str:
        return ", ".join(technician.name for technician in di.technicians.all()) or "–"

    @admin.display(description=_("Coordonnées"))
    def customer_facts(self, di: InterventionRequest) -> str:
        if not di.partner_id:
            return "–"
        tags = ", ".join(tag.name for tag in di.partner.tags.all())
        facts = (di.partner.mobile or di.partner.phone, di.partner.email, di.partner.store_code, tags)
        return " · ".join(fact for fact in facts if fact) or "–"

    @admin.display(description=_("Secteur, dépt."))
    def place(self, di: InterventionRequest) -> str:
        if not di.address_id:
            return "–"
        sector = services.sector_of(di.address)
        return " · ".join(filter(None, [str(sector or ""), di.address.department, di.address.phone])) or "–"

    @admin.display(description=_("Planifiée / restante"))
    def durations(self, di: InterventionRequest) -> str:
        return f"{hours(di.planned_duration)} / {hours(di.remaining_duration)}" if di.pk else "–"


def state_of_line(line: Any) -> Any:
    """The state of a billing line as a badge. `line` is annotated by left_to_bill()."""
    if not line.is_article:
        return ""
    if line.covered:
        state = LineState.COVERED
    elif line.is_quoted:
        state = LineState.QUOTED
    elif line.quantity <= 0 and not line.billed:
        state = LineState.NOTHING
    elif line.left <= 0:
        state = LineState.BILLED
    else:
        state = LineState.PARTLY if line.billed > 0 else LineState.TO_BILL
    return badge(state, state.label)


def _date(text: str | None) -> Any:
    try:
        return DateField().to_python(text)
    except ValidationError:
        return None
