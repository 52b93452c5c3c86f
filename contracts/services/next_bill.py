"""What a line bills next: the day and the amounts, computed without writing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from contracts.choices import ContractLineState, ContractState
from contracts.models import ContractLine
from contracts.planner.billing import line_next_due_on
from contracts.planner.charges import charges_of
from contracts.services.facts import read_facts
from openfire_billing.kernel import money
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import money_text


@dataclass(frozen=True)
class NextBill:
    """What becomes due on `on` for one line: net, tax and gross, as on a draft of its own."""

    on: date
    totals: money.Totals
    currency: str = "EUR"

    @property
    def text(self) -> str:
        """« 14,58 € HT + 1,46 € de taxes = 16,04 € TTC »."""
        net, tax, gross = (
            money_text(amount, self.currency) for amount in (self.totals.net, self.totals.tax, self.totals.gross)
        )
        return f"{net} HT + {tax} de taxes = {gross} TTC"


def next_bill(line: ContractLine) -> NextBill | None:
    """Return what the line bills next, overdue periods included; None when nothing is known or it cannot be billed yet."""
    if line.state != ContractLineState.VALIDATED or line.contract.state not in ContractState.billed:
        return None
    facts = read_facts([line.contract_id], lock=False, settled=False)
    if not facts.contracts:
        return None
    contract = facts.contracts[0]
    try:
        facts_of_line = next((row for row in contract.lines if row.id == line.pk), None)
        on = line_next_due_on(contract, facts_of_line, facts.claimed) if facts_of_line else None
        if on is None:
            return None
        charges = [c for c in charges_of(contract, facts.claimed, on=on, force=True) if c.line == line.pk]
    except BusinessError:
        return None
    bases: dict[tuple[str, Decimal], Decimal] = {}
    for charge in charges:
        assert charge.tax is not None
        tax = facts.taxes.on(charge.tax, charge.supplied_on)
        key = (tax.category, tax.rate)
        bases[key] = bases.get(key, money.ZERO) + charge.amount
    return NextBill(on, money.totals_of_bases(bases, contract.rounding), contract.currency)


def next_days(contracts: Collection[int]) -> dict[int, date]:
    """Return {line id: the day it bills next} of these contracts, in a constant number of queries; unknown days left
    out.
    """
    facts = read_facts(contracts, lock=False, settled=False)
    found = {}
    for contract in facts.contracts:
        for line in contract.lines:
            try:
                on = line_next_due_on(contract, line, facts.claimed)
            except BusinessError:
                continue
            if on is not None:
                found[line.id] = on
    return found
