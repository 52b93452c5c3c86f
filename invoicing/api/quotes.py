"""Quotes."""

from typing import Any

import django_filters
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from invoicing.api.acts import mail_act, mail_many_act, publish_act, sms_act
from invoicing.api.base import (
    DaySerializer,
    DeleteMixin,
    OfficeView,
    ReadMixin,
    ReasonSerializer,
    UntilSerializer,
    WriteMixin,
    act,
)
from invoicing.api.invoices import InvoiceSerializer, PdfMixin
from invoicing.api.lines import DocumentSerializer, SaleLineSerializer, edits_of, with_first, with_origin
from invoicing.api.records import JournalMixin
from invoicing.choices import QuoteState
from invoicing.models import Address, FiscalPosition, Partner, PaymentTerm, Quote, QuoteLine
from invoicing.paper.pdf import quote_pdf
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents import quotes as services
from invoicing.services.documents.lines import items_of_edits
from invoicing.services.documents.mailing import QUOTE_LETTER
from invoicing.services.documents.text_subjects import QUOTE_TEXT
from invoicing.services.parties.companies import default_company
from openfire_billing.db.people import By
from openfire_billing.web.api.fields import DayField, Id, IdFilter, SinceFilter, UntilFilter

CHANGE = "invoicing.change_quote"
S = QuoteState


class QuoteLineSerializer(SaleLineSerializer):
    document = "quote"


class QuoteSerializer(DocumentSerializer):
    """A quote; the customer's order once accepted. `intervention`: the DI it quotes."""

    example = {
        "partner": 12,
        "title": "Pose du poêle",
        "fiscal_position": 4,
        "lines": [{"product": 31, "quantity": "2"}],
    }
    changes = {"notes": "Remise déduite"}

    number = serializers.CharField(read_only=True)
    partner = Id(queryset=Partner.objects.all())
    bill_to = Id(queryset=Partner.objects.all(), required=False, allow_null=True)
    site = Id(queryset=Address.objects.all(), required=False, allow_null=True)
    fiscal_position = Id(queryset=FiscalPosition.objects.all(), required=False, allow_null=True)
    payment_term = Id(queryset=PaymentTerm.objects.all(), required=False, allow_null=True)
    issued_on = DayField(required=False)
    valid_until = DayField(required=False)
    is_expired = serializers.SerializerMethodField()
    intervention = serializers.IntegerField(source="made_for", read_only=True, allow_null=True)
    lines = QuoteLineSerializer(many=True, required=False)

    class Meta:
        model = Quote
        fields = (
            "id",
            "number",
            "state",
            "is_expired",
            "company",
            "partner",
            "intervention",
            "bill_to",
            "site",
            "title",
            "fiscal_position",
            "payment_term",
            "issued_on",
            "valid_until",
            "accepted_on",
            "notes",
            "origin",
            "lines",
            "currency",
            "net",
            "tax",
            "gross",
            "taxes",
            "counts",
            "published",
        )
        read_only_fields = ("accepted_on", "origin")

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        lines = with_origin(QuoteLine.objects.left_to_bill().select_related("tax", "unit"))
        quotes = with_first(super().rows(queryset, request), "interventions", "made_for")
        return quotes.prefetch_related(Prefetch("lines", lines))

    def get_is_expired(self, quote: Quote) -> bool:
        return quote.is_expired(timezone.localdate())

    def create(self, data: dict[str, Any]) -> Quote:
        company = data.get("company") or default_company(self.user)
        if company is None:
            raise serializers.ValidationError({"company": [_("Votre compte n'a accès à aucune société.")]})
        partner, on = data["partner"], data.get("issued_on") or timezone.localdate()
        position = data.get("fiscal_position") or usual_terms(partner).fiscal_position
        _refuse_validity(data.get("valid_until"), on)
        return services.draft_quote(
            company=company,
            partner=partner,
            bill_to=data.get("bill_to"),
            site=data.get("site") or partner.default_address(),
            title=data.get("title", ""),
            items=items_of_edits(edits_of(data.get("lines", ())), position=position, company=company, on=on),
            on=on,
            by=self.user,
            fiscal_position=position,
            payment_term=data.get("payment_term"),
            valid_until=data.get("valid_until"),
            notes=data.get("notes", ""),
        ).quote

    def update(self, quote: Quote, data: dict[str, Any]) -> Quote:
        edits = edits_of(data.pop("lines", ()), quote.lines.all())
        _refuse_validity(data.get("valid_until", quote.valid_until), data.get("issued_on", quote.issued_on))
        return services.edit_quote(quote, edits=edits, values=data, seen=self.seen, by=self.user)


