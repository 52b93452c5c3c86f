"""A technician is where he can be: hours, absences, holidays, other RDVs, what he knows how to do."""

from datetime import date
from decimal import Decimal

import pytest

from appointments.models import Absence, Appointment, ClosingDay, Slot
from appointments.services.planning import plan_interventions, propose_slot
from appointments.services.saving import appoint, move_appointment, save_appointment
from appointments.services.states import (
    cancel_appointment,
    confirm_appointment,
    postpone_appointment,
    reset_appointment,
)
from interventions.models import InterventionRequest
from interventions.services.requests import delete_interventions
from invoicing.models import HistoryLine
from openfire_billing.kernel.errors import BusinessError
from tests.factories import CompanyFactory, TaskFactory, TechnicianFactory, TemplateFactory, World, nothing_changed
from tests.factories.appointments import alone, at, book, technician, working_week


def refused(act: object) -> str:
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act()  # type: ignore[operator]
    return str(refusal.value)


def slots(rdv: Appointment) -> list[str]:
    return [
        f"{s.starts_at.astimezone(at(9).tzinfo):%d %H:%M}-{s.ends_at.astimezone(at(9).tzinfo):%H:%M}"
        for s in rdv.slots.all()
    ]


def test_book_computes_the_end_from_the_working_hours(world: World) -> None:
    rdv = alone(world, starts_at=at(11), duration=Decimal(2))
    rdv.refresh_from_db()
    assert rdv.ends_at == at(14, 30)
    assert slots(rdv) == ["25 11:00-12:00", "25 13:30-14:30"]


def test_book_template_in_one_piece_does_not_span_the_break(world: World) -> None:
    who, template = technician(world, name="Maëva"), TemplateFactory(spans_break=False)
    message = refused(lambda: alone(world, who=who, starts_at=at(11), duration=Decimal(2), template=template))
    assert message == (
        "Maëva ne travaille pas le 25/11/2026 de 11:00 à 13:00 (horaires, pause, absence ou jour férié). "
        "Choisissez un autre créneau ou un autre intervenant, ou dites dans « Dérogation (motif) » pourquoi passer outre."
    )


def test_book_forced_end_is_kept(world: World) -> None:
    rdv = alone(world, starts_at=at(9), ends_at=at(10, 15), is_end_forced=True)
    assert (rdv.ends_at, slots(rdv)) == (at(10, 15), ["25 09:00-10:15"])


def test_book_all_day_takes_the_day(world: World) -> None:
    rdv = alone(world, starts_at=at(9), is_all_day=True)
    assert slots(rdv) == ["25 08:00-12:00", "25 13:30-17:30"]


def test_book_taken_technician_refused(world: World) -> None:
    who = technician(world, name="Maëva")
    alone(world, who=who, starts_at=at(9))
    message = refused(lambda: alone(world, who=who, starts_at=at(10)))
    assert message == (
        "Maëva est déjà pris le 25/11/2026 de 09:00 à 10:30. Choisissez un autre créneau ou un autre intervenant, "
        "ou dites dans « Dérogation (motif) » pourquoi passer outre."
    )


def test_book_right_after_another_accepted(world: World) -> None:
    who = technician(world)
    alone(world, who=who, starts_at=at(9))
    assert alone(world, who=who, starts_at=at(10, 30)).ends_at == at(12)


def test_book_around_another_refused(world: World) -> None:
    """The new one begins before and ends after: only a test of ranges sees it."""
    who = technician(world)
    alone(world, who=who, starts_at=at(10), duration=Decimal("0.5"))
    assert "est déjà pris" in refused(lambda: alone(world, who=who, starts_at=at(9), duration=Decimal(3)))


@pytest.mark.parametrize("hour", [7, 12, 18])
def test_book_outside_hours_refused(world: World, hour: int) -> None:
    who = technician(world)
    assert "ne travaille pas" in refused(lambda: alone(world, who=who, starts_at=at(hour)))


def test_book_holiday_and_closing_day_refused(world: World) -> None:
    who = technician(world)
    assert "ne travaille pas" in refused(lambda: alone(world, who=who, starts_at=at(9, day=25, month=12)))
    ClosingDay.objects.create(company=world.company, from_on=date(2026, 11, 24), to_on=date(2026, 11, 26), name="Salon")
    assert "ne travaille pas" in refused(lambda: alone(world, who=who, starts_at=at(9)))


