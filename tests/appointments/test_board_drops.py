"""Drops on the planning board: what each means, what is refused and why, what is undone."""

import re
from datetime import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appointments.models import Absence, Appointment, Slot
from appointments.services.moving import Place, drop_appointment, place_intervention
from appointments.services.saving import move_appointment, save_appointment
from appointments.services.states import cancel_appointment, confirm_appointment, finish_appointment
from invoicing.models import HistoryLine
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.appointments.board import ASKED, cards, cells, client_of, drop, when
from tests.factories import CompanyFactory, TaskFactory, TechnicianFactory, World
from tests.factories.appointments import at, book, technician


def test_move_answers_the_cell_left_and_the_cell_taken(world: World) -> None:
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    answer = drop(world, rdv, leaving=luc.pk, to=ana.pk, day="2026-11-27")
    assert cards(answer.content.decode()) == {
        f"c-{ana.pk}-2026-11-27": ["08:00–09:30 Aubry Maëlle · Thorigné-Fouillard · Dépannage · Brouillon"]
    }
    assert set(cells(answer.content.decode())) == {f"c-{ana.pk}-2026-11-27", f"c-{luc.pk}-2026-11-25"}
    assert f'data-touched="{rdv.pk}"' in answer.content.decode()
    assert "vendredi 27 novembre 08:00, Ana." in answer.content.decode()
    assert when(rdv) == ("27/11 08:00", ["Ana"])


def test_same_drop_sent_twice_is_done_once(world: World) -> None:
    luc = technician(world, name="Luc")
    di = world.intervention()
    values = {**ASKED, "to": luc.pk, "day": "2026-11-26", "key": "once"}
    client = client_of(world.planner)
    for _ in range(2):
        assert client.post(f"/planning/interventions/{di.pk}/place/", values).status_code == 200
    assert Appointment.objects.count() == 1


def test_placing_is_undone_while_nobody_changed_it(world: World) -> None:
    luc = technician(world, name="Luc")
    di = world.intervention()
    client = client_of(world.planner)
    values = {**ASKED, "to": luc.pk, "day": "2026-11-26"}
    page = client.post(f"/planning/interventions/{di.pk}/place/", values).content.decode()
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    rdv = Appointment.objects.get()
    confirm_appointment(rdv, by=world.biller)
    client.post("/admin/undo/", {"token": token, "_once": "undo"})
    assert Appointment.objects.get().state == "confirmed"

    moved = drop(world, Appointment.objects.get(), leaving=luc.pk, to=luc.pk, day="2026-11-27").content.decode()
    token = re.findall(r'name="token" value="([^"]+)"', moved)[0]
    assert when(rdv) == ("27/11 08:00", ["Luc"])
    client.post("/admin/undo/", {"token": token, "_once": "undo"})
    assert when(rdv) == ("26/11 08:00", ["Luc"])
    client.post("/admin/undo/", {"token": token, "_once": "again"})
    assert when(rdv) == ("26/11 08:00", ["Luc"])


def test_lead_who_leaves_hands_over_and_a_second_one_keeps_the_lead(world: World) -> None:
    luc, ana, leo = (technician(world, name=name) for name in ("Luc", "Ana", "Léo"))
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    drop(world, rdv, to=ana.pk, day="2026-11-25", leaving=luc.pk, add="1")
    rdv.refresh_from_db()
    assert (when(rdv), rdv.lead) == (("25/11 09:00", ["Ana", "Luc"]), luc)  # who joins takes the hour there is
    drop(world, rdv, to=leo.pk, day="2026-11-25", leaving=ana.pk, key="b")
    rdv.refresh_from_db()
    assert (when(rdv)[1], rdv.lead) == (["Luc", "Léo"], luc)
    drop(world, rdv, to=ana.pk, day="2026-11-25", leaving=luc.pk, key="c")
    rdv.refresh_from_db()
    assert (when(rdv)[1], rdv.lead) == (["Ana", "Léo"], ana)


def test_card_of_a_later_day_moves_all_the_days(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(duration=12), who=luc, starts_at=at(8, day=24), state="draft")
    drop(world, rdv, leaving=luc.pk, to=luc.pk, day="2026-11-27", from_day="2026-11-25")
    assert when(rdv) == ("26/11 08:00", ["Luc"])


