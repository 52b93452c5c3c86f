"""Balanced entries, written in bulk: one per posted invoice, one per payment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from invoicing.models import Entry, EntryLine, Journal, Partner


@dataclass(frozen=True)
class Leg:
    """One account of an entry. `amount` > 0 is a debit, < 0 a credit, in the document's currency."""

    account: str
    amount: Decimal
    partner: Partner | None = None


@dataclass(frozen=True)
class EntryDraft:
    """An entry to write. Its legs sum to zero."""

    journal: Journal
    number: str
    on: date
    document: str
    label: str
    legs: Sequence[Leg]


def write_entries(drafts: Iterable[EntryDraft]) -> list[Entry]:
    """Write entries and their lines. Raises ValueError, before anything is written, when one does not balance."""
    kept = list(drafts)
    for draft in kept:
        off = sum((leg.amount for leg in draft.legs), Decimal(0))
        if off:
            raise ValueError(f"Entry {draft.number} is off balance by {off}.")
    entries = Entry.objects.bulk_create(
        [
            Entry(journal=d.journal, number=d.number, on=d.on, document=d.document, label=d.label[:160])
            for d in kept
        ]
    )
    EntryLine.objects.bulk_create(
        [
            EntryLine(
                entry=entry,
                account=leg.account,
                partner=leg.partner,
                label=draft.label[:160],
                debit=max(leg.amount, Decimal(0)),
                credit=max(-leg.amount, Decimal(0)),
            )
            for entry, draft in zip(entries, kept, strict=True)
            for leg in draft.legs
            if leg.amount or len(draft.legs) == 1
        ],
        batch_size=2000,
    )
    return entries
