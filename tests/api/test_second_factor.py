"""The second factor of a program's account: `otp` beside the password."""

from typing import Any

import pytest
from knox.models import AuthToken

from tests.api.test_login import jeanne, login
from tests.factories import World
from tests.factories.api import refused
from tests.factories.second_factor import code_of, enrol, wrong_code

__all__ = ["jeanne"]


def test_otp_is_required_of_an_account_that_has_a_device(jeanne: Any) -> None:
    device, codes = enrol(jeanne)

    without = login()
    assert refused(without, 401) == "Donnez « otp », le code du second facteur."
    assert (without.json()["code"], AuthToken.objects.count()) == ("otp_required", 0)
    assert login(otp="").json()["code"] == "otp_required"

    assert set(login(otp=code_of(device)).json()) == {"token", "expiry"}
    assert set(login(otp=codes[0]).json()) == {"token", "expiry"}


def test_wrong_otp_is_401_and_a_wrong_password_says_nothing_of_it(jeanne: Any) -> None:
    device, _codes = enrol(jeanne)

    assert login(password="faux").json()["code"] == "authentication_failed"
    wrong = login(otp=wrong_code(device))
    assert refused(wrong, 401).startswith("Ce code n'est pas le bon")
    assert wrong.json()["code"] == "otp_invalid"
    assert refused(login(otp=code_of(device)), 401) == "Trop de codes faux : réessayez dans 1 seconde."
    assert AuthToken.objects.count() == 0


@pytest.mark.parametrize(("policy", "status"), [("none", 200), ("managers", 200), ("all", 401)])
def test_account_that_must_have_a_device_gets_no_token_without_one(
    world: World, jeanne: Any, settings: Any, policy: str, status: int
) -> None:
    settings.SECOND_FACTOR = policy

    answer = login()

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == "otp_enrolment_required"
        assert refused(answer, 401).startswith("Ce compte doit avoir un second facteur : ajoutez-le")
