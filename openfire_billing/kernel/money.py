"""The one money engine: every amount on a screen, a PDF, a ledger or an API answer is computed here.

The rule: a line's net is rounded once; VAT is computed once per category and rate on the document's base
(EN 16931: BT-117 = BT-116 x BT-119); gross = net + tax. Half-even by default, half-up if the company says so.
This is the only module of the project that rounds. Pure: no Django, no database.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Protocol

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
HALF_EVEN = "half_even"
HALF_UP = "half_up"
_MODES = {HALF_EVEN: ROUND_HALF_EVEN, HALF_UP: ROUND_HALF_UP}
_WIDE = Context(prec=60)
_ONE = Decimal(1)
_TICKS = 10_000  # the smallest step of a unit price, of four decimals


class Rate(Protocol):
    """A tax as the engine needs it: VAT category (S, Z, E, AE, K, G, O) and rate in percent."""

    @property
    def category(self) -> str: ...

    @property
    def rate(self) -> Decimal: ...


@dataclass(frozen=True)
class TaxTotal:
    """VAT of one category and rate on a document. `base` and `amount` in the document's currency, to the cent."""

    category: str
    rate: Decimal
    base: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Totals:
    """A document's amounts, to the cent: net + tax = gross, always."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    taxes: tuple[TaxTotal, ...] = ()


NOTHING = Totals(ZERO, ZERO, ZERO)


def to_cents(amount: Decimal | Fraction | int, rounding: str = HALF_EVEN) -> Decimal:
    """Round to the cent. A fraction is rounded on its exact value, never through a float or a cut decimal."""
    if isinstance(amount, Fraction):
        return _cents(_rounded(amount.numerator * 100, amount.denominator, rounding))
    return Decimal(amount).quantize(CENT, rounding=_MODES[rounding], context=_WIDE) + ZERO  # never -0.00


class Instalments:
    """An amount cut into parts: cents(amount × after) − cents(amount × before), each rounded on its exact value.

    Parts that follow each other make the whole to the cent. The end of the last part asked for is kept: asked for in
    order, each boundary is rounded once.
    """

    __slots__ = ("_denominator", "_last", "_numerator", "_rounding", "_upto")

    def __init__(self, amount: Decimal, rounding: str = HALF_EVEN) -> None:
        numerator, self._denominator = amount.as_integer_ratio()
        self._numerator = numerator * 100
        self._rounding = rounding
        self._last, self._upto = (0, 1), 0

    def between(self, before: Fraction, after: Fraction) -> Decimal:
        """Return the part between two shares of the whole."""
        start, end = before.as_integer_ratio(), after.as_integer_ratio()
        from_cents = self._upto if start == self._last else self._cents_at(start)
        self._last, self._upto = end, self._cents_at(end)
        return _cents(self._upto - from_cents)

    def _cents_at(self, share: tuple[int, int]) -> int:
        return _rounded(self._numerator * share[0], self._denominator * share[1], self._rounding)


def part_between(amount: Decimal, before: Fraction, after: Fraction, rounding: str = HALF_EVEN) -> Decimal:
    """Return one part of an amount, as `Instalments` cuts it."""
    return Instalments(amount, rounding).between(before, after)


def _rounded(numerator: int, denominator: int, rounding: str) -> int:
    """Return the whole number nearest to a ratio; between two as near, the one of the rounding mode."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice != denominator:
        return whole + (twice > denominator)
    if rounding == HALF_UP:  # away from zero, as for decimals
        return whole + (whole >= 0)
    return whole + whole % 2


def _cents(count: int) -> Decimal:
    return Decimal(count).scaleb(-2, context=_WIDE)


def to_quantity(amount: Decimal | float | int) -> Decimal:
    """Round a quantity to its three decimals: databases that sum in floats return 0.30000000000000004."""
    return Decimal(str(amount)).quantize(Decimal("0.001"), rounding=ROUND_HALF_EVEN, context=_WIDE)


def line_net(quantity: Decimal, unit_price: Decimal, discount: Decimal = ZERO, rounding: str = HALF_EVEN) -> Decimal:
    """Return the net of a line, rounded once. `discount` in percent (10 = 10 %), `unit_price` net of tax."""
    return to_cents(
        _WIDE.divide(
            _WIDE.multiply(_WIDE.multiply(quantity, unit_price), _WIDE.subtract(Decimal(100), discount)), Decimal(100)
        ),
        rounding,
    )


