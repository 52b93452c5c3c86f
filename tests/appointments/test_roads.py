"""Ways by road: asked of a router, kept for thirty days, as the crow flies where it fails."""

import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from appointments.models import TravelPair
from appointments.services.places import find_places
from appointments.services.roads import forget_ways, ways_between
from appointments.services.slots import Gap, fill_proposals
from appointments.tasks import forget_travel
from appointments.travel import Location, Travel
from interventions.models import InterventionRequest, Technician
from invoicing.models import Address
from openfire_billing.web.router import is_on
from tests.appointments.test_fill import di, tuesday, who  # noqa: F401 (fixtures)
from tests.factories import World
from tests.factories.appointments import at
from tests.factories.router import Router, router

RENNES = Location(1, 48.1173, -1.6778, "Rennes", "35000")
CESSON = Location(2, 48.1306, -1.5889, "Cesson-Sévigné", "35510")
CROW = Travel(11, 8.791)


@pytest.fixture
def roads(settings: Any) -> Iterator[Router]:
    cache.clear()
    with router() as told:
        settings.ROUTER_URL = told.url
        yield told
    cache.clear()


def way(start: Location = RENNES, end: Location = CESSON) -> Travel:
    found = ways_between([start, end])(start, end)
    return Travel(found.minutes, None if found.km is None else round(found.km, 3))


def test_a_way_is_that_of_the_router_in_minutes_rounded_up(db: None, roads: Router) -> None:
    roads.seconds, roads.metres = 781, 9_412.4

    assert way() == Travel(14, 9.412)

    assert roads.asked == [["-1.6778,48.1173", "-1.5889,48.1306"]]
    assert roads.annotations == ["duration,distance"]


def test_a_way_is_asked_once_in_thirty_days(db: None, roads: Router) -> None:
    assert [way(), way(), way(CESSON, RENNES)] == [Travel(10, 5.0)] * 3
    assert (len(roads.asked), TravelPair.objects.count()) == (1, 2)
    TravelPair.objects.update(at=timezone.now() - timedelta(days=30, minutes=1))
    roads.seconds = 1200

    assert way() == Travel(20, 5.0)

    assert (len(roads.asked), TravelPair.objects.count()) == (2, 2)


def test_ways_are_forgotten_after_thirty_days(db: None, roads: Router) -> None:
    way()
    assert forget_travel() == 0
    TravelPair.objects.filter(start__startswith="48.1173").update(at=timezone.now() - timedelta(days=31))

    assert forget_ways() == 1
    assert TravelPair.objects.get().start == "48.1306,-1.5889"


def test_points_are_those_to_four_decimals(db: None, roads: Router) -> None:
    beside = Location(3, 48.11731, -1.67784, "Rennes", "35000")
    way()

    assert way(beside, CESSON) == Travel(10, 5.0)
    assert len(roads.asked) == 1


def test_where_no_road_leads_it_is_as_the_crow_flies_and_not_asked_again(db: None, roads: Router) -> None:
    roads.unreachable = {"-1.5889,48.1306"}

    assert [way(), way()] == [CROW] * 2
    assert len(roads.asked) == 1
    assert list(TravelPair.objects.order_by().values_list("seconds", "metres").distinct()) == [(None, None)]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b'{"durations": [[0]], "distances": [[0]]}',
        b'{"durations": [[0, "a"], [1, 0]], "distances": [[0, 1], [1, 0]]}',
        b'{"durations": [[0, -5], [1, 0]], "distances": [[0, 1], [1, 0]]}',
        b'{"durations": [[0, NaN], [1, 0]], "distances": [[0, 1], [1, 0]]}',
        b"null",
    ],
)
def test_an_answer_that_is_no_table_leaves_the_crow(db: None, roads: Router, body: bytes) -> None:
    roads.body = body

    assert way() == CROW
    assert TravelPair.objects.count() == 0


@pytest.mark.parametrize("status", [429, 500, 302, 400])
def test_a_router_that_fails_three_times_is_left_alone_for_a_minute(db: None, roads: Router, status: int) -> None:
    roads.statuses = [status] * 3

    assert [way() for _turn in range(5)] == [CROW] * 5

    assert (len(roads.asked), is_on()) == (3, False)
    cache.delete("router-off")  # as a minute does
    assert way() == Travel(10, 5.0)


def test_failures_that_do_not_follow_each_other_leave_it_on(db: None, roads: Router) -> None:
    roads.statuses = [500, 500, 200, 500, 500]
    for _turn in range(5):
        way()
        TravelPair.objects.all().delete()

    assert is_on()


def test_a_slow_router_is_waited_for_two_seconds(db: None, roads: Router) -> None:
    roads.waits = 3
    started = time.monotonic()

    assert way() == CROW

    assert 1.9 <= time.monotonic() - started < 2.9


def test_without_a_router_nothing_is_asked_or_read(db: None, settings: Any) -> None:
    settings.ROUTER_URL = ""
    with CaptureQueriesContext(connection) as captured:
        assert way() == CROW
    assert len(captured) == 0


def test_an_address_without_coordinates_is_not_asked_for(db: None, roads: Router) -> None:
    assert way(Location(4, city="Rennes", zip="35000"), RENNES) == Travel(10)
    assert roads.asked == []


def test_many_points_go_by_a_hundred_and_every_pair_is_known(db: None, roads: Router) -> None:
    places = [Location(n, 48 + n / 1000, -1.5, "Rennes", "35000") for n in range(130)]

    ways = ways_between(places)

    assert [len(points) for points in roads.asked] == [100, 80, 80]
    assert {ways(start, end) for start in places for end in places if start != end} == {Travel(10, 5.0)}
    assert TravelPair.objects.count() == 130 * 129


def test_a_town_alone_is_no_place_to_drive_to_inside_it(db: None, roads: Router) -> None:
    town = Location(5, 48.1147, -1.6794, "Rennes", "35000", is_town=True)

    assert way(RENNES, town) == Travel(10)
    assert way(town, CESSON) == Travel(10, 5.0)


def test_proposals_are_ranked_by_road(world: World, who: Technician, roads: Router) -> None:  # noqa: F811
    Address.objects.update(latitude=48, longitude=-1)
    near = di(world, city="Ici")
    Address.objects.filter(pk=near.address_id).update(latitude="48.01", longitude=-1)
    gap = Gap(who, at(9), at(11))
    settings_off = [(one.intervention, one.ranked.detour) for one in fill_proposals(gap, on=world.today)]
    assert len(roads.asked) == 1
    roads.seconds = 900
    TravelPair.objects.all().delete()

    (found,) = fill_proposals(gap, on=world.today)

    assert settings_off == [(near, 20)]
    assert (found.intervention, found.ranked.detour, found.ranked.starts_at) == (near, 30, at(9, 15))


def test_places_are_ranked_by_road(world: World, who: Technician, roads: Router) -> None:  # noqa: F811
    Address.objects.update(latitude=48, longitude=-1)
    wednesday = date(2026, 11, 25)
    wanted = di(world, city="Ici", from_on=wednesday, to_on=wednesday)
    Address.objects.filter(pk=wanted.address_id).update(latitude="48.01", longitude=-1)
    wanted = InterventionRequest.objects.get(pk=wanted.pk)
    roads.seconds = 1500

    found = find_places(wanted, [who], not_before=at(7, day=25))

    assert [(one.ranked.starts_at, one.ranked.detour) for one in found] == [(at(14), 25), (at(9, 30), 50)]
    assert len(roads.asked) == 1
