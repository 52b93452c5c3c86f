"""Weeks, hours of one day, recurring absences and on-call in the database: what is refused, read, and booked by them."""

from datetime import date, datetime, time
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.migrations.loader import MigrationLoader
from django.test.utils import CaptureQueriesContext

from appointments.availability import Calendar
from appointments.models import Absence, ClosingDay, DayHours, OnCall, RecurringAbsence, WorkingHours, WorkingWeek
from appointments.services.calendars import calendars_of, local
from appointments.services.planning import propose_slot
from appointments.services.saving import move_appointment
from appointments.services.weeks import fill_empty_weeks, refused_when_valid_twice
from interventions.models import Technician
from invoicing.models import HistoryLine
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from tests.factories import CompanyFactory, World, nothing_changed
from tests.factories.appointments import alone, at, technician, working_week

WEDNESDAY = date(2026, 11, 25)


def refused(act: Any) -> BusinessError:
    with nothing_changed(), pytest.raises(BusinessError) as refusal, atomic():
        act()
    return refusal.value


def calendar_of(who: Technician, first: date = WEDNESDAY, last: date = WEDNESDAY) -> Calendar:
    return calendars_of([who], first_day=first, last_day=last)[who.pk]


def worked(who: Technician, day: date = WEDNESDAY) -> list[str]:
    stretches = calendar_of(who, day, day).working(day)
    return [f"{local(start):%H:%M}-{local(end):%H:%M}" for start, end in stretches]


# What is read


def test_weeks_take_turns_from_their_first_monday(world: World) -> None:
    who = technician(world)
    working_week(who, {2: [(8, 10)]}, {2: [(14, 16), (9, 11)]}, {}, first_monday=date(2026, 11, 23))
    days = [date(2026, 11, 18), date(2026, 11, 25), date(2026, 12, 2), date(2026, 12, 9), date(2026, 12, 16)]
    assert [worked(who, day) for day in days] == [
        [],
        ["08:00-10:00"],
        ["09:00-11:00", "14:00-16:00"],
        [],
        ["08:00-10:00"],
    ]


def test_own_week_counts_while_it_is_valid_then_the_company_s_then_the_usual_one(world: World) -> None:
    who = technician(world)
    working_week(who, {2: [(18, 19)]}, to_on=date(2026, 11, 25))
    working_week(world.company, {2: [(10, 11)]}, from_on=date(2026, 11, 1), to_on=date(2026, 12, 2))
    working_week(who, {2: [(20, 21)]}, from_on=date(2026, 12, 16))
    days = [date(2026, 11, 25), date(2026, 12, 2), date(2026, 12, 9), date(2026, 12, 16)]
    assert [worked(who, day) for day in days] == [
        ["18:00-19:00"],
        ["10:00-11:00"],
        ["08:00-12:00", "13:30-17:30"],
        ["20:00-21:00"],
    ]


def test_week_of_another_technician_or_company_is_not_read(world: World) -> None:
    who = technician(world)
    working_week(technician(world), {2: [(18, 19)]})
    working_week(CompanyFactory(name="Autre"), {2: [(20, 21)]})
    assert worked(who) == ["08:00-12:00", "13:30-17:30"]


def test_hours_of_a_week_that_the_cycle_does_not_have_are_left_out(world: World) -> None:
    who = technician(world)
    week = working_week(who, {2: [(8, 10)]})
    WorkingHours.objects.create(week=week, rank=2, weekday=2, starts=time(14), ends=time(16))
    assert [worked(who, day) for day in (WEDNESDAY, date(2026, 12, 2))] == [["08:00-10:00"]] * 2


def test_hours_of_a_day_are_read_for_the_days_and_the_next(world: World) -> None:
    who, other = technician(world), technician(world)
    ClosingDay.objects.create(company=world.company, from_on=WEDNESDAY, to_on=WEDNESDAY)
    for person, day, starts, ends in (
        (who, 24, 6, 7),
        (who, 25, 14, 15),
        (who, 25, 6, 9),
        (who, 26, 5, 6),
        (who, 27, 5, 6),
        (other, 25, 20, 21),
    ):
        DayHours.objects.create(technician=person, on=date(2026, 11, day), starts=time(starts), ends=time(ends))

    assert calendar_of(who).day_hours == {
        WEDNESDAY: [(time(6), time(9)), (time(14), time(15))],
        date(2026, 11, 26): [(time(5), time(6))],
    }
    assert worked(who) == ["06:00-09:00", "14:00-15:00"]


