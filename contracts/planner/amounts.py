"""What one instalment of an article is worth: it depends on its place alone, never on what was billed before.

All amounts net of tax, in the contract's currency, to the cent, in the company's rounding mode.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from contracts.planner.facts import ArticleFacts, PriceVersion
from contracts.planner.grids import Due
from openfire_billing.kernel.money import HALF_EVEN, Instalments, line_net, part_between
from openfire_billing.kernel.periods import Period


def price_on(article: ArticleFacts, day: date) -> PriceVersion:
    """Return the price of a period by its first day, of a visit by its day.

    A version takes effect on the first period or visit that starts on or after its date.
    """
    for version in reversed(article.prices):
        if version.from_on <= day:
            return version
    return article.prices[0]


def yearly_net(article: ArticleFacts, price: PriceVersion, rounding: str = HALF_EVEN) -> Decimal:
    """Return Y = cents(quantity × price × (1 − discount)), the net of a year; for days and weeks, of one instalment."""
    return line_net(article.quantity, price.unit_price, price.discount, rounding)


def period_amount(yearly: Instalments, due: Due) -> Decimal:
    """Return the net of one whole due period: cents(Y·S(n)/p) − cents(Y·S(n−1)/p).

    S(n−1)/p is `due.before`, S(n)/p is `due.after`. Twelve months sum to the year to the cent, whatever was freed or
    billed late.
    """
    return yearly.between(due.before, due.after)


def part_amount(amount: Decimal, part: Period, whole: Period, rounding: str = HALF_EVEN) -> Decimal:
    """Return the net of the days `part` of a period worth `amount`.

    cents(amount × days up to its end / days of the whole) less cents(amount × days up to its start / days of the
    whole): so the parts of a period sum to `amount` to the cent, wherever it is cut and in whatever order they are
    billed.
    """
    before = (part.start - whole.start).days
    return part_between(amount, Fraction(before, whole.days), Fraction(before + part.days, whole.days), rounding)


def visit_amount(yearly: Decimal, *, rank: int, of: int, rounding: str = HALF_EVEN) -> Decimal:
    """Return the net of the visit of that `rank` among `of` in a contract year: S = rank, p = of."""
    return part_between(yearly, Fraction(rank - 1, of), Fraction(rank, of), rounding)