def test_first_free_place_is_one_of_all_technicians_of_the_rdv(world: World) -> None:
    """Léo is taken until 9:30 and Ana comes with him; Luc, in whose row it falls, is free from 8:00."""
    luc, ana, leo = (technician(world, name=name) for name in ("Luc", "Ana", "Léo"))
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    rdv = move_appointment(rdv, starts_at=at(9), technicians=[luc, ana, leo], on=world.today, by=world.planner)
    book(world, world.intervention(), who=leo, starts_at=at(8, day=27), state="draft")
    Absence.objects.create(technician=ana, starts_at=at(9, day=27), ends_at=at(10, 10, day=27))
    drop(world, rdv, leaving=luc.pk, to=luc.pk, day="2026-11-27")
    assert when(rdv) == ("27/11 10:15", ["Ana", "Luc", "Léo"])

    other = technician(world, name="Eva")
    book(world, world.intervention(), who=other, starts_at=at(8, day=26), state="draft")
    rdv.refresh_from_db()
    drop(world, rdv, leaving=luc.pk, to=other.pk, day="2026-11-26", key="b")
    assert when(rdv) == ("26/11 09:30", ["Ana", "Eva", "Léo"])  # Luc, who leaves, does not count


def test_forced_end_takes_a_place_that_holds_it_whole(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    rdv = move_appointment(rdv, starts_at=at(8), ends_at=at(11), on=world.today, by=world.planner)
    book(world, world.intervention(), who=luc, starts_at=at(10, day=26), state="draft")
    drop(world, rdv, leaving=luc.pk, to=luc.pk, day="2026-11-26")
    rdv.refresh_from_db()
    assert (rdv.starts_at, rdv.ends_at) == (at(13, 30, day=26), at(16, 30, day=26))


def test_hour_of_a_later_day_s_card_moves_the_whole_by_as_much(world: World) -> None:
    """Tuesday 8:00 to Wednesday 12:00. Its second card, from 8:00, falls on Friday at 10:00: two days and two hours on."""
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(duration=12), who=luc, starts_at=at(8, day=24), state="draft")
    values = {"leaving": luc.pk, "to": luc.pk, "from_day": "2026-11-25"}
    drop(world, rdv, **values, day="2026-11-27", start=10 * 60)
    assert when(rdv) == ("26/11 10:00", ["Luc"])

    refused = drop(
        world,
        Appointment.objects.get(),
        **{**values, "from_day": "2026-11-27", "key": "b"},
        day="2026-11-27",
        start=5 * 60,
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "technician_absent")
    assert "26/11/2026 de 07:00" in refused.json()["detail"]
    assert when(rdv) == ("26/11 10:00", ["Luc"])