def test_absence_wins_over_the_hours_of_its_day(world: World) -> None:
    who = technician(world)
    DayHours.objects.create(technician=who, on=WEDNESDAY, starts=time(6), ends=time(20))
    Absence.objects.create(technician=who, starts_at=at(8), ends_at=at(12))
    RecurringAbsence.objects.create(
        technician=who, weekday=2, starts=time(18), ends=time(20), first_on=WEDNESDAY, cycle=2
    )
    assert worked(who) == ["06:00-08:00", "12:00-18:00"]


def test_recurring_absence_every_second_week_until_its_last_day(world: World) -> None:
    who = technician(world)
    RecurringAbsence.objects.create(
        technician=who, weekday=2, cycle=2, first_on=date(2026, 11, 23), until=date(2026, 12, 23)
    )
    RecurringAbsence.objects.create(technician=technician(world), weekday=2, first_on=date(2026, 1, 1))
    days = [date(2026, 11, 25), date(2026, 12, 2), date(2026, 12, 9), date(2026, 12, 23), date(2027, 1, 6)]
    assert [bool(worked(who, day)) for day in days] == [False, True, False, False, True]


@pytest.mark.parametrize(
    ("first_on", "until", "is_read"),
    [
        (date(2026, 11, 27), None, True),  # the day after the last one
        (date(2026, 11, 28), None, False),
        (date(2026, 1, 1), date(2026, 11, 25), True),
        (date(2026, 1, 1), date(2026, 11, 24), False),
    ],
)
def test_recurring_absences_read_are_those_of_the_days(
    world: World, first_on: date, until: date | None, is_read: bool
) -> None:
    who = technician(world)
    RecurringAbsence.objects.create(technician=who, weekday=2, first_on=first_on, until=until)
    assert bool(calendar_of(who, WEDNESDAY, date(2026, 11, 26)).recurring) is is_read


def filled(world: World, number: int) -> Technician:
    """A technician with a row of each kind."""
    who = technician(world, name=f"T{number}")
    working_week(who, {2: [(8, 12), (13, 17)]}, {2: [(8, 10)]})
    DayHours.objects.create(technician=who, on=WEDNESDAY, starts=time(6), ends=time(9))
    Absence.objects.create(technician=who, starts_at=at(7), ends_at=at(8))
    RecurringAbsence.objects.create(technician=who, weekday=3, first_on=WEDNESDAY)
    OnCall.objects.create(technician=who, starts_at=at(18), ends_at=at(22))
    return who


def test_calendars_take_four_queries_with_1_and_50_technicians(world: World) -> None:
    working_week(world.company, {2: [(8, 12)]})
    for month in (11, 12):
        ClosingDay.objects.create(company=world.company, from_on=date(2026, month, 30), to_on=date(2026, month, 30))
    people = [filled(world, number) for number in range(50)]

    def queries(some: list[int]) -> int:
        found = list(Technician.objects.filter(pk__in=some))
        with CaptureQueriesContext(connection) as captured:
            calendars = calendars_of(found, first_day=WEDNESDAY, last_day=date(2026, 12, 31))
        assert [len(each.working(WEDNESDAY)) for each in calendars.values()] == [2] * len(some)
        assert {len(each.on_call) for each in calendars.values()} == {1}
        return len(captured)

    assert (queries([people[0].pk]), queries([who.pk for who in people])) == (4, 4)


def test_calendars_of_nobody_are_none(db: None) -> None:
    assert calendars_of([], first_day=WEDNESDAY, last_day=WEDNESDAY) == {}


# What is refused


def week(owner: Any, **values: Any) -> WorkingWeek:
    is_one_s_own = isinstance(owner, Technician)
    return WorkingWeek(
        company=owner.company if is_one_s_own else owner,
        technician=owner if is_one_s_own else None,
        **{"first_monday": date(2026, 1, 5), **values},
    )


@pytest.mark.parametrize(
    ("first", "second", "when"),
    [
        ((None, None), (None, None), "sans limite de dates"),
        ((None, None), (date(2027, 1, 1), None), "sans limite de dates"),
        ((None, date(2026, 12, 31)), (date(2026, 12, 31), None), "jusqu'au 31/12/2026"),
        ((None, date(2026, 12, 31)), (date(2027, 1, 1), None), ""),
        ((date(2027, 1, 1), None), (None, date(2026, 12, 31)), ""),
        ((date(2027, 1, 1), None), (None, date(2027, 1, 1)), "à partir du 01/01/2027"),
        ((date(2027, 1, 1), date(2027, 1, 31)), (date(2027, 1, 31), date(2027, 2, 28)), "du 01/01/2027 au 31/01/2027"),
        ((date(2027, 1, 1), date(2027, 1, 31)), (date(2027, 2, 1), date(2027, 2, 28)), ""),
    ],
)
def test_two_weeks_of_one_technician_are_not_valid_on_one_day(
    world: World, first: tuple[Any, Any], second: tuple[Any, Any], when: str
) -> None:
    who = technician(world, name="Maëva")
    for owner, name in ((who, "Maëva"), (world.company, "Flammes d'Armor")):
        working_week(owner, from_on=first[0], to_on=first[1])
        other = week(owner, from_on=second[0], to_on=second[1])
        if not when:
            other.full_clean()
            continue
        with pytest.raises(ValidationError) as refusal:
            other.full_clean()
        assert refusal.value.messages == [
            f"{name} a déjà des horaires valables {when} : arrêtez ceux-là la veille des nouveaux, ou changez les dates."
        ]


