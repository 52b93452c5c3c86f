"""The bulk writer of the billing: a plan becomes drafts, lines, taxes, claims and history, in a few statements.

It decides nothing: what to bill and at which amount is the planner's. The caller holds the contracts' lock and the
transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from contracts.choices import WithoutDocument
from contracts.models import ExceptionClaim, PeriodClaim, VisitClaim
from contracts.planner.intents import (
    CREDIT_NOTE,
    FREE,
    INVOICE,
    Charge,
    ChargeIntent,
    ExceptionCharge,
    GroupIntent,
    VisitCharge,
)
from contracts.services.facts import ChunkFacts
from invoicing.choices import InvoiceKind, InvoiceState, JournalKind, LineKind
from invoicing.models import HistoryLine, Invoice, InvoiceLine, InvoiceTax, Journal
from invoicing.services.catalogue import TaxRow
from openfire_billing.db import bulk
from openfire_billing.kernel import money

ONE = Decimal(1)
NO_DISCOUNT = Decimal(0)
_KINDS = {INVOICE: InvoiceKind.INVOICE.value, CREDIT_NOTE: InvoiceKind.CREDIT_NOTE.value}
DRAFT, ARTICLE = InvoiceState.DRAFT.value, LineKind.ARTICLE.value

INVOICE_COLUMNS = (
    "id company_id kind state journal_id customer_id billing_address_id site_id fiscal_position_id payment_term_id "
    "proposed_on purchase_order origin credits_id reason notes net tax gross currency rounding seller buyer delivery"
).split()
LINE_COLUMNS = (
    "id kind position product_id label quantity unit_id unit_price discount tax_id tax_is_manual invoice_id net "
    "period_start period_end supplied_on rebill"
).split()
TAX_COLUMNS = ("invoice_id", "category", "rate", "base", "amount")
HISTORY_COLUMNS = ("content_type_id", "object_id", "act", "text", "changes", "by_id", "at")
PERIOD_COLUMNS = ("article_id", "start", "end", "kind", "invoice_line_id", "without_document", "due_on")
VISIT_COLUMNS = ("article_id", "visit_id", "invoice_line_id", "without_document", "due_on")
EXCEPTION_COLUMNS = ("exception_id", "invoice_line_id", "without_document", "due_on")


@dataclass(slots=True)
class Rows:
    """The rows of one writing, by table."""

    invoices: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    taxes: list[tuple[Any, ...]] = field(default_factory=list)
    history: list[tuple[Any, ...]] = field(default_factory=list)
    periods: list[tuple[Any, ...]] = field(default_factory=list)
    visits: list[tuple[Any, ...]] = field(default_factory=list)
    exceptions: list[tuple[Any, ...]] = field(default_factory=list)

    def claim(self, charge: Charge, line: int | None, without: str) -> None:
        """The claim of what a charge bills."""
        if type(charge) is ChargeIntent:
            period = charge.period
            self.periods.append((charge.article, period.start, period.end, charge.kind, line, without, charge.due_on))
        elif isinstance(charge, VisitCharge):
            self.visits.append((charge.article, charge.visit, line, without, charge.due_on))
        elif isinstance(charge, ExceptionCharge):
            self.exceptions.append((charge.exception, line, without, charge.due_on))

    def write(self) -> None:
        """Parents first."""
        bulk.insert(Invoice, INVOICE_COLUMNS, self.invoices)
        bulk.insert(InvoiceLine, LINE_COLUMNS, self.lines)
        bulk.insert(InvoiceTax, TAX_COLUMNS, self.taxes)
        bulk.insert(PeriodClaim, PERIOD_COLUMNS, self.periods)
        if self.visits:
            bulk.insert(VisitClaim, VISIT_COLUMNS, self.visits)
        if self.exceptions:
            bulk.insert(ExceptionClaim, EXCEPTION_COLUMNS, self.exceptions)
        bulk.insert(HistoryLine, HISTORY_COLUMNS, self.history)


def write_groups(
    groups: Sequence[GroupIntent], facts: ChunkFacts, *, by: Any, at: datetime
) -> list[tuple[GroupIntent, int | None]]:
    """Write the drafts of these groups and claim what they bill. Each group with its draft's id (None: free)."""
    rows, written = rows_of(groups, facts, by=by, at=at)
    rows.write()
    return written


