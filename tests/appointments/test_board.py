"""The planning board: who may open it, what it shows, in which rows."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from appointments.models import Absence, Appointment, ClosingDay
from appointments.services.saving import move_appointment
from interventions.models import Team, Technician
from invoicing.models import CompanyAccess
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER
from tests.appointments.board import ASKED, WEEK, cards, cells, client_of, drop, names, when
from tests.factories import CompanyFactory, TechnicianFactory, World
from tests.factories.appointments import at, book, technician


def test_week_shows_each_card_in_its_cell(world: World) -> None:
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    book(world, world.intervention(), who=luc, starts_at=at(9), state="confirmed")
    book(world, world.intervention(), who=ana, starts_at=at(14, day=27), state="draft")
    page = client_of(world.planner).get(WEEK).content.decode()
    assert cards(page) == {
        f"c-{luc.pk}-2026-11-25": ["09:00–10:30 Aubry Maëlle · Thorigné-Fouillard · Dépannage · Confirmé"],
        f"c-{ana.pk}-2026-11-27": ["14:00–15:30 Aubry Maëlle · Thorigné-Fouillard · Dépannage · Brouillon"],
    }
    assert len(cells(page)) == 14
    assert names(page) == ["Ana", "Luc"]


@pytest.mark.parametrize("path", ["cells/?cells=²:2026-11-30,x:y,3", "changes/?since=1.999999999999999999999999999999"])
def test_forged_address_answers(world: World, path: str) -> None:
    technician(world, name="Luc")
    assert client_of(world.planner).get(f"/planning/{path}").status_code == 200


@pytest.mark.parametrize("path", ["", "changes/?since=0", "cells/?cells=", "waiting/", "appointments/1/"])
def test_who_may_open_the_board(world: World, path: str) -> None:
    """Staff who see RDVs; a technician has his phone; the others log in or are refused."""
    book(world, world.intervention(), state="draft")
    path = path.replace("/1/", f"/{Appointment.objects.get().pk}/")
    found = {
        role: client_of(world.users[role]).get(f"/planning/{path}").status_code
        for role in (PLANNER, BILLING, ACCOUNTANT, MANAGER)
    }
    assert set(found.values()) == {200}
    assert client_of(world.technician).get(f"/planning/{path}").status_code == 404
    assert Client().get(f"/planning/{path}").headers["Location"].startswith("/admin/login/?next=%2Fplanning%2F")
    nobody = User.objects.create_user("sans-role", is_staff=True)
    assert client_of(nobody).get(f"/planning/{path}").status_code == 403


def test_drops_need_their_permission_and_a_post(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    di = world.intervention()
    reader = User.objects.create_user("lecture", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_appointment"))
    CompanyAccess.objects.create(user=reader, company=world.company)
    client = client_of(reader)
    values = {**ASKED, "to": luc.pk, "day": "2026-11-26", "end": 700, "seen": rdv.version}
    for path in (f"appointments/{rdv.pk}/move/", f"appointments/{rdv.pk}/resize/", f"interventions/{di.pk}/place/"):
        assert client.post(f"/planning/{path}", values).status_code == 403
        assert client.get(f"/planning/{path}").status_code == 405
    assert (when(rdv), Appointment.objects.count()) == (("25/11 09:00", ["Luc"]), 1)


def test_nothing_of_another_company_is_seen_or_moved(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    theirs, ours = TechnicianFactory(company=other, name="Yann"), technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=ours, starts_at=at(9), state="draft")
    client = client_of(world.planner)
    page = client.get(WEEK).content.decode()
    assert "Yann" not in page
    answer = drop(world, rdv, leaving=ours.pk, to=theirs.pk, day="2026-11-26")
    assert answer.status_code == 404
    foreign = client_of(User.objects.create_superuser("root")).get(WEEK).content.decode()
    assert "Yann" in foreign
    Appointment.objects.filter(pk=rdv.pk).update(company=other)
    for path in ("", "move/", "resize/"):
        url = f"/planning/appointments/{rdv.pk}/{path}"
        found = (
            client.post(url, {"to": ours.pk, "day": "2026-11-26", "end": 600, "seen": 1}) if path else client.get(url)
        )
        assert found.status_code == 404
    assert (
        set(cells(client.get(f"/planning/cells/?cells={theirs.pk}:2026-11-25&from=2026-11-23").content.decode()))
        == set()
    )


@pytest.mark.parametrize("view", ["day", "week", "month"])
def test_board_asks_as_many_questions_for_fifty_rows_as_for_one(world: World, view: str) -> None:
    client = client_of(world.planner)
    team = Team.objects.create(name="Tous", company=world.company)
    url = f"/planning/?view={view}&from=2026-11-25&team={team.pk}"
    book(world, world.intervention(), state="draft")
    team.technicians.set(Technician.objects.all())
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for number in range(6):
        who = technician(world, name=f"T{number}")
        for hour in (8, 10, 14):
            book(world, world.intervention(), who=who, starts_at=at(hour), state="draft")
    team.technicians.set(Technician.objects.all())
    with CaptureQueriesContext(connection) as many:
        page = client.get(url).content.decode()
    assert len(names(page)) == 7
    assert len(many) == len(few) <= 12


def test_days_off_say_why(world: World) -> None:
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    Absence.objects.create(technician=luc, starts_at=at(0), ends_at=at(0, day=26))
    ClosingDay.objects.create(company=world.company, from_on=at(9, day=27).date(), to_on=at(9, day=27).date())
    found = cells(client_of(world.planner).get(WEEK).content.decode())

    def why(who: Any, day: str) -> list[str]:
        return re.findall(r'<span class="of-cell-why" title="[^"]*">(.*?)</span>', found[f"c-{who.pk}-{day}"])

    assert [why(luc, "2026-11-25"), why(ana, "2026-11-25"), why(ana, "2026-11-27"), why(ana, "2026-11-28")] == [
        ["Absent"],
        [],
        ["Fermé"],
        [],
    ]
    assert 'data-free=""' in found[f"c-{luc.pk}-2026-11-25"]
    assert 'data-free="480-720 810-1050"' in found[f"c-{ana.pk}-2026-11-25"]


def test_load_is_the_hours_taken_of_those_worked_breaks_left_out(world: World) -> None:
    luc = technician(world, name="Luc")
    book(world, world.intervention(duration=5), who=luc, starts_at=at(9), state="draft")
    week = cells(client_of(world.planner).get(WEEK).content.decode())[f"c-{luc.pk}-2026-11-25"]
    assert "</i>5 h / 8 h</span>" in week
    month = client_of(world.planner).get("/planning/?view=month&from=2026-11-25").content.decode()
    assert '<b class="of-cell-count">1</b>' in cells(month)[f"c-{luc.pk}-2026-11-25"]
    assert len(cells(month)) == 30
    assert cards(month) == {}


def test_list_beside_holds_what_is_to_place(world: World) -> None:
    late = world.intervention(from_on=at(9, day=1, month=10).date(), to_on=at(9, day=2, month=10).date())
    soon, far = world.intervention(), world.intervention(from_on=at(9, day=1, month=3).date().replace(year=2027))
    planned = world.intervention()
    book(world, planned, starts_at=at(9), state="draft")
    undated = Appointment.objects.get(intervention=planned)
    move_appointment(undated, starts_at=None, on=world.today, by=world.planner)
    client = client_of(world.planner)

    def listed(**asked: str) -> list[str]:
        return re.findall(
            r"<small>(.*?) · ",
            client.get("/planning/waiting/", asked, headers={"X-Requested-With": "fetch"}).content.decode(),
        )

    assert listed() == [str(late), str(undated), str(soon), str(planned)]
    assert listed(late="1") == [str(late)]
    assert listed(q="Personne") == []
    assert listed(q="Aubry") == listed()
    assert str(far) not in listed()


@pytest.mark.parametrize(
    "query", ["view=année", "from=2026-13-01", "from=1850-01-01", "team=x", "team=999999", "view=month&from=2199-12-31"]
)
def test_rubbish_in_the_address_opens_a_board(world: World, query: str) -> None:
    technician(world, name="Luc")
    assert client_of(world.planner).get(f"/planning/?{query}").status_code == 200


def test_firm_without_technicians_is_told_what_to_do(world: World) -> None:
    page = client_of(world.planner).get(WEEK).content.decode()
    assert "Aucun intervenant" in page
    assert 'id="board"' not in page
