"""Invoices, credit notes and deposits."""

from datetime import date, timedelta
from typing import Any

import django_filters
from django.db.models import Prefetch
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer, JSONRenderer

from invoicing.api.acts import mail_act, mail_many_act, publish_act, sms_act
from invoicing.api.base import DaySerializer, DeleteMixin, OfficeView, ReadMixin, WriteMixin, act
from invoicing.api.lines import DocumentSerializer, SaleLineSerializer, edits_of
from invoicing.api.payments import AllocateSerializer, PaymentSerializer, PaySerializer, RefundSerializer
from invoicing.api.records import JournalMixin
from invoicing.choices import PaymentState
from invoicing.models import Address, FiscalPosition, Invoice, InvoiceLine, Partner, PaymentTerm
from invoicing.paper.pdf import invoice_pdf
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents.drafts import cancel_draft, delete_drafts, draft_invoice, edit_draft, update_taxes
from invoicing.services.documents.lines import items_of_edits
from invoicing.services.documents.mailing import INVOICE_LETTER
from invoicing.services.documents.text_subjects import INVOICE_TEXT
from invoicing.services.parties.companies import default_company
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from invoicing.services.settlement.payments import allocate_credit, pay_invoice
from invoicing.services.settlement.refunds import refund_credit
from openfire_billing.db.people import By
from openfire_billing.web.api.fields import Amount, DayField, Id, IdFilter, SinceFilter, UntilFilter, id_field

CHANGE, POST = "invoicing.change_invoice", "invoicing.post_invoice"


class InvoiceLineSerializer(SaleLineSerializer):
    """`period_end` is the last day, included."""

    document = "invoice"
    least_quantity = None
    period_start = serializers.DateField(read_only=True, allow_null=True)
    period_end = serializers.DateField(read_only=True, allow_null=True)
    supplied_on = serializers.DateField(read_only=True, allow_null=True)
    rebill = serializers.BooleanField(read_only=True)

    def to_representation(self, line: InvoiceLine) -> dict[str, Any]:
        last = line.period_end - timedelta(days=1) if line.period_end else None
        return {
            **super().to_representation(line),
            "period_start": _iso(line.period_start),
            "period_end": _iso(last),
            "supplied_on": _iso(line.supplied_on),
            "rebill": line.rebill,
        }

    def net_of(self, line: InvoiceLine) -> Any:
        return line.net

    def left_of(self, line: InvoiceLine) -> None:
        return None

    def origin_of(self, line: InvoiceLine) -> int | None:
        """The id of the credited line."""
        return line.credits_id


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


