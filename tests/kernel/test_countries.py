"""Countries by code or by name."""

import pytest

from openfire_billing.kernel.countries import COUNTRIES, country_code


def test_every_country_has_a_code_of_two_letters_and_a_name_of_its_own() -> None:
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES)
    assert len(set(COUNTRIES.values())) == 249
    assert list(COUNTRIES) == sorted(COUNTRIES)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("FR", "FR"),
        (" be ", "BE"),
        ("Belgique", "BE"),
        ("ALLEMAGNE", "DE"),
        ("etats unis", "US"),
        ("Côte d’Ivoire", "CI"),
        ("Royaume Uni", "GB"),
        ("Grande-Bretagne", "GB"),
        ("la réunion", "RE"),
        ("Syldavie", ""),
        ("XX", ""),
        ("", ""),
    ],
)
def test_country_is_known_by_its_code_or_its_name(text: str, code: str) -> None:
    assert country_code(text) == code


def test_name_of_each_country_leads_back_to_it() -> None:
    assert [country_code(name) for name in COUNTRIES.values()] == list(COUNTRIES)
