"""The second factor: added by its owner, asked at the doors, replaced by recovery codes, removed by a manager."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from invoicing.models import HistoryLine, RecoveryCode
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.factories import Office, UserFactory, World
from tests.factories.appointments import technician
from tests.factories.fixtures import MORNING
from tests.factories.pages import address, fields_of
from tests.factories.second_factor import code_of, enrol, wrong_code

OFFICE, PHONE = "/admin/", "/mobile/"
DOORS = pytest.mark.parametrize("door", [OFFICE, PHONE])
WRONG = "Ce code n'est pas le bon, ou a déjà servi : attendez le suivant, ou tapez un code de secours."
ASKED = "Tapez le code que montre l'application de votre téléphone, ou un code de secours."


@pytest.fixture
def jeanne(world: World) -> Any:
    """Somebody of the office, who is a technician too."""
    user = UserFactory(username="jeanne", role=PLANNER, company=world.company)
    technician(world, user=user)
    return user


def text_of(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def give(client: Client, door: str, **typed: str) -> Any:
    return client.post(f"{door}login/", {"username": "jeanne", "password": "secret", **typed})


def acts_on(user: Any) -> list[str]:
    return list(HistoryLine.objects.of(user).values_list("act", flat=True))


@DOORS
def test_device_is_added_by_a_code_it_shows(jeanne: Any, door: str) -> None:
    client, other = Client(), Client()
    give(client, door)
    give(other, door)
    page = client.get(f"{door}account/second-factor/")
    device = TOTPDevice.objects.get()
    assert "<svg" in page.content.decode()
    assert client.get(f"{door}account/second-factor/").context["secret"] == page.context["secret"]
    assert page.context["secret"].replace(" ", "") in device.config_url

    wrong = client.post(f"{door}account/second-factor/", {"act": "confirm", "code": wrong_code(device)})
    assert (wrong.status_code, TOTPDevice.objects.get().confirmed) == (409, False)
    assert "vérifiez l'heure du téléphone" in text_of(wrong)
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    done = client.post(f"{door}account/second-factor/", {"act": "confirm", "code": code_of(device)})

    codes = done.context["codes"]
    assert (len(set(codes)), [len(code) for code in codes]) == (10, [19] * 10)
    assert [code in text_of(done) for code in codes] == [True] * 10
    assert TOTPDevice.objects.get().confirmed
    assert acts_on(jeanne) == ["second_factor_added"]
    assert "Codes de secours restants : <b>10</b>" in text_of(client.get(f"{door}account/second-factor/"))
    assert other.get(f"{door}account/second-factor/").status_code == 302  # what came in without it is out


def test_recovery_codes_are_stored_hashed(jeanne: Any) -> None:
    _device, codes = enrol(jeanne)
    stored = set(RecoveryCode.objects.values_list("digest", flat=True))

    assert {len(digest) for digest in stored} == {64}
    assert not stored & {code.replace("-", "") for code in codes}


@DOORS
def test_code_is_asked_after_the_password_of_who_has_a_device(jeanne: Any, door: str) -> None:
    device, _codes = enrol(jeanne)
    client = Client()
    asked = give(client, door)
    form = fields_of(asked)
    assert (asked.status_code, "_auth_user_id" in client.session) == (200, False)
    assert ASKED in text_of(asked)
    assert (sorted(set(form) - {"csrfmiddlewaretoken", "next"}), form["username"]) == (
        ["code", "proof", "username"],
        "jeanne",
    )
    assert "secret" not in asked.content.decode()

    wrong = client.post(f"{door}login/", {**form, "code": wrong_code(device)})
    assert WRONG in text_of(wrong)
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    right = client.post(f"{door}login/", {**fields_of(wrong), "code": code_of(device)})

    assert (right.status_code, client.session["_auth_user_id"]) == (302, str(jeanne.pk))


@DOORS
def test_who_has_no_device_is_asked_no_code(jeanne: Any, door: str) -> None:
    client = Client()
    assert "id_code" not in client.get(f"{door}login/").content.decode()
    assert give(client, door).status_code == 302


def test_code_serves_once(jeanne: Any) -> None:
    device, _codes = enrol(jeanne)
    code = code_of(device)

    assert give(Client(), OFFICE, code=code).status_code == 302
    assert WRONG in text_of(give(Client(), OFFICE, code=code))


def test_wrong_codes_are_slowed_down(jeanne: Any) -> None:
    device, _codes = enrol(jeanne)
    give(Client(), OFFICE, code=wrong_code(device))

    soon = give(Client(), OFFICE, code=code_of(device))

    assert "Trop de codes faux : réessayez dans 1 seconde." in text_of(soon)


def test_recovery_code_serves_once_and_is_in_the_journal(jeanne: Any) -> None:
    _device, codes = enrol(jeanne)

    assert give(Client(), OFFICE, code=f" {codes[3].upper()} ").status_code == 302
    assert WRONG in text_of(give(Client(), OFFICE, code=codes[3]))
    assert acts_on(jeanne) == ["recovery_code_used", "second_factor_added"]
    assert RecoveryCode.objects.filter(used_at=None).count() == 9


def test_recovery_code_of_somebody_else_is_wrong(world: World, jeanne: Any) -> None:
    enrol(jeanne)
    _device, theirs = enrol(world.manager)

    assert WRONG in text_of(give(Client(), OFFICE, code=theirs[0]))


def test_proof_of_the_password_is_good_for_five_minutes_and_one_password(
    jeanne: Any, on_an_ordinary_day: time_machine.Traveller
) -> None:
    device, _codes = enrol(jeanne)
    client = Client()
    proof = fields_of(give(client, OFFICE))["proof"]
    on_an_ordinary_day.move_to(MORNING + timedelta(minutes=6))
    late = client.post("/admin/login/", {"username": "jeanne", "proof": proof, "code": code_of(device)})
    assert "Plus de cinq minutes ont passé : redonnez votre mot de passe." in text_of(late)

    proof = fields_of(give(client, OFFICE))["proof"]
    jeanne.set_password("brume-du-matin-35")
    jeanne.save()
    changed = client.post("/admin/login/", {"username": "jeanne", "proof": proof, "code": code_of(device)})
    forged = client.post("/admin/login/", {"username": "jeanne", "proof": "abc", "code": code_of(device)})

    assert ["redonnez votre mot de passe" in text_of(answer) for answer in (changed, forged)] == [True, True]
    assert "_auth_user_id" not in client.session


def test_wrong_password_says_nothing_of_the_second_factor(jeanne: Any) -> None:
    device, _codes = enrol(jeanne)
    answer = give(Client(), OFFICE, password="faux", code=code_of(device))

    assert "id_code" not in answer.content.decode()
    assert TOTPDevice.objects.get().last_t == -1


def test_over_the_page_the_password_is_enough_until_twelve_hours_have_passed(
    jeanne: Any, on_an_ordinary_day: time_machine.Traveller
) -> None:
    device, _codes = enrol(jeanne)
    client, again = Client(), {"username": "jeanne", "password": "secret"}
    give(client, PHONE, code=code_of(device))
    on_an_ordinary_day.move_to(MORNING + timedelta(hours=11))
    soon = client.post("/admin/account/session/", again).json()
    on_an_ordinary_day.move_to(MORNING + timedelta(hours=13))
    late = client.post("/admin/account/session/", again).json()

    assert (soon["is_over"], late["is_over"], late["asks_code"], late["errors"]) == (False, True, True, [ASKED])
    given = {"username": "jeanne", "proof": late["proof"], "code": code_of(device)}
    assert client.post("/admin/account/session/", given).json()["is_over"] is False


@pytest.mark.parametrize(
    ("policy", "leads"), [("none", []), ("managers", ["manager"]), ("all", ["manager", "planner"])]
)
def test_who_must_have_one_is_led_to_it_before_anything_else(
    world: World, settings: Any, policy: str, leads: list[str]
) -> None:
    settings.SECOND_FACTOR = policy
    offices = {"manager": world.office(MANAGER), "planner": world.office(PLANNER)}
    answers = {name: office.get("/admin/interventions/interventionrequest/") for name, office in offices.items()}

    led = [name for name, answer in answers.items() if answer.status_code == 302]
    assert led == leads
    assert {answers[name]["Location"] for name in led} <= {"/admin/account/second-factor/"}
    for name in led:
        page = offices[name].get("/admin/account/second-factor/")
        assert "Votre compte doit avoir un second facteur" in text_of(page)
        device = TOTPDevice.objects.get(user=offices[name].user)
        offices[name].client.post("/admin/account/second-factor/", {"act": "confirm", "code": code_of(device)})
        assert offices[name].get("/admin/interventions/interventionrequest/").status_code == 200


def test_technician_who_must_have_one_is_led_to_the_page_of_the_phone(world: World, settings: Any) -> None:
    settings.SECOND_FACTOR = "all"
    technician(world, user=world.technician)
    phone = Office(world.technician)

    assert phone.get("/mobile/")["Location"] == "/mobile/account/second-factor/"
    assert phone.get("/mobile/account/second-factor/").status_code == 200
    assert phone.client.post("/mobile/logout/").status_code == 302


def test_manager_removes_the_second_factor_of_an_account(world: World, jeanne: Any) -> None:
    enrol(jeanne)
    manager = world.office(MANAGER)
    assert Office(world.planner).get(address(jeanne, "act", "remove-second-factor")).status_code == 403

    manager.act(jeanne, "remove-second-factor")

    assert (TOTPDevice.objects.count(), RecoveryCode.objects.count()) == (0, 0)
    line = HistoryLine.objects.of(jeanne)[0]
    assert (line.act, line.text, line.by) == ("second_factor_removed", "Second facteur retiré", world.manager)
    assert give(Client(), OFFICE).status_code == 302
    again = manager.get(address(jeanne, "act", "remove-second-factor"))
    assert again.status_code == 302  # not offered any more


def test_owner_renews_his_recovery_codes_and_removes_his_device_with_a_code(jeanne: Any, settings: Any) -> None:
    _device, codes = enrol(jeanne)
    office, page = Office(jeanne), "/admin/account/second-factor/"
    assert office.client.post(page, {"act": "renew", "code": "faux"}).status_code == 409
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)

    renewed = office.client.post(page, {"act": "renew", "code": codes[0]}).context["codes"]
    assert (len(renewed), set(renewed) & set(codes)) == (10, set())

    settings.SECOND_FACTOR = "all"
    session = office.client.session
    session["factor_at"] = MORNING.timestamp()
    session.save()
    kept = office.client.post(page, {"act": "remove", "code": renewed[0]})
    assert "demandez à un gestionnaire de le retirer" in text_of(kept)
    settings.SECOND_FACTOR = "none"
    assert office.client.post(page, {"act": "remove", "code": renewed[1]})["Location"] == "/admin/account/sessions/"
    assert TOTPDevice.objects.count() == 0