def rows_of(
    groups: Sequence[GroupIntent], facts: ChunkFacts, *, by: Any, at: datetime
) -> tuple[Rows, list[tuple[GroupIntent, int | None]]]:
    """The rows to write, ids taken, and the id of each group's draft."""
    rows = Rows()
    written: list[tuple[GroupIntent, int | None]] = []
    papers = [group for group in groups if group.kind != FREE]
    ids = iter(bulk.take_ids(Invoice, len(papers)))
    line_ids = iter(bulk.take_ids(InvoiceLine, sum(len(group.charges) for group in papers)))
    writer = _Writer(rows, facts, line_ids, by.pk if by else None, at)
    for group in groups:
        if group.kind == FREE:
            for charge in group.charges:
                rows.claim(charge, None, WithoutDocument.FREE.value)
            written.append((group, None))
        else:
            invoice = next(ids)
            writer.draft(invoice, group)
            written.append((group, invoice))
    return rows, written


class _Writer:
    def __init__(self, rows: Rows, facts: ChunkFacts, line_ids: Any, by: int | None, at: datetime) -> None:
        self.rows, self.facts, self.line_ids = rows, facts, line_ids
        self.contracts = facts.by_id
        self.by, self.at = by, at
        self.content_type = ContentType.objects.get_for_model(Invoice).pk
        self.created_from = _("Brouillon créé depuis %s")
        self._credit_journals: dict[int | None, int] = {}

    def draft(self, pk: int, group: GroupIntent) -> None:
        key, first = group.key, self.contracts[group.charges[0].contract]
        bases: dict[tuple[str, Decimal], Decimal] = {}
        for position, charge in enumerate(group.charges, 1):
            tax = self.facts.taxes.on(charge.tax, _supplied_on(charge) or group.proposed_on)
            net = charge.amount if group.sign == 1 else -charge.amount
            self._line(pk, position, charge, tax, net, group.sign)
            bases[tax.category, tax.rate] = bases.get((tax.category, tax.rate), money.ZERO) + net
        totals = money.totals_of_bases(bases, first.rounding)
        self.rows.taxes += [(pk, t.category, t.rate, t.base, t.amount) for t in totals.taxes]
        origin = ", ".join([self.contracts[contract].reference for contract in group.contracts])[:160]
        sites = {self.facts.sites[charge.line] for charge in group.charges}
        self.rows.invoices.append(
            (
                pk,
                key.company,
                _KINDS[group.kind],
                DRAFT,
                key.journal if group.kind == INVOICE else self._credit_journal(key.company),
                key.payer,
                key.billing_address,
                sites.pop() if len(sites) == 1 else None,
                key.fiscal_position,
                key.payment_term,
                group.proposed_on,
                key.purchase_order,
                origin,
                group.credits,
                "",
                "",
                totals.net,
                totals.tax,
                totals.gross,
                key.currency,
                first.rounding,
                {},
                {},
                {},
            )
        )
        self.rows.history.append((self.content_type, pk, "created", self.created_from % origin, {}, self.by, self.at))

    def _line(self, invoice: int, position: int, charge: Charge, tax: TaxRow, net: Decimal, sign: int) -> None:
        pk = next(self.line_ids)
        start = end = supplied = unit = None
        quantity, price, discount = ONE, charge.amount, NO_DISCOUNT
        if type(charge) is ChargeIntent:
            start, end = charge.period.start, charge.period.end
        else:
            quantity, price, discount = charge.quantity, charge.unit_price, charge.discount
            supplied = _supplied_on(charge)
            if isinstance(charge, ExceptionCharge):
                unit = self.facts.units.get(charge.exception)
        if price < 0:  # a unit price is never negative: the quantity is
            quantity, price = -quantity, -price
        self.rows.lines.append(
            (
                pk,
                ARTICLE,
                position,
                charge.product,
                charge.label,
                quantity if sign == 1 else -quantity,
                unit,
                price,
                discount,
                tax.id,
                False,
                invoice,
                net,
                start,
                end,
                supplied,
                False,
            )
        )
        self.rows.claim(charge, pk, "")

    def _credit_journal(self, company: int | None) -> int:
        if company not in self._credit_journals:
            journal = Journal.objects.filter(company=company, kind=JournalKind.CREDIT_NOTE).order_by("pk")[:1].get()
            self._credit_journals[company] = journal.pk
        return self._credit_journals[company]


def _supplied_on(charge: Charge) -> Any:
    """The day whose VAT rate applies: the period's last, the visit's, the exception's."""
    if type(charge) is ChargeIntent:
        return charge.period.last_day
    if isinstance(charge, VisitCharge):
        return charge.done_on
    return charge.due_on
