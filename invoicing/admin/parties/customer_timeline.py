"""What invoicing puts in the timeline of a customer: quotes, invoices, credit notes, payments, messages, notes."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.admin.documents.invoice_state import signed, state_of_invoice
from invoicing.choices import InvoiceKind, MessageState
from invoicing.models import HistoryLine, Invoice, Message, Partner, Payment, Quote
from openfire_billing.web.contributions import TimelineKind, contribute
from openfire_billing.web.record_links import link_to
from openfire_billing.web.smart_buttons import buttons_for, made_from
from openfire_billing.web.tags import euros, stored_state


def _invoices(partner: Partner) -> Any:
    """Return the invoices of a customer and of those merged into him."""
    return Invoice.objects.filter(customer__in=partner.with_merged())


def _settled(invoices: Any) -> Any:
    """Add what their state reads."""
    return invoices.with_payment_state(timezone.localdate()).with_refunded()


def _about(partner: Partner, user: Any) -> Q:
    """Return the condition that a row is about the customer, or about a document counted on his page for `user`."""
    about = Q(content_type=ContentType.objects.get_for_model(Partner), object_id=partner.pk)
    for button in buttons_for(Partner, user):
        documents = made_from(button, Partner, partner)
        kind = ContentType.objects.get_for_model(documents.model)
        about |= Q(content_type=kind, object_id__in=documents.values("pk"))
    return about


def _messages(partner: Partner, user: Any) -> QuerySet[Message]:
    return Message.objects.filter(_about(partner, user)).select_related("content_type")


def _notes(partner: Partner, user: Any) -> QuerySet[HistoryLine]:
    notes = HistoryLine.objects.filter(_about(partner, user), act="note")
    return notes.select_related("by").prefetch_related("object")


def _what_is_left(payment: Payment) -> tuple[str, Any]:
    """Return the state of a payment: whether something of it is left to allocate."""
    if payment.is_refund:
        return "grey", _("Remboursé")
    return ("amber", _("À affecter")) if payment.left > 0 else ("green", _("Affecté"))


def _what_is_left_in_words(payment: Payment) -> str:
    left = _("reste %s à affecter") % euros(payment.left) if payment.left and not payment.is_refund else ""
    return " · ".join(filter(None, [str(payment.get_kind_display()), payment.reference, str(left)]))


def _author(note: HistoryLine) -> str:
    return (note.by.get_full_name() or note.by.username) if note.by else str(_("Système"))


contribute(
    Partner,
    timeline=[
        TimelineKind(
            "quotes",
            _("Devis"),
            "request_quote",
            "invoicing.view_quote",
            lambda partner, user: Quote.objects.filter(Q(partner=partner) | Q(bill_to=partner)).with_lines(),
            F("issued_on"),
            say=lambda quote: quote.title,
            amount=lambda quote: quote.totals.gross,
            state=stored_state,
            order=30,
        ),
        TimelineKind(
            "invoices",
            _("Factures"),
            "receipt_long",
            "invoicing.view_invoice",
            lambda partner, user: _invoices(partner).exclude(kind=InvoiceKind.CREDIT_NOTE),
            Coalesce("issued_on", "proposed_on"),
            computed=_settled,
            say=lambda invoice: invoice.origin,
            amount=lambda invoice: invoice.gross.amount,
            state=state_of_invoice,
            order=40,
        ),
        TimelineKind(
            "credits",
            _("Avoirs"),
            "undo",
            "invoicing.view_invoice",
            lambda partner, user: _invoices(partner).filter(kind=InvoiceKind.CREDIT_NOTE),
            Coalesce("issued_on", "proposed_on"),
            computed=_settled,
            say=lambda note: note.reason,
            amount=lambda note: signed(note, note.gross.amount),
            state=state_of_invoice,
            order=50,
        ),
        TimelineKind(
            "payments",
            _("Paiements"),
            "payments",
            "invoicing.view_payment",
            lambda partner, user: Payment.objects.filter(customer__in=partner.with_merged()),
            F("on"),
            computed=lambda payments: payments.with_left(),
            say=_what_is_left_in_words,
            amount=lambda payment: -payment.amount.amount if payment.is_refund else payment.amount.amount,
            state=_what_is_left,
            order=60,
        ),
        TimelineKind(
            "messages",
            _("Messages"),
            "mail",
            "invoicing.view_message",
            _messages,
            Coalesce("sent_at", "created_at"),
            say=lambda message: message.to,
            state=lambda message: (MessageState.colours[message.state], message.get_state_display()),
            order=70,
        ),
        TimelineKind(
            "notes",
            _("Notes"),
            "sticky_note_2",
            "invoicing.view_historyline",
            _notes,
            F("at"),
            say=lambda note: f"{note.text} · {_author(note)}",
            link=lambda note: link_to(note.object) if note.object is not None else "",
            order=80,
        ),
    ],
)
