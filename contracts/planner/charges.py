"""What one contract owes on a day: everything due of its periods, visits and exceptions, less what is claimed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import cast

from contracts.planner import wording
from contracts.planner.amounts import part_amount, period_amount, price_on, visit_amount, yearly_net
from contracts.planner.checks import check_contract, check_line
from contracts.planner.facts import (
    DAYS,
    IN_ARREARS,
    ONE_PER_PERIOD,
    VISIT,
    ArticleFacts,
    Claimed,
    ContractFacts,
    ExceptionFacts,
    Frequency,
    LineFacts,
    PriceVersion,
    VisitFacts,
)
from contracts.planner.grids import BillingGrid, Due, Terms, grid_of
from contracts.planner.intents import TOO_MANY_PERIODS, Charge, ExceptionCharge, PeriodCharge, VisitCharge
from contracts.planner.served import Service, served_parts, service_of, without
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.money import Instalments, line_net
from openfire_billing.kernel.periods import Period, end_of_month

SAFETY_BOUND = 36  # due periods of one line: beyond, a wrong start date is likelier than three missed years


@dataclass(frozen=True, slots=True)
class Priced:
    """An article at one of its prices: `yearly` net, discount deducted, and its parts; `basis`: it in words, for a label."""

    yearly: Decimal
    instalments: Instalments
    basis: str

    @classmethod
    def of(cls, billed: "BilledLine", article: ArticleFacts, price: PriceVersion) -> "Priced":
        contract = billed.contract
        yearly = yearly_net(article, price, contract.rounding)
        return cls(
            yearly,
            Instalments(yearly, contract.rounding),
            wording.basis_text(yearly, contract.currency, billed.frequency, price.discount),
        )


@dataclass(slots=True)
class Owed:
    """Days of one due period that one article has not been billed for; `due_on` is never before their first day."""

    days: Period
    article: ArticleFacts
    due_on: date


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A line with the terms that apply to it, checked. `grid`: of its periods; None when nothing is billed by period."""

    contract: ContractFacts
    line: LineFacts
    frequency: Frequency
    timing: str
    service: Service
    grid: BillingGrid | None

    @classmethod
    def of(cls, contract: ContractFacts, line: LineFacts) -> "BilledLine":
        """Raise BusinessError when the terms do not go together."""
        frequency, timing = line.frequency or contract.frequency, line.timing or contract.timing
        check_line(contract, line, frequency, timing)
        service, grid = service_of(contract, line), None
        if frequency.unit != VISIT and line.articles:
            terms = Terms(frequency, timing, contract.alignment, contract.anchor_day, contract.proration)
            grid = grid_of(terms, line.grid_from or contract.start_on, service.first)
        return cls(contract, line, frequency, timing, service, grid)

    @property
    def is_per_visit(self) -> bool:
        return self.frequency.unit == VISIT

    def periods_owed(self, claimed: Claimed, *, until: date | None) -> Iterator[tuple[Due, list[Owed]]]:
        """Yield each period with something due on `until` at the latest and not claimed, in order (None: without end)."""
        if self.grid is None:
            return
        service = self.service
        for due in self.grid.dues(stop=service.stop, since=self._since, until=until):
            if service.closes and due.period.start >= service.closes:
                return
            owed = self._owed(due, claimed, until)
            if owed:
                yield due, owed

    @property
    def _since(self) -> date:
        """A day of the first period to look at."""
        return max(self.service.opens, self.line.settled_before or self.service.opens)

    def examined_from(self) -> date | None:
        """Return the first day of the periods that `periods_owed` examines; None when it examines none.

        Every claim that ends after that day counts.
        """
        return self.grid.examined_from(self._since) if self.grid else None

    def _owed(self, due: Due, claimed: Claimed, until: date | None) -> list[Owed]:
        owed = []
        by_days = self.contract.proration == DAYS
        for served in served_parts(due.period, self.service, self.line):
            for article in self.line.articles:
                part = served
                if article.since and article.since > served.start:
                    if article.since >= served.end:
                        continue
                    part = Period(article.since, served.end)
                for days in _unclaimed(part, claimed.charges.get(article.id), by_days=by_days):
                    due_on = max(due.due_on, days.start)
                    if until is None or due_on <= until:
                        owed.append(Owed(days, article, due_on))
        return owed

    def visits_owed(self, claimed: Claimed) -> Iterator[tuple[VisitFacts, ArticleFacts, date]]:
        """Yield each (visit done, article, due day) that is not claimed.

        A visit really done is owed even when the contract has ended since; only what the former system billed is not.
        """
        if not self.is_per_visit:
            return
        elsewhere = self.line.billed_elsewhere_until
        for visit in self.line.visits:
            if elsewhere and visit.done_on <= elsewhere:
                continue
            due_on = end_of_month(visit.done_on) if self.timing == IN_ARREARS else visit.done_on
            for article in self.line.articles:
                if article.since and visit.done_on < article.since:
                    continue
                if (article.id, visit.id) not in claimed.visits:
                    yield visit, article, due_on

    def exceptions_owed(self, claimed: Claimed) -> Iterator[tuple[ExceptionFacts, date]]:
        """Yield each (exception, due day) dated inside the line and not claimed."""
        for exception in self.line.exceptions:
            if exception.id not in claimed.exceptions and self.is_served_on(exception.on):
                yield exception, self._due_with(exception)

    def is_served_on(self, day: date) -> bool:
        """Return whether an exception of that day is billed; a suspension does not stop a dated exception."""
        stops = (self.service.stop, self.line.end)
        return day >= self.service.opens and not any(stop and day >= stop for stop in stops)

    def _due_with(self, exception: ExceptionFacts) -> date:
        """Return the day an exception is due: with the line's first due period from its day on, else on its day."""
        if exception.alone or self.grid is None:
            return exception.on
        service = self.service
        for due in self.grid.dues(stop=service.stop, since=exception.on):
            if service.closes and due.period.start >= service.closes:
                break
            for part in served_parts(due.period, service, self.line):
                due_on = max(due.due_on, part.start)
                if due_on >= exception.on:
                    return due_on
        return exception.on


