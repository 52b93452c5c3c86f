"""The page of invoices, credit notes and deposits."""

from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, Sum
from django.http import FileResponse, HttpRequest
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.admin.ages import DueAge
from invoicing.admin.document_admin import DocumentAdmin, add_defaults, record_of, terms_of, values_of
from invoicing.admin.documents.invoice_chips import InvoiceChips
from invoicing.admin.documents.invoice_state import signed, state_of_invoice
from invoicing.admin.documents.mailing import mail_action
from invoicing.admin.documents.money_card import money_card
from invoicing.admin.documents.paper import amounts_of_lines, open_paper, paper_response
from invoicing.admin.documents.printing import PrintingMixin
from invoicing.admin.documents.published import PublishedMixin
from invoicing.admin.filters import FromFilter
from invoicing.admin.forms import AllocateForm, CreditForm, PaymentForm, PostForm, RefundForm, explain_allocation
from invoicing.admin.lines import LinesInline
from invoicing.admin.records.texts import text_action
from invoicing.admin.saving import seen_by
from invoicing.choices import InvoiceKind, InvoiceState
from invoicing.models import Invoice, InvoiceLine, Partner, QuoteLineClaim
from invoicing.paper.pdf import invoice_pdf
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents.drafts import cancel_draft, delete_drafts, draft_invoice, edit_draft, update_taxes
from invoicing.services.documents.lines import LineEdit, items_of_edits
from invoicing.services.documents.mailing import INVOICE_LETTER
from invoicing.services.documents.text_subjects import INVOICE_TEXT
from invoicing.services.posting.checks import refusals_to_post
from invoicing.services.posting.credit import credit_invoice, is_creditable, plan_credit
from invoicing.services.posting.post import post_invoice, post_invoices
from invoicing.services.records.acts import perform_each
from invoicing.services.settlement.payments import allocate_credit, pay_invoice
from invoicing.services.settlement.refunds import refund_credit
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.asked import ASKED_TO_BILL, Asked
from openfire_billing.web.columns import age_column, amount_column, state_column
from openfire_billing.web.contributions import SmartButton, contribute
from openfire_billing.web.lines import SaleLineForm
from openfire_billing.web.tags import euros
from openfire_billing.web.users import user_of

S = InvoiceState
CHANGE, POST = "invoicing.change_invoice", "invoicing.post_invoice"


class InvoiceLineForm(SaleLineForm):
    least_quantity = None

    class Meta(SaleLineForm.Meta):
        model = InvoiceLine


class InvoiceLineInline(LinesInline):
    model = InvoiceLine
    form = InvoiceLineForm


def _is_payable(invoice: Invoice) -> bool:
    return invoice.is_posted and not invoice.is_credit_note and invoice.residual > 0


def _is_usable_credit(invoice: Invoice) -> bool:
    return invoice.is_posted and invoice.is_credit_note and invoice.residual > 0


