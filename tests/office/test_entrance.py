"""The door of the office: a technician is led to his phone's pages, others to the office or nowhere."""

import pytest
from django.test import Client

from tests.factories import UserFactory, World
from tests.factories.appointments import technician


@pytest.fixture
def client(world: World) -> Client:
    technician(world, user=world.technician)
    return Client()


@pytest.mark.parametrize("page", ["/admin/", "/admin/invoicing/invoice/", "/admin/login/"])
def test_technician_logged_in_is_led_to_his_appointments(world: World, client: Client, page: str) -> None:
    client.force_login(world.technician)
    answer = client.get(page, follow=True)
    assert answer.redirect_chain[-1] == ("/mobile/", 302)
    assert answer.status_code == 200


def test_technician_may_log_in_at_the_office_s_door(world: World, client: Client) -> None:
    world.technician.set_password("chaleur35")
    world.technician.save()
    typed = {"username": world.technician.username, "password": "chaleur35", "next": "/admin/"}
    answer = client.post("/admin/login/", typed, follow=True)
    assert answer.redirect_chain[-1] == ("/mobile/", 302)


def test_account_without_work_here_stays_outside(client: Client) -> None:
    user = UserFactory(username="curieux", is_staff=False)
    user.set_password("chaleur35")
    user.save()
    answer = client.post("/admin/login/", {"username": "curieux", "password": "chaleur35"})
    assert (answer.status_code, "_auth_user_id" in client.session) == (200, False)


def test_technician_who_is_of_the_office_too_stays_there(world: World, client: Client) -> None:
    technician(world, user=world.planner)
    client.force_login(world.planner)
    assert client.get("/admin/").status_code == 200
