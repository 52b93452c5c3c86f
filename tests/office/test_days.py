"""Days that nothing can be counted from are refused at their box, on every form: no page fails, nothing is written."""

from typing import Any

import pytest

from contracts.models import Contract
from openfire_billing.office.roles import MANAGER
from tests.api.subjects import contract
from tests.factories import World, nothing_changed
from tests.factories.appointments import book

SAID = "Choisissez une date entre 1990 et 2199."
FAR = ["0001-01-01", "1989-12-31", "2200-01-01", "9999-12-31"]


def documents(world: World) -> dict[str, tuple[Any, str]]:
    made: Contract = contract(world, is_active=False)
    return {
        "DI": (world.intervention(), "from_on"),
        "RDV": (book(world, world.intervention(), state="draft"), "starts_at"),
        "facture": (world.draft(), "proposed_on"),
        "devis": (world.quote(), "valid_until"),
        "contrat": (made, "start_on"),
        "ligne": (made.lines.get(), "ends_on"),
    }


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("kind", ["DI", "RDV", "facture", "devis", "contrat", "ligne"])
def test_far_day_is_refused_at_its_box(world: World, kind: str, far: str) -> None:
    (document, name), office = documents(world)[kind], world.office(MANAGER)
    box = f"{name}_0" if kind == "RDV" else name  # its day; the hour is a box of its own

    with nothing_changed():
        answer = office.send(document, {**office.open(document), box: far})

    assert (answer.status_code, answer.context["adminform"].form.errors[name]) == (200, [SAID])


@pytest.mark.parametrize("far", FAR)
def test_far_day_is_refused_in_a_dialog(world: World, far: str) -> None:
    office = world.office(MANAGER)
    rdv, made = book(world, world.intervention(), state="confirmed"), contract(world)

    with nothing_changed():
        for document, act, name, typed in (
            (rdv, "done", "at", f"{far}T09:00"),
            (made, "bill", "on", far),
            (made, "terminate", "last_day", far),
        ):
            assert office.act(document, act, **{name: typed}).context["form"].errors[name] == [SAID]