def test_book_absent_technician_refused(world: World) -> None:
    who = technician(world)
    Absence.objects.create(technician=who, starts_at=at(0), ends_at=at(23), reason="Congé")
    assert "ne travaille pas" in refused(lambda: alone(world, who=who, starts_at=at(9)))


def test_book_own_hours_of_a_technician_replace_the_company_s(world: World) -> None:
    who = technician(world)
    working_week(who, {2: [(18, 21)]})
    assert alone(world, who=who, starts_at=at(18)).ends_at == at(19, 30)
    assert "ne travaille pas" in refused(lambda: alone(world, who=who, starts_at=at(9)))


def test_book_unable_technician_refused(world: World) -> None:
    who = technician(world, name="Maëva")
    who.tasks.add(TaskFactory(name="Ramonage"))
    assert refused(lambda: alone(world, who=who)) == (
        "Maëva ne sait pas faire « Dépannage » : choisissez un autre intervenant, ou complétez sa fiche."
    )


def test_book_technician_of_another_company_refused(world: World) -> None:
    other = TechnicianFactory(company=CompanyFactory(name="Autre"), name="Loeiz")
    assert "travaille pour Autre" in refused(lambda: alone(world, who=other))


def test_book_override_is_recorded_and_does_not_block(world: World) -> None:
    who = technician(world, name="Maëva")
    alone(world, who=who, starts_at=at(9))
    rdv = alone(world, who=who, starts_at=at(9), override="Urgence, cliente seule")
    assert (
        HistoryLine.objects.of(rdv).get(act="overridden").text
        == "Dérogation « Urgence, cliente seule » : Maëva est déjà pris le 25/11/2026 de 09:00 à 10:30"
    )
    assert [slot.blocks for slot in rdv.slots.all()] == [False]


def test_slots_freed_by_cancelling_and_postponing(world: World) -> None:
    who = technician(world)
    first = confirm_appointment(alone(world, who=who), by=world.planner)
    cancel_appointment(first, by=world.planner)
    second = confirm_appointment(alone(world, who=who), by=world.planner)
    postpone_appointment(second, by=world.planner)
    assert Slot.objects.count() == 0
    third = alone(world, who=who)
    assert Slot.objects.get().appointment == third
    assert "est déjà pris" in refused(lambda: reset_appointment(first, by=world.planner))


def test_move_to_a_taken_hour_refused(world: World) -> None:
    who = technician(world)
    alone(world, who=who, starts_at=at(9))
    rdv = alone(world, who=who, starts_at=at(14))
    message = refused(lambda: move_appointment(rdv, starts_at=at(9, 30), on=world.today, by=world.planner))
    assert "est déjà pris" in message
    rdv.refresh_from_db()
    assert rdv.starts_at == at(14)


@pytest.mark.parametrize("state", ["draft", "cancelled"])
def test_appoint_draft_or_cancelled_intervention_refused(world: World, state: str) -> None:
    intervention = world.intervention(is_validated=False)
    intervention.state = state
    intervention.save()
    message = refused(lambda: appoint(intervention, technicians=[], starts_at=at(9), on=world.today, by=world.planner))
    assert message.endswith("seule une DI validée se planifie.")


def test_plan_many_places_each_in_the_first_free_slot(world: World) -> None:
    one, two = technician(world, name="A"), technician(world, name="B")
    two.tasks.add(TaskFactory(name="Ramonage"))
    interventions = [world.intervention(from_on=date(2026, 11, 25)) for _n in range(4)]
    outcomes = plan_interventions(interventions, not_before=at(7), by=world.planner)
    assert [o.refusal for o in outcomes] == [""] * 4
    assert [o.made.lead for o in outcomes] == [one] * 4
    assert [slots(o.made) for o in outcomes] == [
        ["25 08:00-09:30"],
        ["25 09:30-11:00"],
        ["25 11:00-12:00", "25 13:30-14:00"],
        ["25 14:00-15:30"],
    ]