class InvoiceSerializer(DocumentSerializer):
    """An invoice, a credit note or a deposit. A posted one never changes. Amounts of a credit note are positive."""

    example = {
        "customer": 12,
        "fiscal_position": 4,
        "purchase_order": "BC-77",
        "lines": [{"product": 31, "quantity": "2"}],
    }
    changes = {"purchase_order": "BC-78"}

    number = serializers.CharField(read_only=True, allow_null=True)
    payment_state = serializers.ChoiceField(choices=[("", "–"), *PaymentState.choices], read_only=True)
    is_overdue = serializers.BooleanField(read_only=True)
    customer = Id(queryset=Partner.objects.all())
    billing_address = Id(queryset=Address.objects.all(), required=False, allow_null=True)
    site = Id(queryset=Address.objects.all(), required=False, allow_null=True)
    fiscal_position = Id(queryset=FiscalPosition.objects.all(), required=False, allow_null=True)
    payment_term = Id(queryset=PaymentTerm.objects.all(), required=False, allow_null=True)
    proposed_on = DayField(required=False)
    credits = serializers.IntegerField(source="credits_id", read_only=True, allow_null=True)
    residual = Amount()
    lines = InvoiceLineSerializer(many=True, required=False)

    class Meta:
        model = Invoice
        fields = (
            "id",
            "number",
            "state",
            "payment_state",
            "is_overdue",
            "kind",
            "company",
            "customer",
            "billing_address",
            "site",
            "fiscal_position",
            "payment_term",
            "proposed_on",
            "issued_on",
            "due_on",
            "purchase_order",
            "origin",
            "credits",
            "reason",
            "notes",
            "lines",
            "currency",
            "net",
            "tax",
            "gross",
            "residual",
            "taxes",
            "counts",
            "published",
        )
        read_only_fields = ("kind", "issued_on", "due_on", "origin", "reason")

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        lines = InvoiceLine.objects.select_related("tax", "unit")
        return (
            super()
            .rows(queryset, request)
            .with_payment_state(timezone.localdate())
            .prefetch_related("taxes", Prefetch("lines", lines))
        )

    def create(self, data: dict[str, Any]) -> Invoice:
        company = data.get("company") or default_company(self.user)
        if company is None:
            raise serializers.ValidationError({"company": [_("Votre compte n'a accès à aucune société.")]})
        customer, on = data["customer"], data.get("proposed_on") or timezone.localdate()
        position = data.get("fiscal_position") or usual_terms(customer).fiscal_position
        return draft_invoice(
            company=company,
            customer=customer,
            items=items_of_edits(edits_of(data.get("lines", ())), position=position, company=company, on=on),
            on=on,
            by=self.user,
            origin=str(_("saisie par l'API")),
            fiscal_position=position,
            site=data.get("site"),
            payment_term=data.get("payment_term"),
            billing_address=data.get("billing_address"),
            purchase_order=data.get("purchase_order", ""),
            notes=data.get("notes", ""),
        )

    def update(self, invoice: Invoice, data: dict[str, Any]) -> Invoice:
        edits = edits_of(data.pop("lines", ()), invoice.lines.all())
        return edit_draft(invoice, edits=edits, values=data, seen=self.seen, by=self.user)


class CreditLineSerializer(serializers.Serializer):
    """A line and the quantity to credit."""

    example = {"line": 31, "quantity": "1"}

    line = id_field()
    quantity = serializers.DecimalField(max_digits=12, decimal_places=3)


class CreditSerializer(DaySerializer):
    """All that is left (`all`), or quantities of lines. `rebill`: by default true with `all`, false for a part."""

    example = {"all": True, "reason": "Erreur de prix"}

    all = serializers.BooleanField(required=False, default=False)
    lines = CreditLineSerializer(many=True, required=False)
    rebill = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["all"] == bool(data.get("lines")):
            raise serializers.ValidationError(
                {"lines": [_("Donnez « all » : true, ou des lignes avec leur quantité.")]}
            )
        ids = [line["line"] for line in data.get("lines", ())]
        if len(ids) != len(set(ids)):
            raise serializers.ValidationError({"lines": [_("Une ligne n'est donnée qu'une fois.")]})
        return {"rebill": data["all"], **data}


class InvoiceFilter(django_filters.FilterSet):
    customer = IdFilter()
    company = IdFilter()
    credits = IdFilter()
    issued_on_after = SinceFilter("issued_on")
    issued_on_before = UntilFilter("issued_on")
    due_on_before = UntilFilter("due_on")
    payment_state = django_filters.ChoiceFilter(choices=PaymentState.choices, method="in_state")
    is_overdue = django_filters.BooleanFilter(method="late")

    class Meta:
        model = Invoice
        fields = ("number", "state", "kind", "customer", "company", "credits", "origin", "purchase_order")

    def in_state(self, queryset: Any, name: str, value: str) -> Any:
        """Filter by payment state."""
        return queryset.with_payment_state(timezone.localdate()).in_payment_state(value)

    def late(self, queryset: Any, name: str, value: bool) -> Any:
        """Filter the invoices that are overdue, or the others."""
        queryset = queryset.with_payment_state(timezone.localdate())
        return queryset.overdue() if value else queryset.filter(is_overdue=False)


class PdfRenderer(BaseRenderer):
    """Renders bytes unchanged."""

    media_type = "application/pdf"
    format = "pdf"
    charset = None

    def render(self, data: Any, *args: Any, **options: Any) -> Any:
        return data


