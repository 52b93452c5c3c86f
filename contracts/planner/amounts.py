"""What one instalment of an article is worth: it depends on its place alone, never on what was billed before.

All amounts net of tax, in the contract's currency, to the cent, in the company's rounding mode.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from contracts.planner.facts import ArticleFacts, PriceVersion
from contracts.planner.grids import Due
from openfire_billing.kernel.money import HALF_EVEN, line_net, to_cents
from openfire_billing.kernel.periods import Period


def price_on(article: ArticleFacts, day: date) -> PriceVersion:
    """The price of a period by its first day, of a visit by its day: a version takes effect on the first one
    that starts on or after its date."""
    for version in reversed(article.prices):
        if version.from_on <= day:
            return version
    return article.prices[0]


def yearly_net(article: ArticleFacts, price: PriceVersion, rounding: str = HALF_EVEN) -> Decimal:
    """Y = cents(quantity × price × (1 − discount)): of a year; for days and weeks, of one instalment."""
    return line_net(article.quantity, price.unit_price, price.discount, rounding)


@lru_cache(maxsize=20_000)  # a firm has few prices, and all the contracts of one start are at the same place
def by_place(yearly: Decimal, before: Fraction, after: Fraction, rounding: str = HALF_EVEN) -> Decimal:
    """cents(Y·S(n)/p) − cents(Y·S(n−1)/p), with S(n−1)/p = `before` and S(n)/p = `after`: `money.instalment` in the
    company's rounding mode. Twelve months make the year to the cent, whatever was freed or billed late."""
    year = Fraction(yearly)
    return to_cents(year * after, rounding) - to_cents(year * before, rounding)


def period_amount(yearly: Decimal, due: Due, rounding: str = HALF_EVEN) -> Decimal:
    """Net of the whole of one due period."""
    return by_place(yearly, due.before, due.after, rounding)


def part_amount(amount: Decimal, part: Period, whole: Period, rounding: str = HALF_EVEN) -> Decimal:
    """Net of the days `part` of a period worth `amount`: cents(amount × days up to its end / days of the whole) less
    cents(amount × days up to its start / days of the whole). So the parts of a period make `amount` to the cent,
    whatever cuts it and in whatever order they are billed."""
    per_day, before = Fraction(amount) / whole.days, (part.start - whole.start).days
    return to_cents(per_day * (before + part.days), rounding) - to_cents(per_day * before, rounding)


def visit_amount(yearly: Decimal, *, rank: int, of: int, rounding: str = HALF_EVEN) -> Decimal:
    """Net of the visit of that rank among `of` in a contract year: p = V, S = rank."""
    return by_place(yearly, Fraction(rank - 1, of), Fraction(rank, of), rounding)
