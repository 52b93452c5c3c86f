"""The heads of the board's cells: why nothing is worked, on-call, sectors; and what draws them anew elsewhere."""

import re
from datetime import date, time
from typing import Any

import pytest

from appointments.models import Absence, ClosingDay, DayHours, OnCall, RecurringAbsence, WorkingWeek
from appointments.services.tours import assign_sectors
from interventions.models import Technician
from tests.appointments.board import ASKED, WEEK, cells, client_of
from tests.factories import SectorFactory, World
from tests.factories.appointments import at, technician
from tests.factories.pages import fields_of

WEDNESDAY, THURSDAY, SATURDAY = date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 28)


def cell(world: World, who: Technician, day: date, *, view: str = "week") -> str:
    page = client_of(world.planner).get("/planning/", {"view": view, "from": day})
    return cells(page.content.decode())[f"c-{who.pk}-{day}"]


def why(cell: str) -> list[str]:
    return re.findall(r'<span class="of-cell-why" title="[^"]*">(.*?)</span>', cell)


def sectors(cell: str) -> list[tuple[str, str, str]]:
    """(colour, whole name, text) of the sectors of a cell."""
    return re.findall(r'<span class="of-sector of-sector-(\w+)" title="([^"]*)">(.*?)</span>', cell)


def is_hatched(cell: str) -> bool:
    return cell.startswith(' class="of-cell is-off"')


@pytest.mark.parametrize("view", ["day", "week", "month"])
def test_sectors_of_a_day_are_named_in_its_cell(world: World, view: str) -> None:
    luc = technician(world, name="Luc")
    coast, town = SectorFactory(name="Côte", code="C", colour="blue"), SectorFactory(name="Ville", colour="green")
    assign_sectors([luc], [WEDNESDAY], [town, coast], by=world.planner)
    assert sectors(cell(world, luc, WEDNESDAY, view=view)) == [("blue", "Côte", "C"), ("green", "Ville", "Ville")]
    assert sectors(cell(world, luc, THURSDAY, view=view)) == []


def test_day_on_call_is_said_and_not_hatched(world: World) -> None:
    luc = technician(world, name="Luc")
    OnCall.objects.create(technician=luc, starts_at=at(18, day=27), ends_at=at(12, day=28))
    friday, saturday, sunday = (cell(world, luc, date(2026, 11, day)) for day in (27, 28, 29))
    assert [("Astreinte" in one, is_hatched(one)) for one in (friday, saturday, sunday)] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    Absence.objects.create(technician=luc, starts_at=at(0, day=28), ends_at=at(0, day=29))
    away = cell(world, luc, SATURDAY)
    assert ("Astreinte" in away, is_hatched(away), why(away)) == (False, True, ["Absent"])


def test_holiday_closing_and_recurring_absence_say_their_name(world: World) -> None:
    luc = technician(world, name="Luc")
    company = world.company
    ClosingDay.objects.create(company=company, from_on=WEDNESDAY, to_on=WEDNESDAY, name="Inventaire")
    ClosingDay.objects.create(company=company, from_on=THURSDAY, to_on=THURSDAY)
    RecurringAbsence.objects.create(technician=luc, weekday=4, first_on=WEDNESDAY)
    days = [WEDNESDAY, THURSDAY, date(2026, 11, 27), SATURDAY, date(2026, 12, 25), date(2026, 12, 24)]
    assert [why(cell(world, luc, day)) for day in days] == [["Inventaire"], ["Fermé"], ["Absent"], [], ["Férié"], []]
    DayHours.objects.create(technician=luc, on=WEDNESDAY, starts=time(8), ends=time(12))
    worked = cell(world, luc, WEDNESDAY)
    assert (why(worked), is_hatched(worked)) == ([], False)


MADE: dict[Any, Any] = {
    Absence: {"starts_at_0": "25/11/2026", "starts_at_1": "08:00", "ends_at_0": "25/11/2026", "ends_at_1": "18:00"},
    RecurringAbsence: {"weekday": "2", "cycle": "1", "first_on": "25/11/2026"},
    OnCall: {"starts_at_0": "25/11/2026", "starts_at_1": "18:00", "ends_at_0": "25/11/2026", "ends_at_1": "22:00"},
    DayHours: {"on": "25/11/2026", "starts": "10:00", "ends": "12:00"},
    WorkingWeek: {},
    ClosingDay: {"from_on": "25/11/2026", "to_on": "25/11/2026"},
}


@pytest.mark.parametrize("model", MADE, ids=lambda model: model.__name__)
def test_whole_rows_are_answered_when_days_change(world: World, model: Any) -> None:
    """Made, changed and deleted by the pages of the office."""
    luc = technician(world, name="Luc")
    technician(world, name="Ana")
    client, name = client_of(world.manager), model._meta.model_name
    cursor = followed(client, "")

    def answered() -> int:
        nonlocal cursor
        answer = client.get("/planning/changes/", {**ASKED, "since": cursor})
        cursor = followed(client, cursor)
        return len(cells(answer.content.decode()))

    def send(page: str, **values: str) -> None:
        url = f"/admin/appointments/{name}/{page}/"
        fields = {**fields_of(client.get(url), f"{name}_form"), **values, "_save": "1"}
        assert client.post(url, fields).status_code == 302

    whose = {"company": str(world.company.pk)} if model in (ClosingDay, WorkingWeek) else {"technician": str(luc.pk)}
    send("add", **whose, **MADE[model])
    assert answered() == 14
    made = model.objects.get()
    last, value = list(MADE[model].items() or {"to_on": "31/12/2026"}.items())[-1]
    later = {"18:00": "17:00", "22:00": "21:00", "12:00": "11:30", "25/11/2026": "26/11/2026"}
    send(f"{made.pk}/change", **{last: later.get(value, value)})
    assert answered() == 14
    assert client.post(f"/admin/appointments/{name}/{made.pk}/delete/", {"post": "yes"}).status_code == 302
    assert model.objects.count() == 0
    assert answered() == 14
    assert answered() == 0


def test_whole_rows_are_answered_when_a_tour_changes(world: World) -> None:
    luc = technician(world, name="Luc")
    client = client_of(world.planner)
    cursor = followed(client, "")
    for wanted in ([SectorFactory(name="Ville", colour="green")], []):
        assign_sectors([luc], [WEDNESDAY], wanted, by=world.biller)
        answer = client.get("/planning/changes/", {**ASKED, "since": cursor}).content.decode()
        assert len(cells(answer)) == 7
        assert [text for _colour, _name, text in sectors(answer)] == [sector.name for sector in wanted]
        cursor = followed(client, cursor)


def followed(client: Any, cursor: str) -> str:
    """The cursor of a page that has followed everything until now."""
    cursor = cursor or re.findall(r'data-cursor="([^"]+)"', client.get(WEEK).content.decode())[0]
    answer = client.get("/planning/changes/", {**ASKED, "since": cursor})
    if answer.status_code == 304:
        return cursor
    return re.findall(r'data-cursor="([^"]+)"', answer.content.decode())[0]
