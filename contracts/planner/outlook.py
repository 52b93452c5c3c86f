"""The next twelve months of a contract, from its facts: the net of a year, the instalments past and not billed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from contracts.planner.amounts import price_on, yearly_net
from contracts.planner.charges import BilledLine, billed_lines
from contracts.planner.facts import ContractFacts, Frequency
from contracts.planner.grouping import total_of
from contracts.planner.intents import Charge
from openfire_billing.kernel.money import ZERO

YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class PastDue:
    """Instalments that were due before a day: how many days they were due on, the first, the last, their net."""

    count: int
    first: date
    last: date
    net: Decimal

    @classmethod
    def of(cls, charges: Collection[Charge], *, before: date) -> "PastDue | None":
        """Return those of these charges that were due before that day; None when none was."""
        past = [charge for charge in charges if charge.due_on < before]
        if not past:
            return None
        days = {charge.due_on for charge in past}
        return cls(len(days), min(days), max(days), total_of(past))


def net_of_year(contract: ContractFacts, *, on: date) -> Decimal:
    """Return the net of a year of a contract: its articles at the prices of `on`, exceptions left out.

    Of an amendment chain one line counts: the one that serves on `on`, else the next one. A contract that starts later
    is read as on its first day; one that has ended is worth nothing. Raise BusinessError when it cannot be billed.
    """
    day = max(on, contract.start_on)
    chains: dict[int, BilledLine] = {}
    for billed in billed_lines(contract):
        if _is_over(billed, day):
            continue
        first = chains.setdefault(billed.line.chain, billed)
        if billed.service.opens < first.service.opens:
            chains[billed.line.chain] = billed
    return sum((_net_of_line(billed, day) for billed in chains.values()), ZERO)


def nets_of_lines(contract: ContractFacts, *, on: date) -> dict[int, Decimal]:
    """Return {line id: the net of a year of its articles at the prices of `on`}. A contract that starts later is read as on
    its first day; a line that has ended is left out. Raise BusinessError when it cannot be billed.
    """
    day = max(on, contract.start_on)
    return {billed.line.id: _net_of_line(billed, day) for billed in billed_lines(contract) if not _is_over(billed, day)}


def _is_over(billed: BilledLine, day: date) -> bool:
    """Return whether a line has ended, or its contract has, by that day."""
    return any(stop <= day for stop in (billed.service.stop, billed.service.closes) if stop)


def _net_of_line(billed: BilledLine, day: date) -> Decimal:
    rounding, times = billed.contract.rounding, _prices_of_year(billed.frequency)
    return sum(
        (yearly_net(article, price_on(article, day), rounding) * times for article in billed.line.articles), ZERO
    )


def _prices_of_year(frequency: Frequency) -> int:
    """Return how many times a year counts the price of an article: once, or for days and weeks, the whole instalments
    of a year.
    """
    return max(1, YEAR_DAYS // frequency.days) if frequency.days else 1
