"""The print of a day of the board."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment
from interventions.models import Team
from tests.appointments.board import client_of
from tests.factories import CompanyFactory, TechnicianFactory, World
from tests.factories.appointments import at, book, technician
from tests.factories.pages import texts_of

DAY = "/planning/print/?from=2026-11-25"


def sheets(client: Any, url: str = DAY) -> list[tuple[str, list[tuple[str, str]]]]:
    """(technician, [(hours, customer)]) of each page."""
    page = client.get(url).content.decode()
    return [
        (who, re.findall(r"<h3><b>(.*?)</b> (.*?)(?: <small>.*?)?</h3>", sheet))
        for who, sheet in re.findall(r'<h2 id="sheet-\d+">(.*?) <small>.*?</h2>(.*?)</section>', page, re.DOTALL)
    ]


def test_page_a_technician_in_the_order_of_the_day(world: World) -> None:
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    technician(world, name="Léo")
    book(world, world.intervention(), who=luc, starts_at=at(14), state="confirmed")
    book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    book(world, world.intervention(), who=ana, starts_at=at(10), state="confirmed")
    book(world, world.intervention(), who=ana, starts_at=at(9, day=26), state="confirmed")
    client = client_of(world.planner)
    name = world.customer.name
    assert sheets(client) == [
        ("Ana", [("10:00–11:30", name)]),
        ("Luc", [("09:00–10:30", name), ("14:00–15:30", name)]),
    ]
    team = Team.objects.create(company=world.company, name="Nord")
    team.technicians.add(luc)
    assert [who for who, _rdvs in sheets(client, f"{DAY}&team={team.pk}")] == ["Luc"]
    assert "Aucun RDV ce jour-là" in client.get("/planning/print/?from=2026-11-28").content.decode()
    explicit = "/planning/print/?view=day&amp;from=2026-11-25&amp;team=&amp;technicians=&amp;sectors="
    assert f'href="{explicit}"' in client.get("/planning/?view=day&from=2026-11-25").content.decode()
    assert DAY not in client.get("/planning/?view=week&from=2026-11-25").content.decode()


def test_rdv_on_paper(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="confirmed")
    rdv.technicians.add(technician(world, name="Ana"))
    Appointment.objects.filter(pk=rdv.pk).update(title="Poêle froid", description="Code 12B4")
    rdv.address.phone = "02 99 00 00 01"
    rdv.address.save()
    rdv.refresh_from_db()
    page = client_of(world.planner).get(DAY)
    facts = dict(re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", page.content.decode(), re.DOTALL))
    assert {name: facts[name] for name in ("Téléphone", "Adresse", "Tâche", "Description")} == {
        "Téléphone": "02 99 00 00 01",
        "Adresse": str(rdv.address),
        "Tâche": "Dépannage · Poêle froid",
        "Description": "Code 12B4",
    }
    assert re.findall(r"<li>(.*?)</li>", facts["Lignes"]) == [
        f"{line.quantity.normalize():f} × {line.terms.label}" for line in rdv.lines.order_by("position", "pk")
    ]
    assert texts_of(page, "of-sheet-rdv")[0].count("avec Ana") == 1


def test_who_may_print_a_day_and_of_which_company(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    theirs = TechnicianFactory(company=other, name="Yann")
    rdv = book(world, world.intervention(), who=technician(world, name="Luc"), starts_at=at(9), state="confirmed")
    rdv.slots.update(technician=theirs)
    assert sheets(client_of(world.planner)) == []
    assert [who for who, _rdvs in sheets(client_of(User.objects.create_superuser("root")))] == ["Yann"]
    assert client_of(world.technician).get(DAY).status_code == 404
    assert client_of(User.objects.create_user("sans-role", is_staff=True)).get(DAY).status_code == 403
    assert Client().get(DAY).status_code == 302
    assert client_of(world.planner).post(DAY).status_code == 405


@pytest.mark.parametrize("count", [5])
def test_print_asks_as_many_questions_for_many_rows_as_for_one(world: World, count: int) -> None:
    client = client_of(world.planner)
    book(world, world.intervention(), state="draft")
    client.get(DAY)
    with CaptureQueriesContext(connection) as few:
        client.get(DAY)
    for number in range(count):
        who = technician(world, name=f"T{number}")
        for hour in (8, 10):
            book(world, world.intervention(), who=who, starts_at=at(hour), state="draft")
    with CaptureQueriesContext(connection) as many:
        client.get(DAY)
    assert len(many) == len(few)
