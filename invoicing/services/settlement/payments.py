"""Payments received, and the allocation of payments and credit notes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from invoicing.choices import InvoiceKind, JournalKind, PaymentKind, PaymentState
from invoicing.models import Allocation, Company, Invoice, Partner, Payment
from invoicing.services.accounts import EntryDraft, Leg, take_journal_number, write_entries
from invoicing.services.catalogue import journal_of
from invoicing.services.locks import lock_invoices, lock_payment
from invoicing.services.records.history import record, refuse_stale
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.kernel.formats import money_text
from openfire_billing.kernel.money import to_cents


def lock_settled(invoices: Iterable[int]) -> list[Invoice]:
    """Lock documents to settle. Returns them, the oldest first, with the residual read under the lock."""
    ids = sorted(lock_invoices(invoices))
    return _with_residual(ids)


def _with_residual(ids: Collection[int]) -> list[Invoice]:
    return list(
        Invoice.objects.with_payment_state(timezone.localdate())
        .select_related("company", "customer", "journal")
        .filter(pk__in=ids)
        .order_by("issued_on", "pk")
    )


def refuse_changed(document: Invoice | Payment, seen: int | None) -> None:
    """Raise StaleForm when a locked document changed after the version `seen`; None checks nothing."""
    if seen is not None:
        refuse_stale(document, seen)


def lock_received(
    payment: Payment, *, invoices: Iterable[int] = (), seen: int | None = None
) -> tuple[Payment, list[Invoice]]:
    """Lock a payment after `invoices` (ids) and the documents it settles.

    Returns the payment, with `left`, and the invoices of `invoices`, the oldest first, with their residual. Raises
    StaleForm.
    """
    ids = set(invoices)
    lock_payment(payment, invoices=ids)
    locked = Payment.objects.with_left().select_related("company", "customer__merged_into").get(pk=payment.pk)
    refuse_changed(locked, seen)
    return locked, _with_residual(ids) if ids else []


def open_invoices(document: Invoice | Payment) -> list[Invoice]:
    """Return the invoices that a credit note or a payment may settle: owed by its customer to its company, the oldest first."""
    owed = Invoice.objects.posted().exclude(kind=InvoiceKind.CREDIT_NOTE).with_payment_state(timezone.localdate())
    payable = owed.filter(company=document.company_id, customer__in=_names_of(document.customer), residual__gt=0)
    return list(payable.order_by("issued_on", "pk"))


def oldest_first(left: Decimal, invoices: Iterable[Invoice]) -> dict[int, Decimal]:
    """Spread `left` over the residuals of invoices, in their order. Returns {invoice id: amount}."""
    parts = {}
    for invoice in invoices:
        part = min(left, invoice.residual)
        if part > 0:
            parts[invoice.pk] = part
            left -= part
    return parts


def record_payment(
    *,
    company: Company,
    customer: Partner,
    amount: Decimal,
    on: date,
    kind: str,
    by: By,
    reference: str = "",
    invoices: Sequence[Invoice] = (),
    parts: Mapping[int, Decimal] | None = None,
) -> Payment:
    """Record money received and settle `invoices` with it, the oldest first. The rest stays to the customer's credit.

    `parts`, instead of `invoices`: {invoice id: amount}. Raises BusinessError: amount not positive or finer than a cent,
    date in the future, invoice not posted, paid or of another customer, parts above the amount.
    """
    refuse_amount(amount, on, _("choisissez la date de réception"))
    if parts and (total := sum(parts.values(), Decimal(0))) > amount:
        raise BusinessError(
            _("Ce paiement est de %(amount)s, vous en affectez %(total)s. Baissez les montants affectés.")
            % {"amount": money_text(amount, company.currency), "total": money_text(total, company.currency)},
            field="amount",
            code="beyond_what_is_left",
        )
    with atomic():
        locked = lock_settled(parts or (invoice.pk for invoice in invoices))
        for invoice in locked:
            _refuse_unpayable(invoice, customer)
            _refuse_other_company(invoice, company, _("ce paiement"))
        return _receive(
            locked,
            parts,
            company=company,
            customer=customer,
            amount=amount,
            on=on,
            kind=kind,
            by=by,
            reference=reference,
        )


def _receive(
    locked: Sequence[Invoice],
    parts: Mapping[int, Decimal] | None = None,
    *,
    company: Company,
    customer: Partner,
    amount: Decimal,
    on: date,
    kind: str,
    by: By,
    reference: str,
) -> Payment:
    """Write a payment and settle locked invoices with it: by `parts`, or the oldest first."""
    payment = write_payment(
        Payment(
            company=company,
            customer=customer,
            on=on,
            kind=kind,
            amount=Money(amount, company.currency),
            reference=reference,
            by=by,
        )
    )
    record(payment, "created", by=by, text=_("Paiement enregistré"))
    if parts is None:
        parts = oldest_first(amount, locked)
    if parts:
        chosen = {invoice.pk: invoice for invoice in locked if invoice.pk in parts}
        _allocate(payment, amount, chosen, parts, on=on, by=by)
    return payment


def refuse_amount(amount: Decimal, on: date, what_to_do: Text) -> None:
    """Raise BusinessError for an amount that is not positive or finer than a cent, and for a day after today.

    `what_to_do`: the end of the sentence about the day.
    """
    if amount <= 0 or amount != to_cents(amount):
        raise BusinessError(_("Le montant d'un paiement est positif, au centime : par exemple 184,62."))
    if on > timezone.localdate():
        raise BusinessError(_("Un paiement ne se date pas dans le futur : %s.") % what_to_do, code="date_in_future")


def write_payment(payment: Payment, *, what: Text = "") -> Payment:
    """Number and save a payment, and write its entry, reversed for a refund. `what`: the label of the entry."""
    cash = payment.kind == PaymentKind.CASH
    journal = journal_of(payment.company, JournalKind.CASH if cash else JournalKind.BANK)
    payment.journal, payment.number = journal, take_journal_number(journal, payment.on)
    payment.save()
    received = -payment.amount.amount if payment.is_refund else payment.amount.amount
    what = what or (_("Remboursement") if payment.is_refund else payment.get_kind_display())
    write_entries(
        [
            EntryDraft(
                journal=journal,
                number=payment.number,
                on=payment.on,
                document=payment.number,
                label=f"{what} {payment.customer} {payment.reference}".strip(),
                legs=[
                    Leg(journal.account, received),
                    Leg(payment.company.receivable_account, -received, payment.customer),
                ],
            )
        ]
    )
    saved: Payment = payment
    return saved


def _write_allocation(source: Invoice | Payment, invoice: Invoice, part: Decimal, *, on: date, by: By) -> Allocation:
    """Create and return the allocation of `part`, in the invoice's currency, from `source` to `invoice`.

    `source`: a payment or a credit note. Also writes a line in the history of the invoice and in that of `source`.
    Writes no accounting entry.
    """
    values = {"source": source, "invoice": invoice, "part": money_text(part, invoice.currency)}
    if isinstance(source, Payment):
        allocation = Allocation.objects.create(document=invoice, payment=source, amount=part, on=on)
        record(invoice, "paid", by=by, text=_("Paiement %(source)s de %(part)s") % values)
    else:
        allocation = Allocation.objects.create(document=invoice, credit_note=source, amount=part, on=on)
        record(invoice, "allocated", by=by, text=_("Avoir %(source)s affecté : %(part)s") % values)
    record(source, "allocated", by=by, text=_("Affecté à %(invoice)s : %(part)s") % values)
    return allocation


def _names_of(customer: Partner) -> set[int]:
    """Return the ids of a customer and of the partners merged with him: posted documents keep their own partner."""
    return {partner.pk for partner in (customer.merged_into or customer).with_merged()}


def _refuse_unpayable(invoice: Invoice, customer: Partner) -> None:
    if not invoice.is_posted:
        text = _("%s n'est pas validée : validez-la avant d'enregistrer un paiement.") % invoice
        raise BusinessError(text, step=Step(_("Valider la facture"), invoice, act="post"), code="wrong_state")
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        raise BusinessError(_("%s est un avoir : il se rembourse ou s'affecte à une facture.") % invoice)
    if invoice.customer_id != customer.pk and invoice.customer_id not in _names_of(customer):
        raise BusinessError(
            _("%(invoice)s est due par %(customer)s : choisissez le bon client.")
            % {"invoice": invoice, "customer": invoice.customer}
        )
    if invoice.residual <= 0:
        if invoice.payment_state == PaymentState.CREDITED:
            raise BusinessError(_("%s est annulée par avoir : il n'y a rien à payer.") % invoice, code="already_paid")
        raise BusinessError(_("%s est déjà payée.") % invoice, code="already_paid")


def _refuse_other_company(invoice: Invoice, company: Company, source: object) -> None:
    """Raise BusinessError when what settles an invoice is another company's. `source`: what the sentence calls it."""
    if invoice.company_id != company.pk:
        raise BusinessError(
            _("%(invoice)s est d'une autre société que %(source)s.") % {"invoice": invoice, "source": source},
            code="other_company",
        )


