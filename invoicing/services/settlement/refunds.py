"""Refunds of credit notes and of payments, and rejected payments."""

from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from invoicing.models import Allocation, Invoice, Payment
from invoicing.services.records.history import record
from invoicing.services.settlement.payments import (
    lock_received,
    lock_settled,
    refuse_amount,
    refuse_changed,
    refuse_spent,
    write_payment,
)
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import money_text

LONGEST_REASON = 80  # the column `reference` of a payment


def refund_credit(
    credit_note: Invoice,
    *,
    amount: Decimal,
    on: date,
    kind: str,
    by: By,
    reference: str = "",
    seen: int | None = None,
) -> Payment:
    """Record money paid back for a credit note. Raises BusinessError: amount, date, more than what is left of it; StaleForm."""
    refuse_amount(amount, on, _("choisissez la date du remboursement"))
    with atomic():
        (locked,) = lock_settled([credit_note.pk])
        refuse_changed(locked, seen)
        refuse_spent(locked)
        _refuse_more(locked, amount, locked.residual)
        refund = write_payment(_money_out(locked, amount, on=on, kind=kind, reference=reference, by=by))
        Allocation.objects.create(document=locked, payment=refund, amount=amount, on=on)
        _record_refund(locked, refund, by=by, what=_("Remboursement de l'avoir %s") % locked)
    return refund


def refund_payment(
    payment: Payment,
    *,
    amount: Decimal,
    on: date,
    kind: str,
    by: By,
    reference: str = "",
    seen: int | None = None,
) -> Payment:
    """Record money paid back of a payment (paid twice, or too much).

    Raises BusinessError: amount, date, a refund, more than what is left of the payment; StaleForm.
    """
    refuse_amount(amount, on, _("choisissez la date du remboursement"))
    with atomic():
        locked, _invoices = lock_received(payment, seen=seen)
        _refuse_refund(locked)
        if locked.left <= 0:
            raise BusinessError(
                _("%s est affecté ou rendu en entier : un avoir de sa facture se rembourse, lui.") % locked,
                code="nothing_left",
            )
        _refuse_more(locked, amount, locked.left)
        refund = _money_out(locked, amount, on=on, kind=kind, reference=reference, by=by)
        refund.pays_back = locked
        refund = write_payment(refund)
        _record_refund(locked, refund, by=by, what=_("Remboursement du paiement %s") % locked)
    return refund


def reject_payment(payment: Payment, *, on: date, reason: str, seen: int | None = None, by: By) -> Payment:
    """Reject a payment that the bank took back or that was recorded by mistake. Its documents are owed again.

    Returns the payment that reverses what was not paid back, with an entry of its own. Raises BusinessError: a refund,
    no reason or one above 80 characters, nothing left to reverse, a day before the payment's or after today;
    StaleForm.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise BusinessError(_("%s : dites pourquoi il est rejeté, en 80 caractères au plus.") % payment)
    with atomic():
        locked, _invoices = lock_received(payment, seen=seen)
        _refuse_refund(locked)
        allocations = list(locked.allocations.in_force().select_related("document"))
        amount = locked.left + sum((allocation.amount for allocation in allocations), Decimal(0))
        if amount <= 0:
            raise BusinessError(_("%s est déjà rendu en entier.") % locked, code="nothing_left")
        refuse_amount(amount, on, _("choisissez la date du rejet"))
        if on < locked.on:
            raise BusinessError(_("%s n'était pas encore reçu ce jour-là : choisissez la date du rejet.") % locked)
        for allocation in allocations:
            values = {"payment": locked, "reason": reason, "part": money_text(allocation.amount, locked.currency)}
            text = _("Paiement %(payment)s rejeté (%(reason)s) : %(part)s de nouveau dus") % values
            record(allocation.document, "unpaid", by=by, text=text)
            Allocation.objects.create(
                document=allocation.document, payment=locked, amount=-allocation.amount, on=on, reverses=allocation
            )
        out = _money_out(locked, amount, on=on, kind=locked.kind, reference=reason, by=by)
        out.pays_back = locked
        out = write_payment(out, what=_("Rejet de %s") % locked)
        values = {"payment": out, "amount": money_text(amount, out.currency), "reason": reason}
        record(locked, "rejected", by=by, text=_("Rejeté (%(reason)s) : %(payment)s de %(amount)s") % values)
        record(out, "created", by=by, text=_("Rejet du paiement %s") % locked)
    return out


def is_rejectable(payment: Payment) -> bool:
    """Return whether a payment with `left` may be rejected: received, and not paid back in full."""
    return not payment.is_refund and (payment.left > 0 or payment.allocations.in_force().exists())


def _money_out(document: Invoice | Payment, amount: Decimal, *, on: date, kind: str, reference: str, by: By) -> Payment:
    return Payment(
        company=document.company,
        customer=document.customer,
        on=on,
        kind=kind,
        amount=Money(amount, document.company.currency),
        reference=reference,
        is_refund=True,
        by=by,
    )


def _refuse_refund(payment: Payment) -> None:
    if payment.is_refund:
        raise BusinessError(_("%s est un remboursement : choisissez un paiement reçu.") % payment)


def _refuse_more(document: Invoice | Payment, amount: Decimal, left: Decimal) -> None:
    if amount > left:
        raise BusinessError(
            _("%(document)s : il reste %(left)s à rembourser, vous remboursez %(amount)s. Baissez le montant.")
            % {
                "document": document,
                "left": money_text(left, document.currency),
                "amount": money_text(amount, document.currency),
            },
            code="beyond_what_is_left",
        )


def _record_refund(source: Invoice | Payment, refund: Payment, *, by: By, what: Text) -> None:
    """Write the journals of what is paid back and of the refund."""
    values = {"payment": refund, "amount": money_text(refund.amount.amount, refund.currency)}
    record(source, "refunded", by=by, text=_("Remboursement %(payment)s de %(amount)s") % values)
    record(refund, "created", by=by, text=what)
