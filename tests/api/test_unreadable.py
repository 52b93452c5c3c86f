"""What no program of good will sends: refused in the shape of every refusal, never an error of the server."""

from typing import Any

import pytest

from tests.factories import World, nothing_changed
from tests.factories.api import ROOT, Api, refused

UNREADABLE = "Le corps de la demande n'est pas lisible : vérifiez sa forme et son encodage (UTF-8)."


@pytest.fixture
def api(world: World) -> Api:
    return Api(world.manager)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name": "x", "rate": "1", "category": "\\ud800"}', UNREADABLE),
        (b"[" * 100_000, UNREADABLE),
        (b'{"name": "\xff"}', UNREADABLE),
        (b'{"name": "' + b"x" * 3_000_000 + b'"}', "La demande est trop grande : coupez-la en plusieurs."),
    ],
    ids=["half a character", "without end", "not UTF-8", "too large"],
)
@pytest.mark.parametrize("key", ["", "k-1"])
def test_body_that_cannot_be_read(api: Api, body: bytes, said: str, key: str) -> None:
    more: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    with nothing_changed():
        answer = api.client.post(f"{ROOT}taxes/", data=body, content_type="application/json", **more)

    assert refused(answer, 400) == said


def test_token_that_cannot_be_read(api: Api) -> None:
    api.client.credentials(HTTP_AUTHORIZATION="Token \xff\xfe")

    assert refused(api.get("partners/"), 401) == "Jeton illisible : demandez-en un autre."


@pytest.mark.parametrize("moment", ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "demain"])
@pytest.mark.parametrize("name", ["starts_after", "starts_before"])
def test_moment_out_of_the_calendar(api: Api, name: str, moment: str) -> None:
    answer = api.get("appointments/", **{name: moment})

    assert refused(answer, 400)
    assert list(answer.data["fields"]) == [name]


def test_answer_in_another_format(api: Api) -> None:
    assert refused(api.client.get(f"{ROOT}partners/", HTTP_ACCEPT="application/xml"), 406)


@pytest.mark.parametrize("path", ["", "nothing/", "partners"])
def test_address_that_is_nobody_s(api: Api, path: str) -> None:
    answer = api.client.get(f"{ROOT}{path}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    assert refused(answer, 404).startswith("Adresse inconnue.")
