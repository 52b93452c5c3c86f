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
from contracts.models import CLAIMS
from contracts.planner.intents import CREDIT_NOTE, FREE, INVOICE, Charge, GroupIntent
from contracts.services.facts import ChunkFacts
from invoicing.choices import InvoiceKind, InvoiceState, JournalKind, LineKind
from invoicing.models import HistoryLine, Invoice, InvoiceLine, InvoiceTax, Journal
from invoicing.services.catalogue import TaxRow
from openfire_billing.db import bulk
from openfire_billing.kernel import money

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


@dataclass(slots=True)
class Rows:
    """The rows of one writing, by table."""

    invoices: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    taxes: list[tuple[Any, ...]] = field(default_factory=list)
    history: list[tuple[Any, ...]] = field(default_factory=list)
    claims: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: {kind: [] for kind in CLAIMS})

    def claim(self, charge: Charge, net: Decimal, line: int | None, without: str) -> None:
        """The claim of what a charge bills: `net` on an invoice line, or a reason why no invoice bears it."""
        self.claims[charge.claim_kind].append((*charge.claim_values, net, line, without, charge.due_on))

    def write(self) -> None:
        """Parents first."""
        bulk.insert(Invoice, INVOICE_COLUMNS, self.invoices)
        bulk.insert(InvoiceLine, LINE_COLUMNS, self.lines)
        bulk.insert(InvoiceTax, TAX_COLUMNS, self.taxes)
        for kind, rows in self.claims.items():
            if rows:
                bulk.insert(CLAIMS[kind], CLAIMS[kind].columns(), rows)
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
                rows.claim(charge, charge.amount, None, WithoutDocument.FREE.value)
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
            tax = self.facts.taxes.on(charge.tax, charge.supplied_on)
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
        period, quantity, price = charge.billed_period, charge.quantity, charge.unit_price
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
                charge.unit,
                price,
                charge.discount,
                tax.id,
                False,
                invoice,
                net,
                period.start if period else None,
                period.end if period else None,
                None if period else charge.supplied_on,
                False,
            )
        )
        self.rows.claim(charge, net, pk, "")

    def _credit_journal(self, company: int | None) -> int:
        if company not in self._credit_journals:
            journal = Journal.objects.filter(company=company, kind=JournalKind.CREDIT_NOTE).order_by("pk")[:1].get()
            self._credit_journals[company] = journal.pk
        return self._credit_journals[company]
