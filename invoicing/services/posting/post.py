"""Posting: number and freeze drafts, one or thousands at a time, and write their balanced entries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice

from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceKind, InvoiceState
from invoicing.models import Invoice, InvoiceLine, JournalCounter
from invoicing.models.documents.lines import lines_totals
from invoicing.services.accounts import EntryDraft, Leg, write_entries
from invoicing.services.documents import snapshots
from invoicing.services.documents.drafts import write_taxes
from invoicing.services.documents.jobs import queue_documents
from invoicing.services.documents.lines import PRINTED, copy_printed
from invoicing.services.locks import lock_journal_counters, lock_to_post
from invoicing.services.posting.checks import (
    first_day,
    lines_priced_otherwise,
    refusal_of_date,
    refusal_of_net,
    refusals_to_post,
)
from invoicing.services.records.acts import Once, perform_together
from invoicing.services.records.history import record_many, refuse_stale
from invoicing.services.settlement.payments import use_credit
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.db.related import read_related
from openfire_billing.db.transactions import in_transaction
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.memory import collection_paused
from openfire_billing.kernel.outcome import Outcome

CHUNK = 500
_FROZEN = [
    "state",
    "number",
    "issued_on",
    "due_on",
    "net",
    "tax",
    "gross",
    "rounding",
    "seller",
    "buyer",
    "delivery",
    "texts",
    "posted_at",
    "posted_by_id",
    "version",
]


def post_invoice(invoice: Invoice, *, seen: int | None = None, on: date, by: By) -> Invoice:
    """Post one draft. Raises BusinessError when it may not be posted, StaleForm when it changed."""
    (outcome,) = post_invoices([invoice], seen=seen, on=on, by=by)
    if outcome.is_refused:
        raise outcome.error or BusinessError(outcome.refusal)
    made: Invoice = outcome.made
    return made


def post_invoices(
    invoices: Iterable[Invoice], *, seen: int | None = None, on: date, by: By, once: Once | None = None
) -> list[Outcome]:
    """Post drafts on the day `on`, by proposed date then id. Numbers are consecutive in each series, without a gap.

    The proposed date becomes the issue date when it lies between the last issue date of the journal and `on`; else
    `on` does. A refused draft does not stop the others. `seen`: the version of a single draft. `once`: the key of the
    act; each draft has a key under it. Returns an outcome for each draft. Raises BusinessError when `on` is after
    today, StaleForm.
    """
    if on > timezone.localdate():
        raise BusinessError(_("Une facture ne se date pas dans le futur : choisissez aujourd'hui ou avant."))
    queue = sorted(invoices, key=lambda invoice: (invoice.proposed_on, invoice.pk))
    outcomes: dict[int, Outcome] = {}
    rest = iter(queue)
    size = len(queue) if in_transaction() else CHUNK  # locking chunk by chunk would break the order of locks
    while chunk := list(islice(rest, size)):

        def act(drafts: Sequence[Invoice]) -> list[Outcome]:
            return _post_chunk(drafts, seen=seen, on=on, by=by)

        with collection_paused():
            outcomes.update({outcome.document.pk: outcome for outcome in perform_together(chunk, act, once=once)})
    return [outcomes[invoice.pk] for invoice in queue]


def _post_chunk(chunk: Sequence[Invoice], *, seen: int | None, on: date, by: By) -> list[Outcome]:
    locked = _locked(chunk, seen=seen)
    outcomes: dict[int, Outcome] = {}
    ready: dict[int, list[Invoice]] = defaultdict(list)
    priced_otherwise = lines_priced_otherwise(locked)
    for wanted in chunk:
        invoice = locked.get(wanted.pk)
        if invoice is None:
            outcomes[wanted.pk] = Outcome.refused(wanted, BusinessError(_("%s n'existe plus.") % wanted))
            continue
        faults = refusals_to_post(invoice)
        if not faults and wanted.pk in priced_otherwise:
            faults = [refusal_of_net(invoice, priced_otherwise[wanted.pk])]
        if faults:
            outcomes[wanted.pk] = Outcome.refused(wanted, BusinessError.all(faults))
        else:
            ready[invoice.journal_id].append(invoice)
    posted = []
    for outcome in number_drafts([draft for drafts in ready.values() for draft in drafts], on=on):
        outcomes[outcome.document.pk] = outcome
        if outcome.made:
            posted.append(outcome.made)
    write_posted(posted, by=by)
    for document in posted:
        if document.is_credit_note and document.credits_id:
            use_credit(document, invoice=locked[document.credits_id], on=document.issued_on or on, by=by)
    return list(outcomes.values())


def _locked(chunk: Sequence[Invoice], *, seen: int | None) -> dict[int, Invoice]:
    """Lock the drafts, and the invoices that credit notes among them credit: {id: row}, with the relations that posting reads."""
    locked = lock_to_post([invoice.pk for invoice in chunk])
    if seen is not None:
        for invoice in chunk:
            if invoice.pk in locked:
                refuse_stale(locked[invoice.pk], seen)
    _read_all(list(locked.values()))
    return locked


def _read_all(invoices: Sequence[Invoice]) -> None:
    """Read the relations of invoices that posting reads, each with one query."""
    read_related(invoices, "company", "customer", "billing_address", "site", "journal", "payment_term")
    read_related(invoices, "fiscal_position", "credits")
    prefetch_related_objects(invoices, "lines", "taxes")
    lines = [line for invoice in invoices for line in invoice.lines.all()]
    read_related(lines, "tax", "product", "unit")
    taxes = {line.tax_id: line.tax for line in lines if line.tax is not None}
    prefetch_related_objects(list(taxes.values()), "replaced_by")
    positions = {invoice.fiscal_position_id: invoice.fiscal_position for invoice in invoices}
    prefetch_related_objects([each for each in positions.values() if each], "mappings__target__replaced_by")


def number_drafts(drafts: Sequence[Invoice], *, on: date) -> list[Outcome]:
    """Date and number drafts, in each journal by proposed date then id. Locks all counters together: call it last."""
    if not drafts:
        return []
    by_journal: dict[int, list[Invoice]] = defaultdict(list)
    for draft in drafts:
        by_journal[draft.journal_id].append(draft)
    years = {on.year} | {draft.proposed_on.year for draft in drafts if draft.proposed_on <= on}
    counters = lock_journal_counters({draft.journal for draft in drafts}, years)
    outcomes = [outcome for pk, group in sorted(by_journal.items()) for outcome in _number(group, counters[pk], on=on)]
    JournalCounter.objects.bulk_update(
        [counter for series in counters.values() for counter in series.values()], ["last_number", "last_issued_on"]
    )
    return outcomes


def _number(drafts: Sequence[Invoice], counters: Mapping[int, JournalCounter], *, on: date) -> list[Outcome]:
    """Date and number the drafts of one journal, by proposed date then id."""
    journal = drafts[0].journal
    last = max((c.last_issued_on for c in counters.values() if c.last_issued_on), default=date.min)
    outcomes = []
    for draft in sorted(drafts, key=lambda invoice: (invoice.proposed_on, invoice.pk)):
        first = max(last, first_day(draft))
        issued_on = draft.proposed_on if first <= draft.proposed_on <= on else on
        refusal = refusal_of_date(draft, issued_on, last)
        if refusal is not None:
            outcomes.append(Outcome.refused(draft, refusal))
            continue
        counter = counters[issued_on.year]
        counter.last_number += 1
        counter.last_issued_on = last = issued_on
        draft.number = journal.number(issued_on.year, counter.last_number)
        draft.issued_on = issued_on
        draft.due_on = _due_on(draft)
        outcomes.append(Outcome(draft, made=draft))
    return outcomes


def _due_on(draft: Invoice) -> date | None:
    assert draft.issued_on is not None
    if draft.kind == InvoiceKind.CREDIT_NOTE:
        return None
    return draft.payment_term.due_on(draft.issued_on) if draft.payment_term else draft.issued_on


def write_posted(invoices: Sequence[Invoice], *, by: By) -> None:
    """Freeze numbered invoices (lines, parties, texts, totals), write their entries and journals, and queue their PDFs."""
    if not invoices:
        return
    now = timezone.now()
    _freeze_lines(invoices)
    for invoice in invoices:
        invoice.state = InvoiceState.POSTED
        invoice.version += 1
        invoice.posted_at, invoice.posted_by = now, by
        invoice.seller = snapshots.seller(invoice.company)
        invoice.buyer = snapshots.buyer(invoice.customer, invoice.billing_address, country=invoice.company.country)
        invoice.delivery = snapshots.delivery(invoice)
        invoice.texts = snapshots.texts(invoice)
        if not invoice.is_credit_note:  # the tax of a credit note may be limited to the tax left: it stays as computed
            _settle_totals(invoice)
    bulk.update(Invoice, _FROZEN, ([invoice.pk, *_frozen(invoice)] for invoice in invoices))
    write_entries([entry_of(invoice) for invoice in invoices])
    text = str(_("Validée sous le numéro %s"))
    record_many([(invoice, text % invoice.number, None) for invoice in invoices], "posted", by=by)
    queue_documents(invoices, at=now)


def _freeze_lines(invoices: Iterable[Invoice]) -> None:
    """Update the lines whose copies of unit and tax are out of date. Call it before the invoices are posted."""
    stale = [line for invoice in invoices for line in invoice.lines.all() if copy_printed(line)]
    bulk.update(InvoiceLine, PRINTED, ([line.pk, *(getattr(line, name) for name in PRINTED)] for line in stale))


def _frozen(invoice: Invoice) -> list[object]:
    values = [getattr(invoice, name) for name in _FROZEN]
    return [getattr(value, "amount", value) for value in values]  # the column of a Money holds its decimal


def _settle_totals(invoice: Invoice) -> None:
    """Compute the totals from the lines. Rewrite nets and taxes when the stored ones differ, as after an edit in SQL."""
    totals = lines_totals(invoice.lines.all(), invoice.rounding)
    if totals != invoice.totals:
        for line in invoice.lines.all():
            line.net = line.net_amount(invoice.rounding)
        InvoiceLine.objects.bulk_update(invoice.lines.all(), ["net"])
        write_taxes(invoice, totals)
    invoice.net, invoice.tax, invoice.gross = totals.net, totals.tax, totals.gross


def entry_of(invoice: Invoice) -> EntryDraft:
    """Return the balanced entry of a numbered invoice: customer, income by account, VAT by account. Reversed for a credit note."""
    sign = -1 if invoice.is_credit_note else 1
    income: dict[tuple[str, bool], Decimal] = defaultdict(Decimal)  # by account; deductions apart, on the other side
    tax_accounts: dict[tuple[str, Decimal], str] = {}
    for line in invoice.lines.all():
        if line.is_article and line.tax is not None:
            account = line.product.income_account if line.product else invoice.company.income_account
            income[account, line.is_deduction] += line.net
            tax_accounts.setdefault((line.tax.category, line.tax.rate), line.tax.account)
    vat: dict[str, Decimal] = defaultdict(Decimal)
    for tax in invoice.taxes.all():
        if tax.amount:
            vat[tax_accounts[(tax.category, tax.rate)]] += tax.amount
    gross = sum(income.values(), Decimal(0)) + sum(vat.values(), Decimal(0))
    assert invoice.issued_on is not None
    return EntryDraft(
        journal=invoice.journal,
        number=invoice.number or "",
        on=invoice.issued_on,
        document=invoice.number or "",
        label=f"{InvoiceKind(invoice.kind).label} {invoice.number} {invoice.customer.name}",
        legs=[
            Leg(invoice.company.receivable_account, sign * gross, invoice.customer),
            *(Leg(account, -sign * amount) for (account, _is_deduction), amount in sorted(income.items())),
            *(Leg(account, -sign * amount) for account, amount in sorted(vat.items())),
        ],
    )
