"""What a customer owes, and how much of it is late."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from invoicing.choices import InvoiceKind
from invoicing.models import Company, Invoice, Partner, Payment
from openfire_billing.kernel.money import to_cents


@dataclass(frozen=True)
class Account:
    """What a customer owes: `balance` in all, `late` on invoices whose due day is over."""

    balance: Decimal
    late: Decimal


def account_of(customer: Partner, *, companies: Iterable[Company]) -> Account:
    """Return what a customer owes these companies: residuals of invoices, less what is left of credit notes and payments."""
    names = customer.with_merged()
    documents = Invoice.objects.posted().filter(customer__in=names, company__in=companies)
    owed = late = Decimal(0)
    rows = documents.with_payment_state(timezone.localdate()).order_by()
    for kind, residual, is_overdue in rows.values_list("kind", "residual", "is_overdue"):
        owed += -residual if kind == InvoiceKind.CREDIT_NOTE else residual
        late += residual if is_overdue else 0
    unused = Payment.objects.filter(customer__in=names, company__in=companies, is_refund=False).with_left()
    owed -= sum((payment.left for payment in unused.filter(left__gt=0)), Decimal(0))
    return Account(to_cents(owed), to_cents(late))
