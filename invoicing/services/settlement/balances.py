"""What a customer owes, and how much of it is late."""

from collections.abc import Iterable
from decimal import Decimal

from django.utils import timezone

from invoicing.choices import InvoiceKind
from invoicing.models import Company, Invoice, Partner, Payment
from openfire_billing.kernel.money import to_cents


def balance_of(customer: Partner, *, companies: Iterable[Company]) -> Decimal:
    """Return what a customer owes these companies: residuals of invoices, less what is left of credit notes and payments."""
    names = customer.with_merged()
    documents = Invoice.objects.posted().filter(customer__in=names, company__in=companies)
    owed = Decimal(0)
    for document in documents.with_payment_state(timezone.localdate()):
        owed += -document.residual if document.kind == InvoiceKind.CREDIT_NOTE else document.residual
    unused = Payment.objects.filter(customer__in=names, company__in=companies, is_refund=False).with_left()
    owed -= sum((payment.left for payment in unused.filter(left__gt=0)), Decimal(0))
    return to_cents(owed)


def late_of(customer: Partner, *, companies: Iterable[Company]) -> Decimal:
    """Return what a customer owes these companies on invoices whose due day is over."""
    documents = Invoice.objects.posted().filter(customer__in=customer.with_merged(), company__in=companies)
    late = documents.with_payment_state(timezone.localdate()).filter(is_overdue=True)
    return to_cents(sum((invoice.residual for invoice in late), Decimal(0)))