def test_move_that_changes_nothing_leaves_version_and_journal(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    before = HistoryLine.objects.count()
    same = move_appointment(rdv, starts_at=at(9), on=world.today, by=world.planner)
    rdv.refresh_from_db()
    assert (same.version, rdv.version, rdv.ends_at, HistoryLine.objects.count()) == (1, 1, at(10, 30), before)
    moved = move_appointment(rdv, starts_at=at(14), on=world.today, by=world.planner)
    assert (moved.version, moved.ends_at, HistoryLine.objects.count()) == (2, at(15, 30), before + 1)


def test_forced_end_keeps_its_distance_and_the_edge_moves_it(world: World) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    rdv = move_appointment(rdv, starts_at=at(9), ends_at=at(11), on=world.today, by=world.planner)
    drop(world, rdv, leaving=luc.pk, to=luc.pk, day="2026-11-26", start=14 * 60)
    rdv.refresh_from_db()
    assert (rdv.starts_at, rdv.ends_at) == (at(14, day=26), at(16, day=26))
    values = {**ASKED, "day": "2026-11-26", "end": 15 * 60, "seen": rdv.version}
    client_of(world.planner).post(f"/planning/appointments/{rdv.pk}/resize/", values)
    rdv.refresh_from_db()
    assert (rdv.ends_at, rdv.is_end_forced) == (at(15, day=26), True)


def test_full_day_is_refused_at_its_first_hour_and_an_rdv_without_a_date_has_no_edge(world: World) -> None:
    luc = technician(world, name="Luc")
    book(world, world.intervention(duration=8), who=luc, starts_at=at(8), state="draft")
    client = client_of(world.planner)
    values = {**ASKED, "to": luc.pk, "day": "2026-11-25"}
    answer = client.post(f"/planning/interventions/{world.intervention().pk}/place/", values)
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")
    assert answer.json()["detail"].startswith("Luc est déjà pris le 25/11/2026 de 08:00 à 12:00.")

    undated = book(world, world.intervention(), who=luc, starts_at=at(14, day=26), state="draft")
    undated = move_appointment(undated, starts_at=None, on=world.today, by=world.planner)
    edge = {**ASKED, "day": "2026-11-25", "end": 900, "seen": undated.version}
    answer = client.post(f"/planning/appointments/{undated.pk}/resize/", edge)
    assert answer.json()["detail"] == f"{undated} n'a pas encore de date : placez-le d'abord sur le planning."
    assert (answer.status_code, answer.json()["code"]) == (409, "missing_field")


def test_request_placed_by_a_colleague_is_not_placed_again(world: World) -> None:
    """Planning a DI does not raise its version: what is left to plan is looked at under its lock."""
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    di = world.intervention()
    client = client_of(world.planner)
    for who, status in ((luc, 200), (ana, 409)):
        values = {**ASKED, "to": who.pk, "day": "2026-11-26", "seen": di.version, "key": who.name}
        answer = client.post(f"/planning/interventions/{di.pk}/place/", values)
        assert answer.status_code == status
    assert (answer.json()["code"], answer.json()["may_override"]) == ("already_planned", False)
    assert answer.json()["detail"].startswith(f"{di} est déjà entièrement planifiée : voyez ses RDV.")
    assert Appointment.objects.count() == 1


def test_edge_beyond_the_hours_worked_changes_nothing_and_a_whole_day_is_cut(world: World) -> None:
    luc = technician(world, name="Luc")
    late = book(world, world.intervention(), who=luc, starts_at=at(16), state="draft")
    client = client_of(world.planner)
    edge = {**ASKED, "day": "2026-11-25", "end": 18 * 60 + 30, "seen": late.version}
    answer = client.post(f"/planning/appointments/{late.pk}/resize/", edge)
    assert (answer.status_code, "l'intervenant ne travaille pas jusque-là" in answer.json()["detail"]) == (409, True)

    whole = book(world, world.intervention(duration=8), who=luc, starts_at=at(8, day=26), state="draft")
    whole = save_appointment(whole.pk, {"is_all_day": True}, on=world.today, by=world.planner)
    edge = {**ASKED, "day": "2026-11-26", "end": 12 * 60, "seen": whole.version}
    assert client.post(f"/planning/appointments/{whole.pk}/resize/", edge).status_code == 200
    whole.refresh_from_db()
    assert (whole.ends_at, whole.duration, whole.is_all_day) == (at(12, day=26), 4, False)


def test_done_one_gets_no_other_technician(world: World) -> None:
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(8, day=24), state="draft")
    rdv = move_appointment(rdv, starts_at=at(8, day=24), ends_at=at(9, day=24), on=world.today, by=world.planner)
    rdv = finish_appointment(confirm_appointment(rdv, by=world.planner), at=at(9, day=24), by=world.planner)
    answer = drop(world, rdv, leaving=luc.pk, to=ana.pk, day="2026-11-24", start=480, add="1")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert when(rdv)[1] == ["Luc"]


def test_copy_of_a_second_technician_s_card_keeps_the_lead(world: World) -> None:
    luc, ana, leo = (technician(world, name=name) for name in ("Luc", "Ana", "Léo"))
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    rdv = move_appointment(rdv, starts_at=at(9), technicians=[luc, ana], on=world.today, by=world.planner)
    drop(world, rdv, leaving=ana.pk, to=leo.pk, day="2026-11-27", copy="1")
    copy = Appointment.objects.exclude(pk=rdv.pk).get()
    assert (when(copy), copy.lead) == (("27/11 08:00", ["Luc", "Léo"]), luc)


def test_technician_of_another_company_is_refused_to_who_works_for_both(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    theirs, ours = TechnicianFactory(company=other, name="Yann"), technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=ours, starts_at=at(9), state="draft")
    client = client_of(User.objects.create_superuser("root"))
    values = {**ASKED, "leaving": ours.pk, "to": theirs.pk, "day": "2026-11-26", "seen": rdv.version}
    answer = client.post(f"/planning/appointments/{rdv.pk}/move/", values)
    assert (answer.status_code, answer.json()["code"]) == (409, "other_company")
    assert when(rdv) == ("25/11 09:00", ["Luc"])


def test_earlier_reason_to_override_is_not_kept(world: World) -> None:
    """A drop over another RDV asks for a reason of its own."""
    luc = technician(world, name="Luc")
    first = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    second = book(world, world.intervention(), who=luc, starts_at=at(14), state="draft")
    drop(world, second, leaving=luc.pk, to=luc.pk, day="2026-11-25", start=540, override="Urgence")
    second.refresh_from_db()
    assert (second.override, when(second)[0]) == ("Urgence", "25/11 09:00")
    drop(world, second, leaving=luc.pk, to=luc.pk, day="2026-11-26", key="b")
    second.refresh_from_db()
    assert (second.override, when(second)[0]) == ("", "26/11 08:00")
    refused = drop(world, first, leaving=luc.pk, to=luc.pk, day="2026-11-26", start=480)
    assert (refused.status_code, refused.json()["code"], refused.json()["may_override"]) == (409, "slot_taken", True)
    assert refused.json()["links"] == [
        {"label": str(second), "url": f"/admin/appointments/appointment/{second.pk}/change/"}
    ]


