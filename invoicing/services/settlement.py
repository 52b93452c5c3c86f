"""Payments received and what they settle."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import DecimalField, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from invoicing.choices import InvoiceKind, JournalKind, PaymentKind, SupplierBillState
from invoicing.models import Allocation, Company, Invoice, Partner, Payment, SupplierBill, SupplierPayment
from invoicing.services.accounts import EntryDraft, Leg, write_entries
from invoicing.services.catalogue import journal_of, take_journal_number
from invoicing.services.parties.history import record
from openfire_billing.errors import BusinessError
from openfire_billing.fields import number_text
from openfire_billing.money import to_cents


def lock_posted(invoices: Sequence[Invoice]) -> list[Invoice]:
    """Lock posted documents, by primary key, with their residual read after the lock."""
    ids = sorted(invoice.pk for invoice in invoices)
    list(Invoice.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    return list(
        Invoice.objects.with_payment_state(timezone.localdate())
        .select_related("company", "customer", "journal")
        .filter(pk__in=ids)
        .order_by("issued_on", "pk")
    )


def record_payment(
    *,
    company: Company,
    customer: Partner,
    amount: Decimal,
    on: date,
    kind: str,
    by: Any,
    reference: str = "",
    invoices: Sequence[Invoice] = (),
) -> Payment:
    """Record money received and settle `invoices` with it, oldest first; the rest stays to the customer's credit.

    Raises BusinessError: amount not positive or finer than a cent, date in the future, invoice not posted or of
    another customer.
    """
    if amount <= 0 or amount != to_cents(amount):
        raise BusinessError(_("Le montant d'un paiement est positif, au centime : par exemple 184,62."))
    if on > timezone.localdate():
        raise BusinessError(_("Un paiement ne se date pas dans le futur : choisissez la date de réception."))
    with transaction.atomic():
        locked = lock_posted(invoices)
        for invoice in locked:
            _refuse_unpayable(invoice, customer)
        journal = journal_of(company, JournalKind.CASH if kind == PaymentKind.CASH else JournalKind.BANK)
        payment = Payment(
            company=company,
            customer=customer,
            journal=journal,
            number=take_journal_number(journal, on),
            on=on,
            kind=kind,
            amount=Money(amount, company.currency),
            reference=reference,
            by=by,
        )
        payment.save()
        left = amount
        for invoice in locked:
            part = min(left, invoice.residual)
            if part > 0:
                Allocation.objects.create(invoice=invoice, payment=payment, amount=part, on=on)
                left -= part
                record(invoice, "paid", by=by, text=_("Paiement %s de %s €") % (payment.number, number_text(part)))
        write_entries(
            [
                EntryDraft(
                    journal=journal,
                    number=payment.number,
                    on=on,
                    document=payment.number,
                    label=f"{payment.get_kind_display()} {customer} {reference}".strip(),
                    legs=[
                        Leg(journal.account, amount),
                        Leg(company.receivable_account, -amount, customer),
                    ],
                )
            ]
        )
        record(payment, "created", by=by, text=_("Paiement enregistré"))
    return payment


def _refuse_unpayable(invoice: Invoice, customer: Partner) -> None:
    if not invoice.is_posted:
        raise BusinessError(_("%s n'est pas validée : validez-la avant d'enregistrer un paiement.") % invoice)
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        raise BusinessError(_("%s est un avoir : il se rembourse ou s'affecte à une facture.") % invoice)
    if invoice.customer_id != customer.pk:
        raise BusinessError(
            _("%(invoice)s est due par %(customer)s : choisissez le bon client.")
            % {"invoice": invoice, "customer": invoice.customer}
        )
    if invoice.residual <= 0:
        raise BusinessError(_("%s est déjà payée.") % invoice)


def pay_invoice(invoice: Invoice, *, amount: Decimal, on: date, kind: str, by: Any, reference: str = "") -> Payment:
    """Record a payment of one invoice. More than its residual is refused, not kept silently."""
    with transaction.atomic():
        (locked,) = lock_posted([invoice])
        _refuse_unpayable(locked, locked.customer)
        if amount > locked.residual:
            raise BusinessError(
                _("%(invoice)s : il reste %(left)s € à payer, le paiement est de %(amount)s €. Baissez le montant.")
                % {"invoice": locked, "left": number_text(locked.residual), "amount": number_text(amount)}
            )
        return record_payment(
            company=locked.company,
            customer=locked.customer,
            amount=amount,
            on=on,
            kind=kind,
            by=by,
            reference=reference,
            invoices=[locked],
        )


def use_credit(credit_note: Invoice, *, invoice: Invoice, on: date, by: Any) -> Allocation | None:
    """Settle an invoice with what is left of a credit note, up to both residuals. None when nothing is left."""
    with transaction.atomic():
        by_pk = {document.pk: document for document in lock_posted([credit_note, invoice])}
        credit_note, invoice = by_pk[credit_note.pk], by_pk[invoice.pk]
        part = min(credit_note.residual, invoice.residual)
        if part <= 0:
            return None
        allocation = Allocation.objects.create(invoice=invoice, credit_note=credit_note, amount=part, on=on)
        text = _("Avoir %s affecté : %s €") % (credit_note, number_text(part))
        record(invoice, "allocated", by=by, text=text)
        record(credit_note, "allocated", by=by, text=_("Affecté à %s : %s €") % (invoice, number_text(part)))
    return allocation


def pay_supplier(
    bill: SupplierBill, *, amount: Decimal, on: date, kind: str, by: Any, reference: str = ""
) -> SupplierPayment:
    """Record what was paid on a checked supplier's bill, never more than what is left."""
    if amount <= 0 or amount != to_cents(amount):
        raise BusinessError(_("Le montant d'un paiement est positif, au centime : par exemple 184,62."))
    if on > timezone.localdate():
        raise BusinessError(_("Un paiement ne se date pas dans le futur : choisissez la date du paiement."))
    with transaction.atomic():
        list(SupplierBill.objects.select_for_update().filter(pk=bill.pk))
        locked = SupplierBill.objects.with_residual().select_related("supplier").get(pk=bill.pk)
        if locked.state != SupplierBillState.CHECKED:
            raise BusinessError(_("%s n'est pas bonne à payer : vérifiez-la d'abord.") % locked)
        if amount > locked.residual:
            raise BusinessError(
                _("%(bill)s : il reste %(left)s € à payer, le paiement est de %(amount)s €. Baissez le montant.")
                % {"bill": locked, "left": number_text(locked.residual), "amount": number_text(amount)}
            )
        payment = SupplierPayment.objects.create(
            bill=locked, on=on, kind=kind, amount=amount, reference=reference, by=by
        )
        record(locked, "paid", by=by, text=_("Paiement de %s €") % number_text(amount))
    return payment


def balance_of(customer: Partner, *, companies: Any) -> Decimal:
    """What a customer owes these companies: residuals of invoices, less unused credit notes and payments."""
    names = customer.with_merged()
    documents = Invoice.objects.posted().filter(customer__in=names, company__in=companies)
    owed = Decimal(0)
    for document in documents.with_payment_state(timezone.localdate()):
        owed += -document.residual if document.kind == InvoiceKind.CREDIT_NOTE else document.residual
    received = Payment.objects.filter(customer__in=names, company__in=companies).annotate(
        used=Coalesce(
            Sum("allocations__amount"), Decimal(0), output_field=DecimalField(max_digits=14, decimal_places=2)
        )
    )
    payment: Any
    for payment in received:
        owed -= payment.amount.amount - payment.used
    return to_cents(owed)
