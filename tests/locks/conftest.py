"""One firm for all acts of the folder: what an act does is rolled back, the firm stays as it was made."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import transaction

from tests.factories.fixtures import MORNING
from tests.factories.world import World, make_world


@pytest.fixture(scope="module")
def firm(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), time_machine.travel(MORNING, tick=True), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)
