"""RDVs given another time or other technicians by program."""

from typing import Any

import pytest

from appointments.models import Appointment
from appointments.services.saving import move_appointment
from appointments.services.states import cancel_appointment
from tests.factories import CompanyFactory, TaskFactory, TechnicianFactory, World, nothing_changed
from tests.factories.api import Api
from tests.factories.appointments import at, book, technician

pytestmark = pytest.mark.django_db


@pytest.fixture
def planner(world: World) -> Api:
    return Api(world.planner)


def refusal(api: Api, rdv: Appointment, body: Any) -> Any:
    with nothing_changed():
        answer = api.post(f"appointments/{rdv.pk}/move/", body)
    assert answer.status_code == 409
    return answer.json()


def test_move_gives_another_time_and_keeps_who_comes(planner: Api, world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    body = {"starts_at": at(14, day=26).isoformat(), "version": rdv.version}
    moved = planner.made(f"appointments/{rdv.pk}/move/", body, status=200)
    assert (moved["starts_at"], moved["ends_at"], moved["technicians"], moved["version"]) == (
        "2026-11-26T14:00:00+01:00",
        "2026-11-26T15:30:00+01:00",
        [luc.pk],
        rdv.version + 1,
    )
    assert refusal(planner, rdv, body)["code"] == "stale"


def test_lead_who_comes_no_more_is_replaced_by_the_first(planner: Api, world: World) -> None:
    luc, ana, leo = (technician(world, name=name) for name in ("Luc", "Ana", "Léo"))
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    url, start = f"appointments/{rdv.pk}/move/", at(9).isoformat()
    both = planner.made(url, {"starts_at": start, "technicians": [ana.pk, luc.pk]}, status=200)
    assert (sorted(both["technicians"]), both["lead"]) == (sorted([luc.pk, ana.pk]), luc.pk)
    others = planner.made(url, {"starts_at": start, "technicians": [leo.pk, ana.pk]}, status=200)
    assert (sorted(others["technicians"]), others["lead"]) == (sorted([ana.pk, leo.pk]), leo.pk)


def test_forced_end_keeps_its_distance_unless_another_or_none_is_given(planner: Api, world: World) -> None:
    rdv = book(world, world.intervention(), who=technician(world), starts_at=at(9), state="draft")
    move_appointment(rdv, starts_at=at(9), ends_at=at(11), on=world.today, by=world.planner)
    url, start = f"appointments/{rdv.pk}/move/", at(14, day=26).isoformat()
    ends = [
        (moved["ends_at"], moved["is_end_forced"])
        for given in ({}, {"ends_at": at(17, day=26).isoformat()}, {"ends_at": None})
        for moved in [planner.made(url, {"starts_at": start, **given}, status=200)]
    ]
    assert ends == [
        ("2026-11-26T16:00:00+01:00", True),
        ("2026-11-26T17:00:00+01:00", True),
        ("2026-11-26T15:30:00+01:00", False),
    ]


def test_slot_taken_names_the_rdvs_and_a_reason_passes_over(planner: Api, world: World) -> None:
    luc = technician(world, name="Luc")
    first = book(world, world.intervention(), who=luc, starts_at=at(9), state="confirmed")
    second = book(world, world.intervention(), who=luc, starts_at=at(10, 30), state="draft")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(14), state="draft")
    book(world, world.intervention(), who=technician(world, name="Ana"), starts_at=at(9), state="draft")
    body = {"starts_at": at(10).isoformat()}
    refused = refusal(planner, rdv, body)
    assert refused["code"] == "slot_taken"
    assert refused["documents"] == [
        {"url": f"/api/v1/appointments/{one.pk}/", "id": one.pk, "name": str(one)} for one in (first, second)
    ]
    passed = planner.made(f"appointments/{rdv.pk}/move/", {**body, "override": "Urgence"}, status=200)
    assert (passed["starts_at"], passed["override"]) == ("2026-11-25T10:00:00+01:00", "Urgence")
    back = planner.made(f"appointments/{rdv.pk}/move/", {"starts_at": at(16).isoformat()}, status=200)
    assert back["override"] == ""


def test_refusals_of_a_move(planner: Api, world: World) -> None:
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    ana.tasks.add(TaskFactory(name="Pose"))
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    start = at(9, day=26).isoformat()
    unable = {"starts_at": start, "technicians": [ana.pk], "override": "Urgence"}
    assert refusal(planner, rdv, unable)["code"] == "technician_unable"
    assert refusal(planner, rdv, {"starts_at": at(9, day=29).isoformat()})["code"] == "technician_absent"
    cancel_appointment(rdv, by=world.planner)
    assert refusal(planner, rdv, {"starts_at": start})["code"] == "wrong_state"


def test_move_is_read_whole_and_within_the_company(planner: Api, world: World) -> None:
    rdv = book(world, world.intervention(), who=technician(world), starts_at=at(9), state="draft")
    stranger = TechnicianFactory(company=CompanyFactory(name="Autre Foyer"))
    start = at(9, day=26).isoformat()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "starts_at"),
        ({"starts_at": "demain"}, "starts_at"),
        ({"starts_at": start, "technicians": []}, "technicians"),
        ({"starts_at": start, "technicians": [stranger.pk]}, "technicians"),
    ]
    with nothing_changed():
        for body, field in wrong:
            answer = planner.post(f"appointments/{rdv.pk}/move/", body)
            assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
