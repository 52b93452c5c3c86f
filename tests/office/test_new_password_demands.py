"""Demands of a new password: how many are taken, and where the link of the mail leads."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client, override_settings

from invoicing.models import LoginFailure, Message, PasswordRequest
from invoicing.tasks import send_waiting_messages
from openfire_billing.office.roles import MANAGER
from openfire_billing.office.tasks import answer_password_requests
from tests.api.test_login import login
from tests.factories import World
from tests.factories.api import Api
from tests.factories.fixtures import MORNING
from tests.factories.pages import address

PAGE = "/admin/forgotten-password/"


def ask(email: str = "fanny@exemple.fr", *, place: str = "192.0.2.1", **more: Any) -> str:
    """Ask from an address; the page that answers."""
    return Client().post(PAGE, {"email": email}, follow=True, REMOTE_ADDR=place, **more).content.decode()


@pytest.fixture
def fanny(world: World) -> User:
    User.objects.filter(pk=world.planner.pk).update(email="fanny@exemple.fr")
    return world.planner


def taken(demands: list[tuple[str, str]]) -> list[bool]:
    """Which of these demands (e-mail, address) are kept, each answered by the same page."""
    pages, found = set(), []
    for email, place in demands:
        before = PasswordRequest.objects.count()
        pages.add(ask(email, place=place))
        found.append(PasswordRequest.objects.count() > before)
    assert len(pages) == 1
    assert "Si un compte a cet e-mail" in pages.pop()
    return found


def test_sixth_demand_for_one_account_from_one_address_is_left(
    fanny: User, on_an_ordinary_day: time_machine.Traveller
) -> None:
    """Somebody asked new passwords for an account without end: one mail a minute, day and night."""
    assert taken([("fanny@exemple.fr", "192.0.2.1")] * 4 + [("Fanny@Exemple.fr", "192.0.2.1")] * 2) == [True] * 5 + [
        False
    ]
    assert taken([("fanny@exemple.fr", "192.0.2.2"), ("gwenn@exemple.fr", "192.0.2.1")]) == [True, True]

    on_an_ordinary_day.move_to(MORNING + timedelta(minutes=15, seconds=5))
    assert taken([("fanny@exemple.fr", "192.0.2.1")]) == [True]


def test_account_and_address_are_each_bounded(fanny: User) -> None:
    """From ten addresses for one account; from one address for fifty accounts, known or not."""
    by_account = [("fanny@exemple.fr", f"192.0.2.{number}") for number in range(11)]
    by_address = [(f"personne{number}@exemple.fr", "198.51.100.1") for number in range(51)]

    assert taken(by_account) == [True] * 10 + [False]
    assert taken(by_address) == [True] * 50 + [False]


def test_demands_shut_nobody_out_of_his_account(world: World, fanny: User) -> None:
    """A demand is no wrong password: neither the account nor the address is nearer to its limit."""
    values = {"kind": "new_password", "account": fanny.username, "address": "127.0.0.1", "at": MORNING}
    LoginFailure.objects.bulk_create(LoginFailure(**values) for _n in range(200))
    LoginFailure.objects.bulk_create(LoginFailure(**{**values, "kind": "login"}) for _n in range(9))

    assert login(username=fanny.username).status_code == 200
    LoginFailure.objects.create(**{**values, "kind": "login"})
    assert login(username=fanny.username).status_code == 429


@override_settings(SITE_URL="https://bureau.exemple.fr:8443")
def test_link_of_a_mail_leads_to_the_site_of_the_settings(world: World, fanny: User, mailoutbox: list[Any]) -> None:
    """The port of a forged Host header stood in the link of a new password, of an invitation, of a customer's page."""
    ask(HTTP_HOST="testserver:8666")
    answer_password_requests()
    send_waiting_messages()
    User.objects.filter(pk=world.biller.pk).update(email="gwenn@exemple.fr")
    world.office(MANAGER).client.post(
        address(world.biller, "act", "invite"), {"_confirmed": "1"}, HTTP_HOST="testserver:8666"
    )
    send_waiting_messages()

    assert Message.objects.count() == 2
    for mail in mailoutbox:
        lines = [line for line in mail.body.splitlines() if "://" in line]
        assert lines[0] == "Pour choisir votre mot de passe sur https://bureau.exemple.fr:8443, ouvrez cette adresse :"
        assert lines[1].startswith("https://bureau.exemple.fr:8443/admin/forgotten-password/")
        assert len(lines) == 2
    api, quote = Api(world.manager), world.quote()
    api.client.defaults["HTTP_HOST"] = "testserver:8666"
    link = api.made(f"quotes/{quote.pk}/publish/", {"published": True}, status=200)["address"]
    assert link.startswith("https://bureau.exemple.fr:8443/p/")
    office = world.office(MANAGER)
    dialog = office.client.get(address(quote, "act", "publish"), HTTP_HOST="testserver:8666").content.decode()
    assert f'href="{link}"' in dialog