@pytest.mark.parametrize(
    ("make", "code", "may_override"),
    [
        (lambda world, rdv: {"seen": rdv.version + 1}, "stale", False),
        (
            lambda world, rdv: cancel_appointment(rdv, by=world.planner) and {"seen": rdv.version + 1},
            "wrong_state",
            False,
        ),
        (lambda world, rdv: {"day": "2026-12-25"}, "technician_absent", True),
        (lambda world, rdv: {"day": "2026-11-29"}, "technician_absent", True),
    ],
    ids=["stale", "cancelled", "holiday", "sunday"],
)
def test_refusals_say_why_and_write_nothing(world: World, make: Any, code: str, may_override: bool) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    before = when(rdv)
    answer = drop(world, rdv, **{"leaving": luc.pk, "to": luc.pk, "day": "2026-11-26", **make(world, rdv)})
    assert (answer.status_code, answer.json()["code"], answer.json()["may_override"]) == (409, code, may_override)
    assert answer.json()["detail"]
    assert when(rdv) == before


def test_technician_who_cannot_do_the_task_is_refused(world: World) -> None:
    luc, ana = technician(world, name="Luc"), technician(world, name="Ana")
    ana.tasks.add(TaskFactory(name="Pose"))
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    answer = drop(world, rdv, leaving=luc.pk, to=ana.pk, day="2026-11-26", override="Urgence")
    assert (answer.status_code, answer.json()["code"]) == (409, "technician_unable")
    assert answer.json()["detail"].startswith("Ana ne sait pas faire « Dépannage »")
    assert when(rdv) == ("25/11 09:00", ["Luc"])


@pytest.mark.parametrize("values", [{"day": "hier"}, {"to": "x"}, {"to": ""}, {"day": "2026-11-26", "to": "999999"}])
def test_drop_on_no_cell_is_not_found(world: World, values: dict[str, str]) -> None:
    luc = technician(world, name="Luc")
    rdv = book(world, world.intervention(), who=luc, starts_at=at(9), state="draft")
    assert drop(world, rdv, **{"leaving": luc.pk, "to": luc.pk, "day": "2026-11-26", **values}).status_code == 404
    assert when(rdv) == ("25/11 09:00", ["Luc"])


DROPS = st.lists(
    st.tuples(
        st.integers(0, 3),  # which RDV, or the DI to place
        st.integers(0, 2),  # whose row
        st.integers(23, 29),  # a day of November 2026, weekend included
        st.one_of(st.none(), st.integers(7, 18)),  # an hour, or the first free place
        st.booleans(),  # added, or in the place of the lead
        st.sampled_from([0, 0, 0, 1]),  # how many versions too old
    ),
    max_size=8,
)


@given(drops=DROPS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_drops_leave_nobody_in_two_places_and_every_request_planned_by_its_open_rdvs(
    world: World, drops: list[Any]
) -> None:
    with transaction.atomic():
        people = [technician(world, name=name) for name in ("Luc", "Ana", "Léo")]
        requests = [world.intervention(duration=hours) for hours in (1, 3, 6, 2)]
        rdvs = [
            book(world, di, who=who, starts_at=at(9), state="draft") for di, who in zip(requests, people, strict=False)
        ]
        for which, row, day, hour, is_added, age in drops:
            place = Place(people[row], at(9, day=day).date(), None if hour is None else time(hour))
            try:
                if which == 3:
                    place_intervention(requests[3], place=place, on=world.today, by=world.planner)
                    continue
                rdv = Appointment.objects.get(pk=rdvs[which].pk)
                before = when(rdv)
                drop_appointment(
                    rdv, place=place, is_added=is_added, seen=rdv.version - age, on=world.today, by=world.planner
                )
                assert not age
            except StaleForm:
                assert (age, when(rdv)) == (1, before)
            except BusinessError:
                assert which == 3 or when(rdv) == before
        for person in people:
            taken = sorted(Slot.objects.filter(technician=person).values_list("starts_at", "ends_at"))
            assert all(first[1] <= second[0] for first, second in pairwise(taken))
        for di in requests:
            di.refresh_from_db()
            planned = sum((rdv.duration for rdv in di.appointments.all()), Decimal(0))
            wanted = "to_plan" if not planned else "partly_planned" if planned < di.duration else "planned"
            assert (di.planned_duration, di.state) == (planned, wanted)
        transaction.set_rollback(True)
