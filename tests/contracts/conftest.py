"""The firm, on Tuesday 24 November 2026, for the tests that ask for it; the planner's need no day and no database."""

from collections.abc import Iterator

import pytest
import time_machine

from tests.factories.fixtures import MORNING
from tests.factories.world import World, make_world


@pytest.fixture
def today() -> Iterator[time_machine.Traveller]:
    """Tuesday 24 November 2026, 10:00. `today.move_to(…)` goes elsewhere."""
    with time_machine.travel(MORNING, tick=True) as traveller:
        yield traveller


@pytest.fixture
def world(db: None, today: time_machine.Traveller) -> World:
    """The firm."""
    return make_world()
