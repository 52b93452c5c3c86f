"""What a contract or a line bills next: the day and the amounts, computed without writing."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from contracts.choices import ContractLineState, ContractState
from contracts.models import Contract, ContractLine
from contracts.planner.billing import charges_or_refusal, line_next_due_on, next_due_on
from contracts.planner.charges import charges_of
from contracts.planner.facts import ContractFacts
from contracts.planner.grouping import key_of
from contracts.planner.intents import Charge, GroupKey, Refusal
from contracts.planner.outlook import net_of_year, nets_of_lines
from contracts.services.facts import ChunkFacts, read_facts, read_terms
from openfire_billing.kernel import money
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import money_text


@dataclass(frozen=True)
class NextBill:
    """What becomes due on `on`: net, tax and gross, as on drafts of its own."""

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


@dataclass(frozen=True)
class Worth:
    """What a contract is worth: the net of a year, and what it bills next (None when nothing is known)."""

    yearly: Decimal
    following: NextBill | None
    currency: str


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
    return _bill_of(contract, charges, facts, on=on)


def worth_of_each(contracts: Collection[int], *, on: date) -> dict[int, Worth]:
    """Return {contract id: what it is worth on a day}, in a constant number of queries; those that cannot be billed left
    out.
    """
    facts = read_facts(contracts, lock=False, settled=False)
    found = {contract.id: worth_of(contract, facts, on=on) for contract in facts.contracts}
    return {pk: worth for pk, worth in found.items() if isinstance(worth, Worth)}


def yearly_nets(contracts: Collection[int], *, on: date) -> dict[int, Decimal]:
    """Return {contract id: the net of its year on a day}, in a constant number of queries; those that cannot be billed
    left out.
    """
    return dict(_of_each(contracts, lambda contract: [(contract.id, net_of_year(contract, on=on))]))


def yearly_nets_of_lines(contracts: Collection[int], *, on: date) -> dict[int, Decimal]:
    """Return {line id: the net of its year on a day} of these contracts, in a constant number of queries; those that
    cannot be billed left out.
    """
    return dict(_of_each(contracts, lambda contract: nets_of_lines(contract, on=on).items()))


def _of_each(
    contracts: Collection[int], nets: Callable[[ContractFacts], Iterable[tuple[int, Decimal]]]
) -> Iterator[tuple[int, Decimal]]:
    """Yield what `nets` gives of each contract. A cancelled contract is worth nothing."""
    kept = Contract.objects.filter(pk__among=contracts).exclude(state=ContractState.CANCELLED)
    for contract in read_terms(list(kept.order_by().values_list("pk", flat=True))).contracts:
        try:
            yield from nets(contract)
        except BusinessError:
            continue


def worth_of(contract: ContractFacts, facts: ChunkFacts, *, on: date) -> Worth | Refusal:
    """Return what a contract of `facts` is worth on a day, or why it cannot be billed."""
    following = next_due_on(contract, facts.claimed)
    charges = charges_or_refusal(contract, facts.claimed, on=following or on, force=True)
    if isinstance(charges, Refusal):
        return charges
    bill = _bill_of(contract, charges, facts, on=following) if following else None
    return Worth(net_of_year(contract, on=on), bill, contract.currency)


def _bill_of(contract: ContractFacts, charges: Iterable[Charge], facts: ChunkFacts, *, on: date) -> NextBill:
    """Return what these charges of one day come to: the sum of the drafts that the contract makes of them."""
    drafts: Mapping[GroupKey, dict[tuple[str, Decimal], Decimal]] = defaultdict(dict)
    for charge in charges:
        assert charge.tax is not None
        tax, bases = facts.taxes.on(charge.tax, charge.supplied_on), drafts[key_of(contract, charge)]
        key = (tax.category, tax.rate)
        bases[key] = bases.get(key, money.ZERO) + charge.amount
    totals = [money.totals_of_bases(bases, contract.rounding) for bases in drafts.values()]
    net, tax_amount, gross = (
        sum((getattr(of_draft, name) for of_draft in totals), money.ZERO) for name in ("net", "tax", "gross")
    )
    return NextBill(on, money.Totals(net, tax_amount, gross), contract.currency)


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
