"""The command line of the measures."""

import pytest

from tests.bench.__main__ import parse


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("billing --contracts 0", "« 0 » n'est pas un nombre d'au moins 1"),
        ("billing --workers -1", "« -1 » n'est pas un nombre d'au moins 1"),
    ],
)
def test_wrong_number_exits_with_2(words: str, refusal: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(words.split())
    assert end.value.code == 2
    assert refusal in capsys.readouterr().err
