"""The plan of the recurring billing: propose everything due, subtract what is claimed, group it into drafts.

A missed night, a double run and a back-fill are the same code; a dry run is this without the writer.
"""

from collections.abc import Iterable
from datetime import date

from contracts.planner import wording
from contracts.planner.charges import BilledLine, billed_lines, charges_of
from contracts.planner.facts import Claimed, ContractFacts, LineFacts
from contracts.planner.grouping import Grouping
from contracts.planner.intents import INCONSISTENT, NOTHING_DUE, Charge, Plan, Refusal, Skip
from openfire_billing.kernel.errors import BusinessError

# What broken data raises. The contract is refused and the others go on; anything else is a defect of ours.
_BROKEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def plan(contracts: Iterable[ContractFacts], claimed: Claimed, *, on: date, force: bool = False) -> Plan:
    """Return the drafts to make for everything due on `on` (included) and not in `claimed`.

    Contracts of one payer must come in one call: they may share a draft. A broken contract is left out alone, with
    its reason. `force`: bill even more than the safety bound of due periods.
    """
    grouping, skips, refusals = Grouping(), [], []
    for contract in contracts:
        charges = charges_or_refusal(contract, claimed, on=on, force=force)
        if isinstance(charges, Refusal):
            refusals.append(charges)
        elif charges:
            grouping.add(contract, charges)
        else:
            skips.append(Skip(contract.id, NOTHING_DUE, wording.nothing_due(contract, on)))
    groups, held = grouping.groups()
    return Plan(tuple(groups), (*skips, *held), tuple(refusals))


def charges_or_refusal(
    contract: ContractFacts, claimed: Claimed, *, on: date, force: bool = False
) -> list[Charge] | Refusal:
    """Return everything due of a contract on `on` and not claimed, as `charges_of`, or why it cannot be billed."""
    try:
        return charges_of(contract, claimed, on=on, force=force)
    except BusinessError as refusal:
        return Refusal(contract.id, refusal.code, str(refusal), refusal.faults[0].field)
    except _BROKEN as error:
        return Refusal(contract.id, INCONSISTENT, wording.broken_data(contract, error))


def next_due_on(contract: ContractFacts, claimed: Claimed) -> date | None:
    """Return the first day on which a charge of the contract is due and not claimed; None when no such day is known.

    `Contract.next_due_on` stores this day, and a run on a later or equal day selects the contract. A charge held back
    (negative total) is not claimed: its day stays in the past, and each run selects the contract again. When the contract
    cannot be billed, return its start date, so that each run selects it and reports the reason.
    """
    try:
        days = [_next_due_on(billed, claimed) for billed in billed_lines(contract)]
    except (BusinessError, *_BROKEN):
        return contract.start_on
    return min((day for day in days if day), default=None)


def line_next_due_on(contract: ContractFacts, line: LineFacts, claimed: Claimed) -> date | None:
    """Return the first day something of one line is due and not claimed; None when nothing is left or known yet.

    Raise BusinessError when its terms are inconsistent.
    """
    return _next_due_on(BilledLine.of(contract, line), claimed)


def _next_due_on(billed: BilledLine, claimed: Claimed) -> date | None:
    days = [due_on for _, _, due_on in billed.visits_owed(claimed)]
    days += [due_on for _, due_on in billed.exceptions_owed(claimed)]
    for _, owed in billed.periods_owed(claimed, until=None):
        days.append(min(days_owed.due_on for days_owed in owed))
        break
    return min(days, default=None)


def examined_from(contract: ContractFacts) -> date | None:
    """Return the first day of the first period that a plan of the contract examines; claims that end after it count.

    None when it looks at none, or when the contract cannot be planned.
    """
    try:
        days = [billed.examined_from() for billed in billed_lines(contract)]
    except (BusinessError, *_BROKEN):
        return None
    return min((day for day in days if day), default=None)
