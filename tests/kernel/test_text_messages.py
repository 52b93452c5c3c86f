"""How many parts a text message takes, and which of its letters are costly."""

import pytest

from openfire_billing.kernel.telephones import NumberFault, mobile_of
from openfire_billing.kernel.text_messages import Size, simplified, size_of


@pytest.mark.parametrize(
    ("text", "units", "parts"),
    [
        ("", 0, 0),
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("a" * 306, 306, 2),
        ("a" * 307, 307, 3),
        ("€" * 80, 160, 1),
        ("€" * 81, 162, 2),
        ("a" * 152 + "€" + "a" * 152, 306, 3),  # the euro is not cut between two parts
        ("^{}[]~\\|" * 10, 160, 1),
        ("éèùàÇ" * 32, 160, 1),
        ("ê" * 70, 70, 1),
        ("ê" * 71, 71, 2),
        ("ê" * 134, 134, 2),
        ("ê" * 135, 135, 3),
        ("😀" * 35, 70, 1),
        ("😀" * 36, 72, 2),
        ("ê" * 66 + "😀" + "ê" * 66, 134, 3),  # nor an emoji
    ],
)
def test_parts_of_a_text(text: str, units: int, parts: int) -> None:
    assert (size_of(text).units, size_of(text).parts) == (units, parts)


@pytest.mark.parametrize("letter", ["ê", "ç", "œ", "’", "«", "😀"])
def test_costly_letters_are_named_once(letter: str) -> None:
    assert size_of(f"Bonjour {letter}{letter}").costly == (letter,)
    assert size_of(f"Bonjour {letter}").is_unicode
    assert not size_of("Bonjour é").is_unicode


def test_costly_letters_are_replaced_by_near_ones() -> None:
    text = "Ça y est : « L’été », le cœur, 12 € – dès 8 h… 😀"
    assert simplified(text) == 'Ça y est : "L\'été", le coeur, 12 € - dès 8 h... 😀'
    assert size_of(simplified(text)).costly == ("😀",)
    assert size_of(simplified("À bientôt, François")) == Size(19, 1)
    assert simplified("À bientôt, François") == "A bientot, Francois"


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "FR", "+33612345678"),
        ("06 39 98 12 34", "FR", "+33639981234"),  # of fiction: the demonstration's
        ("0690 12 34 56", "GP", "+590690123456"),
        ("0690 12 34 56", "FR", NumberFault.WRONG),
        ("+32 470 12 34 56", "FR", "+32470123456"),
        ("02 99 12 34 56", "FR", NumberFault.LANDLINE),
        ("09 72 12 34 56", "FR", NumberFault.LANDLINE),
        ("06 12", "FR", NumberFault.WRONG),
        ("poste 12", "FR", NumberFault.WRONG),
        ("", "FR", NumberFault.MISSING),
        ("à rappeler", "FR", NumberFault.MISSING),
    ],
)
def test_number_of_a_mobile_or_why_it_is_none(text: str, region: str, number: str | NumberFault) -> None:
    assert mobile_of(text, region) == number
