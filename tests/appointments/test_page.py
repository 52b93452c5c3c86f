"""The page of an RDV in the back office, as the planner fills it in."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.utils.timezone import localtime

from appointments.models import Appointment
from invoicing.models import HistoryLine
from tests.factories import SectorFactory, World, item, nothing_changed
from tests.factories.appointments import alone, at, book
from tests.factories.pages import Office, address, errors_of


def office(world: World) -> Office:
    return world.office("Planificateur")


def hours(rdv: Appointment) -> tuple[datetime, datetime, bool]:
    rdv.refresh_from_db()
    assert rdv.starts_at
    assert rdv.ends_at
    return localtime(rdv.starts_at), localtime(rdv.ends_at), rdv.is_end_forced


def test_title_of_an_appointment_with_lines_of_its_di_is_changed(world: World) -> None:
    rdv = book(world, world.intervention(item(2, discount=Decimal(10))), state="draft")
    office(world).save(rdv, title="Passer par la cour")
    rdv.refresh_from_db()
    assert rdv.title == "Passer par la cour"
    assert [line.quantity for line in rdv.lines.all()] == [2]


def test_quantity_of_a_line_of_the_di_is_raised(world: World) -> None:
    rdv = book(world, world.intervention(item(2)), state="draft")
    office(world).save(rdv, lines__0__quantity="5")
    assert sum(line.quantity for line in rdv.lines.all()) == 5


def test_quantity_raised_beyond_the_di_is_in_the_journal(world: World) -> None:
    rdv = book(world, world.intervention(item(2)), state="draft")
    office(world).save(rdv, lines__0__quantity="5")
    edited = HistoryLine.objects.of(rdv).get(act="edited")
    (line,) = edited.changes["lines"]
    assert (line["line"], line["changes"]) == (
        "[ram_pose] Forfait Pose",
        {"quantity": ["2", "5, dont 3 sur une ligne à part"]},
    )


def test_sector_of_the_address_is_shown(world: World) -> None:
    rdv = alone(world)
    SectorFactory(name="Rennes", covers=rdv.address.zip[:2])
    assert f"Rennes · {rdv.address.department}" in office(world).get(address(rdv)).content.decode()


@pytest.mark.parametrize("typed", ["0.05", "0,05"])
def test_duration_is_read_with_a_point_or_a_comma(world: World, typed: str) -> None:
    for document in (alone(world), world.intervention()):
        assert office(world).save(document, duration=typed).status_code == 302
        document.refresh_from_db()
        assert document.duration == Decimal("0.05")


def test_duration_too_short_is_refused_as_one_writes_it(world: World) -> None:
    for document in (alone(world), world.intervention(), world.task):
        with nothing_changed():
            refused = world.office("Gestionnaire").save(document, duration="0,04")
        assert errors_of(refused) == {
            "duration": ["La durée est d'au moins 0,05 h, soit 3 minutes. Une heure et demie s'écrit 1,5."]
        }


def test_end_follows_a_start_that_moves_past_it(world: World) -> None:
    rdv = alone(world, starts_at=at(9), duration=Decimal(1))
    office(world).save(rdv, starts_at_1="11:00")
    assert hours(rdv) == (at(11), at(12), False)


def test_end_that_was_typed_is_kept(world: World) -> None:
    rdv = alone(world, starts_at=at(9), duration=Decimal(1))
    office(world).save(rdv, ends_at_1="11:30")
    assert hours(rdv) == (at(9), at(11, 30), True)


def test_forced_end_is_asked_for(world: World) -> None:
    rdv = alone(world, starts_at=at(9), duration=Decimal(1))
    refused = office(world).save(rdv, is_end_forced="on", ends_at_0="", ends_at_1="")
    assert "Donnez la fin" in str(errors_of(refused))
    assert hours(rdv) == (at(9), at(10), False)


def test_request_of_an_appointment_with_its_lines_is_not_swapped(world: World) -> None:
    first, second = world.intervention(), world.intervention()
    rdv = book(world, first, state="draft")
    with nothing_changed():
        refused = office(world).save(rdv, intervention=second)
    assert f"porte les lignes de {first}" in refused.content.decode()
