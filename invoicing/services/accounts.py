"""Balanced entries, written in bulk: one per posted invoice, one per payment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction

from invoicing.models import Entry, EntryLine, Journal, Partner
from openfire_billing import bulk


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


def write_entries(drafts: Iterable[EntryDraft]) -> None:
    """Write entries and their lines. Raises ValueError, before anything is written, when one does not balance."""
    kept = list(drafts)
    for draft in kept:
        off = sum((leg.amount for leg in draft.legs), Decimal(0))
        if off:
            raise ValueError(f"Entry {draft.number} is off balance by {off}.")
    with transaction.atomic():
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
                for leg in draft.legs
                if leg.amount or len(draft.legs) == 1
            ),
        )
