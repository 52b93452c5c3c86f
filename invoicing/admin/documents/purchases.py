"""Pages of purchase orders and suppliers' bills."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import F, Sum
from django.http import FileResponse, HttpRequest
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from invoicing.admin.document_admin import DocumentAdmin, values_of
from invoicing.admin.documents.order_acts import ORDER_ACTIONS
from invoicing.admin.documents.paper import amounts_of_lines, open_paper, paper_response
from invoicing.admin.filters import ChipFilter, FromFilter
from invoicing.admin.forms import PaymentForm
from invoicing.admin.lines import LinesInline
from invoicing.admin.saving import seen_by
from invoicing.choices import OrderState, SupplierBillState
from invoicing.models import Partner, PurchaseOrder, PurchaseOrderLine, SupplierBill
from invoicing.paper.pdf import order_pdf
from invoicing.services.documents import purchases as services
from invoicing.services.documents.lines import LineEdit, items_of_edits
from invoicing.services.documents.receipts import lines_to_receive
from invoicing.services.documents.suppliers import is_supplier_alone
from invoicing.services.records.acts import perform_each
from invoicing.services.settlement.supplier_payments import pay_supplier
from openfire_billing.kernel.formats import number_text
from openfire_billing.kernel.money import NOTHING
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.columns import age_column, amount_column, state_column
from openfire_billing.web.contributions import FirstAct, SmartButton, contribute
from openfire_billing.web.lines import LineForm
from openfire_billing.web.number_fields import DecimalInputField
from openfire_billing.web.tags import badge, stored_state
from openfire_billing.web.users import user_of

CHANGE_BILL = "invoicing.change_supplierbill"


class OrderLineForm(LineForm):
    class Meta(LineForm.Meta):
        model = PurchaseOrderLine


class OrderLineInline(LinesInline):
    model = PurchaseOrderLine
    form = OrderLineForm


def _received_badge(line: PurchaseOrderLine) -> Any:
    """Return « reçu 3 sur 5 » of a line annotated by with_received()."""
    if not line.received:
        return badge("blue", _("à recevoir"))
    if not line.left:
        return badge("green", _("reçu"))
    counts = {"received": number_text(line.received, 0), "ordered": number_text(line.quantity, 0)}
    return badge("amber", _("reçu %(received)s sur %(ordered)s") % counts)


def _state_of_order(order: Any) -> tuple[str, Any]:
    """Return the colour and the label of the state of an order annotated by with_receipts()."""
    return ("amber", _("Reçue en partie")) if order.is_partly_received else stored_state(order)


class OrderChips(ChipFilter):
    chips = (
        ("to-send", _("À envoyer"), lambda q, r: q.filter(state=OrderState.DRAFT)),
        ("awaited", _("Attendues"), lambda q, r: q.awaited()),
        ("partly", _("Reçues en partie"), lambda q, r: q.partly_received()),
        ("received", _("Reçues, sans facture"), lambda q, r: q.filter(state=OrderState.RECEIVED)),
    )
    orders: ClassVar = {
        slug: (F("expected_on").asc(nulls_last=True), "pk") for slug in ("to-send", "awaited", "partly")
    }


@admin.register(PurchaseOrder)
class PurchaseOrderAdmin(DocumentAdmin):
    new_title = _("Nouvelle commande fournisseur")
    list_display = ("__str__", "supplier", "origin", "ordered_on", "expected_on", "net_text", "state_badge")
    list_lead = "supplier"
    list_card = ("net_text", "numbered", "state_badge", "expected_on")
    list_filter = (OrderChips, FromFilter, "state", "company")
    search_fields = PurchaseOrder.SEARCHED
    date_hierarchy = "ordered_on"
    autocomplete_fields = ("supplier", "deliver_to")
    inlines = (OrderLineInline,)
    status_path = OrderState.path
    document_actions = ORDER_ACTIONS
    empty_text = _("Les commandes naissent d'une DI (Action › Générer la commande fournisseur), ou s'écrivent ici.")
    fieldsets = (
        (_("Qui"), {"fields": ("supplier", "deliver_to")}),
        (_("Quand"), {"fields": ("ordered_on", "expected_on")}),
        (_("Quoi"), {"fields": ("origin", "company")}),
        (_("Texte"), {"fields": ("notes",), "classes": ("notebook", "wide")}),
    )
    notebook = (
        ("lines", _("Lignes de commande"), ("inline:lines",)),
        ("text", _("Texte libre"), (_("Texte"),)),
    )
    readonly_fields = ("origin",)

    def get_queryset(self, request: HttpRequest) -> Any:
        orders = super().get_queryset(request).with_lines().with_receipts()
        return orders.select_related("supplier", "deliver_to", "company")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"ordered_on": timezone.localdate(), **super().get_changeform_initial_data(request)}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state == OrderState.DRAFT)

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        order = self.get_object(request, object_id) if object_id else None
        if order is not None:
            context["office_amounts"] = amounts_of_lines(order.lines.all(), order.company.rounding)
            if order.is_partly_received:
                context["office_phase"] = self.state_badge(order)
            if order.state not in (OrderState.DRAFT, OrderState.CANCELLED):
                context["office_line_states"] = {line.pk: _received_badge(line) for line in lines_to_receive(order)}
        return context

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.pdf_view)
        return [path("<path:object_id>/pdf/", view, name="invoicing_purchaseorder_pdf"), *super().get_urls()]

    def pdf_view(self, request: HttpRequest, object_id: str) -> FileResponse:
        order = open_paper(self, request, object_id)
        return paper_response(order_pdf(order), f"Commande {order}")

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        paper = reverse("admin:invoicing_purchaseorder_pdf", args=[document.pk])
        return [
            *super().smart_buttons(request, document),
            {"label": "PDF", "icon": "picture_as_pdf", "text": _("Voir"), "url": paper, "in_tab": True},
        ]

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit]) -> PurchaseOrder:
        data = form.cleaned_data
        if form.instance.pk:
            return services.edit_order(
                form.instance, edits=edits, values=values_of(form), seen=seen_by(request), by=user_of(request)
            )
        made = services.draft_order(
            company=data["company"],
            supplier=data["supplier"],
            items=items_of_edits(edits, position=None, company=data["company"], on=data["ordered_on"]),
            on=data["ordered_on"],
            by=user_of(request),
            deliver_to=data["deliver_to"],
            expected_on=data["expected_on"],
            notes=data["notes"],
        )
        return made.order

    def line_defaults_view(self, request: HttpRequest) -> Any:
        """Answer what an article fills on its line, at the purchase price."""
        return self.line_defaults(request, price="purchase_price")

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        return [(_("HT de la page"), sum(order.totals.net for order in cl.result_list))]

    net_text = amount_column(
        _("HT"),
        lambda order: order.totals.net,
        export={
            _("HT"): lambda order: order.totals.net,
            _("TVA"): lambda order: order.totals.tax,
            _("TTC"): lambda order: order.totals.gross,
        },
    )
    state_badge = state_column(_state_of_order)


class BillChips(ChipFilter):
    chips = (
        ("to-check", _("À vérifier"), lambda q, r: q.filter(state=SupplierBillState.DRAFT)),
        ("to-pay", _("À payer"), lambda q, r: q.filter(state=SupplierBillState.CHECKED, residual__gt=0)),
        (
            "late",
            _("En retard"),
            lambda q, r: q.filter(state=SupplierBillState.CHECKED, residual__gt=0, due_on__lt=timezone.localdate()),
        ),
    )
    orders: ClassVar = {"to-pay": ("due_on", "pk"), "late": ("due_on", "pk")}


def _is_to_pay(bill: Any) -> bool:
    """Return whether something is left to pay of a checked bill annotated by with_residual()."""
    return bill.state == SupplierBillState.CHECKED and bill.residual > 0


BILL_ACTIONS = (
    DocumentAction(
        name="check",
        label=_("Bonne à payer"),
        icon="fact_check",
        permission=CHANGE_BILL,
        states=frozenset({SupplierBillState.DRAFT}),
        primary_in=frozenset({SupplierBillState.DRAFT}),
        explain=_("La facture est comparée à sa commande ; un écart est gardé au journal."),
        run=lambda request, bill, data: services.check_bill(bill, seen=data["seen"], by=user_of(request)),
        run_many=lambda request, bills, data: perform_each(
            bills, lambda bill: services.check_bill(bill, by=user_of(request)), once=data["once"]
        ),
        done=_("bonne à payer"),
    ),
    DocumentAction(
        name="pay",
        label=_("Enregistrer un paiement"),
        icon="payments",
        permission="invoicing.post_invoice",
        offered=_is_to_pay,
        primary_in=frozenset({SupplierBillState.CHECKED}),
        form=PaymentForm,
        run=lambda request, bill, data: pay_supplier(bill, by=user_of(request), **data) and None,
        done=_("paiement enregistré"),
    ),
    DocumentAction(
        name="reset",
        label=_("Remettre à vérifier"),
        explain=_("La facture est à vérifier de nouveau : ses lignes se modifient, elle n'est plus à payer."),
        icon="undo",
        permission=CHANGE_BILL,
        states=frozenset({SupplierBillState.CHECKED, SupplierBillState.CANCELLED}),
        run=lambda request, bill, data: services.reopen_bill(bill, seen=data["seen"], by=user_of(request)),
        done=_("remise à vérifier"),
    ),
    DocumentAction(
        name="cancel",
        label=_("Annuler"),
        explain=_("La facture reste pour mémoire et n'est pas à payer ; sa commande redevient à facturer."),
        icon="block",
        permission=CHANGE_BILL,
        states=frozenset({SupplierBillState.DRAFT, SupplierBillState.CHECKED}),
        is_danger=True,
        run=lambda request, bill, data: services.cancel_bill(bill, seen=data["seen"], by=user_of(request)),
        done=_("annulée"),
    ),
)


class SupplierBillForm(forms.ModelForm):
    net = DecimalInputField(label=_("Total HT"), max_digits=14, decimal_places=2, min_value=0)
    tax = DecimalInputField(label=_("TVA"), max_digits=14, decimal_places=2, min_value=0)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["net"], self.initial["tax"] = self.instance.net.amount, self.instance.tax.amount

    def _post_clean(self) -> None:
        """Leave the amounts of the instance: the service sets them."""
        amounts: dict[str, Any] = {
            name: self.cleaned_data.pop(name) for name in ("net", "tax") if name in self.cleaned_data
        }
        super()._post_clean()  # type: ignore[misc]
        self.cleaned_data.update(amounts)


def _state_of_bill(bill: Any) -> tuple[str, Any]:
    """Return the colour and the label of the state of a bill; a checked one may be paid or late."""
    if bill.state == SupplierBillState.CHECKED and bill.residual <= 0:
        return "green", _("Payée")
    if bill.state == SupplierBillState.CHECKED and bill.due_on and bill.due_on < timezone.localdate():
        return "red", _("En retard")
    return stored_state(bill)


@admin.register(SupplierBill)
class SupplierBillAdmin(DocumentAdmin):
    new_title = _("Nouvelle facture fournisseur")
    form = SupplierBillForm
    list_display = (
        "number",
        "supplier",
        "order",
        "billed_on",
        "due_on",
        "age",
        "gross_text",
        "residual_text",
        "state_badge",
    )
    list_display_links = ("number",)
    list_lead = "supplier"
    list_card = ("gross_text", "number", "state_badge", "due_on", "age")
    followed = ()
    list_filter = (BillChips, FromFilter, "state", "company")
    search_fields = SupplierBill.SEARCHED
    date_hierarchy = "billed_on"
    autocomplete_fields = ("supplier", "order")
    status_path = SupplierBillState.path
    document_actions = BILL_ACTIONS
    empty_text = _("Les factures de vos fournisseurs, d'une commande (Action › Enregistrer la facture) ou seules.")
    fieldsets = (
        (_("Qui"), {"fields": ("supplier", "number", "order")}),
        (_("Quand"), {"fields": ("billed_on", "due_on")}),
        (_("Combien"), {"fields": ("net", "tax", "gross_text")}),
        (_("Pour qui"), {"fields": ("company",)}),
        (_("Texte"), {"fields": ("notes",), "classes": ("notebook", "wide")}),
    )
    notebook = (("text", _("Texte libre"), (_("Texte"),)),)
    readonly_fields = ("gross_text",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_residual().select_related("supplier", "order", "company")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"billed_on": timezone.localdate(), **super().get_changeform_initial_data(request)}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state == SupplierBillState.DRAFT)

    def totals_of(self, document: Any) -> Any:
        return NOTHING

    def gross_of(self, document: SupplierBill) -> Decimal:
        amount: Decimal = document.gross.amount
        return amount

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        bill = self.get_object(request, object_id) if object_id else None
        if bill is not None and bill.state == SupplierBillState.CHECKED:
            context["office_phase"] = self.state_badge(bill)
        return context

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit]) -> SupplierBill:
        data = form.cleaned_data
        currency = data["company"].currency if "company" in data else form.instance.currency
        if form.instance.pk:
            values = values_of(form)
            for name in ("net", "tax"):
                if name in values:
                    values[name] = Money(values[name], currency)
            return services.edit_bill(form.instance, values=values, seen=seen_by(request), by=user_of(request))
        return services.record_bill(
            company=data["company"],
            supplier=data["supplier"],
            number=data["number"],
            on=data["billed_on"],
            net=data["net"],
            tax=data["tax"],
            due_on=data["due_on"],
            order=data["order"],
            notes=data["notes"],
            by=user_of(request),
        )

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        listed = SupplierBill.objects.filter(pk__in=cl.queryset.order_by().values("pk")).exclude(
            state=SupplierBillState.CANCELLED
        )
        return [(_("TTC"), listed.aggregate(total=Sum("gross"))["total"] or 0)]

    age = age_column(
        lambda bill: (timezone.localdate() - bill.billed_on).days if _is_to_pay(bill) else None,
        lambda bill: bill.due_on is not None and bill.due_on < timezone.localdate(),
    )
    gross_text = amount_column(
        _("Total TTC"),
        lambda bill: bill.gross,
        ordering="gross",
        export={_("HT"): lambda bill: bill.net, _("TVA"): lambda bill: bill.tax, _("TTC"): lambda bill: bill.gross},
    )
    residual_text = amount_column(
        _("Reste"),
        lambda bill: bill.residual if bill.state == SupplierBillState.CHECKED else None,
        ordering="residual",
    )
    state_badge = state_column(_state_of_bill)


contribute(
    PurchaseOrder,
    smart_buttons=[SmartButton("supplier_bills", _("Factures fourn."), "receipt", "invoicing.SupplierBill", order=20)],
    origins={"supplier_bills": lambda order: SupplierBill.objects.filter(order=order).values("pk")},
)
contribute(
    SupplierBill,
    smart_buttons=[SmartButton("purchases", _("Commande"), "shopping_cart", "invoicing.PurchaseOrder", order=10)],
    origins={"purchases": lambda bill: PurchaseOrder.objects.filter(bills=bill).values("pk")},
)
contribute(
    Partner,
    first_acts=[
        FirstAct(
            _("Nouvelle commande"),
            "add",
            "admin:invoicing_purchaseorder_add",
            "invoicing.add_purchaseorder",
            parameter="supplier",
            is_offered=is_supplier_alone,
        )
    ],
)
