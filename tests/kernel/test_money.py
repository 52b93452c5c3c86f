"""The money engine, to the cent. Tables from EN 16931's rule (VAT per rate on the document's base) and the trade."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openfire_billing.kernel.money import (
    HALF_EVEN,
    HALF_UP,
    NOTHING,
    ZERO,
    TaxTotal,
    Totals,
    line_gross,
    line_net,
    part_between,
    price_without_tax,
    tax_of,
    to_cents,
    to_quantity,
    totals,
    totals_of_bases,
    with_taxes,
)

D = Decimal
MODES = (HALF_EVEN, HALF_UP)


@dataclass
class Tax:
    category: str
    rate: Decimal


S20 = Tax("S", D("20"))
S10 = Tax("S", D("10"))
S55 = Tax("S", D("5.5"))
E0 = Tax("E", D("0"))

modes = st.sampled_from(MODES)
amounts = st.decimals(-10_000_000, 10_000_000, places=2)
quantities = st.decimals(-10_000, 10_000, places=3)
unit_prices = st.decimals(0, 100_000, places=4)
rates = st.sampled_from([D("0"), D("2.1"), D("5.5"), D("8.5"), D("10"), D("20")])


# Rounding


@pytest.mark.parametrize(
    ("amount", "half_even", "half_up"),
    [
        ("0", "0.00", "0.00"),
        ("9.625", "9.62", "9.63"),
        ("9.635", "9.64", "9.64"),
        ("10.175", "10.18", "10.18"),
        ("0.005", "0.00", "0.01"),
        ("0.015", "0.02", "0.02"),
        ("0.0049", "0.00", "0.00"),
        ("0.0051", "0.01", "0.01"),
        ("2.675", "2.68", "2.68"),  # 2.67 in floats
        ("1.005", "1.00", "1.01"),
        ("-9.625", "-9.62", "-9.63"),
        ("-9.635", "-9.64", "-9.64"),
        ("-0.005", "0.00", "-0.01"),
        ("-0.015", "-0.02", "-0.02"),
        ("-0.0051", "-0.01", "-0.01"),
        ("123456789012345678.905", "123456789012345678.90", "123456789012345678.91"),
    ],
)
def test_to_cents_rounds_halves(amount: str, half_even: str, half_up: str) -> None:
    for exact in (D(amount), Fraction(amount)):
        assert to_cents(exact) == D(half_even)
        assert to_cents(exact, HALF_EVEN) == D(half_even)
        assert to_cents(exact, HALF_UP) == D(half_up)


@pytest.mark.parametrize("amount", [D("12"), D("12.3"), Fraction(12), Fraction(1, 3), 12, D("1E+2"), 0])
def test_to_cents_always_writes_two_decimals(amount: Decimal | Fraction | int) -> None:
    assert to_cents(amount).as_tuple().exponent == -2


def test_to_cents_writes_no_negative_zero() -> None:
    assert [str(to_cents(D(amount))) for amount in ("-0.001", "-0.005", "0.001")] == ["0.00", "0.00", "0.00"]


@pytest.mark.parametrize(
    ("amount", "thirds", "half_even", "half_up"),
    [
        ("100.00", (0, 1, 2, 3), ["33.33", "33.34", "33.33"], ["33.33", "33.34", "33.33"]),
        ("-100.00", (0, 1, 2, 3), ["-33.33", "-33.34", "-33.33"], ["-33.33", "-33.34", "-33.33"]),
        ("0.03", (0, 0.5, 1.5, 3), ["0.00", "0.02", "0.01"], ["0.01", "0.01", "0.01"]),
        ("175.0000", (1, 3), ["116.67"], ["116.67"]),
    ],
)
def test_part_between_two_shares_is_the_difference_of_their_cents(
    amount: str, thirds: tuple[float, ...], half_even: list[str], half_up: list[str]
) -> None:
    shares = [Fraction(third) / 3 for third in thirds]
    for mode, parts in ((HALF_EVEN, half_even), (HALF_UP, half_up)):
        found = [part_between(D(amount), *pair, mode) for pair in pairwise(shares)]
        assert [str(part) for part in found] == parts


def test_to_cents_rounds_a_fraction_on_its_exact_value() -> None:
    just_under = Fraction(9_625, 1_000) - Fraction(1, 10**40)
    just_over = Fraction(9_625, 1_000) + Fraction(1, 10**40)

    assert to_cents(just_under, HALF_UP) == D("9.62")
    assert to_cents(just_over, HALF_EVEN) == D("9.63")


@given(st.decimals(-(10**12), 10**12, places=6), modes)
def test_to_cents_of_a_fraction_agrees_with_the_decimal(amount: Decimal, mode: str) -> None:
    assert to_cents(Fraction(amount), mode) == to_cents(amount, mode)


@given(st.fractions(-(10**9), 10**9, max_denominator=10_000), modes)
def test_to_cents_is_never_further_than_half_a_cent(amount: Fraction, mode: str) -> None:
    assert abs(Fraction(to_cents(amount, mode)) - amount) <= Fraction(1, 200)


@given(st.fractions(-(10**9), 10**9, max_denominator=10_000), modes)
def test_to_cents_is_the_same_on_both_sides_of_zero(amount: Fraction, mode: str) -> None:
    assert to_cents(-amount, mode) == -to_cents(amount, mode)


@pytest.mark.parametrize(
    ("amount", "quantity"),
    [(0.1 + 0.2, "0.300"), (D("2"), "2.000"), (1, "1.000"), (2.9999999999999996, "3.000"), (D("-0.5"), "-0.500")],
)
def test_to_quantity_drops_the_dust_of_floats(amount: Decimal | float | int, quantity: str) -> None:
    assert to_quantity(amount) == D(quantity)
    assert to_quantity(amount).as_tuple().exponent == -3


# A line


@pytest.mark.parametrize(
    ("quantity", "unit_price", "discount", "net"),
    [
        ("1", "175.00", "0", "175.00"),
        ("1.000", "175.0000", "0.00", "175.00"),
        ("3", "33.3333", "0", "100.00"),
        ("0.333", "33.33", "0", "11.10"),
        ("1", "0.0050", "0", "0.00"),
        ("1", "0.0150", "0", "0.02"),
        ("2", "175.00", "10", "315.00"),
        ("1", "99.99", "33.33", "66.66"),
        ("1", "175.00", "100", "0.00"),
        ("0.5", "0.01", "50", "0.00"),
        ("-1", "175.00", "0", "-175.00"),
        ("-0.333", "33.33", "0", "-11.10"),
        ("9999999.999", "999999.9999", "0", "9999999998000.00"),
    ],
)
def test_line_net_rounds_once(quantity: str, unit_price: str, discount: str, net: str) -> None:
    assert line_net(D(quantity), D(unit_price), D(discount)) == D(net)


def test_line_net_rounds_after_the_discount_and_not_before() -> None:
    # 3 × 0.335 = 1.005; halved 0.5025. Rounding twice would give 1.00, then 0.50.
    assert line_net(D("3"), D("0.335"), D("50")) == D("0.50")
    # 1.015 − 1 % = 1.00485. Rounding twice would give 1.02, then 1.01.
    assert line_net(D("1"), D("1.015"), D("1")) == D("1.00")


def test_line_net_follows_the_company_setting() -> None:
    assert line_net(D("0.5"), D("0.25"), rounding=HALF_EVEN) == D("0.12")
    assert line_net(D("0.5"), D("0.25"), rounding=HALF_UP) == D("0.13")


@given(quantities, unit_prices, st.decimals(0, 100, places=2), modes)
def test_line_net_of_the_opposite_quantity_is_the_opposite(
    quantity: Decimal, unit_price: Decimal, discount: Decimal, mode: str
) -> None:
    net = line_net(quantity, unit_price, discount, mode)

    assert line_net(-quantity, unit_price, discount, mode) == -net


# VAT


@pytest.mark.parametrize(
    ("base", "rate", "half_even", "half_up"),
    [
        ("175.00", "5.5", "9.62", "9.63"),
        ("350.00", "5.5", "19.25", "19.25"),
        ("525.00", "5.5", "28.88", "28.88"),
        ("700.00", "5.5", "38.50", "38.50"),
        ("185.00", "5.5", "10.18", "10.18"),
        ("14.58", "5.5", "0.80", "0.80"),
        ("174.96", "5.5", "9.62", "9.62"),
        ("100.00", "20", "20.00", "20.00"),
        ("0.02", "20", "0.00", "0.00"),
        ("0.03", "20", "0.01", "0.01"),
        ("0.05", "10", "0.00", "0.01"),
        ("0.15", "10", "0.02", "0.02"),
        ("100.00", "0", "0.00", "0.00"),
        ("-175.00", "5.5", "-9.62", "-9.63"),
        ("-185.00", "5.5", "-10.18", "-10.18"),
        ("1234567.89", "2.1", "25925.93", "25925.93"),
    ],
)
def test_tax_of_a_base(base: str, rate: str, half_even: str, half_up: str) -> None:
    assert tax_of(D(base), D(rate)) == D(half_even)
    assert tax_of(D(base), D(rate), HALF_UP) == D(half_up)


@pytest.mark.parametrize(
    ("net", "rate", "gross"),
    [("175.00", "5.5", "184.62"), ("185.00", "5.5", "195.18"), ("0.05", "10", "0.05"), ("-175.00", "5.5", "-184.62")],
)
def test_line_gross_for_the_reader(net: str, rate: str, gross: str) -> None:
    assert line_gross(D(net), D(rate)) == D(gross)


# A document


@pytest.mark.parametrize(
    ("lines", "half_even", "half_up"),
    [(1, "9.62", "9.63"), (2, "19.25", "19.25"), (3, "28.88", "28.88"), (4, "38.50", "38.50")],
)
def test_totals_tax_the_document_and_not_the_line(lines: int, half_even: str, half_up: str) -> None:
    document = [(D("175.00"), S55)] * lines

    assert totals(document).tax == D(half_even)
    assert totals(document, HALF_UP).tax == D(half_up)


def test_totals_of_the_quoted_example() -> None:
    net = line_net(D("1.000"), D("175.00"))

    assert totals([(net, S55)]) == Totals(
        net=D("175.00"),
        tax=D("9.62"),
        gross=D("184.62"),
        taxes=(TaxTotal("S", D("5.5"), D("175.00"), D("9.62")),),
    )


def test_totals_of_several_rates_are_per_category_and_rate() -> None:
    document = [
        (D("100.00"), S20),
        (D("175.00"), S55),
        (D("50.00"), E0),
        (D("-10.00"), S20),
        (D("80.00"), S10),
        (D("10.00"), Tax("AE", D("0"))),
        (D("175.00"), Tax("S", D("5.50"))),
    ]

    assert totals(document) == Totals(
        net=D("580.00"),
        tax=D("45.25"),
        gross=D("625.25"),
        taxes=(
            TaxTotal("AE", D("0"), D("10.00"), D("0.00")),
            TaxTotal("E", D("0"), D("50.00"), D("0.00")),
            TaxTotal("S", D("5.5"), D("350.00"), D("19.25")),
            TaxTotal("S", D("10"), D("80.00"), D("8.00")),
            TaxTotal("S", D("20"), D("90.00"), D("18.00")),
        ),
    )


def test_totals_of_nothing_is_nothing() -> None:
    assert totals([]) == NOTHING == Totals(ZERO, ZERO, ZERO)


def test_totals_of_a_rate_that_cancels_out_keep_its_row() -> None:
    assert totals([(D("10.00"), S20), (D("-10.00"), S20)]).taxes == (TaxTotal("S", D("20"), D("0.00"), D("0.00")),)


def test_with_taxes_takes_the_tax_it_is_given() -> None:
    # The credit that finishes a rate takes the tax that is left, not the tax of its base.
    capped = with_taxes((TaxTotal("S", D("5.5"), D("87.50"), D("4.80")), TaxTotal("S", D("20"), D("10.00"), D("2.00"))))

    assert (capped.net, capped.tax, capped.gross) == (D("97.50"), D("6.80"), D("104.30"))


documents = st.lists(st.tuples(amounts, st.builds(Tax, st.sampled_from("SAE"), rates)), max_size=30)


@given(documents, modes)
def test_totals_add_up(document: list[tuple[Decimal, Tax]], mode: str) -> None:
    total = totals(document, mode)

    assert total.net + total.tax == total.gross
    assert total.net == sum((net for net, _ in document), ZERO)
    assert total.net == sum((row.base for row in total.taxes), ZERO)
    assert total.tax == sum((row.amount for row in total.taxes), ZERO)
    assert len({(row.category, row.rate) for row in total.taxes}) == len(total.taxes)
    assert all(row.amount == tax_of(row.base, row.rate, mode) for row in total.taxes)
    # BR-S-09 allows a document one unit of currency; a row is never half a cent away.
    assert all(abs(row.base * row.rate / 100 - row.amount) <= D("0.005") for row in total.taxes)


@given(documents, modes, st.randoms())
def test_totals_do_not_depend_on_the_order_of_lines(document: list[tuple[Decimal, Tax]], mode: str, random) -> None:
    shuffled = random.sample(document, len(document))

    assert totals(shuffled, mode) == totals(document, mode)


@given(documents, modes)
def test_totals_of_the_opposite_document_are_the_opposite(document: list[tuple[Decimal, Tax]], mode: str) -> None:
    total = totals(document, mode)
    opposite = totals([(-net, tax) for net, tax in document], mode)

    assert (opposite.net, opposite.tax, opposite.gross) == (-total.net, -total.tax, -total.gross)


def test_totals_of_bases_are_those_of_the_lines() -> None:
    assert totals_of_bases({("S", D("5.5")): D("350.00")}) == totals([(D("175.00"), S55)] * 2)


# A price with tax


@pytest.mark.parametrize(
    ("price", "rate", "quantity", "discount", "unit_price"),
    [
        ("120", "20", "1", "0", "100.0000"),
        ("150", "20", "1", "0", "125.0000"),
        ("150", "10", "1", "0", "136.3636"),
        ("150", "5.5", "1", "0", "142.1801"),
        ("150", "0", "1", "0", "150.0000"),
        ("100", "20", "3", "0", "83.3333"),
        ("100", "20", "7", "0", "83.3333"),
        ("0.35", "20", "12", "0", "0.2917"),
        ("99.99", "10", "3", "15", "90.8999"),
        ("1234.50", "5.5", "7", "12.5", "1170.1422"),
        ("66", "10", "1.5", "0", "60.0000"),
        ("100", "20", "0", "0", "83.3333"),
        ("100", "20", "2", "100", "83.3333"),
        ("-150", "10", "1", "0", "-136.3636"),
        ("120", "20", "-2", "0", "100.0000"),
        ("-50", "20", "-2", "0", "-41.6667"),
    ],
)
def test_price_with_tax_becomes_one_that_is_worth_it_to_the_cent(
    price: str, rate: str, quantity: str, discount: str, unit_price: str
) -> None:
    found = price_without_tax(D(price), D(rate), quantity=D(quantity), discount=D(discount))

    net = line_net(D(quantity), found.unit_price, D(discount))
    assert (found.unit_price, found.is_exact) == (D(unit_price), True)
    assert found.wanted == line_net(D(quantity), D(price), D(discount)) == net + tax_of(net, D(rate))


@pytest.mark.parametrize(
    ("price", "rate", "quantity", "wanted", "below", "above"),
    [
        ("0.03", "20", "1", "0.03", "0.02", "0.04"),
        ("120.03", "20", "1", "120.03", "120.02", "120.04"),
        ("999.99", "20", "1", "999.99", "999.98", "1000.00"),
        ("1", "20", "1000", "1000.00", "999.96", "1000.08"),
        ("-0.03", "20", "1", "-0.03", "-0.04", "-0.02"),
        ("0.06", "10", "1", "0.06", "0.05", "0.07"),
    ],
)
def test_price_with_tax_that_no_price_gives_names_the_two_around_it(
    price: str, rate: str, quantity: str, wanted: str, below: str, above: str
) -> None:
    found = price_without_tax(D(price), D(rate), quantity=D(quantity))

    assert not found.is_exact
    assert (found.wanted, found.below, found.above) == (D(wanted), D(below), D(above))


def test_half_cent_of_tax_follows_the_company_s_rounding() -> None:
    """0.05 at 10 % bears half a cent: half-even drops it, half-up gives 0.06."""
    even, up = (price_without_tax(D("0.06"), D(10), rounding=mode) for mode in MODES)

    assert (even.is_exact, up.is_exact, up.unit_price) == (False, True, D("0.0545"))


@given(
    st.integers(1, 10**9),
    st.sampled_from(["0", "2.1", "5.5", "10", "20"]),
    st.integers(1, 200_000),
    st.integers(0, 9_900),
    st.sampled_from(MODES),
)
def test_price_with_tax_is_exact_or_says_so(cents: int, rate: str, count: int, discount: int, mode: str) -> None:
    quantity, less = D(count).scaleb(-3), D(discount).scaleb(-2)
    found = price_without_tax(D(cents).scaleb(-2), D(rate), quantity=quantity, discount=less, rounding=mode)

    def worth(price: Decimal) -> Decimal:
        return line_gross(line_net(quantity, price, less, mode), D(rate), mode)

    step = D("0.0001")
    if found.is_exact:
        assert worth(found.unit_price) == found.wanted
    else:
        assert found.below < found.wanted < found.above
        assert {worth(found.unit_price), worth(found.unit_price - step)} == {found.above, found.below}
