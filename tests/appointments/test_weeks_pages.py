"""Pages of working weeks, hours of one day, recurring absences and on-call, as a planner fills them."""

from datetime import date, time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import DayHours, OnCall, RecurringAbsence, WorkingHours, WorkingWeek
from appointments.services.calendars import calendars_of
from invoicing.models import HistoryLine
from openfire_billing.office.roles import BILLING, MANAGER, PLANNER, TECHNICIAN
from tests.factories import CompanyFactory, TechnicianFactory, UserFactory, World, nothing_changed
from tests.factories.appointments import at, technician, working_week
from tests.factories.pages import Office, address, errors_of, texts_of, typed

USUAL = [(weekday, starts, ends) for weekday in range(5) for starts, ends in (("08:00", "12:00"), ("13:30", "17:30"))]


def rows(week: WorkingWeek) -> list[tuple[int, int, str, str]]:
    return [(row.rank, row.weekday, f"{row.starts:%H:%M}", f"{row.ends:%H:%M}") for row in week.hours.all()]


def with_row(fields: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The fields after « Ajouter une plage » and what was typed in it."""
    index = int(fields["hours-TOTAL_FORMS"])
    row = {f"hours-{index}-{name}": str(value) for name, value in {"rank": 1, "weekday": 0, **values}.items()}
    return {**fields, **row, "hours-TOTAL_FORMS": str(index + 1)}


# The form of a week


def test_new_week_is_filled_with_the_usual_hours_and_saved_as_it_is(world: World) -> None:
    office, who = world.office(PLANNER), technician(world)
    fields = office.open(WorkingWeek)
    assert (fields["company"], fields["cycle"], fields["first_monday"]) == (str(world.company.pk), "1", "23/11/2026")

    assert office.send(WorkingWeek, typed(fields, technician=who)).status_code == 302

    week = WorkingWeek.objects.get()
    assert (week.company, week.technician, week.cycle, week.from_on, week.to_on) == (world.company, who, 1, None, None)
    assert rows(week) == [(1, *row) for row in USUAL]
    assert [line.text for line in HistoryLine.objects.of(week)] == ["Fiche créée"]


def test_rows_of_a_new_week_are_edited_removed_and_added(world: World) -> None:
    office = world.office(PLANNER)
    fields = office.open(WorkingWeek)
    for index in range(2, 10):  # left blank
        fields |= {f"hours-{index}-starts": "", f"hours-{index}-ends": ""}
    fields |= {"hours-0-starts": "09:00", "hours-1-weekday": "5"}

    assert office.send(WorkingWeek, with_row(fields, weekday=6, starts="10:00", ends="11:00")).status_code == 302

    assert rows(WorkingWeek.objects.get()) == [
        (1, 0, "09:00", "12:00"),
        (1, 5, "13:30", "17:30"),
        (1, 6, "10:00", "11:00"),
    ]


def test_cycle_of_three_weeks_is_filled_from_the_first(world: World) -> None:
    office = world.office(PLANNER)
    fields = typed(office.open(WorkingWeek), cycle=3, _fill="on", first_monday=date(2026, 11, 30))

    assert (
        office.send(WorkingWeek, with_row(fields, rank=2, weekday=2, starts="10:00", ends="11:00")).status_code == 302
    )

    week = WorkingWeek.objects.get()
    assert rows(week) == [
        *((1, *row) for row in USUAL),
        (2, 2, "10:00", "11:00"),
        *((3, *row) for row in USUAL),
    ]
    assert office.open(week).get("_fill") is None
    list_page = office.get(address(WorkingWeek, "changelist")).content.decode()
    assert "40 h / 1 h / 40 h" in list_page
    assert "Toute la société" in list_page


def test_weeks_without_hours_are_filled_later_and_the_journal_tells_it(world: World) -> None:
    week = working_week(world.company, {0: [(8, 12)]})
    office = world.office(PLANNER)

    assert office.save(week, cycle=2, _fill="on").status_code == 302

    assert rows(week) == [(1, 0, "08:00", "12:00"), (2, 0, "08:00", "12:00")]
    texts = [line.text for line in HistoryLine.objects.of(week)]
    assert texts == ["Semaine 1 recopiée dans les semaines sans plages", "Fiche modifiée"]
    week.refresh_from_db()
    assert week.version == 2


def test_changes_of_rows_are_told_by_the_journal_and_raise_the_version(world: World) -> None:
    week = working_week(world.company, {0: [(8, 12)], 1: [(8, 12)]})
    office = world.office(PLANNER)
    fields = {**office.open(week), "hours-0-ends": "11:00", "hours-1-DELETE": "on"}

    assert office.send(week, with_row(fields, weekday=4, starts="10:00", ends="11:00")).status_code == 302

    assert rows(week) == [(1, 0, "08:00", "11:00"), (1, 4, "10:00", "11:00")]
    (line,) = HistoryLine.objects.of(week)
    assert [(row["act"], row["line"]) for row in line.changes["hours"]] == [
        ("added", "Vendredi 10:00–11:00"),
        ("removed", "Mardi 08:00–12:00"),
        ("changed", "Lundi 08:00–11:00"),
    ]
    assert line.changes["hours"][2]["changes"] == {"ends": ["12:00", "11:00"]}
    week.refresh_from_db()
    assert week.version == 2
    assert "Ligne « Mardi 08:00–12:00 »" in office.get(address(week)).content.decode()


def test_form_that_a_colleague_changed_meanwhile_is_refused(world: World) -> None:
    week = working_week(world.company, {0: [(8, 12)]})
    office = world.office(PLANNER)
    stale = office.open(week)
    assert office.send(week, {**stale, "hours-0-ends": "11:00"}).status_code == 302
    with nothing_changed():
        answer = office.send(week, {**stale, "hours-0-ends": "10:00"})
    assert "Modifié entre-temps" in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "row", "errors"),
    [
        (
            {},
            {"rank": 2, "weekday": 6, "starts": "08:00", "ends": "09:00"},
            {"hours-10-rank": ["Le rythme de ces horaires n'a pas de semaine 2 : changez le rythme ou la semaine."]},
        ),
        (
            {},
            {"starts": "11:59", "ends": "13:00"},
            {
                "hours-10-starts": [
                    "Cette plage recouvre celle de 08:00 à 12:00 le même jour : corrigez l'une des deux."
                ]
            },
        ),
        (
            {},
            {"starts": "19:00", "ends": "18:00"},
            {"hours-10-__all__": ["La fin de l'horaire n'est pas après son début : corrigez l'une des deux heures."]},
        ),
        (
            {"first_monday": "24/11/2026"},
            {"starts": "18:00", "ends": "19:00"},
            {"first_monday": ["Le 24/11/2026 n'est pas un lundi : choisissez le 23/11/2026, ou un autre lundi."]},
        ),
        (
            {"from_on": "02/01/2027", "to_on": "01/01/2027"},
            {"starts": "18:00", "ends": "19:00"},
            {"__all__": ["La fin de la validité précède son début : corrigez l'une des deux dates."]},
        ),
    ],
    ids=["rank", "overlap", "order", "monday", "validity"],
)
def test_faults_of_a_week_are_told_where_they_are(
    world: World, changes: dict[str, str], row: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    office = world.office(PLANNER)
    with nothing_changed():
        answer = office.send(WorkingWeek, with_row({**office.open(WorkingWeek), **changes}, **row))
    assert answer.status_code == 200
    assert errors_of(answer) == errors


@pytest.mark.parametrize("starts", ["08:00", "17:30"])
def test_stretches_that_touch_are_taken(world: World, starts: str) -> None:
    office = world.office(PLANNER)
    row = {"starts": "07:00", "ends": "08:00"} if starts == "08:00" else {"starts": starts, "ends": "18:00"}
    assert office.send(WorkingWeek, with_row(office.open(WorkingWeek), **row)).status_code == 302


def test_week_without_hours_is_refused_with_what_to_do(world: World) -> None:
    week = working_week(world.company, {0: [(8, 12)]})
    office = world.office(PLANNER)
    with nothing_changed():
        answer = office.send(week, {**office.open(week), "hours-0-DELETE": "on"})
    assert (
        "Donnez au moins une plage. Quelqu'un qui ne travaille pas du tout : saisissez une absence."
        in answer.content.decode().replace("&#x27;", "'")
    )


def test_second_week_valid_on_one_day_is_refused(world: World) -> None:
    who = technician(world, name="Maëva")
    working_week(who, {0: [(8, 12)]})
    office = world.office(PLANNER)
    with nothing_changed():
        answer = office.send(WorkingWeek, typed(office.open(WorkingWeek), technician=who))
    assert errors_of(answer) == {
        "__all__": [
            "Maëva a déjà des horaires valables sans limite de dates : arrêtez ceux-là la veille des nouveaux, "
            "ou changez les dates."
        ]
    }
    assert office.send(WorkingWeek, office.open(WorkingWeek)).status_code == 302  # the company's


def test_technician_of_another_company_has_no_week_here(world: World) -> None:
    theirs = TechnicianFactory(company=CompanyFactory(name="Autre"))
    office = world.office(PLANNER)
    for model, values in (
        (WorkingWeek, {}),
        (DayHours, {"on": "01/12/2026", "starts": "08:00", "ends": "12:00"}),
        (RecurringAbsence, {"weekday": "1", "first_on": "01/12/2026"}),
    ):
        with nothing_changed():
            answer = office.send(model, {**office.open(model), **values, "technician": str(theirs.pk)})
        assert list(errors_of(answer)) == ["technician"]


# Lists, roles


def test_lists_search_and_filter_by_technician(world: World) -> None:
    one, two = technician(world, name="Maëva"), technician(world, name="Loeiz")
    office = world.office(PLANNER)
    for who in (one, two):
        working_week(who, {0: [(8, 12)]}, from_on=date(2026, 1, 1))
        DayHours.objects.create(technician=who, on=date(2026, 12, 1), starts=time(8), ends=time(12))
        RecurringAbsence.objects.create(technician=who, weekday=1, first_on=date(2026, 12, 1))
        OnCall.objects.create(technician=who, starts_at=at(18), ends_at=at(20))
    for model in (WorkingWeek, DayHours, RecurringAbsence, OnCall):
        for query in ({"q": "maeva"}, {"technician__id__exact": one.pk}):
            found = office.get(address(model, "changelist"), **query).context["cl"].result_list
            assert [row.technician for row in found] == [one], (model, query)
    for model, text in (
        (WorkingWeek, "à partir du 01/01/2026"),
        (DayHours, "08:00–12:00"),
        (RecurringAbsence, "toute la journée"),
    ):
        assert text in office.get(address(model, "changelist")).content.decode()


def test_lists_take_the_same_queries_with_1_and_50_rows(world: World) -> None:
    office = world.office(PLANNER)

    def make(number: int) -> None:
        who = technician(world, name=f"T{number}")
        working_week(who, {0: [(8, 12)]}, {1: [(8, 12)]})
        DayHours.objects.create(technician=who, on=date(2026, 12, 1), starts=time(8), ends=time(12))
        RecurringAbsence.objects.create(technician=who, weekday=1, first_on=date(2026, 12, 1))
        OnCall.objects.create(technician=who, starts_at=at(18), ends_at=at(20))

    def queries() -> list[int]:
        found = []
        for model in (WorkingWeek, DayHours, RecurringAbsence, OnCall):
            office.get(address(model, "changelist"))
            with CaptureQueriesContext(connection) as captured:
                office.get(address(model, "changelist"))
            found.append(len(captured))
        return found

    make(0)
    few = queries()
    for number in range(1, 50):
        make(number)
    assert queries() == few
    assert max(few) < 40


def test_form_takes_the_same_queries_with_2_and_28_rows(world: World) -> None:
    few = working_week(technician(world), {0: [(8, 12), (13, 17)]})
    many = working_week(technician(world), *({day: [(8, 12)] for day in range(7)} for _turn in range(4)))
    office = world.office(PLANNER)

    def queries(week: WorkingWeek) -> int:
        office.get(address(week))
        with CaptureQueriesContext(connection) as captured:
            assert office.get(address(week)).status_code == 200
        return len(captured)

    assert queries(few) == queries(many)


@pytest.mark.parametrize(("role", "sees"), [(PLANNER, True), (BILLING, True), (MANAGER, True), (TECHNICIAN, False)])
def test_pages_are_those_of_who_plans(world: World, role: str, sees: bool) -> None:
    office = Office(world.users[role])
    for model in (WorkingWeek, DayHours, RecurringAbsence, OnCall):
        for page in ("changelist", "add"):
            assert (office.get(address(model, page)).status_code == 200) is sees
    if sees:
        menu = office.get(address(WorkingWeek, "changelist")).content.decode().replace("&#x27;", "'")
        for name in ("Horaires de travail", "Horaires d'un jour", "Absences récurrentes", "Astreintes"):
            assert name in menu


def test_rows_of_another_company_are_not_there(world: World) -> None:
    stranger = Office(UserFactory(role=PLANNER, company=CompanyFactory(name="Autre")))
    week = working_week(world.company, {0: [(8, 12)]})
    assert list(stranger.get(address(WorkingWeek, "changelist")).context["cl"].result_list) == []
    with nothing_changed():
        assert stranger.get(address(week)).status_code == 302
        assert stranger.client.post(address(week), {"cycle": "2", "_save": "1"}).status_code == 302


# Hours of one day, recurring absences, on-call


def test_second_stretch_of_a_day_is_added_from_the_first(world: World) -> None:
    office, who = world.office(PLANNER), technician(world)
    fields = {**office.open(DayHours), "technician": str(who.pk), "on": "01/12/2026"}

    answer = office.client.post(address(DayHours, "add"), {**fields, "starts": "06:00", "ends": "09:00", "_next": "1"})

    again = office.get(answer["Location"])
    form = again.context["adminform"].form
    assert (form["technician"].value(), form["on"].value()) == (who.pk, "01/12/2026")
    fields = {**office.open(DayHours), "technician": str(who.pk), "on": "01/12/2026"}
    assert office.send(DayHours, {**fields, "starts": "14:00", "ends": "15:00"}).status_code == 302
    day = date(2026, 12, 1)
    hours = calendars_of([who], first_day=day, last_day=day)[who.pk].day_hours
    assert hours == {day: [(time(6), time(9)), (time(14), time(15))]}
    with nothing_changed():
        refused = office.send(DayHours, {**fields, "starts": "06:00", "ends": "10:00"})
    assert errors_of(refused) == {
        "starts": [
            f"{who} a déjà des horaires le 01/12/2026 de 06:00 à 09:00 : deux plages d'un jour ne se recouvrent pas."
        ]
    }


def test_recurring_absence_is_typed_with_or_without_hours(world: World) -> None:
    office, who = world.office(PLANNER), technician(world)
    fields = {**office.open(RecurringAbsence), "technician": str(who.pk), "weekday": "2", "first_on": "02/12/2026"}
    assert office.send(RecurringAbsence, fields).status_code == 302
    half = {**fields, "starts": "13:30", "ends": "17:30", "cycle": "2", "until": "31/03/2027", "reason": "École"}
    assert office.send(RecurringAbsence, half).status_code == 302
    assert list(RecurringAbsence.objects.order_by("pk").values_list("starts", "ends", "cycle", "until", "reason")) == [
        (None, None, 1, None, ""),
        (time(13, 30), time(17, 30), 2, date(2027, 3, 31), "École"),
    ]
    with nothing_changed():
        refused = office.send(RecurringAbsence, {**fields, "starts": "13:30"})
    assert errors_of(refused) == {
        "__all__": ["Donnez deux heures, la fin après le début, ou aucune pour la journée entière."]
    }


def test_on_call_is_typed_over_midnight(world: World) -> None:
    office, who = world.office(PLANNER), technician(world)
    fields = {
        **office.open(OnCall),
        "technician": str(who.pk),
        "starts_at_0": "25/11/2026",
        "starts_at_1": "18:00",
        "ends_at_0": "26/11/2026",
        "ends_at_1": "06:00",
    }
    assert office.send(OnCall, fields).status_code == 302
    row = OnCall.objects.get()
    assert (row.starts_at, row.ends_at, str(row)) == (at(18), at(6, day=26), f"{who} 25/11/2026 18:00")
    assert [line.text for line in HistoryLine.objects.of(row)] == ["Fiche créée"]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (WorkingWeek, "Sans horaires ici : du lundi au vendredi, 8 h – 12 h et 13 h 30 – 17 h 30."),
        (DayHours, "Un jour qu'il ne travaille pas est une absence."),
        (RecurringAbsence, "Ce qui revient chaque semaine, ou une semaine sur deux : école, temps partiel, réunion."),
        (OnCall, "Pendant une astreinte, un RDV se pose hors des horaires sans dérogation."),
    ],
)
def test_empty_list_says_what_stands_there(world: World, model: Any, text: str) -> None:
    page = world.office(PLANNER).get(address(model, "changelist")).content.decode().replace("&#x27;", "'")
    assert text in page


def test_deleted_week_takes_its_hours(world: World) -> None:
    week = working_week(world.company, {0: [(8, 12)]})
    office = world.office(PLANNER)
    assert office.client.post(address(week, "delete"), {"post": "yes"}).status_code == 302
    assert (WorkingWeek.objects.count(), WorkingHours.objects.count()) == (0, 0)


def test_new_week_offers_its_rows_under_one_name(world: World) -> None:
    page = world.office(PLANNER).get(address(WorkingWeek, "add"))
    assert [text.removeprefix("add") for text in texts_of(page, "add-row")] == ["Ajouter une plage"]
