"""Locks of invoicing's documents. An act locks in one call all rows that it changes or decides from."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias, TypeVar

from django.contrib.auth.models import User
from django.db.models import ForeignObjectRel, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceState
from invoicing.models import (
    Claim,
    Company,
    Counter,
    FollowUp,
    Hold,
    ImportTurn,
    Invoice,
    InvoiceLine,
    Journal,
    JournalCounter,
    Message,
    Partner,
    Payment,
    PurchaseOrder,
    Quote,
    SupplierBill,
)
from invoicing.models.documents.claims import sources_of
from invoicing.services.records.history import refuse_stale
from openfire_billing.db.locks import Locked, Wanted, lock, lock_rows, lockable, place_of
from openfire_billing.db.texts import Text
from openfire_billing.kernel.errors import BusinessError, WrongState

AnyRecord = TypeVar("AnyRecord", bound=Model)
HeldClaims: TypeAlias = list[tuple[type[Claim], list[Claim]]]  # the claims of invoice lines, by model
FEW = 20  # up to so many rows, one joined query reads their relations; above, one query a relation
GONE: Mapping[type[Model], Text] = {
    Quote: _("Ce devis n'existe plus : il a été supprimé entre-temps. Revenez à la liste."),
    Invoice: _("Ce brouillon n'existe plus : il a été supprimé entre-temps. Revenez à la liste."),
    PurchaseOrder: _("Cette commande n'existe plus : elle a été supprimée entre-temps. Revenez à la liste."),
    SupplierBill: _("Cette facture n'existe plus : elle a été supprimée entre-temps. Revenez à la liste."),
    Payment: _("Ce paiement n'existe plus. Revenez à la liste."),
}


def _held_by(quotes: Collection[int]) -> Wanted:
    """Return the ids of the documents whose lines these quotes hold, by model."""
    held: dict[type[Model], set[int]] = {}
    for hold, sources in sources_of(Hold.children(), quote_line__quote__in=quotes).items():
        held.setdefault(hold.source_model(), set()).update(sources)
    return held


lockable(ImportTurn, "import")
lockable(
    Quote,
    "quote",
    rows=lambda: Quote.objects.select_related(
        "company", "partner__bill_to", "bill_to", "site", "fiscal_position", "payment_term"
    ),
    first=_held_by,
)
lockable(PurchaseOrder, "purchase order", rows=lambda: PurchaseOrder.objects.select_related("company", "supplier"))
lockable(SupplierBill, "supplier bill", rows=lambda: SupplierBill.objects.select_related("company", "supplier"))
lockable(
    Invoice,
    "invoice",
    rows=lambda: Invoice.objects.select_related(
        "company", "customer", "billing_address", "site", "journal", "payment_term", "fiscal_position"
    ),
)
lockable(Payment, "payment", rows=lambda: Payment.objects.select_related("company", "customer__merged_into"))
lockable(Partner, "customer")
lockable(Message, "message")
lockable(FollowUp, "follow-up")
lockable(User, "user")


def locked_one(locked: Locked, model: type[AnyRecord], pk: int | None, *, seen: int | None = None) -> AnyRecord:
    """Return the document `pk` of the locked rows.

    Raises BusinessError when it no longer exists, StaleForm when its version is not `seen`.
    """
    document: AnyRecord | None = locked[model].get(pk or 0)
    if document is None:
        raise BusinessError(GONE.get(model, _("Cette fiche n'existe plus : elle a été supprimée entre-temps.")))
    if seen is not None:
        refuse_stale(document, seen)
    return document


def lock_quote(quote: Quote, *, seen: int | None = None) -> Quote:
    """Lock one quote, after the documents whose lines it holds and all quotes of these."""
    return locked_one(lock(lambda: {Quote: [quote.pk]}), Quote, quote.pk, seen=seen)


def lock_quotes(quotes: Iterable[Quote]) -> list[Quote]:
    """Lock quotes, after the documents whose lines they hold and all quotes of these. Leaves out quotes that no longer exist."""
    ids = {quote.pk for quote in quotes}
    return [row for pk, row in lock(lambda: {Quote: ids})[Quote].items() if pk in ids]


def claims_on(lines: Iterable[InvoiceLine]) -> HeldClaims:
    """Return the claims of invoice lines: (model of the claims, claims)."""
    held = sources_of(Claim.children(), invoice_line__in=lines)
    return [
        (
            claim,
            list(claim._default_manager.filter(invoice_line__in=lines).select_related("invoice_line").order_by("pk")),
        )
        for claim in Claim.children()
        if claim in held
    ]


def _billed_by(invoices: Collection[int]) -> Wanted:
    """Return the ids of these invoices and of the documents that their lines bill, by model."""
    billed: dict[type[Model], set[int]] = {Invoice: set(invoices)}
    for claim, sources in sources_of(Claim.children(), invoice_line__invoice__in=invoices).items():
        billed.setdefault(claim.source_model(), set()).update(sources)
    return billed


def lock_with_claims(invoices: Iterable[Invoice], *, seen: int | None = None) -> tuple[list[Invoice], HeldClaims]:
    """Lock invoices after the documents they bill. Returns the invoices, and their claims read under the locks.

    `seen`: the version of a single invoice. Raises BusinessError when an invoice no longer exists, StaleForm.
    """
    ids = sorted({invoice.pk for invoice in invoices})
    locked = lock(lambda: _billed_by(ids))
    rows = [locked_one(locked, Invoice, pk, seen=seen) for pk in ids]
    return rows, claims_on(InvoiceLine.objects.filter(invoice__in=ids))


def lock_drafts(invoices: Iterable[Invoice], *, seen: int | None = None) -> tuple[list[Invoice], HeldClaims]:
    """Lock drafts as `lock_with_claims` does. Raises WrongState for an invoice in another state."""
    rows, claims = lock_with_claims(invoices, seen=seen)
    for invoice in rows:
        if invoice.state == InvoiceState.CANCELLED:
            raise WrongState(_("%s est déjà annulée : rien n'y change plus. Ce qu'elle facturait est libre.") % invoice)
        if not invoice.is_draft:
            raise WrongState(
                _("%(invoice)s est à l'état « %(state)s » : seul un brouillon se modifie. Corrigez-la par un avoir.")
                % {"invoice": invoice, "state": invoice.get_state_display()}
            )
    return rows, claims


def lock_to_post(invoices: Collection[int]) -> dict[int, Invoice]:
    """Lock drafts to post, and the invoices that the credit notes among them credit: {id: row}.

    Above FEW drafts, the rows come without their relations.
    """

    def find() -> Wanted:
        drafts = Invoice.objects.filter(pk__among=sorted(invoices), credits__isnull=False).order_by()
        credited = drafts.values_list("credits", flat=True)
        return {Invoice: {*invoices, *(pk for pk in credited if pk)}}

    return lock(find, bare=len(invoices) > FEW)[Invoice]


def lock_invoices(invoices: Iterable[int]) -> dict[int, Invoice]:
    """Lock invoices that a payment or a credit note settles: {id: row}."""
    ids = set(invoices)
    return lock(lambda: {Invoice: ids})[Invoice]


def lock_payment(payment: Payment, *, invoices: Iterable[int] = ()) -> Payment:
    """Lock a payment after the invoices it settles, and after `invoices`."""
    more = set(invoices)

    def find() -> Wanted:
        settled = Invoice.objects.filter(allocations__payment=payment.pk).values_list("pk", flat=True)
        return {Invoice: {*more, *settled}, Payment: [payment.pk]}

    return locked_one(lock(find), Payment, payment.pk)


def lock_order(order: PurchaseOrder, *, seen: int | None = None) -> PurchaseOrder:
    """Lock a purchase order. Raises BusinessError when it no longer exists, StaleForm."""
    return locked_one(lock(lambda: {PurchaseOrder: [order.pk]}), PurchaseOrder, order.pk, seen=seen)


def lock_orders(orders: Iterable[PurchaseOrder]) -> list[PurchaseOrder]:
    """Lock purchase orders. Leaves out orders that no longer exist."""
    ids = {order.pk for order in orders}
    return list(lock(lambda: {PurchaseOrder: ids})[PurchaseOrder].values())


def lock_bill(bill: SupplierBill, *, seen: int | None = None) -> tuple[SupplierBill, PurchaseOrder | None]:
    """Lock a supplier bill after the order it bills. Returns both."""

    def find() -> Wanted:
        orders = SupplierBill.objects.filter(pk=bill.pk, order__isnull=False).values_list("order", flat=True)
        return {PurchaseOrder: set(orders), SupplierBill: [bill.pk]}

    locked = lock(find)
    row = locked_one(locked, SupplierBill, bill.pk, seen=seen)
    order = locked[PurchaseOrder].get(row.order_id or 0)
    if order is not None:
        row.order = order
    return row, order


def lock_document(document: AnyRecord, *, seen: int | None = None) -> AnyRecord:
    """Lock one document of any app, and read it again. Raises BusinessError when it no longer exists, StaleForm."""
    return locked_one(lock(lambda: {type(document): [document.pk]}), type(document), document.pk, seen=seen)


def lock_record(record: AnyRecord, *, seen: int | None = None) -> AnyRecord:
    """Lock a record that acts lock alone (an article, an address, a tax), and read it again. Raises as `lock_document`."""
    locked: Locked = {type(record): lock_rows(type(record)._default_manager.filter(pk=record.pk))}
    return locked_one(locked, type(record), record.pk, seen=seen)


def lock_places(model: type[AnyRecord], ids: Collection[int]) -> dict[int, AnyRecord]:
    """Lock the records of one model whose place is written, and nothing else: {id: row}."""
    return lock_rows(model._default_manager.filter(pk__among=sorted(ids)))


def rows_to_move(relation: ForeignObjectRel, duplicate: int) -> "QuerySet[Model]":
    """Return the rows of one relation that leave the merged customer of id `duplicate`: all, or those of `MOVED_WHEN_MERGED`."""
    model = relation.related_model
    return model._default_manager.filter(getattr(model, "MOVED_WHEN_MERGED", Q()), **{relation.field.name: duplicate})


def lock_to_merge(duplicate: Partner, into: Partner) -> dict[int, Partner]:
    """Lock two customers after the documents that leave the first one: {id: row}."""

    def find() -> Wanted:
        wanted: dict[type[Model], set[int]] = {}
        for relation in Partner._meta.related_objects:
            if place_of(relation.related_model) is not None:
                rows = rows_to_move(relation, duplicate.pk).order_by().values_list("pk", flat=True)
                wanted.setdefault(relation.related_model, set()).update(rows)
        wanted.setdefault(Partner, set()).update({duplicate.pk, into.pk})
        return wanted

    locked = lock(find)[Partner]
    return {pk: locked[pk] for pk in (duplicate.pk, into.pk) if pk in locked}


def lock_imports() -> None:
    """Let one import write at a time: the next one waits here, then reads the records that this one wrote."""
    ImportTurn.objects.get_or_create(pk=ImportTurn.ONLY)
    lock_rows(ImportTurn.objects.filter(pk=ImportTurn.ONLY))


def lock_counter(company: Company, series: str) -> Counter:
    """Lock and return the counter of a company's series; create it if missing. After this call, the caller must not
    lock a table that precedes Counter in the lock order.
    """
    Counter.objects.get_or_create(company=company, series=series)
    counter: Counter
    (counter,) = lock_rows(Counter.objects.filter(company=company, series=series)).values()
    return counter


def lock_journal_counters(journals: Iterable[Journal], years: Collection[int]) -> dict[int, dict[int, JournalCounter]]:
    """Lock all counters of these journals: {journal id: {year: counter}}. Creates those of `years` when missing."""
    counters: dict[int, dict[int, JournalCounter]] = {journal.pk: {} for journal in journals}
    for journal in sorted(counters):
        for year in sorted(years):
            JournalCounter.objects.get_or_create(journal_id=journal, year=year)
    for counter in lock_rows(JournalCounter.objects.filter(journal__in=counters)).values():
        counters[counter.journal_id][counter.year] = counter
    return counters