def test_week_is_no_rival_of_itself_nor_of_another_s(world: World) -> None:
    who = technician(world)
    for owner in (who, world.company):
        working_week(owner).full_clean()
    for owner in (technician(world), CompanyFactory(name="Autre")):
        week(owner).full_clean()


def test_first_day_of_a_cycle_is_a_monday(world: World) -> None:
    with pytest.raises(ValidationError) as refusal:
        week(world.company, first_monday=date(2026, 12, 3)).full_clean()
    assert refusal.value.message_dict == {
        "first_monday": ["Le 03/12/2026 n'est pas un lundi : choisissez le 30/11/2026, ou un autre lundi."]
    }


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda who: week(who, from_on=date(2027, 1, 2), to_on=date(2027, 1, 1)),
            "La fin de la validité précède son début : corrigez l'une des deux dates.",
        ),
        (
            lambda who: DayHours(technician=who, on=WEDNESDAY, starts=time(9), ends=time(9)),
            "La fin de l'horaire n'est pas après son début : corrigez l'une des deux heures.",
        ),
        (
            lambda who: RecurringAbsence(technician=who, weekday=1, first_on=WEDNESDAY, starts=time(9)),
            "Donnez deux heures, la fin après le début, ou aucune pour la journée entière.",
        ),
        (
            lambda who: RecurringAbsence(technician=who, weekday=1, first_on=WEDNESDAY, ends=time(9)),
            "Donnez deux heures, la fin après le début, ou aucune pour la journée entière.",
        ),
        (
            lambda who: RecurringAbsence(technician=who, weekday=1, first_on=WEDNESDAY, starts=time(9), ends=time(8)),
            "Donnez deux heures, la fin après le début, ou aucune pour la journée entière.",
        ),
        (
            lambda who: RecurringAbsence(technician=who, weekday=1, first_on=WEDNESDAY, until=date(2026, 11, 24)),
            "La fin de l'absence précède son début : corrigez l'une des deux dates.",
        ),
        (
            lambda who: OnCall(technician=who, starts_at=at(9), ends_at=at(9)),
            "La fin de l'astreinte n'est pas après son début : corrigez l'une des deux.",
        ),
    ],
    ids=["week", "day", "no_end", "no_start", "hours", "days", "on_call"],
)
def test_what_ends_before_it_begins_is_refused_by_form_and_database(world: World, make: Any, sentence: str) -> None:
    row = make(technician(world))
    with pytest.raises(ValidationError) as refusal:
        row.full_clean()
    assert refusal.value.messages == [sentence]
    with pytest.raises(IntegrityError), atomic():
        row.save()


@pytest.mark.parametrize(
    ("starts", "ends", "passes"),
    [
        (time(8, 30), time(9), False),
        (time(11, 59), time(13), False),
        (time(7), time(8, 1), False),
        (time(6), time(20), False),
        (time(12), time(13), True),
        (time(6), time(8), True),
    ],
)
def test_stretches_of_a_day_do_not_overlap(world: World, starts: time, ends: time, passes: bool) -> None:
    who = technician(world, name="Maëva")
    DayHours.objects.create(technician=who, on=WEDNESDAY, starts=time(8), ends=time(12)).full_clean()
    DayHours(technician=technician(world), on=WEDNESDAY, starts=starts, ends=ends).full_clean()
    DayHours(technician=who, on=date(2026, 11, 26), starts=starts, ends=ends).full_clean()
    other = DayHours(technician=who, on=WEDNESDAY, starts=starts, ends=ends)
    if passes:
        other.full_clean()
        return
    with pytest.raises(ValidationError) as refusal:
        other.full_clean()
    assert refusal.value.messages == [
        "Maëva a déjà des horaires le 25/11/2026 de 08:00 à 12:00 : deux plages d'un jour ne se recouvrent pas."
    ]


