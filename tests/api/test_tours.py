"""Sectors, technicians and the sectors of their days by program."""

from datetime import date

import pytest

from appointments.models import Tour
from appointments.services.tours import assign_sectors
from interventions.models import Sector
from tests.factories import CompanyFactory, SectorFactory, World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import technician

pytestmark = pytest.mark.django_db
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def test_sector_is_made_and_its_postcodes_are_replaced_as_a_whole(world: World) -> None:
    api = Api(world.manager)
    made = api.post("sectors/", {"name": "Ille", "code": "", "colour": "green", "ranges": [{"first": "35"}]})
    assert made.status_code == 201
    body = {name: made.data[name] for name in ("name", "code", "colour", "is_active", "ranges", "version")}
    assert body == {
        "name": "Ille",
        "code": None,
        "colour": "green",
        "is_active": True,
        "ranges": [{"first": "35000", "last": "35999"}],
        "version": 1,
    }
    url = f"sectors/{made.data['id']}/"

    kept = api.patch(url, {"code": "I"})
    assert (kept.data["code"], kept.data["ranges"], kept.data["version"]) == ("I", body["ranges"], 2)
    moved = api.patch(url, {"ranges": [{"first": "352", "last": "353"}, {"first": "35000"}], "version": 2})
    assert (moved.data["ranges"], moved.data["version"]) == (
        [{"first": "35000", "last": "35000"}, {"first": "35200", "last": "35399"}],
        3,
    )
    with nothing_changed():
        refused(api.patch(url, {"ranges": [], "version": 2}), 409)
        refused(api.patch(url, {"ranges": [{"first": "36", "last": "35"}]}), 400)
        refused(api.patch(url, {"ranges": [{"first": "2A"}]}), 400)
        refused(api.patch(url, {"ranges": [{"last": "35"}]}), 400)
        refused(api.patch(url, {"colour": "pink"}), 400)


def test_two_sectors_do_not_share_a_code_but_may_have_none(world: World) -> None:
    api = Api(world.manager)
    assert [
        api.post("sectors/", {"name": name, "code": code}).status_code for name, code in (("A", ""), ("B", None))
    ] == [
        201,
        201,
    ]
    assert api.post("sectors/", {"name": "C", "code": "C"}).status_code == 201
    with nothing_changed():
        assert "code" in api.post("sectors/", {"name": "D", "code": "C"}).data["fields"]


def test_day_gets_sectors_and_loses_them(world: World) -> None:
    who, north, south = technician(world), SectorFactory(name="Nord"), SectorFactory(name="Sud")
    api = Api(world.planner)

    made = api.post("tours/", {"technician": who.pk, "on": "2026-11-24", "sectors": [north.pk]})
    assert (made.status_code, made.data["technician"], made.data["on"], made.data["sectors"]) == (
        201,
        who.pk,
        "2026-11-24",
        [north.pk],
    )
    url = f"tours/{made.data['id']}/"
    again = api.post("tours/", {"technician": who.pk, "on": "2026-11-24", "sectors": [south.pk]})
    assert (again.data["id"], again.data["sectors"], again.data["version"]) == (made.data["id"], [south.pk], 2)
    with nothing_changed():
        refused(api.patch(url, {"sectors": [], "version": 1}), 409)
        refused(api.post("tours/", {"technician": who.pk, "on": "2026-11-25", "sectors": []}), 400)
        refused(api.patch(url, {"on": "2026-11-25"}), 400)
    emptied = api.patch(url, {"sectors": [], "version": 2})
    assert (emptied.data["sectors"], emptied.data["version"]) == ([], 3)


def test_tours_are_filtered_by_technician_day_and_sector(world: World) -> None:
    alan, bea = technician(world), technician(world)
    north, south = SectorFactory(name="Nord"), SectorFactory(name="Sud")
    assign_sectors([alan, bea], [MONDAY], [north, south], by=world.planner)
    assign_sectors([alan], [TUESDAY], [south], by=world.planner)
    api = Api(world.planner)

    def found(query: str) -> list[tuple[int, str]]:
        rows = api.get(f"tours/?ordering=on,id&{query}").data["results"]
        return [(row["technician"], row["on"]) for row in rows]

    monday, tuesday = "2026-11-23", "2026-11-24"
    assert found("") == [(alan.pk, monday), (bea.pk, monday), (alan.pk, tuesday)]
    assert found(f"technician={bea.pk}") == [(bea.pk, monday)]
    assert found(f"sector={north.pk}") == [(alan.pk, monday), (bea.pk, monday)]
    assert found("on_after=2026-11-24") == [(alan.pk, tuesday)]
    assert found("on_before=2026-11-23") == [(alan.pk, monday), (bea.pk, monday)]
    assert found("on=2026-11-24") == [(alan.pk, tuesday)]


def test_tour_of_another_company_is_neither_seen_nor_named(world: World) -> None:
    theirs = technician(world)
    theirs.company = CompanyFactory(name="Autre Foyer")
    theirs.save()
    sector = SectorFactory()
    assign_sectors([theirs], [MONDAY], [sector], by=None)
    api = Api(world.planner)
    with nothing_changed():
        assert api.get("tours/").data["results"] == []
        refused(api.get(f"tours/{Tour.objects.get().pk}/"), 404)
        answer = api.post("tours/", {"technician": theirs.pk, "on": "2026-11-24", "sectors": [sector.pk]})
        assert list(answer.data["fields"]) == ["technician"]


def test_technicians_say_what_they_can_do_and_where(world: World) -> None:
    alan, _bea = technician(world), technician(world)
    north = SectorFactory()
    alan.sectors.add(north)
    alan.tasks.add(world.task)
    (row,) = Api(world.planner).get(f"technicians/?sector={north.pk}&company={world.company.pk}").data["results"]
    assert (row["id"], row["tasks"], row["sectors"]) == (alan.pk, [world.task.pk], [north.pk])
    assert Sector.objects.filter(technicians=alan).count() == 1
