"""Travel as the crow flies, by hand."""

import pytest

from appointments.travel import Location, Travel, great_circle, travel

RENNES, CESSON = Location(latitude=48.1173, longitude=-1.6778), Location(latitude=48.1306, longitude=-1.5889)


def test_way_of_two_located_places_is_the_great_circle_by_road(  # 6.762 km × 1.3 = 8.791 km at 50 km/h = 10.55 min
) -> None:
    assert round(great_circle(RENNES, CESSON), 3) == 6.762
    found = travel(RENNES, CESSON)
    assert (found.minutes, round(found.km or 0, 3), found.is_estimated) == (11, 8.791, False)
    assert travel(CESSON, RENNES) == found


@pytest.mark.parametrize(
    ("start", "end", "km"),
    [
        ((0, 0), (0, 180), 20015.1144),  # π × 6371.0088
        ((90, 0), (-90, 0), 20015.1144),
        ((0, 0), (0, 90), 10007.5572),
        ((0, 179), (0, -179), 222.3902),  # 2° of the equator
        ((48, 2), (48, 2), 0.0),
    ],
)
def test_great_circle(start: tuple[float, float], end: tuple[float, float], km: float) -> None:
    assert round(great_circle(Location(None, *start), Location(None, *end)), 4) == km


def test_minutes_are_rounded_up() -> None:
    """0.1° of a meridian is 11.1195 km, 14.4554 km by road, 17.35 minutes."""
    south, north = Location(latitude=48.0, longitude=0.0), Location(latitude=48.1, longitude=0.0)
    assert travel(south, north).minutes == 18
    assert travel(south, south) == Travel(0, 0.0)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        (Location(city="Cesson-Sévigné", zip="35510"), Location(city="CESSON SEVIGNE", zip="35510"), 10),
        (Location(city="Rennes", zip="35000"), Location(city="Rennes", zip="35700"), 10),
        (Location(city="Saint-Martin", zip="35000"), Location(city="Saint-Martin", zip="97150"), 60),
        (Location(city="Acigné", zip="35690"), Location(city="Noyal", zip="35690"), 15),
        (Location(city="Acigné", zip="35690", sector=3), Location(city="Bruz", zip="35170", sector=3), 25),
        (Location(city="Acigné", zip="35690", sector=3), Location(city="Bruz", zip="35170", sector=4), 60),
        (Location(city="Acigné", zip="35690"), Location(city="Bruz", zip="35170"), 60),
        (Location(), Location(), 60),
        (Location(latitude=48.0, longitude=-1.0, city="Bruz", zip="35170"), Location(city="Bruz", zip="35170"), 10),
        (Location(latitude=48.0, city="Bruz", zip="35170"), Location(latitude=48.0, longitude=-1.0, zip="35170"), 15),
    ],
)
def test_without_coordinates_it_is_estimated(start: Location, end: Location, minutes: int) -> None:
    assert travel(start, end) == Travel(minutes, None)
    assert travel(start, end).is_estimated


def test_same_address_is_no_way() -> None:
    assert travel(
        Location(address=7, city="Bruz", zip="35170"), Location(address=7, city="Bruz", zip="35170")
    ) == Travel(0, 0.0)
    assert travel(Location(address=7), Location(address=8)) == Travel(60)