@pytest.mark.postgresql
def test_database_refuses_two_weeks_valid_on_one_day(world: World) -> None:
    who = technician(world, name="Maëva")
    for owner in (who, world.company):
        working_week(owner, to_on=date(2026, 12, 31))
        working_week(owner, from_on=date(2027, 1, 1))
        rival = week(owner, from_on=date(2026, 12, 31), to_on=date(2026, 12, 31))

        def save(rival: WorkingWeek = rival) -> None:
            with refused_when_valid_twice(rival):
                rival.save()

        assert str(refused(save)) == (
            f"Un collègue vient d'enregistrer d'autres horaires de {rival.technician or rival.company}, valables aux "
            "mêmes dates. Rechargez la liste, puis changez les dates."
        )
    working_week(technician(world))
    working_week(CompanyFactory(name="Autre"))


def test_refusal_of_the_database_names_whose_week_it_is(world: World) -> None:
    for owner, name in ((technician(world, name="Maëva"), "Maëva"), (world.company, "Flammes d'Armor")):
        broken = week(owner, cycle=5)

        def save(broken: WorkingWeek = broken) -> None:
            with refused_when_valid_twice(broken):
                broken.save()

        assert f"d'autres horaires de {name}, valables" in str(refused(save))


def test_empty_weeks_are_filled_from_the_first(world: World) -> None:
    found = working_week(world.company, {0: [(8, 12)], 1: [(9, 10)]}, {2: [(14, 15)]}, {}, {})

    made = fill_empty_weeks(found, by=world.planner)

    assert [(row.rank, str(row)) for row in made] == [
        (3, "Semaine 3, Lundi 08:00–12:00"),
        (3, "Semaine 3, Mardi 09:00–10:00"),
        (4, "Semaine 4, Lundi 08:00–12:00"),
        (4, "Semaine 4, Mardi 09:00–10:00"),
    ]
    assert list(found.hours.values_list("rank", "weekday")) == [
        (1, 0), (1, 1), (2, 2), (3, 0), (3, 1), (4, 0), (4, 1),
    ]  # fmt: skip
    assert fill_empty_weeks(found, by=world.planner) == []
    assert [(line.text, line.by) for line in HistoryLine.objects.of(found)] == [
        ("Semaine 1 recopiée dans les semaines sans plages", world.planner)
    ]


# On-call: an appointment outside hours passes


def test_appointment_outside_hours_passes_on_call_alone(world: World) -> None:
    who = technician(world, name="Maëva")
    sentence = "Maëva ne travaille pas le 25/11/2026 de 19:00 à 20:30"
    assert str(refused(lambda: alone(world, who=who, starts_at=at(19)))).startswith(sentence)
    OnCall.objects.create(technician=technician(world), starts_at=at(18), ends_at=at(22))
    assert str(refused(lambda: alone(world, who=who, starts_at=at(19)))).startswith(sentence)

    OnCall.objects.create(technician=who, starts_at=at(18), ends_at=at(22))
    rdv = alone(world, who=who, starts_at=at(19))

    (slot,) = rdv.slots.all()
    assert (rdv.starts_at, rdv.ends_at, rdv.override) == (at(19), at(20, 30), "")
    assert (slot.starts_at, slot.ends_at, slot.blocks) == (at(19), at(20, 30), True)


@pytest.mark.parametrize(
    ("starts_at", "code"),
    [
        (at(17, 45), "technician_absent"),  # it begins before
        (at(21, 45), "technician_absent"),  # it ends after
        (at(18), "technician_absent"),  # away from 19:00
        (at(20), "slot_taken"),
    ],
)
def test_appointment_on_call_is_refused_half_out_absent_or_taken(world: World, starts_at: datetime, code: str) -> None:
    who = technician(world)
    OnCall.objects.create(technician=who, starts_at=at(18), ends_at=at(23))
    Absence.objects.create(technician=who, starts_at=at(19), ends_at=at(19, 30))
    alone(world, who=who, starts_at=at(19, 30))
    assert refused(lambda: alone(world, who=who, starts_at=starts_at)).code == code


def test_appointment_on_a_holiday_passes_on_call_or_by_hours_of_the_day(world: World) -> None:
    called, present, neither = (technician(world, name=name) for name in "ABC")
    christmas = at(9, day=25, month=12)
    OnCall.objects.create(technician=called, starts_at=christmas, ends_at=at(12, day=25, month=12))
    DayHours.objects.create(technician=present, on=date(2026, 12, 25), starts=time(9), ends=time(12))
    for who in (called, present):
        assert alone(world, who=who, starts_at=christmas).ends_at == at(10, 30, day=25, month=12)
    assert refused(lambda: alone(world, who=neither, starts_at=christmas)).code == "technician_absent"


