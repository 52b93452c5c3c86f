"""What stands beside an invoice: its total and what settles it, where it comes from, the days of its life."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from invoicing.models import Invoice
from invoicing.services.documents.life import life_of
from invoicing.services.settlement.settled import parts_settled
from openfire_billing.db.scope import visible
from openfire_billing.web.record_links import link_to
from openfire_billing.web.smart_buttons import buttons_for, made_from

ORIGINS = ("interventions", "appointments", "contracts", "quotes")
MOST_ORIGINS = 5  # of each kind; the counters of the header have the others


def money_card(invoice: Invoice, user: Any) -> dict[str, Any]:
    """Return the card of an invoice, read with its payment state. Nothing is settled of a draft."""
    context: dict[str, Any] = {"invoice": invoice, "origins": origins_of(invoice, user)}
    if not invoice.is_posted:
        return context
    parts = parts_settled(invoice)
    paid = sum((part.amount for part in parts if part.means), Decimal(0))
    life = life_of(invoice)
    is_paid = invoice.residual <= 0 and bool(parts)
    return context | {
        "parts": [(part, link_to(part.source) if _may_open(part.source, user) else part.source) for part in parts],
        "paid": paid,
        "is_sent": life.sent_on is not None,
        "credited": sum((part.amount for part in parts), Decimal(0)) - paid,
        "days": [
            (_("Envoyée le"), life.sent_on),
            (_("Vue par le client le"), life.seen_on),
            (_("Relancée le"), life.reminded_on),
            (_("Soldée le") if paid == 0 else _("Payée le"), parts[-1].on if is_paid else None),
        ],
    }


def _may_open(source: Any, user: Any) -> bool:
    meta = source._meta
    return bool(user.has_perm(f"{meta.app_label}.view_{meta.model_name}"))


def origins_of(document: Any, user: Any) -> list[tuple[Any, list[Any]]]:
    """Return [(label, links)] of the documents that an invoice bills or that a quote comes from, and of the invoice that a
    credit note corrects.
    """
    found: list[tuple[Any, list[Any]]] = []
    for button in buttons_for(type(document), user):
        if button.origin in ORIGINS:
            documents = visible(made_from(button, type(document), document), user).order_by("pk")[:MOST_ORIGINS]
            if links := [link_to(document) for document in documents]:
                found.append((button.label, links))
    if (corrected := getattr(document, "credits", None)) is not None:
        found.append((_("Corrige"), [link_to(corrected)]))
    return found