def test_plan_many_full_window_refused_alone(world: World) -> None:
    who = technician(world)
    late = world.intervention(from_on=date(2026, 11, 28), to_on=date(2026, 11, 29))  # a week-end
    fine = world.intervention(from_on=date(2026, 11, 25))
    outcomes = plan_interventions([late, fine], not_before=at(7), by=world.planner)
    assert outcomes[0].refusal == (
        "DI/000001 : aucun créneau libre entre le 28/11/2026 et le 29/11/2026 pour un intervenant qui sait faire "
        "« Dépannage ». Élargissez la période."
    )
    assert outcomes[1].made.lead == who


def test_book_of_intervention_carries_all_its_lines(world: World) -> None:
    intervention = world.intervention()
    rdv = book(world, intervention, state="draft")
    assert [(line.request_line, line.quantity) for line in rdv.lines.all()] == [(intervention.lines.get(), Decimal(1))]
    assert rdv.totals.gross == Decimal("184.62")


def test_first_free_slot_begins_on_a_quarter_of_an_hour(world: World) -> None:
    technician(world)
    intervention = world.intervention()
    proposed = propose_slot(intervention, not_before=at(10, 7))
    assert proposed is not None
    assert proposed.starts_at == at(10, 15)
    (placed,) = plan_interventions([intervention], not_before=at(10, 7), by=world.planner)
    assert placed.made.starts_at == at(10, 15)


def test_book_needs_somebody_and_an_end_after_the_start(world: World) -> None:
    values = {"company": world.company, "partner": world.customer, "task": world.task, "starts_at": at(9)}

    def save(**more: object) -> Appointment:
        return save_appointment(None, values | more, technicians=(), on=world.today, by=world.planner)

    assert refused(save).endswith(" : choisissez au moins un intervenant.")
    assert refused(lambda: save(ends_at=at(9), is_end_forced=True)).endswith(
        " : la fin du RDV n'est pas après son début. Corrigez l'heure de fin."
    )
    assert refused(lambda: save(duration=Decimal(-1))).endswith(" : la durée est supérieure à zéro.")


def test_book_all_day_of_a_sunday_is_eight_hours_from_its_start(world: World) -> None:
    rdv = alone(world, starts_at=at(9, day=29), is_all_day=True, override="Panne")
    assert (slots(rdv), rdv.ends_at) == (["29 09:00-17:00"], at(17, day=29))


def test_book_blocks_until_its_forced_end(world: World) -> None:
    who = technician(world)
    rdv = alone(world, who=who, starts_at=at(9), ends_at=at(10, 15), is_end_forced=True)
    alone(world, who=who, starts_at=at(10, 15), duration=Decimal("0.25"))
    assert [slot.blocks for slot in rdv.slots.all()] == [True]
    assert "est déjà pris" in refused(lambda: alone(world, who=who, starts_at=at(10)))


@pytest.mark.parametrize(("day", "is_open"), [(23, True), (24, False), (26, False), (27, True)])
def test_closing_days_are_from_their_first_to_their_last(world: World, day: int, is_open: bool) -> None:
    ClosingDay.objects.create(company=world.company, from_on=date(2026, 11, 24), to_on=date(2026, 11, 26), name="Salon")
    ClosingDay.objects.create(
        company=CompanyFactory(), from_on=date(2026, 11, 20), to_on=date(2026, 11, 30), name="Ailleurs"
    )
    who = technician(world)
    if is_open:
        assert alone(world, who=who, starts_at=at(9, day=day)).ends_at == at(10, 30, day=day)
    else:
        assert "ne travaille pas" in refused(lambda: alone(world, who=who, starts_at=at(9, day=day)))


def test_propose_takes_the_earliest_of_those_who_can_and_the_first_of_equals(world: World) -> None:
    one, two = technician(world, name="A"), technician(world, name="B")
    technician(world, name="C", is_active=False)
    TechnicianFactory(company=CompanyFactory(), name="D")
    intervention = world.intervention(from_on=date(2026, 11, 25))

    def proposed() -> object:
        found = propose_slot(intervention, not_before=at(7))
        assert found is not None
        return found.technician, found.starts_at

    seen = [proposed()]
    alone(world, who=one, starts_at=at(8))
    seen.append(proposed())
    intervention.technicians.add(one)
    seen.append(proposed())

    assert seen == [(one, at(8)), (two, at(8)), (one, at(9, 30))]


