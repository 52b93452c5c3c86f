"""Pages of payments and refunds."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, Sum
from django.http import HttpRequest, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.filters import ChipFilter
from invoicing.admin.forms import AllocateForm, RefundForm, RejectForm, explain_allocation
from invoicing.admin.notebook import NotebookMixin, notebook_page
from invoicing.admin.settle_form import SHOW, may_settle, parts_chosen, settle_form_of, typed_so_far
from invoicing.models import Allocation, Payment
from invoicing.services.settlement.payments import allocate_payment, record_payment
from invoicing.services.settlement.refunds import is_rejectable, refund_payment, reject_payment
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from openfire_billing.web.columns import amount_column
from openfire_billing.web.number_fields import DecimalInputField
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.summary import Heading, heading_of_customer
from openfire_billing.web.tags import euros
from openfire_billing.web.users import user_of


class AllocationInline(TabularInline):
    model = Allocation
    fk_name = "payment"
    hide_title = True
    extra = 0
    fields = ("document", "amount", "on")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("document")


class PaymentChips(ChipFilter):
    chips = (
        ("to-allocate", _("À affecter"), lambda q, r: q.filter(is_refund=False, left__gt=0)),
        ("received", _("Reçus"), lambda q, r: q.filter(is_refund=False)),
        ("refunds", _("Remboursements"), lambda q, r: q.filter(is_refund=True)),
    )
    uncounted = frozenset({"received", "refunds"})
    orders: ClassVar = {"to-allocate": ("on", "pk")}


PAYMENT_ACTIONS = (
    DocumentAction(
        name="allocate",
        label=_("Affecter à des factures"),
        icon="call_merge",
        permission="invoicing.post_invoice",
        offered=lambda payment: not payment.is_refund and payment.left > 0,
        explain=explain_allocation,
        form=AllocateForm,
        run=lambda request, payment, data: allocate_payment(
            payment, parts=AllocateForm.parts(data), on=timezone.localdate(), by=user_of(request)
        ),
        done=_("affecté"),
        confirm=_("Affecter"),
    ),
    DocumentAction(
        name="refund",
        label=_("Rembourser"),
        icon="undo",
        permission="invoicing.post_invoice",
        offered=lambda payment: not payment.is_refund and payment.left > 0,
        explain=_("L'argent reçu en trop et rendu au client : l'écriture du remboursement est passée aussitôt."),
        form=RefundForm,
        run=lambda request, payment, data: refund_payment(payment, by=user_of(request), **data),
        done=_("Remboursement enregistré"),
    ),
    DocumentAction(
        name="reject",
        label=_("Rejeté ou annulé"),
        icon="money_off",
        permission="invoicing.post_invoice",
        offered=is_rejectable,
        explain=_(
            "La banque l'a repris, ou il a été saisi par erreur. Ce qu'il réglait est de nouveau dû ; une écriture "
            "contraire est passée, celle du paiement reste."
        ),
        form=RejectForm,
        is_danger=True,
        run=lambda request, payment, data: reject_payment(payment, by=user_of(request), **data),
        done=_("Rejet enregistré"),
        confirm=_("Enregistrer le rejet"),
    ),
)


class PaymentForm(forms.ModelForm):
    amount = DecimalInputField(label=_("Montant"), max_digits=14, decimal_places=2)


@admin.register(Payment)
class PaymentAdmin(NotebookMixin, ActionsMixin, OfficeAdmin):
    new_title = _("Nouveau paiement")
    form = PaymentForm
    list_display = ("number", "on", "customer", "kind", "amount_text", "left_text", "reference")
    list_lead = "customer"
    list_card = ("amount_text", "number", "kind", "on", "left_text")
    list_filter = (PaymentChips, "kind")
    search_fields = Payment.SEARCHED
    list_select_related = ("customer",)
    autocomplete_fields = ("customer",)
    date_hierarchy = "on"
    inlines = (AllocationInline,)
    notebook = (("allocations", _("Affectations"), ("inline:allocations",)),)
    fields = ("customer", "amount", "on", "kind", "reference", "company")
    document_actions = PAYMENT_ACTIONS

    class Media:
        js = ("openfire/payment.js",)

    empty_text = _(
        "L'argent reçu et rendu. Un paiement s'enregistre plutôt depuis la facture : Action › Enregistrer un paiement."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_left().select_related("customer__merged_into", "company")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show the form again with the customer's open invoices, and with what was typed, when that is asked."""
        if request.method == "POST" and object_id is None and SHOW in request.POST:
            if not self.has_add_permission(request):
                raise PermissionDenied
            return HttpResponseRedirect(f"{request.path}?{typed_so_far(request.POST, self.fields)}")
        return super().changeform_view(request, object_id, form_url, extra_context)

    def heading(self, document: Payment) -> Heading:
        """Return the header of the payment, with the default address of its customer."""
        return replace(heading_of_customer(document.customer), title=str(document), customer=document.customer)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or not obj.is_refund:
            return self.fields
        return (*self.fields, "is_refund", *(("pays_back",) if obj.pays_back_id else ()))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"on": timezone.localdate(), **super().get_changeform_initial_data(request)}

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        payment = self.get_object(request, object_id) if object_id else None
        if payment is None:
            if may_settle(request.user):
                form = settle_form_of(request)
                tab = notebook_page(
                    "invoices", _("Factures à régler"), "invoicing/payment_invoices.html", {"form": form}
                )
                context["office_tabs"] = [tab]
            return context
        actions = self.actions_for(request, payment)
        left = {
            "label": _("Reste à affecter"),
            "icon": "payments",
            "text": euros(payment.left),
            "url": "#page-allocations",
        }
        back = [
            {
                "label": _("Rendu ou rejeté"),
                "icon": "undo",
                "text": euros(refund.amount.amount),
                "url": reverse_change(refund),
            }
            for refund in payment.paid_back_by.order_by("pk")
        ]
        return context | {
            "office_menu": actions,
            "office_primary": [act for act in actions if not act["is_danger"]],
            "office_buttons": [] if payment.is_refund else [left, *back],
        }

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Payment, form: Any, change: bool) -> None:
        data = form.cleaned_data
        parts = parts_chosen(request, company=data["company"], customer=data["customer"], amount=data["amount"])
        made = record_payment(
            company=data["company"],
            customer=data["customer"],
            amount=data["amount"],
            on=data["on"],
            kind=data["kind"],
            reference=data["reference"],
            by=user_of(request),
            parts=parts,
        )
        obj.pk, obj.number = made.pk, made.number

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Do nothing: the service has written all rows."""

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        """Return the amounts received less the refunds."""
        sums = cl.queryset.aggregate(
            received=Sum("amount", filter=Q(is_refund=False), default=Decimal(0)),
            back=Sum("amount", filter=Q(is_refund=True), default=Decimal(0)),
        )
        return [(_("Total de la liste"), sums["received"] - sums["back"])]

    amount_text = amount_column(
        _("Montant"), lambda payment: -payment.amount if payment.is_refund else payment.amount, ordering="amount"
    )
    left_text = amount_column(
        _("Reste à affecter"),
        lambda payment: payment.left if payment.left and not payment.is_refund else None,
        ordering="left",
    )
