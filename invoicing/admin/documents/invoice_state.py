"""The state of an invoice as people read it: in lists, on its page, in the timeline of its customer."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from invoicing.choices import PaymentState
from openfire_billing.web.tags import stored_state


def state_of_invoice(invoice: Any) -> tuple[str, Any]:
    """Return the colour and the label of the state of an invoice; of a posted one, of its payment state."""
    if not invoice.is_posted:
        return stored_state(invoice)
    if invoice.is_overdue:
        return "red", _("En retard")
    if invoice.is_credit_note:
        if invoice.residual > 0:
            return "amber", _("À rembourser")
        return "green", _("Remboursé") if invoice.refunded else _("Affecté")
    return PaymentState.colours[invoice.payment_state], PaymentState(invoice.payment_state).label


def signed(invoice: Any, value: Any) -> Any:
    """Return an amount of an invoice, the opposite one of a credit note."""
    return -value if invoice.is_credit_note else value
