"""Balanced entries, written in bulk: one for each posted invoice and each payment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from invoicing.models import Entry, EntryLine, Journal, Partner
from invoicing.services.locks import lock_journal_counters
from openfire_billing.db import bulk
from openfire_billing.db.transactions import atomic


@dataclass(frozen=True)
class Leg:
    """An account of an entry. `amount` > 0 is a debit, < 0 a credit, in the document's currency."""

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


def write_entries(drafts: Iterable[EntryDraft]) -> None:
    """Write entries and their lines, debits first: an entry is complete, and closed, when its sides are equal.

    Raises ValueError before writing when one does not balance.
    """
    kept = list(drafts)
    for draft in kept:
        balance = sum((leg.amount for leg in draft.legs), Decimal(0))
        if balance:
            raise ValueError(f"Entry {draft.number} is off balance by {balance}.")
    with atomic():
        ids = bulk.take_ids(Entry, len(kept))
        bulk.insert(
            Entry,
            ("id", "journal_id", "number", "on", "document", "label"),
            ((pk, d.journal.pk, d.number, d.on, d.document, d.label[:160]) for pk, d in zip(ids, kept, strict=True)),
        )
        bulk.insert(
            EntryLine,
            ("entry_id", "account", "partner_id", "label", "debit", "credit"),
            (
                (
                    pk,
                    leg.account,
                    leg.partner.pk if leg.partner else None,
                    draft.label[:160],
                    max(leg.amount, Decimal(0)),
                    max(-leg.amount, Decimal(0)),
                )
                for pk, draft in zip(ids, kept, strict=True)
                for leg in sorted(draft.legs, key=lambda leg: leg.amount < 0)
                if leg.amount
            ),
        )


def take_journal_number(journal: Journal, on: date) -> str:
    """Take the next number of a journal's series of that year. Locks the journal's counters."""
    counter = lock_journal_counters([journal], {on.year})[journal.pk][on.year]
    counter.last_number += 1
    counter.save(update_fields=["last_number"])
    return journal.number(on.year, counter.last_number)
