"""Tokens: got by a name and a password, for a while, for one device; rates that slow guesses down."""

from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.throttling import SimpleRateThrottle

from tests.factories import UserFactory, World
from tests.factories.api import Api, refused


def login(**more: Any) -> Any:
    return Api().post("login/", {"username": "jeanne", "password": "secret", **more})


@pytest.fixture
def jeanne(world: World) -> Any:
    return UserFactory(username="jeanne", role="Planificateur", company=world.company)


def test_token_opens_the_api_until_it_is_revoked(jeanne: Any) -> None:
    answer = login()
    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "expiry"}
    assert answer.json()["expiry"].startswith("2026-12-24T")

    program = Api()
    program.client.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert program.get("partners/").status_code == 200
    assert program.post("logout/").status_code == 204
    assert refused(program.get("partners/"), 401)


def test_token_of_another_device_lives_on(jeanne: Any) -> None:
    phone, computer = Api(jeanne), Api(jeanne)
    phone.post("logout/")

    assert (phone.get("partners/").status_code, computer.get("partners/").status_code) == (401, 200)


def test_token_expires(jeanne: Any, on_an_ordinary_day: Any) -> None:
    program = Api(jeanne)
    on_an_ordinary_day.move_to("2027-01-01")

    assert refused(program.get("partners/"), 401)


def test_token_is_stored_hashed(jeanne: Any) -> None:
    from knox.models import AuthToken

    token = login().json()["token"]

    row = AuthToken.objects.get()
    assert token not in (row.digest, row.token_key)


@pytest.mark.parametrize("wrong", [{"password": "secret2"}, {"username": "nobody"}])
def test_wrong_password_is_401(jeanne: Any, wrong: dict[str, str]) -> None:
    assert refused(login(**wrong), 401) == "Nom d'utilisateur ou mot de passe inconnu."


def test_somebody_who_left_is_401(jeanne: Any) -> None:
    program = Api(jeanne)
    jeanne.is_active = False
    jeanne.save()

    assert refused(login(), 401)
    assert refused(program.get("partners/"), 401)


def test_incomplete_login_is_400(db: None) -> None:
    assert set(Api().post("login/", {}).json()["fields"]) == {"username", "password"}


def test_guesses_lock_the_account_for_a_while(jeanne: Any) -> None:
    answers = [login(password=f"guess{n}") for n in range(12)]
    right = login()

    assert [a.status_code for a in answers] == [401] * 10 + [429] * 2
    assert refused(answers[-1], 429) == "Trop d'essais avec un mot de passe faux : réessayez dans 15 minutes."
    assert right.status_code == 429
    assert 890 <= int(right["Retry-After"]) <= 900  # the guesses took a moment


@pytest.mark.parametrize(("scope", "most"), [("login", 3), ("user", 4)])
def test_too_many_demands_are_429(jeanne: Any, monkeypatch: pytest.MonkeyPatch, scope: str, most: int) -> None:
    cache.clear()
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, f"{most}/min")
    program = Api(jeanne)

    answers = [login() if scope == "login" else program.get("tags/") for _n in range(most + 1)]

    assert [a.status_code for a in answers] == [200] * most + [429]
    assert refused(answers[-1], 429)
    assert int(answers[-1]["Retry-After"]) > 0
    cache.clear()