def pay_invoice(
    invoice: Invoice,
    *,
    amount: Decimal,
    on: date,
    kind: str,
    by: By,
    reference: str = "",
    seen: int | None = None,
) -> Payment:
    """Record a payment of one invoice. Raises BusinessError as `record_payment`, and above the residual; StaleForm."""
    refuse_amount(amount, on, _("choisissez la date de réception"))
    with atomic():
        (locked,) = lock_settled([invoice.pk])
        refuse_changed(locked, seen)
        _refuse_unpayable(locked, locked.customer)
        if amount > locked.residual:
            raise BusinessError(
                _("%(invoice)s : il reste %(left)s à payer, le paiement est de %(amount)s. Baissez le montant.")
                % {
                    "invoice": locked,
                    "left": money_text(locked.residual, locked.currency),
                    "amount": money_text(amount, locked.currency),
                },
                code="payment_beyond_residual",
            )
        return _receive(
            [locked],
            company=locked.company,
            customer=locked.customer,
            amount=amount,
            on=on,
            kind=kind,
            by=by,
            reference=reference,
        )


def use_credit(credit_note: Invoice, *, invoice: Invoice, on: date, by: By) -> Allocation | None:
    """Settle an invoice with a credit note, up to the lower residual. Returns None when one has nothing left.

    The caller has locked both.
    """
    by_pk = {document.pk: document for document in _with_residual([credit_note.pk, invoice.pk])}
    credit_note, invoice = by_pk[credit_note.pk], by_pk[invoice.pk]
    part = min(credit_note.residual, invoice.residual)
    return _write_allocation(credit_note, invoice, part, on=on, by=by) if part > 0 else None