def _refuse_validity(until: Any, on: Any) -> None:
    if until is not None and until < on:
        raise serializers.ValidationError({"valid_until": [_("La validité ne finit pas avant la date du devis.")]})


class QuoteFilter(django_filters.FilterSet):
    partner = IdFilter()
    company = IdFilter()
    issued_on_after = SinceFilter("issued_on")
    issued_on_before = UntilFilter("issued_on")

    class Meta:
        model = Quote
        fields = ("number", "state", "partner", "company")


class QuoteView(PdfMixin, JournalMixin, ReadMixin, WriteMixin, DeleteMixin, OfficeView):
    """Devis."""

    queryset = Quote.objects.all()
    serializer_class = QuoteSerializer
    filterset_class = QuoteFilter
    search_fields = Quote.SEARCHED
    ordering_fields = ("id", "number", "issued_on", "valid_until")

    def delete_document(self, document: Quote, by: By) -> None:
        services.delete_quotes([document], by=by)

    def pdf_of(self, document: Quote) -> bytes:
        return quote_pdf(document)

    mail = mail_act(QUOTE_LETTER, CHANGE)
    sms = sms_act(QUOTE_TEXT)
    mail_many = mail_many_act(QUOTE_LETTER, CHANGE)
    publish = publish_act(CHANGE)

    @act(CHANGE)
    def send(self, quote: Quote, body: dict[str, Any]) -> Quote:
        """Marque le devis comme envoyé."""
        return services.send_quote(quote, seen=self.seen, by=self.request.user)

    @act(CHANGE, asks=DaySerializer)
    def accept(self, quote: Quote, body: dict[str, Any]) -> Quote:
        """Le client accepte : le devis est une commande."""
        return services.accept_quote(quote, on=body["on"], seen=self.seen, by=self.request.user)

    @act(CHANGE, asks=ReasonSerializer)
    def refuse(self, quote: Quote, body: dict[str, Any]) -> Quote:
        """Le client refuse : les lignes redeviennent libres."""
        return services.refuse_quote(quote, reason=body["reason"], seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def settle(self, quote: Quote, body: dict[str, Any]) -> Quote:
        """Solde un devis facturé en partie : le reste redevient libre."""
        return services.settle_quote(quote, seen=self.seen, by=self.request.user)

    @act("invoicing.bill", asks=DaySerializer, answers=InvoiceSerializer, status=201)
    def invoice(self, quote: Quote, body: dict[str, Any]) -> Any:
        """Facture en brouillon de ce qui reste à facturer d'un devis accepté."""
        return services.invoice_quote(quote, on=body["on"], seen=self.seen, by=self.request.user)

    @act(CHANGE, asks=UntilSerializer)
    def prolong(self, quote: Quote, body: dict[str, Any]) -> Quote:
        """Prolonge sa validité, ce jour compris."""
        return services.prolong_quote(
            quote, until=body["until"], on=timezone.localdate(), seen=self.seen, by=self.request.user
        )

    @act("invoicing.add_quote", status=201)
    def duplicate(self, quote: Quote, body: dict[str, Any]) -> Quote:
        """Copie en brouillon, sans lien avec la DI."""
        return services.duplicate_quote(quote, on=timezone.localdate(), by=self.request.user)

    @act(CHANGE)
    def cancel(self, quote: Quote, body: dict[str, Any]) -> Quote:
        """Retire le devis : les lignes redeviennent libres."""
        return services.cancel_quote(quote, seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def reset(self, quote: Quote, body: dict[str, Any]) -> Quote:
        """Remet le devis en brouillon."""
        return services.reset_quote(quote, seen=self.seen, by=self.request.user)
