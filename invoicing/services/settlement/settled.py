"""What settles a posted document: payments, credit notes and refunds, without those taken back."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

from invoicing.models import Allocation, Invoice, Payment


@dataclass(frozen=True)
class Part:
    """An amount that settles a document on a day: by a payment (`means`), else by the document `other`. `source`: either."""

    on: date
    amount: Decimal
    source: Invoice | Payment
    means: str = ""
    other: str = ""


def parts_settled(document: Invoice) -> list[Part]:
    """Return the parts of a document that are settled, oldest first.

    `other` of an invoice is the credit note that reduces it; of a credit note, the invoice that it reduces.
    """
    rows = (
        Allocation.objects.in_force()
        .filter(Q(document=document) | Q(credit_note=document))
        .select_related("payment", "credit_note", "document")
        .order_by("on", "pk")
    )
    return [_part(row, document) for row in rows]


def _part(row: Allocation, document: Invoice) -> Part:
    if row.payment is not None:
        return Part(row.on, row.amount, row.payment, means=str(row.payment.get_kind_display()))
    other = row.credit_note if row.document_id == document.pk else row.document
    assert other is not None  # without a payment, a credit note settles it
    return Part(row.on, row.amount, other, other=str(other))
