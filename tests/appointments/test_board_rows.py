"""Which rows the board shows, in which order and how large: what each user left, what an address asks for."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from appointments.planning.rows import Kept, Rows, kept_by
from appointments.services.tours import assign_sectors
from interventions.models import Team, Technician
from invoicing.models import SavedFilter
from tests.appointments.board import WEEK, cells, client_of, names
from tests.factories import CompanyFactory, SectorFactory, TechnicianFactory, World
from tests.factories.appointments import at, technician

HERE = {"view": "week", "from": "2026-11-23"}


@pytest.fixture
def people(world: World) -> list[Technician]:
    return [technician(world, name=name) for name in ("Ana", "Eve", "Luc")]


def shown(client: Client, more: str = "") -> list[str]:
    return names(client.get(f"{WEEK}{more}").content.decode())


def keep(client: Client, **values: Any) -> Any:
    return client.post("/planning/rows/", {**HERE, **values})


def test_team_narrows_the_rows(world: World, people: list[Technician]) -> None:
    team = Team.objects.create(name="Nord", company=world.company)
    team.technicians.add(people[2])
    client = client_of(world.planner)
    page = client.get(f"{WEEK}&team={team.pk}").content.decode()
    assert {key.split("-")[1] for key in cells(page)} == {str(people[2].pk)}
    assert names(page) == ["Luc"]
    assert shown(client, "&team=") == ["Ana", "Eve", "Luc"]
    both = Team.objects.create(name="Sud", company=world.company)
    both.technicians.set([people[0], people[2]])
    assert shown(client, f"&team={team.pk}.{both.pk}") == ["Ana", "Luc"]


def test_technicians_and_sectors_of_the_days_narrow_the_rows(world: World, people: list[Technician]) -> None:
    ana, eve, luc = people
    north, south = SectorFactory(name="Nord", covers=""), SectorFactory(name="Sud", covers="")
    assign_sectors([ana, eve], [at(9).date()], [north], by=world.planner)
    assign_sectors([luc], [at(9).date()], [south], by=world.planner)
    assign_sectors([luc], [at(9, day=30).date()], [north], by=world.planner)  # another week
    client = client_of(world.planner)
    assert shown(client, f"&sectors={north.pk}") == ["Ana", "Eve"]
    assert shown(client, f"&sectors={north.pk}.{south.pk}") == ["Ana", "Eve", "Luc"]
    assert shown(client, f"&technicians={ana.pk}.{luc.pk}") == ["Ana", "Luc"]
    assert shown(client, f"&technicians={ana.pk}.{luc.pk}&sectors={north.pk}") == ["Ana"]
    assert shown(client, "&technicians=x.y") == ["Ana", "Eve", "Luc"]


def test_rows_are_kept_for_the_user_alone_and_an_address_goes_before(world: World, people: list[Technician]) -> None:
    ana, _eve, luc = people
    client, other = client_of(world.planner), client_of(world.manager)
    answer = keep(client, rows="1", technicians=[ana.pk, luc.pk])
    assert (answer.status_code, answer.headers["Location"]) == (302, "/planning/?view=week&from=2026-11-23")
    assert (shown(client), shown(client_of(world.planner)), shown(other)) == (
        ["Ana", "Luc"],
        ["Ana", "Luc"],
        ["Ana", "Eve", "Luc"],
    )
    assert shown(client, "&team=") == ["Ana", "Eve", "Luc"]
    assert shown(client) == ["Ana", "Luc"]  # a GET keeps nothing
    page = unescape(client.get(WEEK).content.decode())
    assert f'data-query="view=week&from=2026-11-23&team=&technicians={ana.pk}.{luc.pk}&sectors="' in page
    assert "Affichage (2)" in page
    keep(client, none="1")
    assert shown(client) == ["Ana", "Eve", "Luc"]


def test_choice_that_finds_nobody_says_what_to_do(world: World, people: list[Technician]) -> None:
    client = client_of(world.planner)
    keep(client, rows="1", sectors=[SectorFactory(name="Nord", covers="").pk])
    page = unescape(client.get(WEEK).content.decode())
    assert "Aucun intervenant ne répond à ce choix : changez-le dans « Affichage », ou affichez tout." in page
    assert 'name="none"' in page
    assert 'id="board"' not in page


def test_order_is_kept_and_given_up(world: World, people: list[Technician]) -> None:
    ana, eve, luc = people
    client = client_of(world.planner)
    assert 'name="by_name"' not in client.get(WEEK).content.decode()
    keep(client, move=f"{luc.pk}.{ana.pk}")
    assert shown(client) == ["Luc", "Ana", "Eve"]
    assert keep(client, move=f"{eve.pk}.{ana.pk}").status_code == 302
    assert shown(client) == ["Luc", "Eve", "Ana"]
    technician(world, name="Abel")
    assert shown(client) == ["Luc", "Eve", "Ana", "Abel"]  # who comes later stands below
    assert shown(client_of(world.manager)) == ["Abel", "Ana", "Eve", "Luc"]
    page = client.get(WEEK).content.decode()
    pairs = re.findall(r'name="move" value="([^"]*)"', page)
    assert pairs[:4] == ["", f"{eve.pk}.{luc.pk}", f"{eve.pk}.{luc.pk}", f"{ana.pk}.{eve.pk}"]
    assert 'name="by_name"' in page
    keep(client, by_name="1")
    assert shown(client) == ["Abel", "Ana", "Eve", "Luc"]


def test_zoom_and_rows_do_not_lose_each_other(world: World, people: list[Technician]) -> None:
    client = client_of(world.planner)
    keep(client, rows="1", technicians=[people[0].pk])
    keep(client, zoom="3")
    keep(client, move=f"{people[2].pk}.{people[0].pk}")
    order = (people[2].pk, people[0].pk, people[1].pk)
    assert kept_by(world.planner) == Kept(Rows(technicians=frozenset([people[0].pk])), order, 3)
    keep(client, rows="1")
    assert kept_by(world.planner) == Kept(Rows(), order, 3)
    assert 'data-zoom="3"' in client.get(WEEK).content.decode()
    assert SavedFilter.objects.filter(user=world.planner, model="planning").count() == 2


@pytest.mark.parametrize("values", [{"zoom": "9"}, {"zoom": "x"}, {"move": "1"}, {"move": "x.y"}, {}])
def test_rubbish_keeps_nothing(world: World, people: list[Technician], values: dict[str, str]) -> None:
    client = client_of(world.planner)
    assert client.post("/planning/rows/", values, headers={"X-Requested-With": "fetch"}).status_code == 204
    assert SavedFilter.objects.count() == 0


def test_row_of_another_company_is_not_moved_nor_shown(world: World, people: list[Technician]) -> None:
    theirs = TechnicianFactory(company=CompanyFactory(name="Autre Foyer"), name="Yann")
    client = client_of(world.planner)
    keep(client, move=f"{theirs.pk}.{people[0].pk}")
    assert SavedFilter.objects.count() == 0
    assert shown(client, f"&technicians={theirs.pk}") == []


def test_too_many_names_are_refused_and_a_long_order_keeps_its_beginning(world: World) -> None:
    people = [TechnicianFactory(company=world.company, name=f"T{number:03}") for number in range(120)]
    client = client_of(world.planner)
    keep(client, rows="1", technicians=[person.pk for person in people])
    assert kept_by(world.planner).rows == Rows()
    assert "Ce filtre est trop long" in unescape(client.get(WEEK).content.decode())
    keep(client, move=f"{people[-1].pk}.{people[0].pk}")
    order = kept_by(world.planner).order
    assert order == tuple(person.pk for person in (people[-1], *people))[: len(order)]
    assert 60 < len(order) < 121
    assert shown(client)[:3] == ["T119", "T000", "T001"]


def test_opening_keeps_nothing_and_keeping_is_a_post(world: World, people: list[Technician]) -> None:
    client = client_of(world.planner)
    assert client.get(f"/planning/rows/?zoom=3&rows=1&technicians={people[0].pk}").status_code == 405
    client.get(f"{WEEK}&technicians={people[0].pk}&zoom=3")
    assert SavedFilter.objects.count() == 0