def _unclaimed(part: Period, claims: Mapping[date, date] | None, *, by_days: bool) -> list[Period]:
    """Return the days of `part` that no claim holds, as periods in order.

    Billed by days, a stub whose end moved later (the contract was prolonged) leaves the rest to bill. Billed whole,
    the instalment already pays for the rest: a part whose first day is claimed is done.
    """
    if claims is None:
        return [part]
    if claims.get(part.start) == part.end:
        return []
    left = without(part, claims.items())
    return left if by_days or (left and left[0].start == part.start) else []


def billed_lines(contract: ContractFacts) -> tuple[BilledLine, ...]:
    """Return the lines of a contract with their terms, checked at the first call and kept in `contract.memo`.

    Raise BusinessError when the contract, or one of its lines, cannot be billed.
    """
    if "billed_lines" not in contract.memo:
        check_contract(contract)
        contract.memo["billed_lines"] = tuple(BilledLine.of(contract, line) for line in contract.lines)
    return cast("tuple[BilledLine, ...]", contract.memo["billed_lines"])


def charges_of(contract: ContractFacts, claimed: Claimed, *, on: date, force: bool = False) -> list[Charge]:
    """Return everything due on `on` and not claimed, by line: periods, then visits, then exceptions, each in order.

    Raise BusinessError when the contract cannot be billed, or when a line has more than SAFETY_BOUND due periods and
    `force` (« Facturer quand même ») is not given.
    """
    charges: list[Charge] = []
    for billed in billed_lines(contract):
        charges += _period_charges(billed, claimed, on, force)
        charges += [
            _visit_charge(billed, visit, article, due_on, on)
            for visit, article, due_on in billed.visits_owed(claimed)
            if due_on <= on
        ]
        charges += [
            _exception_charge(billed, exception, due_on, on)
            for exception, due_on in billed.exceptions_owed(claimed)
            if due_on <= on
        ]
    return charges


def _period_charges(billed: BilledLine, claimed: Claimed, on: date, force: bool) -> list[Charge]:
    charges: list[Charge] = []
    priced: dict[tuple[int, date], Priced] = {}
    for count, (due, owed) in enumerate(billed.periods_owed(claimed, until=on), start=1):
        if count > SAFETY_BOUND and not force:
            raise BusinessError(
                wording.too_many_periods(billed.contract, billed.line, SAFETY_BOUND), code=TOO_MANY_PERIODS
            )
        when = {days: wording.period_text(days, due, billed.frequency) for days in {one.days for one in owed}}
        for one in owed:
            version = price_on(one.article, due.period.start)
            key = one.article.id, version.from_on
            price = priced.get(key) or priced.setdefault(key, Priced.of(billed, one.article, version))
            charges.append(_period_charge(billed, due, one, price, when[one.days], on))
    return charges


def _proposed_on(contract: ContractFacts, due_on: date, on: date) -> date:
    """Return the date that the draft proposes: the due date, or the date of the run when late periods are all dated so."""
    return due_on if contract.late_billing == ONE_PER_PERIOD else on


def _period_charge(billed: BilledLine, due: Due, owed: Owed, price: Priced, when: str, on: date) -> PeriodCharge:
    contract, article, rounding = billed.contract, owed.article, billed.contract.rounding
    amount = period_amount(price.instalments, due)
    if owed.days != due.whole:
        amount = part_amount(amount, owed.days, due.whole, rounding)
    return PeriodCharge(
        contract=contract.id,
        line=billed.line.id,
        product=article.product,
        tax=article.tax,
        label=f"{article.label}, {when}, {price.basis}",
        amount=amount,
        due_on=owed.due_on,
        proposed_on=_proposed_on(contract, owed.due_on, on),
        article=article.id,
        period=owed.days,
        n=due.n,
        share=due.share,
        done=due.done,
        yearly=price.yearly,
    )


def _visit_charge(billed: BilledLine, visit: VisitFacts, article: ArticleFacts, due_on: date, on: date) -> VisitCharge:
    contract, rounding = billed.contract, billed.contract.rounding
    price = Priced.of(billed, article, price_on(article, visit.done_on))
    return VisitCharge(
        contract=contract.id,
        line=billed.line.id,
        product=article.product,
        tax=article.tax,
        label=f"{article.label}, {wording.visit_text(visit)}, {price.basis}",
        amount=visit_amount(price.yearly, rank=visit.rank, of=visit.of, rounding=rounding),
        due_on=due_on,
        proposed_on=_proposed_on(contract, due_on, on),
        article=article.id,
        visit=visit.id,
        rank=visit.rank,
        of=visit.of,
        done_on=visit.done_on,
        yearly=price.yearly,
    )


def _exception_charge(billed: BilledLine, exception: ExceptionFacts, due_on: date, on: date) -> ExceptionCharge:
    contract = billed.contract
    return ExceptionCharge(
        contract=contract.id,
        line=billed.line.id,
        product=exception.product,
        tax=exception.tax,
        label=exception.label,
        amount=line_net(exception.quantity, exception.unit_price, exception.discount, contract.rounding),
        due_on=due_on,
        proposed_on=_proposed_on(contract, due_on, on),
        unit=exception.unit,
        dated_on=exception.on,
        exception=exception.id,
        own_quantity=exception.quantity,
        own_unit_price=exception.unit_price,
        own_discount=exception.discount,
    )
