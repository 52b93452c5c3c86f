"""Write a plan as drafts and claims, in a few statements.

It decides nothing: the planner gives what to bill and each amount, invoicing writes the drafts. The caller holds the
contracts' lock and the transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from contracts.choices import WithoutDocument
from contracts.models import CLAIMS, ContractLine
from contracts.planner.intents import CREDIT_NOTE, FREE, INVOICE, Charge, GroupIntent
from contracts.services.facts import ChunkFacts
from invoicing.choices import InvoiceKind
from invoicing.services.documents.intents import DraftIntent, LineIntent, title_intent
from invoicing.services.documents.writing import Books, Written, write_drafts
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError

_KINDS = {INVOICE: InvoiceKind.INVOICE.value, CREDIT_NOTE: InvoiceKind.CREDIT_NOTE.value}
Parts: TypeAlias = Sequence[Charge | str]  # the lines of a draft: a charge, or the title above the charges of a site


class ClaimRows:
    """Rows of claims to write, by kind."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[object, ...]]] = {kind: [] for kind in CLAIMS}

    def add(self, charge: Charge, net: Decimal, line: int | None, without: str = "") -> None:
        """Add the claim of what a charge bills: `net` on an invoice line, or the reason why there is none."""
        self.rows[charge.claim_kind].append((*charge.claim_values, net, line, without, charge.due_on))

    def write(self) -> None:
        for kind, rows in self.rows.items():
            if rows:
                bulk.insert(CLAIMS[kind], CLAIMS[kind].columns(), rows)


def write_groups(
    groups: Sequence[GroupIntent], facts: ChunkFacts, *, by: By, at: datetime
) -> list[tuple[GroupIntent, int | None]]:
    """Write the drafts of these groups and claim what they bill. Return each group with its draft's id (None: free).

    Raises BusinessError when a draft could never become a right invoice; nothing is to be kept then.
    """
    papers = [group for group in groups if group.kind != FREE]
    parts = parts_of(papers, facts)
    written = []
    intents = intents_of(papers, parts, facts)
    for draft in write_drafts(intents, by=by, at=at, books=Books(intents, taxes=facts.taxes)):  # the facts are checked
        if isinstance(draft, BusinessError):
            raise draft
        written.append(draft)
    claims_of(papers, parts, written).write()
    free = [group for group in groups if group.kind == FREE]
    claims = ClaimRows()
    for group in free:
        for charge in group.charges:
            claims.add(charge, charge.amount, None, WithoutDocument.FREE.value)
    claims.write()
    return [*zip(papers, (draft.invoice for draft in written), strict=True), *((group, None) for group in free)]


def intents_of(groups: Iterable[GroupIntent], parts: Iterable[Parts], facts: ChunkFacts) -> list[DraftIntent]:
    """Return the drafts to write, one for each group that has a document, with the lines that `parts_of` gives."""
    contracts = facts.by_id
    intents = []
    for group, its_parts in zip(groups, parts, strict=True):
        key, sites = group.key, {facts.sites[charge.line] for charge in group.charges}
        intents.append(
            DraftIntent(
                company=key.company,  # type: ignore[arg-type]  # a contract has both
                customer=key.payer,  # type: ignore[arg-type]  # a contract has both
                lines=[
                    title_intent(part) if isinstance(part, str) else _line_intent(part, group.sign)
                    for part in its_parts
                ],
                proposed_on=group.proposed_on,
                origin=", ".join([contracts[contract].reference for contract in group.contracts]),
                fiscal_position=key.fiscal_position,
                kind=_KINDS[group.kind],
                journal=key.journal if group.kind == INVOICE else None,
                billing_address=key.billing_address,
                site=sites.pop() if len(sites) == 1 else None,
                payment_term=key.payment_term,
                purchase_order=key.purchase_order,
                currency=key.currency,
                credits=group.credits,
            )
        )
    return intents


def claims_of(groups: Iterable[GroupIntent], parts: Iterable[Parts], written: Iterable[Written]) -> ClaimRows:
    """Return the claims of what these drafts bill, written with the lines that `parts_of` gives."""
    claims = ClaimRows()
    for group, its_parts, draft in zip(groups, parts, written, strict=True):
        for part, line in zip(its_parts, draft.lines, strict=True):
            if not isinstance(part, str):
                claims.add(part, part.amount if group.sign == 1 else -part.amount, line)
    return claims


def parts_of(groups: Sequence[GroupIntent], facts: ChunkFacts) -> list[Parts]:
    """Return the lines of each draft: its charges; above those of each of several sites, their title.

    A title is « site – equipment ». The charges of one title follow each other; titles stand in the order of their
    first charge. One query when an invoice bills several sites.
    """
    of_several_sites = [_lines_of_several_sites(group, facts) for group in groups]
    titles = titles_of(set().union(*of_several_sites))
    return [
        _titled(group.charges, titles) if lines else group.charges
        for group, lines in zip(groups, of_several_sites, strict=True)
    ]


def _lines_of_several_sites(group: GroupIntent, facts: ChunkFacts) -> set[int]:
    """Return the ids of the contract lines that an invoice bills, when they stand at several sites."""
    if group.kind != INVOICE or len(group.charges) == 1:
        return set()
    lines = {charge.line for charge in group.charges}
    return lines if len({facts.sites[line] for line in lines}) > 1 else set()


def titles_of(lines: Iterable[int]) -> dict[int, str]:
    """Return {contract line id: « site – equipment »}, in one query; none for no line."""
    ids = set(lines)
    if not ids:
        return {}
    found = ContractLine.objects.filter(pk__among=sorted(ids)).select_related("address", "equipment").order_by()
    return {line.pk: " – ".join(str(part) for part in (line.address, line.equipment) if part) for line in found}


def _titled(charges: Sequence[Charge], titles: Mapping[int, str]) -> Parts:
    by_title: dict[str, list[Charge]] = {}
    for charge in charges:
        by_title.setdefault(titles[charge.line], []).append(charge)
    return [part for title, of_title in by_title.items() for part in (title, *of_title)]


def _line_intent(charge: Charge, sign: int) -> LineIntent:
    period, quantity, price = charge.billed_period, charge.quantity, charge.unit_price
    if price < 0:  # a unit price is never negative: the quantity is
        quantity, price = -quantity, -price
    return LineIntent(
        label=charge.label,
        product=charge.product,
        quantity=quantity if sign == 1 else -quantity,
        unit=charge.unit,
        unit_price=price,
        discount=charge.discount,
        tax=charge.tax,
        net=charge.amount if sign == 1 else -charge.amount,
        period_start=period.start if period else None,
        period_end=period.end if period else None,
        supplied_on=None if period else charge.supplied_on,
    )
