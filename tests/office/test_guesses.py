"""Wrong passwords: limits by account and address, by account, by address and by known device, at the three doors."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from invoicing.models import LoginFailure
from invoicing.services.access.guesses import network_of
from openfire_billing.office.roles import PLANNER
from tests.api.test_login import login
from tests.factories import UserFactory, World
from tests.factories.api import Api, refused
from tests.factories.appointments import technician
from tests.factories.fixtures import MORNING

OFFICE, PHONE = "/admin/login/", "/mobile/login/"
DOORS = [OFFICE, PHONE, "/api/v1/login/"]
LOCKED = "Trop d'essais avec un mot de passe faux : réessayez dans %s."


@pytest.fixture(autouse=True)
def jeanne(world: World) -> Any:
    """Somebody of the office, who is a technician too."""
    user = UserFactory(username="jeanne", role=PLANNER, company=world.company)
    technician(world, user=user)
    return user


def knock(
    door: str, password: str = "faux", *, client: Client | None = None, address: str = "192.0.2.1", **more: Any
) -> Any:
    """One login at a door, from an address."""
    typed = {"username": more.pop("username", "jeanne"), "password": password}
    kind = {"content_type": "application/json"} if door.startswith("/api/") else {}
    return (client or Client()).post(door, typed, REMOTE_ADDR=address, **kind, **more)


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("&#x27;", "'").split())


def fail(times: int, **columns: Any) -> None:
    """Failed logins of a minute ago."""
    values = {"account": "jeanne", "address": "192.0.2.1", "at": MORNING - timedelta(minutes=1), **columns}
    LoginFailure.objects.bulk_create(LoginFailure(**values) for _n in range(times))


def is_in(answer: Any) -> bool:
    return answer.status_code == 302 or (answer.status_code == 200 and "token" in answer.content.decode()[:10])


@pytest.mark.parametrize("door", DOORS)
def test_eleventh_guess_at_one_account_from_one_address_is_refused(door: str) -> None:
    answers = [knock(door) for _n in range(10)]
    eleventh, right = knock(door), knock(door, "secret")

    assert [LOCKED % "15 minutes" in text_of(answer) for answer in answers] == [False] * 10
    assert LOCKED % "15 minutes" in text_of(eleventh)
    assert LOCKED % "15 minutes" in text_of(right)
    assert LoginFailure.objects.count() == 10  # what is refused prolongs nothing
    assert is_in(knock(door, "secret", address="192.0.2.2"))


@pytest.mark.parametrize("door", DOORS)
def test_wait_is_over_when_the_oldest_guess_is_a_quarter_of_an_hour_old(
    door: str, on_an_ordinary_day: time_machine.Traveller
) -> None:
    fail(10)
    on_an_ordinary_day.move_to(MORNING + timedelta(minutes=13, seconds=10))
    assert LOCKED % "1 minute" in text_of(knock(door, "secret"))

    on_an_ordinary_day.move_to(MORNING + timedelta(minutes=14, seconds=1))
    assert is_in(knock(door, "secret"))


def test_account_is_bounded_from_all_addresses_together() -> None:
    for number in range(49):
        fail(1, address=f"198.51.100.{number}")
    assert is_in(knock(OFFICE, "secret"))

    fail(1, address="198.51.100.200")

    assert LOCKED % "59 minutes" in text_of(knock(OFFICE, "secret"))


def test_address_is_bounded_for_all_accounts_together() -> None:
    for number in range(100):
        fail(1, account=f"compte{number}")

    assert LOCKED % "59 minutes" in text_of(knock(OFFICE, "secret"))
    assert is_in(knock(OFFICE, "secret", address="192.0.2.2"))


@pytest.mark.parametrize("door", DOORS)
def test_known_device_is_not_shut_out_by_guesses_made_elsewhere(door: str) -> None:
    client = Client()
    assert is_in(knock(door, "secret", client=client))
    cookie = next(morsel for name, morsel in client.cookies.items() if name.startswith("known_device_"))
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 31_536_000)
    fail(50)

    assert LOCKED % "15 minutes" not in text_of(knock(door, client=client))
    assert is_in(knock(door, "secret", client=client))
    assert not is_in(knock(door, "secret"))


def test_known_device_has_its_own_limit_and_shuts_nobody_else_out() -> None:
    client = Client()
    knock(OFFICE, "secret", client=client)
    answers = [knock(OFFICE, client=client) for _n in range(11)]

    assert [LOCKED % "15 minutes" in text_of(answer) for answer in answers] == [False] * 10 + [True]
    assert is_in(knock(OFFICE, "secret"))


@pytest.mark.parametrize("forged", ["abc:def", "abc"])
def test_cookie_forged_or_of_another_account_makes_no_known_device(world: World, jeanne: Any, forged: str) -> None:
    mine, theirs = Client(), Client()
    mine.cookies[f"known_device_{jeanne.pk}"] = forged
    knock(OFFICE, "secret", client=theirs, username=world.planner.username)
    theirs.cookies[f"known_device_{jeanne.pk}"] = theirs.cookies[f"known_device_{world.planner.pk}"].value
    fail(10)

    assert not is_in(knock(OFFICE, "secret", client=mine))
    assert not is_in(knock(OFFICE, "secret", client=theirs))


@pytest.mark.parametrize("door", DOORS)
def test_forged_header_changes_no_address(door: str) -> None:
    for number in range(10):
        knock(door, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")

    assert set(LoginFailure.objects.values_list("address", flat=True)) == {"192.0.2.1"}
    assert not is_in(knock(door, "secret", HTTP_X_FORWARDED_FOR="203.0.113.99"))


@pytest.mark.parametrize("door", DOORS)
def test_behind_a_proxy_the_last_element_of_its_header_is_the_address(door: str, settings: Any) -> None:
    settings.BEHIND_PROXY = True
    for number in range(10):
        knock(door, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}, 198.51.100.7")

    assert set(LoginFailure.objects.values_list("address", flat=True)) == {"198.51.100.7"}
    assert not is_in(knock(door, "secret", HTTP_X_FORWARDED_FOR="203.0.113.99, 198.51.100.7"))
    assert is_in(knock(door, "secret", HTTP_X_FORWARDED_FOR="198.51.100.7, 198.51.100.8"))


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("unknown", "unknown"),
        ("x" * 60, "x" * 45),
    ],
)
def test_address_that_is_counted(address: str, counted: str) -> None:
    assert network_of(address) == counted


def test_program_is_told_how_long_to_wait() -> None:
    fail(10, address="127.0.0.1")
    answer = login()

    assert refused(answer, 429) == LOCKED % "14 minutes"
    assert 830 <= int(answer["Retry-After"]) <= 840
    assert answer.json()["code"] == "throttled"


def test_right_password_leaves_no_failure_and_unknown_names_are_counted_alike() -> None:
    knock(OFFICE, "secret")
    assert LoginFailure.objects.count() == 0

    answers = [text_of(knock(OFFICE, username="personne")) for _n in range(11)]
    assert [LOCKED % "15 minutes" in answer for answer in answers] == [False] * 10 + [True]


def test_command_unlocks_one_account_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    fail(10)
    fail(3, account="autre")

    call_command("unlock", "jeanne")
    assert is_in(knock(OFFICE, "secret"))
    call_command("unlock")

    assert capsys.readouterr().out == "10 essai(s) oublié(s).\n3 essai(s) oublié(s).\n"


def test_api_login_of_a_known_device_keeps_its_cookie() -> None:
    program = Api()
    program.post("login/", {"username": "jeanne", "password": "secret"})
    fail(10, address="127.0.0.1")

    assert program.post("login/", {"username": "jeanne", "password": "secret"}).status_code == 200
    assert Api().post("login/", {"username": "jeanne", "password": "secret"}).status_code == 429