def _preview_credit(request: HttpRequest, invoice: Invoice, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    plan = plan_credit(invoice, quantities=CreditForm.quantities(data))
    return "invoicing/credit_preview.html", {"plan": plan}


INVOICE_ACTIONS = (
    mail_action(
        INVOICE_LETTER,
        permission=CHANGE,
        many=_("Un e-mail par facture, à l'adresse de facturation de son client."),
        primary_when=lambda invoice: invoice.is_posted,
    ),
    DocumentAction(
        name="post",
        label=_("Valider"),
        icon="verified",
        permission=POST,
        states=frozenset({S.DRAFT}),
        primary_in=frozenset({S.DRAFT}),
        check=lambda invoice: BusinessError.all(faults) if (faults := refusals_to_post(invoice)) else None,
        explain=_("La facture reçoit son numéro et ne se modifie plus jamais. Elle se corrige par un avoir."),
        form=PostForm,
        run=lambda request, invoice, data: post_invoice(invoice, on=data["on"], seen=data["seen"], by=user_of(request)),
        run_many=lambda request, invoices, data: post_invoices(
            invoices, on=data["on"], by=user_of(request), once=data["once"]
        ),
        done=_("validée"),
    ),
    DocumentAction(
        name="pay",
        label=_("Enregistrer un paiement"),
        icon="payments",
        permission=POST,
        offered=_is_payable,
        primary_in=frozenset({S.POSTED}),
        form=PaymentForm,
        run=lambda request, invoice, data: pay_invoice(invoice, by=user_of(request), **data),
        done=_("Paiement enregistré"),
    ),
    DocumentAction(
        name="refund",
        label=_("Rembourser"),
        icon="payments",
        permission=POST,
        offered=_is_usable_credit,
        primary_in=frozenset({S.POSTED}),
        explain=_("L'argent rendu au client : l'écriture du remboursement est passée aussitôt."),
        form=RefundForm,
        run=lambda request, note, data: refund_credit(note, by=user_of(request), **data),
        done=_("Remboursement enregistré"),
    ),
    DocumentAction(
        name="allocate",
        label=_("Imputer sur des factures"),
        icon="call_merge",
        permission=POST,
        offered=_is_usable_credit,
        primary_in=frozenset({S.POSTED}),
        explain=explain_allocation,
        form=AllocateForm,
        run=lambda request, note, data: allocate_credit(
            note, parts=AllocateForm.parts(data), on=timezone.localdate(), by=user_of(request)
        ),
        done=_("imputé"),
        confirm=_("Imputer"),
    ),
    DocumentAction(
        name="taxes",
        label=_("Mettre à jour les taxes"),
        icon="percent",
        permission=CHANGE,
        states=frozenset({S.DRAFT}),
        explain=_("Chaque ligne reprend la TVA de son article, de la position fiscale et du jour."),
        run=lambda request, invoice, data: update_taxes(
            invoice, on=timezone.localdate(), seen=data["seen"], by=user_of(request)
        ),
        run_many=lambda request, invoices, data: perform_each(
            invoices, lambda i: update_taxes(i, on=timezone.localdate(), by=user_of(request)), once=data["once"]
        ),
        done=_("taxes mises à jour"),
    ),
    text_action(Invoice, INVOICE_TEXT),
    DocumentAction(
        name="credit",
        opens=True,
        label=_("Avoir"),
        icon="undo",
        permission=POST,
        offered=is_creditable,
        explain=_("L'avoir est fait et validé aussitôt, puis affecté à la facture."),
        form=CreditForm,
        is_danger=True,
        preview=_preview_credit,
        run=lambda request, invoice, data: credit_invoice(
            invoice,
            on=data["on"],
            seen=data["seen"],
            by=user_of(request),
            quantities=CreditForm.quantities(data) or {},
            rebill=data["rebill"],
            reason=data["reason"],
        ),
        done=_("Avoir validé"),
        confirm=_("Faire et valider l'avoir"),
    ),
    DocumentAction(
        name="cancel",
        label=_("Annuler le brouillon"),
        icon="block",
        permission=CHANGE,
        states=frozenset({S.DRAFT}),
        explain=_("Le brouillon reste pour mémoire ; ce qu'il facturait redevient à facturer."),
        is_danger=True,
        run=lambda request, invoice, data: cancel_draft(invoice, seen=data["seen"], by=user_of(request)),
        run_many=lambda request, invoices, data: perform_each(
            invoices, lambda i: cancel_draft(i, by=user_of(request)), once=data["once"]
        ),
        done=_("annulée"),
    ),
    DocumentAction(
        name="delete",
        label=_("Supprimer le brouillon"),
        icon="delete",
        permission="invoicing.delete_invoice",
        states=frozenset({S.DRAFT}),
        explain=_("Le brouillon disparaît ; ce qu'il facturait redevient à facturer."),
        is_danger=True,
        leave=True,
        run=lambda request, invoice, data: delete_drafts([invoice], by=user_of(request)) and None,
        run_many=lambda request, invoices, data: perform_each(
            invoices, lambda i: delete_drafts([i], by=user_of(request)) and None, once=data["once"]
        ),
        done=_("supprimée"),
    ),
)


def _days_unpaid(invoice: Invoice) -> int | None:
    """Return how many days ago a posted invoice was issued."""
    return (timezone.localdate() - invoice.issued_on).days if invoice.issued_on else None


@admin.register(Invoice)
class InvoiceAdmin(PrintingMixin, PublishedMixin, DocumentAdmin):
    new_title = _("Nouvelle facture")
    list_display = (
        "__str__",
        "customer",
        "town",
        "dated",
        "due_on",
        "age",
        "net_text",
        "gross_text",
        "residual_text",
        "state_badge",
    )
    list_lead = "customer"
    list_card = ("gross_text", "numbered", "state_badge", "dated", "age")
    followed = ("credit_notes",)
    list_filter = (InvoiceChips, FromFilter, DueAge, "state", "kind", "company")
    search_fields = Invoice.SEARCHED
    date_hierarchy = "issued_on"
    autocomplete_fields = ("customer", "site", "billing_address")
    inlines = (InvoiceLineInline,)
    status_path = S.path
    document_actions = INVOICE_ACTIONS
    empty_text = _("Les factures naissent des DI, des devis, des RDV et des contrats, ou s'écrivent ici.")
    fieldsets = (
        (_("Qui"), {"fields": ("customer", "billing_address", "site")}),
        (_("Quoi"), {"fields": ("origin_text", "purchase_order", "company", "reason")}),
        (_("Quand"), {"fields": ("proposed_on", "issued_on", "due_on")}),
        (_("Conditions"), {"fields": ("fiscal_position", "payment_term")}),
        (_("Texte"), {"fields": ("notes",), "classes": ("notebook",)}),
    )
    notebook = (
        ("lines", _("Lignes de facture"), ("inline:lines",)),
        ("text", _("Texte libre"), (_("Texte"),)),
    )
    readonly_fields = ("origin_text", "issued_on", "due_on", "reason")
    asks: ClassVar = {"fiscal_position": ASKED_TO_BILL, "billing_address": Asked(_("obligatoire pour valider"))}

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .with_payment_state(timezone.localdate())
            .with_refunded()
            .select_related(
                "customer", "site", "company", "billing_address", "fiscal_position", "payment_term", "credits"
            )
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"proposed_on": timezone.localdate(), **super().get_changeform_initial_data(request)}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.pdf_view)
        return [path("<path:object_id>/pdf/", view, name="invoicing_invoice_pdf"), *super().get_urls()]

    def pdf_view(self, request: HttpRequest, object_id: str) -> FileResponse:
        invoice = open_paper(self, request, object_id)
        return paper_response(invoice_pdf(invoice), str(invoice))

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        invoice = self.get_object(request, object_id) if object_id else None
        if invoice is not None:
            if invoice.is_posted:
                context["office_phase"] = self.state_badge(invoice)
            card = money_card(invoice, request.user)
            invoice.has_origins_shown = bool(card["origins"])
            context["office_card"] = {"template": "invoicing/money_card.html", "context": card}
            if invoice.is_posted:
                self._place_sending(context, invoice, is_sent=card["is_sent"])
            lines = invoice.lines.select_related("tax")
            context["office_amounts"] = amounts_of_lines(lines, invoice.rounding)
        return context

    def _place_sending(self, context: dict[str, Any], invoice: Invoice, *, is_sent: bool) -> None:
        """Put « Envoyer » where it is worth: first until the invoice is sent, then after the payment. Of what is settled,
        it is no filled button, and none once sent.
        """
        if invoice.residual <= 0 and is_sent:
            self.without_button(context, "message")
        elif is_sent:
            self.order_buttons(context, ("pay", "refund", "allocate"))
        elif invoice.residual <= 0 and not invoice.is_credit_note:
            context["office_primary"] = [act | {"is_optional": True} for act in context["office_primary"]]

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        buttons = super().smart_buttons(request, document)
        if document.is_posted:
            label = _("Reste à payer") if not document.is_credit_note else _("À rembourser")
            buttons.insert(0, {"label": label, "icon": "payments", "text": euros(document.residual), "url": "#journal"})
        paper = reverse("admin:invoicing_invoice_pdf", args=[document.pk])
        return [*buttons, {"label": "PDF", "icon": "picture_as_pdf", "text": _("Voir"), "url": paper, "in_tab": True}]

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit]) -> Invoice:
        if form.instance.pk:
            return edit_draft(
                form.instance, edits=edits, values=values_of(form), seen=seen_by(request), by=user_of(request)
            )
        data = form.cleaned_data
        position = data["fiscal_position"] or usual_terms(data["customer"]).fiscal_position
        return draft_invoice(
            company=data["company"],
            customer=data["customer"],
            items=items_of_edits(edits, position=position, company=data["company"], on=data["proposed_on"]),
            on=data["proposed_on"],
            by=user_of(request),
            origin=str(_("saisie directe")),
            fiscal_position=position,
            site=data["site"],
            billing_address=data["billing_address"],
            payment_term=data["payment_term"],
            purchase_order=data["purchase_order"],
            notes=data["notes"],
        )

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        """Return what the customer fills: billing address, site, fiscal position, payment term."""
        defaults: dict[str, Any] = {}
        customer = record_of(Partner.objects.all(), data.get("customer"), request.user)
        if customer is not None:
            add_defaults(defaults, site=customer.default_address(), **terms_of(customer))
        return defaults

    def gross_of(self, document: Invoice) -> Decimal:
        amount: Decimal = signed(document, document.gross.amount)
        return amount

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        is_credit = Q(kind=InvoiceKind.CREDIT_NOTE)
        sums = cl.queryset.exclude(state=S.CANCELLED).aggregate(
            net_billed=Sum("net", filter=~is_credit, default=Decimal(0)),
            net_back=Sum("net", filter=is_credit, default=Decimal(0)),
            gross_billed=Sum("gross", filter=~is_credit, default=Decimal(0)),
            gross_back=Sum("gross", filter=is_credit, default=Decimal(0)),
        )
        net, gross = sums["net_billed"] - sums["net_back"], sums["gross_billed"] - sums["gross_back"]
        return [(_("HT"), net), (_("TTC"), gross)]

    @admin.display(description=_("Origine"))
    def origin_text(self, invoice: Invoice) -> str:
        """Return the origin as it was written, unless the card beside names it with links."""
        return "" if getattr(invoice, "has_origins_shown", False) else invoice.origin

    @admin.display(description=_("Numéro"), ordering="number")
    def numbered(self, record: Any) -> str:
        return record.number or str(_("brouillon n° %s") % record.pk)

    @admin.display(description=_("Ville"))
    def town(self, invoice: Invoice) -> str | None:
        address = invoice.site or invoice.billing_address
        return address.city if address else None

    @admin.display(description=_("Date"), ordering="issued_on")
    def dated(self, invoice: Invoice) -> Any:
        return invoice.issued_on or invoice.proposed_on

    age = age_column(
        lambda invoice: _days_unpaid(invoice) if _is_payable(invoice) else None, lambda invoice: invoice.is_overdue
    )
    net_text = amount_column(_("HT"), lambda invoice: signed(invoice, invoice.net), ordering="net")
    gross_text = amount_column(
        _("TTC"),
        lambda invoice: signed(invoice, invoice.gross),
        ordering="gross",
        export={
            _("TVA"): lambda invoice: signed(invoice, invoice.gross) - signed(invoice, invoice.net),
            _("TTC"): lambda invoice: signed(invoice, invoice.gross),
        },
    )
    residual_text = amount_column(
        _("Reste"),
        lambda invoice: signed(invoice, invoice.residual) if invoice.is_posted else None,
        ordering="residual",
    )
    state_badge = state_column(state_of_invoice)


contribute(
    Invoice,
    smart_buttons=[
        SmartButton("credit_notes", _("Avoirs"), "undo", "invoicing.Invoice", order=30),
        SmartButton("quotes", _("Devis"), "request_quote", "invoicing.Quote", order=10),
    ],
    origins={
        "credit_notes": lambda invoice: Invoice.objects.filter(credits=invoice).values("pk"),
        "quotes": lambda invoice: QuoteLineClaim.objects.filter(invoice_line__invoice=invoice).values(
            "quote_line__quote"
        ),
    },
)