class PdfMixin:
    """GET …/pdf/."""

    def pdf_of(self, document: Any) -> bytes:
        raise TypeError(f"{type(self).__name__} does not say what its PDF is.")

    @extend_schema(responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY)}, filters=False)
    @action(detail=True, methods=["get"], renderer_classes=[PdfRenderer, JSONRenderer])
    def pdf(self, request: Any, pk: str) -> HttpResponse:
        """Le PDF : d'une facture, l'aperçu du brouillon ou la pièce validée ; d'un devis, tel qu'il est aujourd'hui."""
        document = self.get_object()  # type: ignore[attr-defined]
        response = HttpResponse(self.pdf_of(document), content_type="application/pdf")
        response["Content-Disposition"] = f'inline; filename="{str(document).replace("/", "-")}.pdf"'
        return response


class InvoiceView(PdfMixin, JournalMixin, ReadMixin, WriteMixin, DeleteMixin, OfficeView):
    """Factures, avoirs et acomptes."""

    queryset = Invoice.objects.all()
    serializer_class = InvoiceSerializer
    filterset_class = InvoiceFilter
    search_fields = Invoice.SEARCHED
    ordering_fields = ("id", "number", "issued_on", "due_on", "proposed_on", "gross")

    def delete_document(self, document: Invoice, by: By) -> None:
        delete_drafts([document], by=by)

    def pdf_of(self, document: Invoice) -> bytes:
        return invoice_pdf(document)

    @act(POST, asks=DaySerializer, path="post")
    def post_draft(self, invoice: Invoice, body: dict[str, Any]) -> Invoice:
        """Valide : numérote et fige la facture."""
        return post_invoice(invoice, on=body["on"], seen=self.seen, by=self.request.user)

    @act(POST, asks=CreditSerializer, status=201)
    def credit(self, invoice: Invoice, body: dict[str, Any]) -> Invoice:
        """Fait et valide un avoir, affecté à la facture. `rebill` remet à facturer ce qui est crédité."""
        quantities = None if body["all"] else {line["line"]: line["quantity"] for line in body["lines"]}
        return credit_invoice(
            invoice,
            on=body["on"],
            seen=self.seen,
            by=self.request.user,
            quantities=quantities,
            rebill=body["rebill"],
            reason=body["reason"],
        )

    @act(POST, asks=PaySerializer, answers=PaymentSerializer, status=201)
    def pay(self, invoice: Invoice, body: dict[str, Any]) -> Any:
        """Enregistre un paiement de cette facture."""
        return pay_invoice(invoice, seen=self.seen, by=self.request.user, **body)

    @act(POST, asks=AllocateSerializer)
    def allocate(self, note: Invoice, body: dict[str, Any]) -> Invoice:
        """Impute ce qui reste de cet avoir sur des factures du client."""
        return allocate_credit(note, parts=body["invoices"], on=timezone.localdate(), by=self.request.user)

    @act(POST, asks=RefundSerializer, answers=PaymentSerializer, status=201)
    def refund(self, note: Invoice, body: dict[str, Any]) -> Any:
        """Enregistre le remboursement au client de cet avoir."""
        return refund_credit(note, by=self.request.user, **body)

    send = mail_act(INVOICE_LETTER, CHANGE, path="send")
    sms = sms_act(INVOICE_TEXT)
    send_many = mail_many_act(INVOICE_LETTER, CHANGE, path="send")
    publish = publish_act(CHANGE)

    @act(CHANGE, path="update-taxes")
    def update_taxes(self, invoice: Invoice, body: dict[str, Any]) -> Invoice:
        """Redonne à chaque ligne d'un brouillon la TVA de son article, de la position fiscale et du jour."""
        return update_taxes(invoice, on=timezone.localdate(), seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def cancel(self, invoice: Invoice, body: dict[str, Any]) -> Invoice:
        """Annule un brouillon : ce qu'il facturait redevient à facturer."""
        return cancel_draft(invoice, seen=self.seen, by=self.request.user)
