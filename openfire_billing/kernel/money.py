"""The one money engine: every amount on a screen, a PDF, a ledger or an API answer is computed here.

The rule: a line's net is rounded once; VAT is computed once per category and rate on the document's base
(EN 16931: BT-117 = BT-116 x BT-119); gross = net + tax. Half-even by default, half-up if the company says so.
This is the only module of the project that rounds. Pure: no Django, no database.
"""

from collections.abc import Iterable
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


class Rate(Protocol):
    """A tax as the engine needs it: VAT category (S, Z, E, AE, K, G, O) and rate in percent."""

    category: str
    rate: Decimal


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
    """Return a line's price with tax, for reading only: it is never summed, since the document's tax is per rate."""
    return to_cents(_WIDE.divide(_WIDE.multiply(net, _WIDE.add(Decimal(100), rate)), Decimal(100)), rounding)


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
