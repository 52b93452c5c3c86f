"""What the planner decides from: contracts, lines, articles, visits and what is already claimed.

Frozen values read in a few set-based queries; no row, no clock. Dates: what people read (`end_on`, `terminated_on`,
`billed_elsewhere_until`) is the last day included; every other interval is half-open, its end excluded.
Money is in the contract's currency, net of tax. `product`, `tax` and `unit` are opaque ids, handed back on the intents.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, Protocol, cast

from openfire_billing.kernel.money import HALF_EVEN, ZERO

# Units of a frequency.
DAY: Final = "day"
WEEK: Final = "week"
MONTH: Final = "month"
YEAR: Final = "year"
VISIT: Final = "visit"

# Type de facturation: à échoir, échu, au jour de la visite.
IN_ADVANCE: Final = "in_advance"
IN_ARREARS: Final = "in_arrears"
ON_VISIT: Final = "on_visit"

# Alignement.
CALENDAR: Final = "calendar"
ANNIVERSARY: Final = "anniversary"

# Prorata of the stubs.
NONE: Final = "none"
FULL: Final = "full"
DAYS: Final = "days"

# Retard.
ONE_PER_PERIOD: Final = "one_per_period"
ONE_INVOICE: Final = "one_invoice"
ON_DATE: Final = "on_date"

# Kinds of a period claim.
CHARGE: Final = "charge"
REFUND: Final = "refund"

# Kinds of things that are claimed.
PERIOD_CLAIM: Final = "period"
VISIT_CLAIM: Final = "visit"
EXCEPTION_CLAIM: Final = "exception"


@dataclass(frozen=True, slots=True)
class Frequency:
    """Every `every` units: Frequency(3, MONTH) is quarterly. With VISIT, one instalment per visit really done."""

    every: int
    unit: str

    @property
    def months(self) -> int:
        """Length in months; 0 for days, weeks and visits."""
        if self.unit == YEAR:
            return 12 * self.every
        return self.every if self.unit == MONTH else 0

    @property
    def days(self) -> int:
        """Length in days; 0 for months, years and visits."""
        if self.unit == WEEK:
            return 7 * self.every
        return self.every if self.unit == DAY else 0

    @property
    def per_year(self) -> Fraction:
        """p, the instalments a year: 12/N in months (quarterly 4, every two years 1/2). Days and weeks: 1, for the
        article's price is per instalment there."""
        return Fraction(12, self.months) if self.months else Fraction(1)

    def instalments(self, first: date, last: date) -> int:
        """Return how many instalments are due from `first`, the due day of one, to `last` included; at least 1."""
        if self.months:
            passed = 12 * (last.year - first.year) + last.month - first.month - (last.day < first.day)
            return max(1, passed // self.months + 1)
        return max(1, (last - first).days // self.days + 1) if self.days else 1


PER_VISIT: Final = Frequency(1, VISIT)


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """A net unit price and its discount (percent), in force from `from_on` (inclusive).

    The price is for one year; for a billing frequency in days or weeks, it is for one billing period.
    """

    from_on: date
    unit_price: Decimal
    discount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class ArticleFacts:
    """An article of a line. `prices` in date order, one at least; the first also holds for the days before it.

    `since`: the first day it bills; None = as its line.
    """

    id: int
    label: str
    quantity: Decimal
    prices: tuple[PriceVersion, ...]
    product: int | None = None
    tax: int | None = None
    since: date | None = None


@dataclass(frozen=True, slots=True)
class ExceptionFacts:
    """A one-off dated line; its quantity may be negative (a reduction).

    `alone`: billed on its day; else with the first due period of its line from that day on.
    """

    id: int
    on: date
    label: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = ZERO
    product: int | None = None
    tax: int | None = None
    unit: int | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """A visit really done: `rank` 1 to `of` in the contract `year` (1 = the first)."""

    id: int
    year: int
    rank: int
    of: int
    done_on: date


@dataclass(frozen=True, slots=True)
class VisitPlan:
    """« Répéter N fois tous les (mois | ans) » over the chosen months (1 to 12). `unit` is MONTH or YEAR."""

    repeat: int
    unit: str
    months: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Suspension:
    """Days not served: from `start` included to `end` excluded, None while nobody has resumed."""

    start: date
    end: date | None = None


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A contract line. Its days nest: the contract's hold the amendment chain's, which hold the line's own.

    `chain`: id of the first line of the amendment chain.
    `chain_start`, `chain_end`: where the chain begins or stops inside the contract; None = the contract's. There the
    contract's proration makes the stubs.
    `start`, `end`: where an amendment cuts the chain; None = the chain's. A line amended at D ends on D and its
    successor starts on D: a period cut there is split by days.
    `grid_from`: the day the grid counts from; None = the contract's start. A change of frequency sets it, with
    `chain_start`, to its own day.
    `settled_before`: everything due before that day is known to be claimed, so the periods that end on or before it are
    not examined, nor their claims read; None = examine all. It only spares work: the plan is the same.
    `frequency`, `timing`: None = the contract's. `label`: site and equipment, to name the line in a reason.
    """

    id: int
    chain: int
    articles: tuple[ArticleFacts, ...] = ()
    exceptions: tuple[ExceptionFacts, ...] = ()
    visits: tuple[VisitFacts, ...] = ()
    label: str = ""
    frequency: Frequency | None = None
    timing: str | None = None
    chain_start: date | None = None
    chain_end: date | None = None
    start: date | None = None
    end: date | None = None
    grid_from: date | None = None
    billed_elsewhere_until: date | None = None
    suspensions: tuple[Suspension, ...] = ()
    settled_before: date | None = None
    visit_plan: VisitPlan | None = None


@dataclass(frozen=True, slots=True)
class CreditableInvoice:
    """A posted invoice of the contract and the net that is left of it."""

    id: int
    left: Decimal


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """A contract to be billed. The reader gives validated contracts; here only dates decide.

    `end_on` and `terminated_on`: last days served. With `auto_renew`, `end_on` marks the term and stops nothing.
    `anchor_day`: 1 to 31, None = the start's. `creditable`: the invoices a negative draft may credit, preferred first.
    """

    id: int
    reference: str
    payer: int | None
    billing_address: int | None
    company: int | None
    fiscal_position: int | None
    payment_term: int | None
    journal: int | None
    start_on: date
    lines: tuple[LineFacts, ...]
    frequency: Frequency
    timing: str
    currency: str = "EUR"
    end_on: date | None = None
    auto_renew: bool = True
    terminated_on: date | None = None
    alignment: str = CALENDAR
    anchor_day: int | None = None
    proration: str = NONE
    late_billing: str = ONE_PER_PERIOD
    grouped: bool = True
    group_by_payer: bool = False
    auto_post: bool = False
    purchase_order: str = ""
    rounding: str = HALF_EVEN
    creditable: tuple[CreditableInvoice, ...] = ()
    memo: dict[str, object] = field(default_factory=dict, init=False, repr=False, compare=False)  # of `billed_lines`


class Claiming(Protocol):
    """What claims a thing: its kind, and what its claim holds."""

    @property
    def claim_kind(self) -> str: ...

    @property
    def claim_values(self) -> tuple[object, ...]: ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """What live claims hold, whatever they are: on an invoice line, free, waived or billed elsewhere.

    `charges`, `refunds`: article id → {first day of the period: its end, excluded}. `visits`: (article id, visit id).
    `exceptions`: exception ids. Ids are unique across contracts, so one value serves a whole chunk.
    """

    charges: Mapping[int, Mapping[date, date]] = field(default_factory=dict)
    refunds: Mapping[int, Mapping[date, date]] = field(default_factory=dict)
    visits: Set[tuple[int, int]] = field(default_factory=frozenset)
    exceptions: Set[int] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls,
        periods: Iterable[tuple[int, date, date, str]] = (),
        *,
        visits: Iterable[tuple[int, int]] = (),
        exceptions: Iterable[int] = (),
    ) -> "Claimed":
        """Return what these rows of live claims hold: periods as (article id, start, end excluded, kind)."""
        return NOTHING_CLAIMED.adding(periods, visits=visits, exceptions=exceptions)

    def adding(
        self,
        periods: Iterable[tuple[int, date, date, str]] = (),
        *,
        visits: Iterable[tuple[int, int]] = (),
        exceptions: Iterable[int] = (),
    ) -> "Claimed":
        """Return what is claimed when these rows are claimed too. `self` does not change."""
        kinds: dict[str, dict[int, Mapping[date, date]]] = {CHARGE: dict(self.charges), REFUND: dict(self.refunds)}
        copies: dict[tuple[str, int], dict[date, date]] = {}
        for article, start, end, kind in periods:
            ends = copies.get((kind, article))
            if ends is None:
                ends = copies[kind, article] = dict(kinds[kind].get(article, ()))
                kinds[kind][article] = ends
            ends[start] = end
        return Claimed(kinds[CHARGE], kinds[REFUND], self.visits | set(visits), self.exceptions | set(exceptions))

    def with_charges(self, charges: Iterable[Claiming]) -> "Claimed":
        """Return what is claimed when these charges are claimed too."""
        rows: dict[str, list[tuple[object, ...]]] = {PERIOD_CLAIM: [], VISIT_CLAIM: [], EXCEPTION_CLAIM: []}
        for charge in charges:
            rows[charge.claim_kind].append(charge.claim_values)
        return self.adding(
            cast("list[tuple[int, date, date, str]]", rows[PERIOD_CLAIM]),
            visits=cast("list[tuple[int, int]]", rows[VISIT_CLAIM]),
            exceptions=[exception for (exception,) in cast("list[tuple[int]]", rows[EXCEPTION_CLAIM])],
        )


NOTHING_CLAIMED: Final = Claimed()
