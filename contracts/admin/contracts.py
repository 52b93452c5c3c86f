"""The contract's page."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contracts.admin.actions import CHANGE, CONTRACT_ACTIONS
from contracts.admin.amounts import yearly_column
from contracts.admin.forms import BILL_ANYWAY
from contracts.admin.ribbon import ribbon_of
from contracts.choices import ContractLineState, ContractState
from contracts.models import Contract, ContractLine
from contracts.planner.intents import TOO_MANY_PERIODS
from contracts.services.contracts import may_auto_post, save_contract
from contracts.services.days_served import exceptions_left_out
from contracts.services.lines import lines_of
from contracts.services.next_bill import yearly_nets
from contracts.services.outlook import Outlook, outlook_of
from invoicing.admin.document_admin import DocumentAdmin, add_defaults, record_of, terms_of, values_of
from invoicing.admin.filters import ChipFilter, FromFilter
from invoicing.admin.saving import seen_by
from invoicing.models import Partner
from invoicing.services.parties.companies import default_company
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.kernel.money import NOTHING, ZERO, Totals
from openfire_billing.web.asked import VAT_BY_POSITION, Asked
from openfire_billing.web.columns import state_column
from openfire_billing.web.refusals import ShownRefusal, shown_refusal
from openfire_billing.web.smart_buttons import listed_button
from openfire_billing.web.users import user_of

S, L = ContractState, ContractLineState


class ContractChips(ChipFilter):
    chips = (
        ("running", _("En cours"), lambda q, r: q.active().running(timezone.localdate())),
        ("to-bill", _("À facturer"), lambda q, r: q.due(timezone.localdate())),
        ("set-aside", _("Mis de côté"), lambda q, r: q.set_aside()),
        ("ending", _("Terme sous 90 jours"), lambda q, r: q.active().ending(timezone.localdate())),
        ("drafts", _("Brouillons"), lambda q, r: q.active().filter(state=S.DRAFT)),
        ("archived", _("Archivés"), lambda q, r: q.filter(is_active=False)),
    )

    uncounted = frozenset({"archived"})
    orders: ClassVar = {"ending": ("end_on", "pk")}

    @classmethod
    def usual(cls, queryset: Any) -> Any:
        return queryset.active()


def _state_of(contract: Contract) -> tuple[str, Any]:
    """Return the colour and the label of a contract: set aside by a run, or its phase today."""
    if contract.set_aside_reason:
        return "red", _("Mis de côté")
    phase, text = contract.phase(timezone.localdate())
    return contract.COLOURS[phase], text


def _new_line_page(contract: Contract) -> str:
    """Return the address of the page of a new line of a contract."""
    return f"{reverse('admin:contracts_contractline_add')}?contract={contract.pk}"


@admin.register(Contract)
class ContractAdmin(DocumentAdmin):
    new_title = _("Nouveau contrat")
    next_label = _("Enregistrer et ajouter une ligne")
    has_checking_service = True
    list_display = (
        "__str__",
        "payer",
        "town",
        "start_on",
        "frequency",
        "next_due_on",
        "yearly_text",
        "state_badge",
        "who",
    )
    list_lead = "payer"
    list_card = ("yearly_text", "numbered", "state_badge", "next_due_on")
    list_filter = (ContractChips, FromFilter, "state", "frequency", "timing", "manager", "company")
    search_fields = Contract.SEARCHED
    date_hierarchy = "start_on"
    autocomplete_fields = ("payer", "billing_address")
    status_path = S.path
    document_actions = CONTRACT_ACTIONS
    empty_text = _(
        "Ce que vos clients ont souscrit. Commencez par un contrat : un client payeur, un début, une ligne par site."
    )
    fieldsets = (
        (_("Qui"), {"fields": ("payer", "billing_address", "company", "manager")}),
        (_("Quand"), {"fields": ("subscribed_on", "start_on", ("end_on", "auto_renew"), "ending")}),
        (
            _("Rythme"),
            {
                "fields": (
                    "frequency",
                    ("every", "unit"),
                    "timing",
                    "alignment",
                    "anchor_day",
                    "proration",
                    "late_billing",
                ),
                "classes": ("notebook",),
            },
        ),
        (
            _("Factures"),
            {
                "fields": (
                    "fiscal_position",
                    "payment_term",
                    "journal",
                    "purchase_order",
                    "grouped",
                    "group_by_payer",
                    "auto_post",
                ),
                "classes": ("notebook",),
            },
        ),
        (_("Texte"), {"fields": ("notes",), "classes": ("notebook", "wide")}),
    )
    notebook = (
        ("billing", _("Facturation"), (_("Rythme"), _("Factures"))),
        ("comments", _("Commentaires"), (_("Texte"),)),
    )
    readonly_fields = ("ending",)
    asks: ClassVar = {
        "fiscal_position": Asked(_("obligatoire pour activer"), hint=VAT_BY_POSITION),
        "journal": Asked(_("obligatoire pour activer")),
    }

    class Media:
        css = {"all": ["openfire/contracts.css"]}

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("company", "payer", "billing_address", "manager", "fiscal_position", "payment_term", "journal")
        return super().get_queryset(request).select_related(*related)

    def read_together(self, records: Sequence[Contract]) -> None:
        """Give each contract the net of its year."""
        nets = yearly_nets([contract.pk for contract in records], on=timezone.localdate())
        for contract in records:
            contract.yearly_net = nets.get(contract.pk)

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        nets = [contract.yearly_net for contract in cl.result_list if contract.yearly_net]
        return [(_("HT par an de la page"), sum(nets, ZERO))] if nets else []

    def list_order(self, view: str) -> Sequence[Any]:
        """Return those due first."""
        return super().list_order(view) or (F("next_due_on").asc(nulls_last=True), "-pk")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        for name in ("subscribed_on", "unit"):
            if name in form.base_fields:
                form.base_fields[name].required = False
        return form

    def next_page(self, obj: Any) -> str:
        return _new_line_page(obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Let only who may post invoices tick « Validation automatique »."""
        fields = super().get_readonly_fields(request, obj)
        return fields if may_auto_post(user_of(request)) else (*fields, "auto_post")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        today = timezone.localdate()
        return {
            "subscribed_on": today,
            "start_on": today,
            "manager": request.user.pk,
            **super().get_changeform_initial_data(request),
        }

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        contract = self.get_object(request, object_id) if object_id else None
        if contract is None:
            return context
        if contract.state in S.billed:
            context["office_phase"] = self.state_badge(contract)
        context["contract_lines"] = lines = list(lines_of(contract))
        if contract.state == S.DRAFT and not lines:
            context["office_primary"] = []  # its first step stands under the table of its lines
        today = timezone.localdate()
        outlook = outlook_of(contract, on=today)
        if contract.set_aside_reason:
            context["contract_set_aside"] = self._set_aside(request, contract, outlook.wrong_field if outlook else "")
        if outlook is not None:
            if outlook.refusal:
                self._put_mending_first(request, contract, outlook, context)
            context["contract_ribbon"] = ribbon_of(contract, outlook, lines, request.user, today=today)
            if not outlook.refusal:
                context["office_card"] = {
                    "template": "contracts/worth_card.html",
                    "context": self._card(contract, outlook, lines, today=today),
                }
        return context

    def _set_aside(self, request: HttpRequest, contract: Contract, wrong_field: str) -> ShownRefusal:
        """Return why a contract is set aside, without its own number, and the step to the field that still is wrong."""
        own, reason = str(_("Contrat %s") % contract), contract.set_aside_reason
        text = f"{_('Mis de côté')}{reason.removeprefix(own) if reason.startswith(own) else f' : {reason}'}"
        may_mend = self.has_change_permission(request, contract)
        step = Step(BILL_ANYWAY, contract, act="bill") if contract.set_aside_code == TOO_MANY_PERIODS else None
        refusal = BusinessError(text, field=wrong_field if may_mend else "", step=step)
        return shown_refusal(refusal, request, contract)

    def _put_mending_first(
        self, request: HttpRequest, contract: Contract, outlook: Outlook, context: dict[str, Any]
    ) -> None:
        """Leave out the acts that a fault of the contract refuses, and show the step that mends it, if it has one."""
        refused = {"bill"} if contract.state in S.billed else {"activate"}
        context["office_primary"] = [act for act in context["office_primary"] if act["name"] not in refused]
        if contract.state in S.billed:  # a draft keeps its act in the menu: its dialog says all that is missing
            context["office_menu"] = [act for act in context["office_menu"] if act["name"] not in refused]
        if self.has_change_permission(request, contract):
            fault = BusinessError(outlook.refusal, field=outlook.wrong_field)
            context["contract_mending"] = shown_refusal(fault, request, contract)

    @staticmethod
    def _card(contract: Contract, outlook: Outlook, lines: list[ContractLine], *, today: date) -> dict[str, Any]:
        served = [line for line in lines if line.state != L.CANCELLED and (not line.ends_on or line.ends_on >= today)]
        return {
            "yearly": outlook.yearly,
            "following": outlook.following,
            "currency": outlook.currency,
            "is_draft": contract.state == S.DRAFT,
            "awaits_visit": (not contract.last_day or contract.last_day >= today)
            and any(line.is_billed_per_visit for line in served),
        }

    def tabs(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        """Return the tabs, the lines first."""
        own = [
            ("lines", _("Lignes"), "contracts/lines_tab.html", 1, self._lines(request, document)),
            ("runs", _("Passages"), "contracts/outcomes_tab.html", 95, self._outcomes(document)),
        ]
        return [
            *(
                {"slug": s, "title": t, "template": f, "context": c, "order": o, "items": [], "errors": 0}
                for s, t, f, o, c in own
            ),
            *super().tabs(request, document),
        ]

    def _lines(self, request: HttpRequest, contract: Contract) -> dict[str, Any]:
        may = request.user.has_perm(CHANGE) and contract.state not in (S.TERMINATED, S.CANCELLED)
        return {"add_url": _new_line_page(contract) if may else ""}

    @staticmethod
    def _outcomes(contract: Contract) -> dict[str, Any]:
        outcomes = contract.outcomes.filter(run__is_dry=False).select_related("run").order_by("-pk")[:20]
        return {"outcomes": outcomes}

    def totals_of(self, document: Any) -> Totals:
        return NOTHING

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        buttons = super().smart_buttons(request, document)
        if request.user.has_perm(CHANGE):
            buttons.append(listed_button(document, is_feminine=self.is_feminine))
        return buttons

    def save_document(self, request: HttpRequest, form: Any, edits: Any) -> Contract:
        values = values_of(form)
        if form.instance.pk is None and not values.get("company"):
            values["company"] = default_company(request.user)
        saved = save_contract(
            form.instance.pk, values, seen=seen_by(request), on=timezone.localdate(), by=user_of(request)
        )
        if {"end_on", "auto_renew"} & set(form.changed_data) and (left_out := exceptions_left_out(saved)):
            messages.warning(request, left_out)
        return saved

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        """Return what a payer fills: billing address, fiscal position, terms."""
        found: dict[str, Any] = {}
        payer = record_of(Partner.objects.all(), data.get("payer"), request.user)
        if payer is not None:
            add_defaults(found, **terms_of(payer))
        return found

    @admin.display(description=_("Ville"))
    def town(self, contract: Contract) -> str | None:
        return contract.billing_address.city if contract.billing_address else None

    yearly_text = yearly_column(lambda contract: contract)
    state_badge = state_column(_state_of)

    @admin.display(description=_("Gestionnaire"), ordering="manager__last_name")
    def who(self, contract: Contract) -> str | None:
        manager = contract.manager
        return (manager.get_full_name() or manager.username) if manager else None

    @admin.display(description=_("Résiliation"))
    def ending(self, contract: Contract) -> str:
        if not contract.terminated_on:
            return "–"
        return f"{contract.terminated_on:%d/%m/%Y} · {contract.termination_reason}"
