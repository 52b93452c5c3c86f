"""« Assigner un secteur » from the board: for a cell, for the days of a row; what the dialog holds at first."""

from datetime import date
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from appointments.models import Appointment, Tour
from appointments.services.tours import assign_sectors
from interventions.models import Sector, Technician
from invoicing.models import CompanyAccess
from tests.factories import CompanyFactory, SectorFactory, TechnicianFactory, World
from tests.factories.appointments import alone, technician
from tests.factories.pages import address

MONDAY, WEDNESDAY, SUNDAY = date(2026, 11, 23), date(2026, 11, 25), date(2026, 11, 29)
DIFFERENT = "Ces journées n'ont pas toutes les mêmes secteurs : choisissez ceux qu'elles auront."


@pytest.fixture
def luc(world: World) -> Technician:
    return technician(world, name="Luc")


@pytest.fixture
def north() -> Sector:
    return SectorFactory(name="Nord", colour="blue", covers="")


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ask(who: Technician, first: date, last: date) -> str:
    return f"/planning/sectors/?technician={who.pk}&first={first}&last={last}"


def initial(answer: Any) -> dict[str, Any]:
    return dict(answer.context["form"].initial)


def kept() -> dict[date, list[str]]:
    return {tour.on: [str(one) for one in tour.sectors.all()] for tour in Tour.objects.order_by("on")}


def test_cell_is_given_a_sector_and_loses_it(world: World, luc: Technician, north: Sector) -> None:
    client, url = client_of(world.planner), ask(luc, SUNDAY, SUNDAY)
    page = client.get(url)
    assert initial(page) == {
        "technicians": [luc.pk], "from_on": SUNDAY, "to_on": SUNDAY, "weekdays": [6], "sectors": []
    }  # fmt: skip
    body = {
        "_confirmed": "1", "act-technicians": luc.pk, "act-from_on": "29/11/2026", "act-to_on": "29/11/2026",
        "act-weekdays": "6",
    }  # fmt: skip
    for key, sectors in (("a", [north.pk]), ("a", []), ("b", [])):
        answer = client.post(url, {**body, "_once": key, "act-sectors": sectors}, headers={"X-Requested-With": "fetch"})
        assert answer.json() == {"location": "/planning/?from=2026-11-29"}
        assert kept() == {SUNDAY: ["Nord"] if key == "a" else []}
    said = [str(message) for message in client.get("/planning/").context["messages"]]
    assert said == ["1 journée en Nord.", "C'était déjà fait, rien de plus.", "1 journée sans secteur."]


def test_days_of_a_row_are_its_working_days_with_the_sectors_they_share(
    world: World, luc: Technician, north: Sector
) -> None:
    client, url = client_of(world.planner), ask(luc, MONDAY, SUNDAY)
    week = [date(2026, 11, day) for day in range(23, 28)]
    assign_sectors([luc], week, [north], by=world.planner)
    page = client.get(url)
    assert initial(page) == {
        "technicians": [luc.pk],
        "from_on": MONDAY,
        "to_on": SUNDAY,
        "weekdays": [0, 1, 2, 3, 4],
        "sectors": [north.pk],
    }
    assert DIFFERENT not in unescape(page.content.decode())

    assign_sectors([luc], [WEDNESDAY], [SectorFactory(name="Sud", covers="")], by=world.planner)
    page = client.get(url)
    assert "sectors" not in initial(page)
    assert DIFFERENT in unescape(page.content.decode())


def test_several_rdvs_with_different_sectors_begin_with_none(world: World, luc: Technician, north: Sector) -> None:
    ana = technician(world, name="Ana")
    rdvs = [alone(world, who=luc), alone(world, who=ana)]
    assign_sectors([luc], [WEDNESDAY], [north], by=world.planner)
    office = client_of(world.planner)

    def asked() -> Any:
        body = {"action": "act_sectors", "_selected_action": [rdv.pk for rdv in rdvs]}
        return office.post(address(Appointment, "changelist"), body)

    page = asked()
    assert "sectors" not in initial(page)
    assert DIFFERENT in unescape(page.content.decode())
    assign_sectors([ana], [WEDNESDAY], [north], by=world.planner)
    assert initial(asked())["sectors"] == [north.pk]


def test_sector_shows_on_the_board_of_who_follows_it(world: World, luc: Technician, north: Sector) -> None:
    client = client_of(world.planner)
    client.get("/planning/?from=2026-11-25")
    assign_sectors([luc], [WEDNESDAY], [north], by=world.planner)
    answer = client.get("/planning/changes/?since=0&from=2026-11-25").content.decode()
    assert answer.count('<span class="of-sector of-sector-blue" title="Nord">') == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"act-to_on": "24/11/2026"}, "Le dernier jour précède le premier"),
        ({"act-weekdays": "6"}, "La période n'a aucun des jours cochés"),
    ],
)
def test_refusals_stay_in_the_dialog(
    world: World, luc: Technician, north: Sector, values: dict[str, str], sentence: str
) -> None:
    body = {
        "_confirmed": "1", "_once": "a", "act-technicians": luc.pk, "act-from_on": "25/11/2026",
        "act-to_on": "25/11/2026", "act-weekdays": "2", "act-sectors": north.pk,
    }  # fmt: skip
    answer = client_of(world.planner).post(ask(luc, WEDNESDAY, WEDNESDAY), {**body, **values})
    assert (sentence in unescape(answer.content.decode()), kept()) == (True, {})


def test_who_may_and_of_which_company(world: World, luc: Technician) -> None:
    other = TechnicianFactory(company=CompanyFactory(name="Autre Foyer"), name="Yann")
    assert client_of(world.planner).get(ask(other, MONDAY, MONDAY)).status_code == 404
    assert client_of(world.planner).get("/planning/sectors/?technician=x").status_code == 404
    reader = User.objects.create_user("lecture", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_appointment"))
    CompanyAccess.objects.create(user=reader, company=world.company)
    assert client_of(reader).get(ask(luc, MONDAY, MONDAY)).status_code == 403
    body = {"_confirmed": "1", "act-technicians": luc.pk}
    assert client_of(reader).post(ask(luc, MONDAY, MONDAY), body).status_code == 403