def allocate_credit(
    credit_note: Invoice, *, parts: Mapping[int, Decimal], seen: int | None = None, on: date, by: By
) -> Invoice:
    """Settle invoices of the same customer with what is left of a credit note. `parts`: {invoice id: amount}.

    Raises BusinessError: not a posted credit note, nothing left of it, no part, more than what is left of it or of an
    invoice, an invoice that is not posted, paid, or of another customer or company; StaleForm.
    """
    with atomic():
        by_pk = {document.pk: document for document in lock_settled({credit_note.pk, *parts})}
        credit_note = by_pk.pop(credit_note.pk)
        refuse_changed(credit_note, seen)
        refuse_spent(credit_note)
        _allocate(credit_note, credit_note.residual, by_pk, parts, on=on, by=by)
    return credit_note


def allocate_payment(
    payment: Payment, *, parts: Mapping[int, Decimal], seen: int | None = None, on: date, by: By
) -> Payment:
    """Settle invoices of the same customer with what is left of a payment. `parts`: {invoice id: amount}.

    Raises BusinessError for a refund, and as `allocate_credit`; StaleForm.
    """
    with atomic():
        locked, chosen = lock_received(payment, invoices=parts, seen=seen)
        by_pk = {invoice.pk: invoice for invoice in chosen}
        if locked.is_refund:
            raise BusinessError(_("%s est un remboursement : il ne s'affecte à aucune facture.") % locked)
        if locked.left <= 0:
            raise BusinessError(_("%s est déjà affecté en entier.") % locked, code="nothing_left")
        _allocate(locked, locked.left, by_pk, parts, on=on, by=by)
    return locked


def refuse_spent(credit_note: Invoice) -> None:
    """Raise BusinessError for a document that is not a posted credit note, or has nothing left."""
    if not (credit_note.is_posted and credit_note.is_credit_note):
        raise BusinessError(_("%s n'est pas un avoir validé : choisissez un avoir.") % credit_note, code="wrong_state")
    if credit_note.residual <= 0:
        raise BusinessError(_("%s est déjà affecté ou remboursé en entier.") % credit_note, code="nothing_left")


def _allocate(
    source: Invoice | Payment,
    left: Decimal,
    invoices: Mapping[int, Invoice],
    parts: Mapping[int, Decimal],
    *,
    on: date,
    by: By,
) -> None:
    if not parts:
        raise BusinessError(_("%s : choisissez au moins une facture et son montant.") % source)
    if set(parts) - set(invoices):
        raise BusinessError(_("%s : une facture choisie n'existe plus. Rechargez la page.") % source, code="stale")
    for pk, invoice in invoices.items():
        _refuse_unpayable(invoice, source.customer)
        _refuse_other_company(invoice, source.company, source)
        part = parts[pk]
        if part <= 0 or part != to_cents(part):
            raise BusinessError(_("%s : le montant affecté est positif, au centime.") % invoice)
        if part > invoice.residual:
            raise BusinessError(
                _("%(invoice)s : il reste %(left)s à payer, vous affectez %(amount)s. Baissez le montant.")
                % {
                    "invoice": invoice,
                    "left": money_text(invoice.residual, invoice.currency),
                    "amount": money_text(part, invoice.currency),
                },
                code="payment_beyond_residual",
            )
    total = sum(parts.values())
    if total > left:
        raise BusinessError(
            _("%(source)s : il reste %(left)s à affecter, vous affectez %(amount)s. Baissez les montants.")
            % {
                "source": source,
                "left": money_text(left, source.currency),
                "amount": money_text(Decimal(total), source.currency),
            },
            code="beyond_what_is_left",
        )
    for pk, invoice in invoices.items():
        _write_allocation(source, invoice, parts[pk], on=on, by=by)
