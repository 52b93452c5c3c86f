"""The calendar of the visits a line promises: V a contract year, spread over the chosen months."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import date

from contracts.planner.facts import MONTH, ContractFacts, LineFacts
from contracts.planner.served import Service, served_parts, service_of
from openfire_billing.kernel.periods import Period, day_of_month

VisitKey = tuple[int, int, int]  # first line of the amendment chain, contract year from 1, rank from 1


@dataclass(frozen=True, slots=True)
class VisitIntent:
    """A visit to plan inside `window`. `of` visits that year: the intervention takes the articles' quantity ÷ `of`."""

    contract: int
    line: int
    chain: int
    year: int
    rank: int
    of: int
    window: Period

    @property
    def key(self) -> VisitKey:
        return self.chain, self.year, self.rank


def visit_count(repeat: int, unit: str, months: tuple[int, ...]) -> int:
    """Return the visits a contract year: `repeat` for years, `repeat` × months chosen for months; 0 while either is
    missing.
    """
    if repeat < 1 or not months:
        return 0
    return repeat * len(set(months)) if unit == MONTH else repeat


def promised_visits(
    contract: ContractFacts, made: Set[VisitKey], *, until: date, since: date | None = None
) -> list[VisitIntent]:
    """Return the visits whose window opens on `until` at the latest and closes on `since` at the earliest.

    Both days are included; `since` None = from the contract's start. A visit whose key is in `made` is left out, even
    when it was cancelled by hand.

    A window that an amendment cuts is planned once, by the first of the chain's lines that still can.
    """
    planned: dict[VisitKey, VisitIntent] = {}
    for line in contract.lines:
        for visit in _visits(contract, line, until):
            if visit.key not in made and not (since and visit.window.end <= since):
                planned.setdefault(visit.key, visit)
    return list(planned.values())


def months_of_year(months: tuple[int, ...], start_month: int) -> list[int]:
    """Return the chosen months as distances from the month of the start, in the order of the contract year.

    A month before the start's is in the next calendar year. So ranks follow time.
    """
    return sorted((month - start_month) % 12 for month in set(months))


def _visits(contract: ContractFacts, line: LineFacts, until: date) -> Iterator[VisitIntent]:
    """Yield the visits of a line, in order: visit i of V is in months[⌊i·M/V⌋] of its contract year."""
    if line.visit_plan is None:
        return
    plan, start, service = line.visit_plan, contract.start_on, service_of(contract, line)
    count = visit_count(plan.repeat, plan.unit, plan.months)
    months = months_of_year(plan.months, start.month)
    year = 1
    while count and (year_start := day_of_month(start, 12 * (year - 1), start.day)) <= until:
        for i in range(count):
            window = _window(line, service, year_start, months[i * len(months) // count])
            if window and window.start <= until:
                yield VisitIntent(contract.id, line.id, line.chain, year, i + 1, count, window)
        year += 1


def _window(line: LineFacts, service: Service, year_start: date, months_later: int) -> Period | None:
    """Return the days in which a visit may be planned: the first run of served days of a month, None when there is
    none.

    From the 1st of the month (in the first month, from the contract's start) to the end of the month.
    """
    month = Period(day_of_month(year_start, months_later, 1), day_of_month(year_start, months_later + 1, 1))
    start = max(month.start, year_start, service.first)
    end = min(month.end, service.stop) if service.stop else month.end
    if start >= end:
        return None
    return next(iter(served_parts(Period(start, end), service, line)), None)
