"""Payments of suppliers' bills."""

from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from invoicing.choices import SupplierBillState
from invoicing.models import SupplierBill, SupplierPayment
from invoicing.services.locks import lock_bill
from invoicing.services.records.history import record
from invoicing.services.settlement.payments import refuse_amount
from openfire_billing.db.people import By
from openfire_billing.db.stamps import touch
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.kernel.formats import money_text


def pay_supplier(
    bill: SupplierBill,
    *,
    amount: Decimal,
    on: date,
    kind: str,
    by: By,
    reference: str = "",
    seen: int | None = None,
) -> SupplierPayment:
    """Record a payment of a checked supplier's bill. Raises BusinessError: amount, date, state, more than the residual; StaleForm."""
    refuse_amount(amount, on, _("choisissez la date du paiement"))
    with atomic():
        lock_bill(bill, seen=seen)
        locked = SupplierBill.objects.with_residual().select_related("supplier").get(pk=bill.pk)
        if locked.state != SupplierBillState.CHECKED:
            text = _("%s n'est pas bonne à payer : vérifiez-la d'abord.") % locked
            raise BusinessError(text, step=Step(_("Vérifier la facture"), locked, act="check"), code="wrong_state")
        if amount > locked.residual:
            raise BusinessError(
                _("%(bill)s : il reste %(left)s à payer, le paiement est de %(amount)s. Baissez le montant.")
                % {
                    "bill": locked,
                    "left": money_text(locked.residual, locked.currency),
                    "amount": money_text(amount, locked.currency),
                },
                code="payment_beyond_residual",
            )
        payment = SupplierPayment.objects.create(
            bill=locked, on=on, kind=kind, amount=amount, reference=reference, by=by
        )
        touch(locked)
        record(locked, "paid", by=by, text=_("Paiement de %s") % money_text(amount, locked.currency))
    return payment
