"""Which days of a line are served: inside the contract, the amendment chain, the line, and out of its suspensions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from contracts.planner.facts import ContractFacts, LineFacts
from openfire_billing.kernel.periods import ONE_DAY, Period


@dataclass(frozen=True, slots=True)
class Service:
    """The days of a line.

    `first`, `stop`: of its amendment chain inside the contract; periods cut there are stubs, by the proration.
    `opens`, `closes`: of the line itself; periods cut there are split by days, whatever the proration.
    `stop` and `closes` are excluded, None = open.
    """

    first: date
    stop: date | None
    opens: date
    closes: date | None


def _earliest(*days: date | None) -> date | None:
    return min((day for day in days if day), default=None)


class Ending(Protocol):
    """What the end of a contract is read from: a row or facts. Dates are last days included."""

    @property
    def end_on(self) -> date | None: ...

    @property
    def auto_renew(self) -> bool: ...

    @property
    def terminated_on(self) -> date | None: ...


def last_day_of(contract: Ending) -> date | None:
    """Return the last day served; None while nothing stops the contract. With tacit renewal only a termination does."""
    return _earliest(None if contract.auto_renew else contract.end_on, contract.terminated_on)


def service_of(contract: ContractFacts, line: LineFacts) -> Service:
    """Return the days of a line.

    A line taken over from another system opens on the day after the last one billed there. A line suspended without an
    end closes on the first day of that suspension.
    """
    first = max(contract.start_on, line.chain_start or contract.start_on)
    last_day = last_day_of(contract)
    stop = _earliest(last_day + ONE_DAY if last_day else None, line.chain_end)
    elsewhere = line.billed_elsewhere_until
    opens = max(first, line.start or first, elsewhere + ONE_DAY if elsewhere else first)
    suspended = (suspension.start for suspension in line.suspensions if suspension.end is None)
    return Service(first, stop, opens, _earliest(line.end, *suspended))


def served_parts(period: Period, service: Service, line: LineFacts) -> list[Period]:
    """Return the days of `period` that the line serves, as periods in order.

    A line suspended and resumed on one day is not suspended.
    """
    holes = [(pause.start, pause.end) for pause in line.suspensions if pause.end and pause.start < pause.end]
    if service.opens > period.start:
        holes.append((period.start, service.opens))
    if service.closes and service.closes < period.end:
        holes.append((service.closes, period.end))
    return without(period, holes) if holes else [period]


def without(period: Period, holes: Iterable[tuple[date, date]]) -> list[Period]:
    """Return the days of `period` in none of the half-open `holes`, as periods in order."""
    left = []
    start = period.start
    for begin, end in sorted(holes):
        if begin >= period.end:
            break
        if begin > start:
            left.append(Period(start, begin))
        start = max(start, end)
    if start < period.end:
        left.append(Period(start, period.end))
    return left