def tax_of(base: Decimal, rate: Decimal, rounding: str = HALF_EVEN) -> Decimal:
    """Return the VAT on a base, to the cent. `rate` in percent. 175.00 at 5.5 -> 9.62; 185.00 -> 10.18 (half-even)."""
    return to_cents(_WIDE.divide(_WIDE.multiply(base, rate), Decimal(100)), rounding)


def line_gross(net: Decimal, rate: Decimal, rounding: str = HALF_EVEN) -> Decimal:
    """Return a line's price with tax: the gross of a document of this line alone.

    For reading only: it is never summed, since the document's tax is per rate.
    """
    return net + tax_of(net, rate, rounding)


@dataclass(frozen=True)
class IncludingTax:
    """A unit price typed with its tax, before the rate of its line is known."""

    amount: Decimal


@dataclass(frozen=True)
class NetPrice:
    """The unit price without tax found for one with tax.

    `wanted`: the gross of the line at the price with tax. `below`, `above`: the nearest gross amounts that a price of
    four decimals gives; both are `wanted` when it can be given.
    """

    unit_price: Decimal
    wanted: Decimal
    below: Decimal
    above: Decimal

    @property
    def is_exact(self) -> bool:
        return self.below == self.wanted == self.above


def price_without_tax(
    price: Decimal,
    rate: Decimal,
    *,
    quantity: Decimal = _ONE,
    discount: Decimal = ZERO,
    rounding: str = HALF_EVEN,
) -> NetPrice:
    """Return the unit price of four decimals with which a line is worth `price` with tax for each of its `quantity`.

    The line alone is worth quantity × price less discount, to the cent, tax included. Of the unit prices that give it,
    the nearest to price ÷ (1 + rate) is returned. No price may: at 20 %, 0.02 is 0.02 with tax and 0.03 is 0.04.
    """
    size, count = abs(price), abs(quantity)
    ratio = Fraction(size) * 100 / (100 + Fraction(rate))
    nearest = round(ratio * _TICKS)
    wanted = line_net(count, size, discount, rounding)

    def gross_at(ticks: int) -> Decimal:
        return line_gross(line_net(count, _price(ticks), discount, rounding), rate, rounding)

    lower = upper = nearest
    if gross_at(nearest) < wanted:
        lower, upper = _around(gross_at, wanted, nearest)
    elif gross_at(nearest) > wanted:
        upper = bisect_right(range(nearest), wanted, key=gross_at)
        lower = upper - 1
    found = lower if gross_at(lower) == wanted else upper
    below, above = (wanted, wanted) if gross_at(found) == wanted else (gross_at(lower), gross_at(upper))
    sign = -1 if price < 0 else 1
    facing = sign if quantity >= 0 else -sign
    least, most = sorted((facing * below, facing * above))
    return NetPrice(sign * _price(found), facing * wanted, least, most)


def _around(gross_at: Callable[[int], Decimal], wanted: Decimal, ticks: int) -> tuple[int, int]:
    """Return the two following prices, from `ticks` on, of which the second is the first to give `wanted` or more."""
    step = 1
    while gross_at(ticks + step) < wanted:
        step *= 2
    upper = ticks + bisect_left(range(ticks, ticks + step + 1), wanted, key=gross_at)
    return upper - 1, upper


def _price(ticks: int) -> Decimal:
    return Decimal(ticks).scaleb(-4, context=_WIDE)


def totals(lines: Iterable[tuple[Decimal, Rate]], rounding: str = HALF_EVEN) -> Totals:
    """Return the totals of a document from its lines' (net, tax) pairs, taxes sorted by category then rate."""
    bases: dict[tuple[str, Decimal], Decimal] = {}
    for net, tax in lines:
        key = (tax.category, tax.rate)
        bases[key] = bases.get(key, ZERO) + net
    return totals_of_bases(bases, rounding)


def totals_of_bases(bases: dict[tuple[str, Decimal], Decimal], rounding: str = HALF_EVEN) -> Totals:
    """Return the totals of a document from its base per (category, rate)."""
    taxes = tuple(
        TaxTotal(category, rate, base, tax_of(base, rate, rounding)) for (category, rate), base in sorted(bases.items())
    )
    return with_taxes(taxes)


def with_taxes(taxes: tuple[TaxTotal, ...]) -> Totals:
    """Return the totals of a document whose VAT per rate is already known (a credit's tax may be capped)."""
    net = sum((t.base for t in taxes), ZERO)
    tax = sum((t.amount for t in taxes), ZERO)
    return Totals(net, tax, net + tax, taxes)
