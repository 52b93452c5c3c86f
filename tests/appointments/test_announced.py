"""What is announced of an appointment: the rule, then the texts, the mail, the form and the moves that follow it."""

from datetime import datetime, time
from typing import Any

import pytest

from appointments.announced import Announced, announced_of, holds
from appointments.services.announced import announced, when_text
from appointments.services.letters import APPOINTMENT_LETTER
from appointments.services.saving import move_appointment, save_appointment
from appointments.services.texts import APPOINTMENT_TEXT
from invoicing.models import Company
from invoicing.services.documents.texts import filled
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import PLANNER
from tests.factories import World
from tests.factories.appointments import PARIS, alone, at
from tests.factories.pages import address, fields_of


@pytest.mark.parametrize(
    ("hour", "minute", "how", "minutes", "starts", "ends", "words"),
    [
        (9, 0, "hour", 120, (9, 0), None, "à 9 h"),
        (8, 30, "hour", 120, (8, 30), None, "à 8 h 30"),
        (9, 0, "around", 60, (8, 30), (9, 30), "entre 8 h 30 et 9 h 30"),
        (0, 15, "around", 60, (0, 0), (0, 45), "entre 0 h et 0 h 45"),
        (23, 45, "around", 60, (23, 15), (23, 59), "entre 23 h 15 et 23 h 59"),
        (9, 0, "range", 120, (8, 0), (10, 0), "entre 8 h et 10 h"),
        (10, 0, "range", 120, (10, 0), (12, 0), "entre 10 h et 12 h"),
        (15, 45, "range", 240, (12, 0), (16, 0), "entre 12 h et 16 h"),
        (22, 30, "range", 480, (16, 0), (23, 59), "entre 16 h et 23 h 59"),
        (9, 0, "half_day", 120, (8, 0), (12, 0), "le matin"),
        (7, 30, "half_day", 120, (7, 30), (12, 0), "le matin"),
        (11, 59, "half_day", 120, (8, 0), (12, 0), "le matin"),
        (12, 0, "half_day", 120, (12, 0), (18, 0), "l'après-midi"),
        (14, 0, "half_day", 120, (13, 30), (18, 0), "l'après-midi"),
        (18, 0, "half_day", 120, (13, 30), (18, 0), "l'après-midi"),
        (19, 0, "half_day", 120, (13, 30), (19, 0), "l'après-midi"),
    ],
)
def test_rule_of_what_is_announced(
    hour: int, minute: int, how: str, minutes: int, starts: Any, ends: Any, words: str
) -> None:
    found = announced_of(at(hour, minute), how=how, minutes=minutes)
    assert (found.starts, found.ends, found.words) == (at(*starts), at(*ends) if ends else None, words)


def test_own_hours_go_first_and_hold_the_start() -> None:
    start = at(9)
    own = announced_of(start, how="half_day", minutes=120, own_from=time(8, 45), own_to=time(9, 30))
    assert own == Announced(at(8, 45), at(9, 30))
    assert announced_of(start, how="range", minutes=120, own_from=time(9)).words == "à 9 h"
    assert [holds(time(9), None, moment) for moment in (at(9), at(9, 15))] == [True, False]
    assert [holds(time(8), time(10), at(*hour)) for hour in ((7, 59), (8, 0), (10, 0), (10, 1))] == [
        False,
        True,
        True,
        False,
    ]
    assert holds(None, None, start)


def test_day_of_the_change_of_clock_keeps_the_hours_of_the_wall() -> None:
    start = datetime(2027, 3, 28, 9, 0, tzinfo=PARIS)
    found = announced_of(start, how="range", minutes=120)
    assert (found.starts.isoformat(), found.words) == ("2027-03-28T08:00:00+02:00", "entre 8 h et 10 h")


def set_company(world: World, **values: Any) -> None:
    Company.objects.filter(pk=world.company.pk).update(**values)
    world.company.refresh_from_db()


@pytest.mark.parametrize(
    ("how", "words", "letter"),
    [
        ("hour", "à 9 h", "le 25/11/2026 à 9 h"),
        ("range", "entre 8 h et 10 h", "le 25/11/2026 entre 8 h et 10 h"),
        ("half_day", "le matin", "le 25/11/2026, le matin"),
    ],
)
def test_company_sets_what_texts_and_mails_say(world: World, how: str, words: str, letter: str) -> None:
    set_company(world, announce=how)
    rdv = alone(world)
    assert filled("{jour} {creneau}", APPOINTMENT_TEXT, rdv) == f"mercredi 25 novembre {words}"
    assert f"Nous passerons {letter} pour : " in APPOINTMENT_LETTER.text(rdv)[2]


def test_without_a_date_nothing_is_announced(world: World) -> None:
    rdv = alone(world, starts_at=None)
    assert (announced(rdv), when_text(rdv)) == (None, "à une date à fixer")
    assert filled("le {creneau}.", APPOINTMENT_TEXT, rdv) == "le ."


def test_own_hours_are_typed_on_the_form_and_count_while_it_begins_within_them(world: World) -> None:
    rdv, office = alone(world), world.office(PLANNER)
    office.save(rdv, announced_from="08:30", announced_to="09:30")
    rdv.refresh_from_db()
    assert (rdv.announced_from, rdv.announced_to) == (time(8, 30), time(9, 30))
    assert "entre 8 h 30 et 9 h 30" in office.get(address(rdv)).content.decode()

    rdv = move_appointment(rdv, starts_at=at(9, 15), on=world.today, by=world.planner)
    assert announced(rdv).words == "entre 8 h 30 et 9 h 30"  # type: ignore[union-attr]
    rdv = move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner)
    assert announced(rdv).words == "à 14 h"  # type: ignore[union-attr]
    rdv = move_appointment(rdv, starts_at=at(9), on=world.today, by=world.planner)  # as « Annuler » does
    assert announced(rdv).words == "entre 8 h 30 et 9 h 30"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"announced_from": time(10), "announced_to": time(12)}, "commence à 9 h, hors de la plage annoncée"),
        ({"announced_from": time(9, 15)}, "commence à 9 h, hors de la plage annoncée"),
    ],
)
def test_own_hours_that_do_not_fit_are_refused(world: World, values: dict[str, Any], why: str) -> None:
    rdv = alone(world)
    with pytest.raises(BusinessError, match=why) as refused:
        save_appointment(rdv.pk, values, on=world.today, by=world.planner)
    assert refused.value.field == "announced_from"


def test_end_without_a_start_is_refused_on_the_form(world: World) -> None:
    rdv, office = alone(world), world.office(PLANNER)
    answer = office.save(rdv, announced_to="09:30")
    assert "la plage annoncée a un début, avant sa fin" in answer.content.decode()
    assert fields_of(office.get(address(rdv)), "appointment_form")["announced_to"] == ""
