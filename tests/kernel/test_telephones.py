"""Telephones: the stored key of what is typed, and the digits a search compares."""

import pytest

from openfire_billing.kernel.folding import fold
from openfire_billing.kernel.telephones import key_of, region_of, searched_digits, split_numbers


@pytest.mark.parametrize(
    ("typed", "region", "key"),
    [
        ("06 39 98 40 10", "FR", "+33639984010"),
        ("06.39.98.40.10", "FR", "+33639984010"),
        ("0639984010", "FR", "+33639984010"),
        ("+33 6 39 98 40 10", "FR", "+33639984010"),
        ("+33 (0)6 39 98 40 10", "FR", "+33639984010"),
        ("0033 6-39-98-40-10", "FR", "+33639984010"),
        ("06 39 98 40 10 (le soir)", "FR", "+33639984010"),
        ("0590 12 34 56", "GP", "+590590123456"),
        ("0262 12 34 56", "RE", "+262262123456"),
        ("0596 12 34 56", "MQ", "+596596123456"),
        ("0594 12 34 56", "GF", "+594594123456"),
        ("079 123 45 67", "CH", "+41791234567"),
        ("+41 79 123 45 67", "FR", "+41791234567"),
        ("06 39 98 40", "FR", "06399840"),
        ("36 39", "FR", "3639"),
        ("06 39 98 40 10 poste 12", "FR", "063998401012"),
        ("06 39 98 40 10", "??", "0639984010"),
        ("à rappeler", "FR", ""),
        ("", "FR", ""),
    ],
)
def test_key(typed: str, region: str, key: str) -> None:
    assert key_of(typed, region) == key


@pytest.mark.parametrize(
    ("country", "zip_code", "region"),
    [
        ("FR", "35000", "FR"),
        ("FR", "97110", "GP"),
        ("FR", "97200", "MQ"),
        ("FR", "97300", "GF"),
        ("FR", "97400", "RE"),
        ("FR", "97600", "YT"),
        ("BE", "97400", "BE"),
    ],
)
def test_region_of_an_address(country: str, zip_code: str, region: str) -> None:
    assert region_of(country, zip_code) == region


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("06 39 98", "63998"),
        ("+33 (0)6 39 98", "63998"),
        ("+33 6 39 98", "3363998"),
        ("0033 639984010", "33639984010"),
        ("98 40", "9840"),
        ("984010", "984010"),
        ("9840", ""),
        ("35000", ""),
        ("2026", ""),
        ("FA2026-00001", ""),
        ("12 rue", ""),
        ("", ""),
    ],
)
def test_digits_a_search_compares(typed: str, digits: str) -> None:
    assert searched_digits(typed) == digits


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("bellec 06 39 98 40 10 rennes", [("bellec ", False), ("06 39 98 40 10", True), (" rennes", False)]),
        ("bellec +33 6 39 98 40 10", [("bellec ", False), ("+33 6 39 98 40 10", True), ("", False)]),
        ("06 39 98 40 10", [("06 39 98 40 10", True)]),
        ("FF-2024-0042", [("FF-2024-0042", False)]),
        ("24-11-2026", [("24-11-2026", True)]),
        ("7 rue du Four 35340", [("7 rue du Four 35340", False)]),
    ],
)
def test_telephone_inside_other_words(typed: str, parts: list[tuple[str, bool]]) -> None:
    assert split_numbers(typed) == parts


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Poêle à bois", "poele a bois"),
        ("L’HERMITAGE", "l hermitage"),
        ("Saint-Malo", "saint malo"),
        ("Cœur  de\u00a0Bœuf", "coeur de boeuf"),
        ("Straße", "strasse"),
        ("ÉLÉONORE Çelik", "eleonore celik"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded
