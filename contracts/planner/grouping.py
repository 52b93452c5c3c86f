"""Charges become drafts: one per key, a credit note or a wait when negative, no document when free."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from contracts.planner import wording
from contracts.planner.facts import ON_DATE, ContractFacts
from contracts.planner.intents import CREDIT_NOTE, FREE, HELD_BACK, INVOICE, Charge, GroupIntent, GroupKey, Skip
from openfire_billing.kernel.money import ZERO


def key_of(contract: ContractFacts, charge: Charge) -> GroupKey:
    """Return what the charge shares with the others of its draft. `group_by_payer` groups the lines of a contract too."""
    by_line = not contract.grouped and not contract.group_by_payer
    return GroupKey(
        payer=contract.payer,
        billing_address=contract.billing_address,
        company=contract.company,
        currency=contract.currency,
        fiscal_position=contract.fiscal_position,
        payment_term=contract.payment_term,
        journal=contract.journal,
        auto_post=contract.auto_post,
        purchase_order=contract.purchase_order,
        contract=None if contract.group_by_payer else contract.id,
        line=charge.line if by_line else None,
        billable_on=charge.proposed_on,
        due_on=charge.due_on if contract.late_billing == ON_DATE else charge.proposed_on,
    )


def total_of(charges: Iterable[Charge]) -> Decimal:
    return sum((charge.amount for charge in charges), ZERO)


@dataclass(slots=True)
class Grouping:
    """Collect charges, then group them into drafts. `contracts`: by id, those with charges."""

    contracts: dict[int, ContractFacts] = field(default_factory=dict)
    buckets: dict[GroupKey, list[Charge]] = field(default_factory=dict)

    def add(self, contract: ContractFacts, charges: Iterable[Charge]) -> None:
        self.contracts[contract.id] = contract
        for charge in charges:
            self.buckets.setdefault(key_of(contract, charge), []).append(charge)

    def groups(self) -> tuple[list[GroupIntent], list[Skip]]:
        """Return the drafts, by proposed date, and the contracts held back.

        A negative total is credited on a posted invoice of one of its contracts that has enough net left; else its
        charges wait for the next draft of the same key, in this plan or a later one. A free group carries nothing.
        """
        groups: list[GroupIntent] = []
        waiting: dict[tuple[object, ...], list[Charge]] = {}
        left = {invoice.id: invoice.left for contract in self.contracts.values() for invoice in contract.creditable}
        for key in sorted(self.buckets, key=_day):
            charges = self.buckets[key]
            if not any(charge.amount for charge in charges):
                groups.append(GroupIntent(key, FREE, tuple(charges), ZERO, key.billable_on, auto_post=False))
                continue
            same_but_day = key[:-2]
            charges = waiting.pop(same_but_day, []) + charges
            total = total_of(charges)
            if total >= 0:
                groups.append(GroupIntent(key, INVOICE, tuple(charges), total, key.billable_on, key.auto_post))
                continue
            credited = self._creditable(charges, -total, left)
            if credited is None:
                waiting[same_but_day] = charges
                continue
            left[credited] += total
            groups.append(
                GroupIntent(key, CREDIT_NOTE, tuple(charges), total, key.billable_on, auto_post=False, credits=credited)
            )
        return groups, [skip for charges in waiting.values() for skip in self._held(charges)]

    def _creditable(self, charges: Iterable[Charge], needed: Decimal, left: dict[int, Decimal]) -> int | None:
        """Return the first posted invoice of these contracts with at least `needed` left."""
        contracts = dict.fromkeys(charge.contract for charge in charges)
        candidates = (invoice.id for contract in contracts for invoice in self.contracts[contract].creditable)
        return next((invoice for invoice in candidates if left[invoice] >= needed), None)

    def _held(self, charges: list[Charge]) -> Iterable[Skip]:
        """Yield a skip for each of these contracts, with the negative total that holds them back together."""
        total = total_of(charges)
        for contract in dict.fromkeys(charge.contract for charge in charges):
            yield Skip(contract, HELD_BACK, wording.held_back(self.contracts[contract], total))


def _day(key: GroupKey) -> tuple[date, date]:
    return key.billable_on, key.due_on
