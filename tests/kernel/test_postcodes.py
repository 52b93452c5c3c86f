"""The towns of French post codes, from the bundled table."""

import pytest

from openfire_billing.kernel.postcodes import towns_of


@pytest.mark.parametrize(
    ("code", "towns"),
    [
        ("35235", ["Thorigné-Fouillard"]),
        ("35 760", ["Saint-Grégoire", "Montgermont"]),
        ("75011", ["Paris"]),
        ("69003", ["Lyon"]),
        ("97133", ["Saint-Barthélemy"]),
        ("35999", []),
        ("3523", []),
        ("", []),
    ],
)
def test_towns_of_a_post_code_the_largest_first(code: str, towns: list[str]) -> None:
    assert towns_of(code) == towns