def test_plan_says_who_and_when_and_refuses_what_is_planned(world: World) -> None:
    technician(world, name="A")
    intervention = world.intervention(from_on=date(2026, 11, 25))

    first, second = (plan_interventions([intervention], not_before=at(7), by=world.planner)[0] for _twice in range(2))

    assert [str(note) for note in first.notes] == ["A, 25/11/2026 08:00"]
    assert second.refusal == "DI/000001 est déjà entièrement planifiée : voyez ses RDV."
    assert plan_interventions([], not_before=at(7), by=world.planner) == []


def test_plan_looks_until_the_last_day_of_the_period(world: World) -> None:
    who = technician(world)
    for day in (26, 27):
        alone(world, who=who, starts_at=at(8, day=day), is_all_day=True)
    wanted = [world.intervention(from_on=date(2026, 11, 26), to_on=date(2026, 11, day)) for day in (27, 30)]

    outcomes = plan_interventions(wanted, not_before=at(7), by=world.planner)

    assert outcomes[0].is_refused
    assert outcomes[1].made.starts_at == at(8, day=30)


def test_first_place_after_closing_days_is_the_day_after_their_last(world: World) -> None:
    technician(world)
    ClosingDay.objects.create(company=world.company, from_on=date(2026, 11, 24), to_on=date(2026, 11, 26), name="Salon")
    proposed = propose_slot(world.intervention(), not_before=at(7))
    assert proposed is not None
    assert proposed.starts_at == at(8, day=27)


def test_length_is_counted_over_the_lead_s_hours(world: World) -> None:
    one, two = technician(world, name="A"), technician(world, name="B")
    working_week(two, {2: [(8, 10), (14, 17)]})
    values = {"company": world.company, "partner": world.customer, "task": world.task, "starts_at": at(9)}
    rdv = save_appointment(
        None, {**values, "duration": Decimal(2), "lead": two}, technicians=[one, two], on=world.today, by=world.planner
    )

    assert [(slot.technician, slot.starts_at, slot.ends_at, slot.blocks) for slot in rdv.slots.order_by("pk")] == [
        (who, start, end, True) for who in (one, two) for start, end in ((at(9), at(10)), (at(14), at(15)))
    ]
    assert (rdv.starts_at, rdv.ends_at) == (at(9), at(15))


def test_work_of_several_days_passes_over_closing_days(world: World) -> None:
    ClosingDay.objects.create(company=world.company, from_on=date(2026, 11, 26), to_on=date(2026, 11, 26), name="Salon")
    rdv = alone(world, starts_at=at(8), duration=Decimal(10))
    assert slots(rdv) == ["25 08:00-12:00", "25 13:30-17:30", "27 08:00-10:00"]


def test_work_goes_on_for_thirty_days_at_the_most(world: World) -> None:
    """From 30 November to 29 December 2026, Christmas left out: 21 days of eight hours."""
    who, monday = technician(world), at(8, day=30)
    assert alone(world, starts_at=monday, duration=Decimal(168)).ends_at == at(17, 30, day=29, month=12)
    assert "ne travaille pas" in refused(lambda: alone(world, who=who, starts_at=monday, duration=Decimal("168.25")))


def test_time_of_the_others_stays_when_one_is_moved_undated_or_given_up(world: World) -> None:
    who = technician(world)
    other = alone(world, who=who, starts_at=at(8))
    rdv = confirm_appointment(alone(world, who=who, starts_at=at(14)), by=world.planner)

    seen = [slots(move_appointment(rdv, starts_at=at(15), on=world.today, by=world.planner))]
    undated = save_appointment(rdv.pk, {"starts_at": None}, on=world.today, by=world.planner)
    seen.append(slots(undated))
    move_appointment(rdv, starts_at=at(10), on=world.today, by=world.planner)
    seen.append(slots(rdv))
    seen.append(slots(cancel_appointment(rdv, by=world.planner)))

    assert seen == [["25 15:00-16:30"], [], ["25 10:00-11:30"], []]
    assert (undated.starts_at, undated.ends_at) == (None, None)
    assert slots(other) == ["25 08:00-09:30"]


