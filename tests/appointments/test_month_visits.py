"""« Visites du mois »: contract visits proposed over the days of their sectors, and made as drafts together."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment
from appointments.services.absences import record_absence
from appointments.services.month_visits import Choice, book_visits
from appointments.services.saving import appoint
from appointments.services.states import cancel_appointment
from appointments.services.tours import assign_sectors
from contracts.models import Contract
from interventions.models import InterventionRequest, Sector, Technician
from interventions.services.requests import save_intervention
from openfire_billing.office.roles import PLANNER
from tests.appointments.board import client_of
from tests.appointments.month import PAGE, boxes, days_of, lines_of, press, visit
from tests.contracts.contract_builders import make_contract
from tests.factories import (
    AddressFactory,
    CompanyFactory,
    PartnerFactory,
    SectorFactory,
    TaskFactory,
    TechnicianFactory,
    UserFactory,
    World,
    nothing_changed,
)
from tests.factories.appointments import alone, at, technician

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tuesday() -> Iterator[None]:
    """It is Tuesday 24 November 2026, 7:00."""
    with time_machine.travel(at(7, day=24), tick=False):
        yield


@pytest.fixture
def sector(world: World) -> Sector:
    return SectorFactory(name="Rennes")


@pytest.fixture
def ana(world: World) -> Technician:
    return technician(world, name="Ana")


@pytest.fixture
def days(world: World, ana: Technician, sector: Sector) -> None:
    """Ana is in Rennes on Thursday 3 and Friday 4 December."""
    days_of(world, ana, sector, 3, 4)


def page_of(world: World, url: str = PAGE) -> str:
    answer = client_of(world.planner).get(url)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def rdvs() -> list[tuple[str, str, str, str]]:
    rows = Appointment.objects.order_by("starts_at", "pk")
    return [
        (str(row.intervention), row.state, f"{row.starts_at.astimezone(at(9).tzinfo):%d/%m %H:%M}", row.lead.name)
        for row in rows
    ]


def test_visits_are_proposed_by_day_with_what_is_left_of_it(world: World, days: None) -> None:
    one, two, three = (visit(world) for _ in range(3))
    town, name, task = "Thorigné-Fouillard", world.customer.name, world.task.name

    page = page_of(world)

    ref = [f"{di}, {name} | " for di in (one, two, three)]
    shown = f"{name} | {town} | {task} | 24/12/2026"
    assert lines_of(page) == [
        "jeudi 3 décembre · Ana reste 8 h → 5 h 50",
        f"{ref[0]}08:00–09:00 | {shown}",
        f"{ref[2]}09:15–10:15 | {shown}",
        "vendredi 4 décembre · Ana reste 8 h → 7 h",
        f"{ref[1]}08:00–09:00 | {shown}",
    ]
    assert "Créer <span data-count>3</span> RDV en brouillon" in page
    assert "Sans place" not in page


def test_press_makes_the_drafts_ticked_and_a_second_press_makes_nothing(world: World, days: None) -> None:
    one, two, three = (visit(world) for _ in range(3))
    client = client_of(world.planner)
    chosen = boxes(page_of(world))

    answer = press(client, chosen[:2])

    assert (answer.status_code, answer.url) == (302, PAGE)
    expected = [(str(one), "draft", "03/12 08:00", "Ana"), (str(three), "draft", "03/12 09:15", "Ana")]
    assert rdvs() == expected
    page = unescape(client.get(PAGE).content.decode())
    link = "/admin/appointments/appointment/?view=to-confirm&starts_at__year=2026&starts_at__month=12"
    assert f'2 RDV créés en brouillon. <a class="of-link" href="{link}">Les voir et les confirmer</a>' in page
    assert f'<a class="of-button" href="{link}">2 RDV à confirmer</a>' in page
    assert [value.partition("_")[0] for value in boxes(page)] == [str(two.pk)]
    assert client.get(link).content.decode().count('name="_selected_action" value') == 2
    with nothing_changed():
        assert press(client, chosen[:2]).status_code == 302  # the same form again
    with nothing_changed():
        answer = press(client, chosen[:2], key="other")  # another form
    assert answer.status_code == 409
    assert f"{one} est déjà entièrement planifiée : voyez ses RDV." in unescape(answer.content.decode())


def test_drafts_are_confirmed_together_from_the_list(world: World, days: None) -> None:
    for _ in range(2):
        visit(world)
    client = client_of(world.planner)
    press(client, boxes(page_of(world)))
    ids = [str(pk) for pk in Appointment.objects.values_list("pk", flat=True)]

    client.post(
        "/admin/appointments/appointment/",
        {"action": "act_confirm", "_selected_action": ids, "_confirmed": "1", "_once": "c"},
    )

    assert [state for _di, state, _when, _who in rdvs()] == ["confirmed", "confirmed"]
    assert "Aucune visite à placer" in page_of(world)


def test_what_is_not_proposed(world: World, days: None, sector: Sector) -> None:
    """DIs of no contract, call-outs, drafts, other months, archived, planned ones, those of a contract that ended before."""
    world.intervention(duration=Decimal(1), from_on=date(2026, 12, 1), to_on=date(2026, 12, 24))
    visit(world, kind="callout")
    visit(world, is_validated=False)
    visit(world, from_on=date(2027, 1, 2), to_on=date(2027, 1, 30))
    visit(world, from_on=date(2026, 10, 2), to_on=date(2026, 11, 30))
    archived = visit(world)
    InterventionRequest.objects.filter(pk=archived.pk).update(is_active=False)
    for start in (at(9, day=10, month=12), None):
        appoint(visit(world), technicians=[technician(world)], starts_at=start, on=world.today, by=world.planner)
    ended = make_contract(world)
    visit(world, contract=ended)
    Contract.objects.filter(pk=ended.pk).update(terminated_on=date(2026, 11, 30))

    page = page_of(world)

    assert (lines_of(page), boxes(page)) == ([], [])
    assert "Aucune visite à placer" in page


def test_a_visit_whose_rdv_was_given_up_is_proposed_again(world: World, days: None) -> None:
    one = visit(world)
    made = appoint(
        one, technicians=[technician(world)], starts_at=at(9, day=10, month=12), on=world.today, by=world.planner
    )
    cancel_appointment(made, by=world.planner)

    assert [value.partition("_")[0] for value in boxes(page_of(world))] == [str(one.pk)]


def test_a_contract_that_ends_in_the_month_is_served_until_then(world: World, ana: Technician, sector: Sector) -> None:
    days_of(world, ana, sector, 10)
    one = visit(world)
    Contract.objects.update(terminated_on=date(2026, 12, 8))

    assert lines_of(page_of(world)) == [
        f"{world.customer.name} | Thorigné-Fouillard | {one.task.name} | 24/12/2026 | pas de jour de ce secteur d'ici au 08/12"
    ]


def test_visits_without_a_place_have_their_reason(world: World, days: None) -> None:
    """By end of their period: too long for a day, nobody able, no sector."""
    other = TaskFactory(name="Tubage")
    Technician.objects.get().tasks.add(world.task)
    far = AddressFactory(partner=world.customer, zip="29000", city="Quimper")
    visit(world, duration=Decimal(9), to_on=date(2026, 12, 20))
    nobody = visit(world, to_on=date(2026, 12, 22))
    InterventionRequest.objects.filter(pk=nobody.pk).update(task=other)
    visit(world, address=far)

    reasons = [line.rpartition(" | ")[2] for line in lines_of(page_of(world))]

    assert reasons == ["plus de place ces jours-là", "aucun intervenant habilité", "secteur inconnu"]


def test_only_technicians_named_on_the_visit_are_proposed(world: World, days: None, sector: Sector) -> None:
    bob = technician(world, name="Bob")
    days_of(world, bob, sector, 4)
    visit(world).technicians.set([bob])

    assert lines_of(page_of(world))[0] == "vendredi 4 décembre · Bob reste 8 h → 7 h"


def test_absences_and_rdvs_take_their_time(world: World, ana: Technician, days: None) -> None:
    record_absence(ana, first=date(2026, 12, 3), last=date(2026, 12, 3), by=world.planner)
    alone(world, who=ana, starts_at=at(8, day=4, month=12))
    visit(world)

    head, row = lines_of(page_of(world))

    assert head == "vendredi 4 décembre · Ana reste 6 h 30 → 5 h 20"
    assert row.split(" | ")[1] == "09:45–10:45"


def test_days_and_hours_that_are_past_are_never_proposed(world: World, ana: Technician, sector: Sector) -> None:
    days_of(world, ana, sector, 1, 2, 3)
    visit(world)
    with time_machine.travel(at(16, 5, day=3, month=12), tick=False):
        page = page_of(world)
        assert lines_of(page)[0] == "jeudi 3 décembre · Ana reste 1 h 15 → 0 h 15"
        assert "T16:15:00+01:00" in boxes(page)[0]
        assert 'rel="prev"' not in page
    with time_machine.travel(at(17, day=3, month=12), tick=False):
        assert [line.rpartition(" | ")[2] for line in lines_of(page_of(world))] == ["plus de place ces jours-là"]


def test_a_month_that_is_over_shows_the_present_one(world: World, days: None) -> None:
    for asked in ("2026-10", "rien", "2026-13", "0001-01"):
        assert "Visites de contrat, novembre 2026" in page_of(world, f"/planning/visits/?month={asked}")
    page = page_of(world)
    assert 'href="/planning/visits/?month=2026-11" aria-label="Mois précédent"' in page
    assert 'href="/planning/visits/?month=2027-01" aria-label="Mois suivant"' in page


def test_one_sector_alone(world: World, days: None, ana: Technician) -> None:
    quimper = SectorFactory(name="Quimper", covers="290")
    days_of(world, ana, quimper, 7)
    site = AddressFactory(partner=world.customer, zip="29000", city="Quimper")
    visit(world)
    west = visit(world, address=site)

    page = page_of(world, f"{PAGE}&sector={quimper.pk}")

    assert [value.partition("_")[0] for value in boxes(page)] == [str(west.pk)]
    answer = press(client_of(world.planner), boxes(page), url=f"{PAGE}&sector={quimper.pk}")
    assert answer.url == f"{PAGE}&sector={quimper.pk}"


def test_without_days_of_sectors_the_page_leads_to_them(world: World, ana: Technician, sector: Sector) -> None:
    visit(world)

    page = page_of(world)

    assert "Aucun jour de secteur" in page
    link = f"/planning/sectors/?technician={ana.pk}&first=2026-12-01&last=2026-12-31"
    assert f'href="{link}">Assigner un secteur</a>' in page
    assert client_of(world.planner).get(link).status_code == 200
    Sector.objects.all().delete()
    assert 'href="/admin/interventions/sector/">Secteurs</a>' in page_of(world)


def test_a_visit_that_changed_since_it_was_shown_is_refused_alone(world: World, days: None) -> None:
    one, two = visit(world), visit(world)
    chosen = boxes(page_of(world))
    save_intervention(one.pk, {"to_on": date(2026, 12, 20)}, seen=one.version, on=world.today, by=world.planner)

    answer = press(client_of(world.planner), chosen)

    page = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert f"<li>{one} a changé depuis l'affichage : regardez la nouvelle proposition, puis confirmez-la.</li>" in page
    assert "1 visite sans RDV" in page
    assert [di for di, *_others in rdvs()] == [str(two)]
    assert [value.partition("_")[0] for value in boxes(page)] == [str(one.pk)]


def test_an_hour_that_a_colleague_took_is_refused_alone(world: World, days: None, ana: Technician) -> None:
    one, two = visit(world), visit(world)
    chosen = boxes(page_of(world))
    alone(world, who=ana, starts_at=at(8, 30, day=3, month=12))

    answer = press(client_of(world.planner), chosen)

    assert answer.status_code == 409
    refusal = f"{one} : Ana n'est plus libre jeudi 3 décembre à 08:00, la page propose une autre place."
    assert refusal in unescape(answer.content.decode())
    assert [di for di, *_others in rdvs() if di != "None"] == [str(two)]


def test_an_hour_that_passed_meanwhile_is_refused(world: World, days: None) -> None:
    one = visit(world)
    chosen = boxes(page_of(world))

    with time_machine.travel(at(8, 1, day=3, month=12), tick=False), nothing_changed():
        answer = press(client_of(world.planner), chosen)

    assert f"{one} : l'heure proposée, jeudi 3 décembre à 08:00, est passée." in unescape(answer.content.decode())


def test_a_technician_who_lost_the_task_meanwhile_is_refused(world: World, days: None, ana: Technician) -> None:
    one = visit(world)
    chosen = boxes(page_of(world))
    ana.tasks.add(TaskFactory(name="Tubage"))

    with nothing_changed():
        answer = press(client_of(world.planner), chosen)

    refusal = f"{one} : Ana ne fait plus ce travail, une autre proposition le remplace."
    assert refusal in unescape(answer.content.decode())


def test_two_visits_at_one_hour_are_not_both_made(world: World, days: None, ana: Technician) -> None:
    one, two = visit(world), visit(world)
    start = at(8, day=3, month=12)

    outcomes = book_visits(
        [Choice(di, ana, start, di.version) for di in (one, two)], now=at(7, day=24), by=world.planner
    )

    assert [bool(outcome.refusal) for outcome in outcomes] == [False, True]
    assert [di for di, *_others in rdvs()] == [str(one)]


def test_nothing_ticked_is_refused(world: World, days: None) -> None:
    visit(world)

    answer = press(client_of(world.planner), [])

    assert answer.status_code == 409
    assert "Aucune visite n'est cochée : cochez au moins une visite." in unescape(answer.content.decode())


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "1_1_1_x",
        "1_1_1_2026-12-03T08:00",
        "9999_1_{who}_{start}",
        "{di}_1_9999_{start}",
        "{di}_1_{who}_2027-01-04T08:00:00+01:00",
    ],
)
def test_rubbish_is_not_found(world: World, days: None, ana: Technician, wrong: str) -> None:
    one = visit(world)
    value = wrong.format(di=one.pk, who=ana.pk, start=at(8, day=3, month=12).isoformat())

    with nothing_changed():
        assert press(client_of(world.planner), [value]).status_code == 404


def test_another_company_s_visits_and_technicians_are_never_there(world: World, days: None, sector: Sector) -> None:
    other = CompanyFactory()
    stranger = UserFactory(company=other, role=PLANNER)
    loic = TechnicianFactory(company=other, name="Loïc")
    assign_sectors([loic], [date(2026, 12, 3)], [sector], by=stranger)
    mine, theirs = visit(world), visit(world, company=other)
    start = at(8, day=3, month=12).isoformat()

    shown = {user: boxes(client_of(user).get(PAGE).content.decode()) for user in (world.planner, stranger)}

    assert shown[stranger] == [f"{theirs.pk}_{theirs.version}_{loic.pk}_{start}"]
    assert [value.split("_")[0] for value in shown[world.planner]] == [str(mine.pk)]
    ana = Technician.objects.get(name="Ana")
    with nothing_changed():
        for one, who in ((mine, loic), (theirs, ana), (mine, ana)):
            assert press(client_of(stranger), [f"{one.pk}_{one.version}_{who.pk}_{start}"]).status_code == 404


def test_who_may_open_it(world: World, days: None) -> None:
    visit(world)
    chosen = boxes(page_of(world))
    statuses = {
        role: (client_of(user).get(PAGE).status_code, press(client_of(user), chosen, key=role).status_code)
        for role, user in {
            "technician": world.technician,
            "biller": world.biller,
            "accountant": world.accountant,
        }.items()
    }

    assert statuses["technician"] == (404, 404)
    assert Appointment.objects.count() == sum(post == 302 for _get, post in statuses.values())
    assert client_of(UserFactory(role="", company=world.company)).get(PAGE).status_code == 403


def test_same_queries_for_one_visit_and_fifty(world: World, days: None) -> None:
    client = client_of(world.planner)
    visit(world)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(PAGE).status_code == 200
        return len(captured)

    queries()
    few = queries()
    for number in range(49):
        visit(world, partner=PartnerFactory(), to_on=date(2026, 12, 20) + timedelta(days=number % 5))
    for number in range(5):
        days_of(world, technician(world, name=f"T{number}"), Sector.objects.get(), 7, 8, 9)

    assert queries() == few
    assert few < 40


def test_the_board_leads_to_the_month_it_shows(world: World, ana: Technician) -> None:
    client = client_of(world.planner)

    for view, first in (("day", "2026-12-03"), ("week", "2026-11-30"), ("month", "2026-12-01")):
        page = client.get(f"/planning/?view={view}&from={first}").content.decode()
        assert f'href="{PAGE}">Visites du mois</a>' in page