def test_appointment_of_two_passes_when_the_second_is_on_call_too(world: World) -> None:
    who, other = technician(world), technician(world)
    OnCall.objects.create(technician=who, starts_at=at(18), ends_at=at(22))
    rdv = alone(world, who=who, starts_at=at(19))

    def both() -> None:
        move_appointment(rdv, technicians=[who, other], starts_at=at(19), on=world.today, by=world.planner)

    assert refused(both).code == "technician_absent"
    OnCall.objects.create(technician=other, starts_at=at(18), ends_at=at(22))
    both()
    assert rdv.slots.count() == 2


def test_night_appointment_on_call_takes_real_hours_when_the_clocks_change(world: World) -> None:
    who = technician(world)
    OnCall.objects.create(technician=who, starts_at=at(22, day=24, month=10), ends_at=at(6, day=25, month=10))
    rdv = alone(world, who=who, starts_at=at(2, day=25, month=10))  # 2:00 and 3:00 come twice
    assert rdv.ends_at.timestamp() - rdv.starts_at.timestamp() == 5400
    assert f"{local(rdv.ends_at):%H:%M %z}" == "02:30 +0100"


def test_nothing_is_proposed_on_call(world: World) -> None:
    who = technician(world)
    OnCall.objects.create(technician=who, starts_at=at(17, 30, day=24), ends_at=at(8))
    proposed = propose_slot(world.intervention(), not_before=at(17, 30, day=24))
    assert proposed is not None
    assert proposed.starts_at == at(8)


# The migration


@pytest.fixture
def version_6(transactional_db: None) -> Any:
    """The models of the version before; the database goes to and fro."""
    call_command("migrate", "appointments", "0006", verbosity=0)
    loader = MigrationLoader(connection)
    yield loader.project_state([node for node in loader.graph.nodes if node in loader.applied_migrations]).apps
    call_command("migrate", verbosity=0)
    WorkingWeek.objects.all().delete()


def test_hours_of_the_version_before_become_weeks_and_come_back(version_6: Any) -> None:
    hours, people = (
        version_6.get_model(app, name)
        for app, name in (("appointments", "WorkingHours"), ("interventions", "Technician"))
    )
    companies = [version_6.get_model("invoicing", "Company").objects.create(name=name) for name in ("A", "B")]
    who, usual = (people.objects.create(name=name, company=companies[0]) for name in ("Maëva", "Loeiz"))
    rows = [
        (companies[0], None, 0, 8, 12),
        (companies[0], None, 0, 13, 17),
        (companies[0], who, 0, 18, 21),
        (companies[0], who, 5, 9, 10),
        (companies[1], None, 3, 10, 11),
    ]
    for company, person, weekday, starts, ends in rows:
        hours.objects.create(company=company, technician=person, weekday=weekday, starts=time(starts), ends=time(ends))
    columns = ("pk", "company_id", "technician_id", "weekday", "starts", "ends", "version")
    before = list(hours.objects.order_by("pk").values_list(*columns))

    call_command("migrate", "appointments", "0007", verbosity=0)

    found = WorkingHours.objects.order_by("pk").values_list(
        "pk", "week__company_id", "week__technician_id", "weekday", "starts", "ends", "version"
    )
    assert list(found) == before
    assert (
        list(WorkingWeek.objects.order_by("company__name", "technician__name").values_list("cycle", "from_on", "to_on"))
        == [(1, None, None)] * 3
    )
    assert set(WorkingHours.objects.values_list("rank", flat=True)) == {1}
    monday = date(2026, 11, 30)
    people_now = {row.pk: row for row in Technician.objects.all()}
    assert [worked(people_now[each.pk], monday) for each in (who, usual)] == [
        ["18:00-21:00"],
        ["08:00-12:00", "13:00-17:00"],
    ]
    own = WorkingWeek.objects.get(technician=who.pk)
    WorkingWeek.objects.filter(pk=own.pk).update(cycle=2, to_on=date(2027, 1, 31))
    WorkingHours.objects.create(week=own, rank=2, weekday=1, starts=time(8), ends=time(9))
    WorkingWeek.objects.filter(company=companies[1].pk).update(from_on=date(2020, 1, 2))
    ended = WorkingWeek.objects.create(
        company_id=companies[1].pk, first_monday=date(2026, 1, 5), to_on=date(2020, 1, 1)
    )
    WorkingHours.objects.create(week=ended, weekday=1, starts=time(8), ends=time(9))

    call_command("migrate", "appointments", "0006", verbosity=0)

    assert list(hours.objects.order_by("pk").values_list(*columns)) == before