def test_forced_end_after_weeks_meets_what_is_taken_until_then(world: World) -> None:
    who = technician(world, name="Maëva")
    alone(world, who=who, starts_at=at(9, day=6, month=1).replace(year=2027))
    rdv = alone(
        world,
        who=who,
        starts_at=at(9),
        ends_at=at(17, day=8, month=1).replace(year=2027),
        is_end_forced=True,
        override="Chantier",
    )
    assert HistoryLine.objects.of(rdv).get(act="overridden").text == (
        "Dérogation « Chantier » : Maëva est déjà pris le 06/01/2027 de 09:00 à 10:30"
    )


def test_technician_who_knows_several_tasks_may_do_each_of_them(world: World) -> None:
    who = technician(world)
    who.tasks.add(TaskFactory(name="Ramonage"), world.task)
    assert alone(world, who=who).lead == who
    second = technician(world, name="Loeiz")
    second.tasks.add(TaskFactory(name="Ramonage"))
    values = {"company": world.company, "partner": world.customer, "task": world.task, "starts_at": at(14)}
    assert refused(
        lambda: save_appointment(None, values, technicians=[who, second], on=world.today, by=world.planner)
    ).startswith("Loeiz ne sait pas faire « Dépannage »")


def test_plan_leaves_out_who_is_named_but_may_not_come(world: World) -> None:
    """Named on the DI, one no longer works here, one works elsewhere, one does not know the task."""
    gone, elsewhere = technician(world, is_active=False), TechnicianFactory(company=CompanyFactory())
    unable, able = technician(world), technician(world, name="Maëva")
    unable.tasks.add(TaskFactory(name="Ramonage"))
    able.tasks.add(TaskFactory(name="Ramonage"), world.task)
    technician(world)  # not named
    intervention = world.intervention(from_on=date(2026, 11, 25))
    intervention.technicians.set([gone, elsewhere, unable, able])
    alone(world, who=able, starts_at=at(8))

    (outcome,) = plan_interventions([intervention], not_before=at(7), by=world.planner)

    assert (outcome.refusal, outcome.made.lead, outcome.made.starts_at) == ("", able, at(9, 30))
    intervention = world.intervention(from_on=date(2026, 11, 25))
    intervention.technicians.set([gone, elsewhere, unable])
    assert propose_slot(intervention, not_before=at(7)) is None


def test_plan_takes_what_is_left_of_the_duration_from_the_first_day_or_now(world: World) -> None:
    who = technician(world)
    intervention = world.intervention(from_on=date(2026, 11, 26), duration=Decimal(3))
    appoint(
        intervention, technicians=[who], starts_at=at(8, day=26), duration=Decimal(1), on=world.today, by=world.planner
    )
    started = world.intervention(from_on=date(2026, 11, 20), duration=Decimal(1))

    first, second = plan_interventions([intervention, started], not_before=at(10), by=world.planner)

    assert (first.made.starts_at, first.made.ends_at, first.made.duration) == (at(9, day=26), at(11, day=26), 2)
    assert (second.made.starts_at, second.made.ends_at) == (at(10), at(11))
    assert [slot.blocks for made in (first.made, second.made) for slot in made.slots.all()] == [True, True]
    intervention.refresh_from_db()
    assert (intervention.state, intervention.planned_duration) == ("planned", 3)
    found = propose_slot(intervention, not_before=at(10))  # nothing is left: its whole duration
    assert found is not None
    assert (found.starts_at, found.pieces[-1][1]) == (at(11, day=26), at(15, 30, day=26))


def test_plan_says_which_request_is_gone_and_places_the_others(world: World) -> None:
    technician(world)
    gone, fine = world.intervention(is_validated=False), world.intervention(from_on=date(2026, 11, 25))
    name = str(gone)
    delete_interventions([InterventionRequest.objects.get(pk=gone.pk)], by=world.planner)

    outcomes = plan_interventions([gone, fine], not_before=at(7), by=world.planner)

    assert {outcome.document.pk: (outcome.refusal, outcome.made is not None) for outcome in outcomes} == {
        gone.pk: (f"{name} n'existe plus.", False),
        fine.pk: ("", True),
    }


def test_nobody_works_here_yet_so_nothing_is_placed(world: World) -> None:
    intervention = world.intervention(from_on=date(2026, 11, 25))
    assert propose_slot(intervention, not_before=at(7)) is None
    assert plan_interventions([intervention], not_before=at(7), by=world.planner)[0].refusal.startswith(
        "DI/000001 : aucun créneau libre entre le 25/11/2026 et le "
    )
