"""Write a plan as drafts and claims, in a few statements.

It decides nothing: the planner gives what to bill and each amount, invoicing writes the drafts. The caller holds the
contracts' lock and the transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

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
    facts.titles |= titles_of(line for group in papers for line in _lines_of_several_sites(group, facts))
    written = []
    intents = intents_of(papers, facts)
    for draft in write_drafts(intents, by=by, at=at, books=Books(intents, taxes=facts.taxes)):  # the facts are checked
        if isinstance(draft, BusinessError):
            raise draft
        written.append(draft)
    claims_of(papers, written, facts).write()
    free = [group for group in groups if group.kind == FREE]
    claims = ClaimRows()
    for group in free:
        for charge in group.charges:
            claims.add(charge, charge.amount, None, WithoutDocument.FREE.value)
    claims.write()
    return [*zip(papers, (draft.invoice for draft in written), strict=True), *((group, None) for group in free)]


def intents_of(groups: Iterable[GroupIntent], facts: ChunkFacts) -> list[DraftIntent]:
    """Return the drafts to write, one for each group that has a document."""
    contracts = facts.by_id
    intents = []
    for group in groups:
        key, sites = group.key, {facts.sites[charge.line] for charge in group.charges}
        intents.append(
            DraftIntent(
                company=key.company,  # type: ignore[arg-type]  # a contract has both
                customer=key.payer,  # type: ignore[arg-type]  # a contract has both
                lines=[
                    title_intent(part) if isinstance(part, str) else _line_intent(part, group.sign)
                    for part in _parts_of(group, facts)
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


def claims_of(groups: Iterable[GroupIntent], written: Iterable[Written], facts: ChunkFacts) -> ClaimRows:
    """Return the claims of what these drafts bill."""
    claims = ClaimRows()
    for group, draft in zip(groups, written, strict=True):
        for part, line in zip(_parts_of(group, facts), draft.lines, strict=True):
            if not isinstance(part, str):
                claims.add(part, part.amount if group.sign == 1 else -part.amount, line)
    return claims


def _lines_of_several_sites(group: GroupIntent, facts: ChunkFacts) -> set[int]:
    """Return the ids of the contract lines that an invoice bills, when they stand at several sites."""
    lines = {charge.line for charge in group.charges} if group.kind == INVOICE else set()
    return lines if len({facts.sites[line] for line in lines}) > 1 else set()


def titles_of(lines: Iterable[int]) -> dict[int, str]:
    """Return {contract line id: « site – equipment »}, in one query; none for no line."""
    ids = set(lines)
    if not ids:
        return {}
    found = ContractLine.objects.filter(pk__among=sorted(ids)).select_related("address", "equipment").order_by()
    return {line.pk: " – ".join(str(part) for part in (line.address, line.equipment) if part) for line in found}


def _parts_of(group: GroupIntent, facts: ChunkFacts) -> Sequence[Charge | str]:
    """Return the lines of a draft: its charges, and above those of each site and equipment their title.

    The charges of one title follow each other; titles stand in the order of their first charge.
    """
    if not _lines_of_several_sites(group, facts):
        return group.charges
    by_title: dict[str, list[Charge]] = {}
    for charge in group.charges:
        by_title.setdefault(facts.titles[charge.line], []).append(charge)
    return [part for title, charges in by_title.items() for part in (title, *charges)]


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
