"""Fixtures for the folders whose conftest takes them."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.factories.world import World, make_world

MORNING = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.fixture(autouse=True)
def on_an_ordinary_day() -> Iterator[time_machine.Traveller]:
    """Tuesday 24 November 2026, 10:00. `on_an_ordinary_day.move_to(…)` goes elsewhere."""
    with time_machine.travel(MORNING, tick=True) as traveller:
        yield traveller


@pytest.fixture
def world(db: None, on_an_ordinary_day: time_machine.Traveller) -> World:
    """The firm."""
    return make_world()
