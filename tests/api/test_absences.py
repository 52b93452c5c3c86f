"""Absences of technicians by the API: read, made, changed, deleted; of the own companies, once, under their version."""

from typing import Any

import pytest

from appointments.models import Absence
from interventions.models import Technician
from openfire_billing.office.roles import PLANNER
from tests.factories import CompanyFactory, TechnicianFactory, UserFactory, World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import alone, at, technician


def absence(who: Technician, first: int, last: int, **values: Any) -> Absence:
    """From 8:00 of a day of November 2026 to 18:00 of another."""
    return Absence.objects.create(technician=who, starts_at=at(8, day=first), ends_at=at(18, day=last), **values)


def ids(api: Api, **query: Any) -> list[int]:
    answer = api.get("absences/", **query)
    assert answer.status_code == 200, answer.data
    return [row["id"] for row in answer.data["results"]]


def test_absence_is_made_read_changed_and_deleted(world: World) -> None:
    api, who = Api(world.planner), technician(world)
    body = {
        "technician": who.pk,
        "starts_at": "2026-12-21T08:00:00+01:00",
        "ends_at": "2026-12-24T17:00:00Z",
        "reason": "Congés",
    }

    made = api.made("absences/", body)

    row = Absence.objects.get()
    expected = {
        "id": row.pk,
        "technician": who.pk,
        "starts_at": "2026-12-21T08:00:00+01:00",
        "ends_at": "2026-12-24T18:00:00+01:00",
        "reason": "Congés",
        "version": 1,
    }
    assert {name: value for name, value in made.items() if name != "updated_at"} == expected
    assert (row.starts_at, row.ends_at) == (at(8, day=21, month=12), at(18, day=24, month=12))
    changed = api.patch(f"absences/{row.pk}/", {"reason": "Formation", "version": 1})
    assert (changed.status_code, changed.data["reason"], changed.data["version"]) == (200, "Formation", 2)
    assert api.get(f"absences/{row.pk}/").data["reason"] == "Formation"
    assert (api.delete(f"absences/{row.pk}/").status_code, Absence.objects.count()) == (204, 0)
    assert refused(api.get(f"absences/{row.pk}/"), 404)


def test_absence_made_by_a_program_is_seen_by_who_books(world: World) -> None:
    who = technician(world)
    body = {"technician": who.pk, "starts_at": "2026-11-25T08:00", "ends_at": "2026-11-25T12:00"}  # French time
    made = Api(world.planner).made("absences/", body)
    assert made["reason"] == ""
    assert Absence.objects.get().starts_at == at(8)
    assert alone(world, who=who, starts_at=at(13, 30)).ends_at == at(15)


def test_absence_written_with_a_version_that_is_not_the_last_is_refused(world: World) -> None:
    row = absence(technician(world), 25, 26)
    api = Api(world.planner)
    assert api.patch(f"absences/{row.pk}/", {"reason": "A"}).data["version"] == 2
    with nothing_changed():
        assert api.patch(f"absences/{row.pk}/", {"reason": "B", "version": 1}).data["code"] == "stale"
        stale = api.client.delete(f"/api/v1/absences/{row.pk}/", HTTP_IF_MATCH="1")
    assert (stale.status_code, stale.data["code"]) == (409, "stale")
    assert api.client.delete(f"/api/v1/absences/{row.pk}/", HTTP_IF_MATCH="2").status_code == 204


def test_same_key_makes_one_absence(world: World) -> None:
    api = Api(world.planner)
    body = {"technician": technician(world).pk, "starts_at": "2026-11-25T08:00Z", "ends_at": "2026-11-25T12:00Z"}
    first, again = (api.post("absences/", body, key="a-1") for _turn in range(2))
    assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (201, 201, "true")
    assert (again.json(), Absence.objects.count()) == (first.json(), 1)
    deleted = [api.delete(f"absences/{first.data['id']}/", key="a-2").status_code for _turn in range(2)]
    assert deleted == [204, 204]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"technician": None}, "technician"),
        ({"starts_at": "demain"}, "starts_at"),
        ({"ends_at": "2026-11-25T08:00:00+01:00"}, "detail"),  # when it begins
        ({"reason": "x" * 81}, "reason"),
        ({"motif": "Congés"}, "motif"),
    ],
)
def test_absence_that_cannot_be_is_refused(world: World, body: dict[str, Any], field: str) -> None:
    good = {"technician": technician(world).pk, "starts_at": "2026-11-25T08:00:00+01:00", "ends_at": "2026-11-25T09:00"}
    with nothing_changed():
        answer = Api(world.planner).post("absences/", {**good, **body})
    assert answer.status_code == 400
    if field == "detail":
        assert "La fin de l'absence n'est pas après son début" in str(answer.data)
    else:
        assert set(answer.data["fields"]) == {field}


def test_absences_are_found_by_technician_and_days(world: World) -> None:
    one, two = technician(world, name="Maëva"), technician(world, name="Loeiz")
    early, across, late = (absence(one, *days) for days in ((23, 24), (24, 26), (26, 27)))
    other = absence(two, 25, 25, reason="Formation")
    api = Api(world.planner)

    assert set(ids(api)) == {early.pk, across.pk, late.pk, other.pk}
    assert ids(api, technician=two.pk) == [other.pk]
    assert set(ids(api, since="2026-11-25")) == {across.pk, late.pk, other.pk}
    assert set(ids(api, until="2026-11-25")) == {early.pk, across.pk, other.pk}
    assert set(ids(api, since="2026-11-25", until="2026-11-25", technician=one.pk)) == {across.pk}
    assert ids(api, since="2026-11-28") == []
    assert ids(api, search="loeiz format") == [other.pk]
    assert ids(api, ordering="starts_at")[0] == early.pk
    assert (ids(api, since="9999-12-31"), set(ids(api, since="0001-01-01"))) == (
        [],
        {early.pk, across.pk, late.pk, other.pk},
    )


def test_day_of_a_filter_begins_at_midnight_in_france(world: World) -> None:
    who, api = technician(world), Api(world.planner)
    row = Absence.objects.create(technician=who, starts_at=at(0, day=25), ends_at=at(0, day=26))
    for query, found in (
        ({"since": "2026-11-25"}, [row.pk]),
        ({"since": "2026-11-26"}, []),
        ({"until": "2026-11-25"}, [row.pk]),
        ({"until": "2026-11-24"}, []),
    ):
        assert ids(api, **query) == found, query


def test_absences_of_another_company_are_not_there(world: World) -> None:
    theirs = absence(TechnicianFactory(company=CompanyFactory(name="Autre")), 25, 25)
    ours = absence(technician(world), 25, 25)
    api = Api(UserFactory(role=PLANNER, company=world.company))
    with nothing_changed():
        assert ids(api) == [ours.pk]
        assert refused(api.get(f"absences/{theirs.pk}/"), 404)
        assert refused(api.delete(f"absences/{theirs.pk}/"), 404)
        moved = api.patch(f"absences/{ours.pk}/", {"technician": theirs.technician_id})
    assert (moved.status_code, set(moved.data["fields"])) == (400, {"technician"})
