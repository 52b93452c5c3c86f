"""Locks of invoicing's documents: each act locks, by one call, all that it changes or reads to decide."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias, TypeVar

from django.contrib.auth.models import User
from django.db.models import ForeignObjectRel, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from invoicing.models import (
    Claim,
    Company,
    Counter,
    FollowUp,
    Hold,
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
HeldClaims: TypeAlias = list[tuple[type[Claim], list[Claim]]]  # the claims that invoice lines hold, by kind
FEW = 20  # rows whose relations are read in one joined query; of more, each relation is read once for all
GONE: Mapping[type[Model], Text] = {
    Quote: _("Ce devis n'existe plus : il a été supprimé entre-temps. Revenez à la liste."),
    Invoice: _("Ce brouillon n'existe plus : il a été supprimé entre-temps. Revenez à la liste."),
    PurchaseOrder: _("Cette commande n'existe plus : elle a été supprimée entre-temps. Revenez à la liste."),
    SupplierBill: _("Cette facture n'existe plus : elle a été supprimée entre-temps. Revenez à la liste."),
    Payment: _("Ce paiement n'existe plus. Revenez à la liste."),
}


def _held_by(quotes: Collection[int]) -> Wanted:
    """The documents whose lines these quotes hold."""
    found: dict[type[Model], set[int]] = {}
    for hold, sources in sources_of(Hold.children(), quote_line__quote__in=quotes).items():
        found.setdefault(hold.source_model(), set()).update(sources)
    return found


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


def the_one(locked: Locked, model: type[AnyRecord], pk: int | None, *, seen: int | None = None) -> AnyRecord:
    """The one document of a lock. Raises BusinessError when it is gone, StaleForm when it changed since `seen`."""
    document: AnyRecord | None = locked[model].get(pk or 0)
    if document is None:
        raise BusinessError(GONE.get(model, _("Cette fiche n'existe plus : elle a été supprimée entre-temps.")))
    if seen is not None:
        refuse_stale(document, seen)
    return document


def lock_quote(quote: Quote, *, seen: int | None = None) -> Quote:
    """Lock one quote after the documents it holds and all their quotes."""
    return the_one(lock(lambda: {Quote: [quote.pk]}), Quote, quote.pk, seen=seen)


def lock_quotes(quotes: Iterable[Quote]) -> list[Quote]:
    """Lock quotes after the documents they hold and all their quotes; those that are gone are left out."""
    ids = {quote.pk for quote in quotes}
    return [row for pk, row in lock(lambda: {Quote: ids})[Quote].items() if pk in ids]


def claims_on(lines: Iterable[InvoiceLine]) -> HeldClaims:
    """The claims held by invoice lines: (kind of claim, claims)."""
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
    """These invoices, and the documents that their lines bill."""
    found: dict[type[Model], set[int]] = {Invoice: set(invoices)}
    for claim, sources in sources_of(Claim.children(), invoice_line__invoice__in=invoices).items():
        found.setdefault(claim.source_model(), set()).update(sources)
    return found


def lock_with_claims(invoices: Iterable[Invoice], *, seen: int | None = None) -> tuple[list[Invoice], HeldClaims]:
    """Lock invoices after the documents they bill. Returns them, and their claims read under the locks.

    Raises BusinessError when one is gone. `seen`: of a single invoice.
    """
    ids = sorted({invoice.pk for invoice in invoices})
    locked = lock(lambda: _billed_by(ids))
    rows = [the_one(locked, Invoice, pk, seen=seen) for pk in ids]
    return rows, claims_on(InvoiceLine.objects.filter(invoice__in=ids))


def lock_drafts(invoices: Iterable[Invoice], *, seen: int | None = None) -> tuple[list[Invoice], HeldClaims]:
    """`lock_with_claims`, of drafts only: another state is refused."""
    rows, claims = lock_with_claims(invoices, seen=seen)
    for invoice in rows:
        if not invoice.is_draft:
            raise WrongState(
                _("%(invoice)s est à l'état « %(state)s » : seul un brouillon se modifie. Corrigez-la par un avoir.")
                % {"invoice": invoice, "state": invoice.get_state_display()}
            )
    return rows, claims


def lock_to_post(invoices: Collection[int]) -> dict[int, Invoice]:
    """Lock drafts to post and the invoices that drafted credit notes among them credit: {id: row}, bare when many."""

    def find() -> Wanted:
        drafts = Invoice.objects.filter(pk__among=sorted(invoices), credits__isnull=False).order_by()
        credited = drafts.values_list("credits", flat=True)
        return {Invoice: {*invoices, *(pk for pk in credited if pk)}}

    return lock(find, bare=len(invoices) > FEW)[Invoice]


def lock_invoices(invoices: Iterable[int]) -> dict[int, Invoice]:
    """Lock invoices that money or a credit note settles: {id: row}."""
    ids = set(invoices)
    return lock(lambda: {Invoice: ids})[Invoice]


def lock_payment(payment: Payment, *, invoices: Iterable[int] = ()) -> Payment:
    """Lock a payment after the invoices it settles, and after `invoices`."""
    more = set(invoices)

    def find() -> Wanted:
        settled = Invoice.objects.filter(allocations__payment=payment.pk).values_list("pk", flat=True)
        return {Invoice: {*more, *settled}, Payment: [payment.pk]}

    return the_one(lock(find), Payment, payment.pk)


def lock_order(order: PurchaseOrder, *, seen: int | None = None) -> PurchaseOrder:
    """Lock a purchase order."""
    return the_one(lock(lambda: {PurchaseOrder: [order.pk]}), PurchaseOrder, order.pk, seen=seen)


def lock_orders(orders: Iterable[PurchaseOrder]) -> list[PurchaseOrder]:
    """Lock purchase orders; those that are gone are left out."""
    ids = {order.pk for order in orders}
    return list(lock(lambda: {PurchaseOrder: ids})[PurchaseOrder].values())


def lock_bill(bill: SupplierBill, *, seen: int | None = None) -> tuple[SupplierBill, PurchaseOrder | None]:
    """Lock a supplier bill after the order it bills: both."""

    def find() -> Wanted:
        orders = SupplierBill.objects.filter(pk=bill.pk, order__isnull=False).values_list("order", flat=True)
        return {PurchaseOrder: set(orders), SupplierBill: [bill.pk]}

    locked = lock(find)
    found: SupplierBill = the_one(locked, SupplierBill, bill.pk, seen=seen)
    order = locked[PurchaseOrder].get(found.order_id or 0)
    if order is not None:
        found.order = order
    return found, order


def lock_document(document: AnyRecord, *, seen: int | None = None) -> AnyRecord:
    """Lock one document of any app by its model."""
    return the_one(lock(lambda: {type(document): [document.pk]}), type(document), document.pk, seen=seen)


def lock_record(record: AnyRecord, *, seen: int | None = None) -> AnyRecord:
    """Lock a record that no act locks with others (an article, an address, a tax), and read it again."""
    found = lock_rows(type(record)._default_manager.filter(pk=record.pk)).get(record.pk)
    return the_one({type(record): {record.pk: found} if found else {}}, type(record), record.pk, seen=seen)


def rows_to_move(relation: ForeignObjectRel, loser: int) -> "QuerySet[Model]":
    """The rows of one relation that leave a merged customer (an id): `MOVED_WHEN_MERGED` says which, on the books."""
    model = relation.related_model
    return model._base_manager.filter(getattr(model, "MOVED_WHEN_MERGED", Q()), **{relation.field.name: loser})


def lock_to_merge(loser: Partner, into: Partner) -> dict[int, Partner]:
    """Lock two customers after the documents that leave the first: {id: row}."""

    def find() -> Wanted:
        found: dict[type[Model], set[int]] = {}
        for relation in Partner._meta.related_objects:
            if place_of(relation.related_model) is not None:
                rows = rows_to_move(relation, loser.pk).order_by().values_list("pk", flat=True)
                found.setdefault(relation.related_model, set()).update(rows)
        found.setdefault(Partner, set()).update({loser.pk, into.pk})
        return found

    locked = lock(find)[Partner]
    return {pk: locked[pk] for pk in (loser.pk, into.pk) if pk in locked}


def lock_counter(company: Company, series: str) -> Counter:
    """Lock the counter of a company's series, created when missing. Nothing earlier in the order is locked after it."""
    Counter.objects.get_or_create(company=company, series=series)
    (counter,) = lock_rows(Counter.objects.filter(company=company, series=series)).values()
    found: Counter = counter
    return found


def lock_journal_counters(journals: Iterable[Journal], years: Collection[int]) -> dict[int, dict[int, JournalCounter]]:
    """Lock all counters of these journals, those of `years` created when missing: {journal id: {year: counter}}."""
    found: dict[int, dict[int, JournalCounter]] = {journal.pk: {} for journal in journals}
    for journal in sorted(found):
        for year in sorted(years):
            JournalCounter.objects.get_or_create(journal_id=journal, year=year)
    for counter in lock_rows(JournalCounter.objects.filter(journal__in=found)).values():
        found[counter.journal_id][counter.year] = counter
    return found
