"""« Remplir un créneau » and « Chercher un créneau »: their dialogs, what they plan, and the same by the API."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment
from interventions.models import InterventionRequest, Technician
from invoicing.models import Address
from openfire_billing.office.roles import PLANNER
from tests.appointments.test_board import client_of
from tests.factories import AddressFactory, CompanyFactory, TaskFactory, UserFactory, World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import at, book, technician
from tests.factories.pages import address

FETCH = {"HTTP_X_REQUESTED_WITH": "fetch"}


@pytest.fixture(autouse=True)
def tuesday() -> Iterator[None]:
    """It is Tuesday 24 November 2026, 7:00."""
    with time_machine.travel(at(7, day=24), tick=False):
        yield


@pytest.fixture
def who(world: World) -> Technician:
    """Alan, with stops on Wednesday from 8:00 to 9:00 and from 11:00 to 12:00, both in Rennes."""
    Address.objects.update(city="Rennes", zip="35000", latitude=None, longitude=None)
    alan = technician(world, name="Alan")
    for hour in (8, 11):
        book(world, world.intervention(duration=Decimal(1)), who=alan, starts_at=at(hour), state="confirmed")
    return alan


def di(world: World, *, city: str = "Rennes", **values: Any) -> InterventionRequest:
    """An intervention of half an hour, at an address of its own, whose period ends in sixty days unless told."""
    wanted = {"from_on": world.today, "to_on": world.today + timedelta(days=61), "duration": Decimal("0.5"), **values}
    return world.intervention(address=AddressFactory(partner=world.customer, zip="35000", city=city), **wanted)


def hole(who: Technician, *, start: int = 540, end: int = 660) -> str:
    """The dialog of the hole from 9:00 to 11:00 unless told."""
    return f"/planning/fill/?technician={who.pk}&day=2026-11-25&start={start}&end={end}"


def value(intervention: InterventionRequest, *, start: int = 555, work: int = 30) -> str:
    """What the buttons of a proposal send: at 9:15 unless told."""
    return f"{intervention.pk}-{start}-{work}-{intervention.version}"


def values_of(page: str, button: str) -> list[str]:
    return re.findall(rf'name="{button}" value="([^"]+)"', page)


def planned(intervention: InterventionRequest) -> list[tuple[str, str, str, list[str]]]:
    """(state, start, end, technicians) of its RDVs."""
    zone = at(9).tzinfo
    return [
        (
            rdv.state,
            f"{rdv.starts_at.astimezone(zone):%d/%m %H:%M}" if rdv.starts_at else "",
            f"{rdv.ends_at.astimezone(zone):%H:%M}" if rdv.ends_at else "",
            [person.name for person in rdv.technicians.all()],
        )
        for rdv in Appointment.objects.filter(intervention=intervention).order_by("pk")
    ]


# « Remplir un créneau »


def test_dialog_shows_the_hole_and_its_proposals_in_their_order(world: World, who: Technician) -> None:
    """10 minutes in town, 15 next door: 100 − 40 + round(20 × 40 ÷ 120) and 100 − 60 + round(20 × 45 ÷ 120)."""
    next_door, in_town = di(world, city="Chantepie"), di(world)
    answer = client_of(world.planner).get(hole(who))
    page = answer.content.decode()
    assert values_of(page, "_confirm") == values_of(page, "_following") == [value(in_town), value(next_door)]
    assert [(offer.hours, offer.length, offer.found.ranked.score) for offer in answer.context["offers"]] == [
        ("09:15–09:45", "0 h 30", 67),
        ("09:15–09:45", "0 h 30", 48),
    ]
    for said in (
        "<b>Alan</b> · mercredi 25 novembre · <b>09:00–11:00</b> (2 h)",
        "Avant : 08:00–09:00 Aubry Maëlle, Rennes",
        "Après : 11:00–12:00 Aubry Maëlle, Rennes",
        "détour de 20 min (estimé) · remplit 33 % du créneau",
    ):
        assert said in page


def test_holes_of_the_day_are_offered_and_the_first_is_shown(world: World, who: Technician) -> None:
    page = client_of(world.planner).get(f"/planning/fill/?technician={who.pk}&day=2026-11-25").content.decode()
    shown = re.findall(r'start=(\d+)&amp;end=(\d+)" data-dialog( class="is-chosen" aria-current="true")?', page)
    assert [(start, end, bool(chosen)) for start, end, chosen in shown] == [
        ("540", "660", True),
        ("810", "1050", False),
    ]


def test_hole_after_an_rdv_is_opened_from_its_menu(world: World, who: Technician) -> None:
    first = Appointment.objects.order_by("starts_at")[0]
    di(world)
    client = client_of(world.planner)
    url = f"/planning/fill/?appointment={first.pk}"
    assert f'href="{url}" data-dialog data-saved' in client.get(address(first)).content.decode()
    answer = client.get(url)
    assert answer.context["hole"].hours == "09:00–11:00"
    assert answer.context["back"] == address(first)


def test_confirmed_once_however_often_it_is_pressed(world: World, who: Technician) -> None:
    one, client = di(world), client_of(world.planner)
    wanted = {"_confirm": value(one), "_once": "key"}
    answers = [client.post(hole(who), wanted, **FETCH) for _ in range(2)]
    rdv = Appointment.objects.get(intervention=one)
    assert [answer.json() for answer in answers] == [{"location": address(rdv)}] * 2
    assert planned(one) == [("draft", "25/11 09:15", "09:45", ["Alan"])]
    page = client.get(address(rdv)).content.decode()
    assert f"{rdv} : créé le mercredi 25 novembre 09:15, Alan." in page
    assert f"{one} : c&#x27;était déjà fait, rien de plus." in page

    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    undone = client.post("/admin/undo/", {"token": token, "_once": "undo"}, **FETCH)
    assert undone.json() == {"location": address(one)}
    assert planned(one) == []


def test_confirmed_over_the_page_of_an_rdv_comes_back_to_it(world: World, who: Technician) -> None:
    one, first = di(world), Appointment.objects.order_by("starts_at")[0]
    wanted = {"_confirm": value(one), "_once": "key"}
    answer = client_of(world.planner).post(f"{hole(who)}&appointment={first.pk}", wanted, **FETCH)
    assert answer.json() == {"location": address(first)}


def test_following_goes_on_in_what_is_left_then_ends(world: World, who: Technician) -> None:
    """9:15 to 9:45, then 10 minutes of way within the town: 10:00 to 10:30; 10:45 and the way back pass 11:00."""
    one, two = di(world), di(world)
    client = client_of(world.planner)
    answer = client.post(hole(who), {"_following": value(one), "_once": "a"}, follow=True, **FETCH)
    assert answer.redirect_chain == [(hole(who, start=585), 302)]
    page = answer.content.decode()
    assert "créé le mercredi 25 novembre 09:15, Alan." in page
    assert "<b>09:45–11:00</b> (1 h 15)" in page
    assert values_of(page, "_following") == [value(two, start=600)]

    repeated = client.post(hole(who), {"_following": value(one), "_once": "a"}, follow=True, **FETCH)
    assert repeated.redirect_chain == [(hole(who, start=585), 302)]
    assert planned(one) == [("draft", "25/11 09:15", "09:45", ["Alan"])]

    client.post(hole(who, start=585), {"_following": value(two, start=600), "_once": "b"}, **FETCH)
    three = di(world, duration=Decimal("0.25"))
    last = client.post(hole(who, start=630), {"_following": value(three, start=645, work=15), "_once": "c"}, **FETCH)
    rdv = Appointment.objects.get(intervention=three)
    assert last.json() == {"location": address(rdv)}
    assert "Le créneau est rempli." in client.get(address(rdv)).content.decode()


def test_following_keeps_the_options_that_were_chosen(world: World, who: Technician) -> None:
    """Of the three that fit, only those of the task are proposed again; the other holes of the day keep it too."""
    one, two, other = di(world), di(world), di(world)
    InterventionRequest.objects.filter(pk=other.pk).update(task=TaskFactory(name="Ramonage"))
    client = client_of(world.planner)
    typed = {"act-radius": "25", "act-tasks": [world.task.pk]}
    options = f"&act-radius=25&act-tasks={world.task.pk}"
    searched = client.post(hole(who), {**typed, "_search": "1"})
    assert f"start=810&amp;end=1050{options.replace('&', '&amp;')}" in searched.content.decode()

    answer = client.post(hole(who), {**typed, "_following": value(one), "_once": "a"}, follow=True, **FETCH)

    assert answer.redirect_chain == [(hole(who, start=585) + options, 302)]
    assert values_of(answer.content.decode(), "_confirm") == [value(two, start=600)]
    assert answer.context["form"].cleaned_data["radius"] == 25
    assert answer.context["has_options"] is True


def test_slot_taken_meanwhile_is_refused_in_the_dialog(world: World, who: Technician) -> None:
    one, two = di(world), di(world)
    book(world, world.intervention(duration=Decimal(1)), who=who, starts_at=at(9), state="confirmed")
    with nothing_changed():
        answer = client_of(world.planner).post(hole(who), {"_confirm": value(one), "_once": "a"}, **FETCH)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Alan est déjà pris le 25/11/2026 de 09:00 à 10:00. Choisissez un autre créneau" in page
    assert "<b>10:00–11:00</b> (1 h)" in page
    assert values_of(page, "_confirm") == [value(one, start=615), value(two, start=615)]


def test_intervention_changed_by_a_colleague_is_refused(world: World, who: Technician) -> None:
    one = di(world)
    stale = value(one)
    InterventionRequest.objects.filter(pk=one.pk).update(version=one.version + 1)
    with nothing_changed():
        answer = client_of(world.planner).post(hole(who), {"_confirm": stale, "_once": "a"}, **FETCH)
    assert answer.status_code == 409
    one.refresh_from_db()
    assert values_of(answer.content.decode(), "_confirm") == [value(one)]


def test_options_narrow_and_a_duration_ignored_plans_the_time_there_is(world: World, who: Technician) -> None:
    """9:15 to 10:50 is left for the work, which is 95 minutes: 1.58 h of the four."""
    other = TaskFactory(name="Ramonage")
    long, short = di(world, duration=Decimal(4)), di(world)
    InterventionRequest.objects.filter(pk=short.pk).update(task=other)
    client = client_of(world.planner)
    usual = {"act-radius": "30", "_search": "1"}
    with nothing_changed():
        narrowed = client.post(hole(who), {**usual, "act-tasks": [world.task.pk]}).content.decode()
        shortened = client.post(hole(who), {**usual, "act-tasks": [world.task.pk], "act-ignores_duration": "on"})
        wrong = client.post(hole(who), {**usual, "act-radius": "-1"})
    assert values_of(client.get(hole(who)).content.decode(), "_confirm") == [value(short)]
    assert (values_of(narrowed, "_confirm"), "Rien ne tient dans ce créneau." in narrowed) == ([], True)
    (offered,) = values_of(shortened.content.decode(), "_confirm")
    assert offered == value(long, work=95)
    assert list(wrong.context["form"].errors) == ["radius"]
    client.post(hole(who), {**usual, "_confirm": offered, "_once": "a"})
    assert Appointment.objects.get(intervention=long).duration == Decimal("1.58")
    long.refresh_from_db()
    assert long.state == "partly_planned"


def test_time_that_is_over_is_not_filled(world: World, who: Technician) -> None:
    di(world)
    with time_machine.travel(at(9, 50), tick=False):
        assert client_of(world.planner).get(hole(who)).context["hole"].hours == "10:00–11:00"
    with time_machine.travel(at(7, day=26), tick=False):
        page = client_of(world.planner).get(hole(who)).content.decode()
    assert "Ce créneau n'est plus libre" not in page
    assert "Il n'y a plus de temps libre ce jour-là." in page
    assert values_of(page, "_confirm") == []


@pytest.mark.parametrize("query", ["", "technician=0&day=2026-11-25", "technician={who}&day=demain", "appointment=0"])
def test_address_that_names_nothing_is_not_found(world: World, who: Technician, query: str) -> None:
    answer = client_of(world.planner).get(f"/planning/fill/?{query.format(who=who.pk)}")
    assert answer.status_code == 404


@pytest.mark.parametrize("choice", ["x", "1-2", "0-555-30-1", "{pk}-9999-30-1"])
def test_choice_that_is_none_is_not_found(world: World, who: Technician, choice: str) -> None:
    one = di(world)
    with nothing_changed():
        answer = client_of(world.planner).post(hole(who), {"_confirm": choice.format(pk=one.pk)})
    assert answer.status_code == 404


def test_another_company_s_records_are_not_found(world: World, who: Technician) -> None:
    one, rdv = di(world), Appointment.objects.all()[0]
    company = CompanyFactory(name="Autre Foyer")
    user = UserFactory(role=PLANNER, company=company, is_staff=True)
    theirs = Technician.objects.create(name="Zoé", company=company)
    client = client_of(user)
    with nothing_changed():
        for url in (hole(who), f"/planning/fill/?appointment={rdv.pk}", f"/planning/find/?intervention={one.pk}"):
            assert client.get(url).status_code == 404
        assert client.post(hole(theirs), {"_confirm": value(one), "_once": "a"}).status_code == 404
        chosen = f"{theirs.pk}_{at(9).isoformat()}"
        url = f"/planning/find/?intervention={one.pk}"
        assert client_of(world.planner).post(url, {"_choose": chosen, "_once": "a"}).status_code == 404


def test_who_may_not_add_rdvs_fills_nothing(world: World, who: Technician) -> None:
    one, rdv = di(world), Appointment.objects.all()[0]
    user = UserFactory(company=world.company, is_staff=True)
    names = ["view_appointment", "change_appointment", "view_interventionrequest"]
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))
    client = client_of(user)
    urls = (hole(who), f"/planning/find/?intervention={one.pk}")
    with nothing_changed():
        assert [client.get(url).status_code for url in urls] == [403, 403]
        assert client.post(hole(who), {"_confirm": value(one), "_once": "a"}).status_code == 403
    assert "Remplir un créneau" not in client.get(address(rdv)).content.decode()
    assert "openfire/board/fill.js" not in client.get("/planning/").content.decode()
    assert "openfire/board/fill.js" in client_of(world.planner).get("/planning/").content.decode()


def test_queries_do_not_depend_on_the_number_of_proposals(world: World, who: Technician) -> None:
    client = client_of(world.planner)
    counts = []
    for more in (1, 49):
        for _ in range(more):
            di(world)
        client.get(hole(who))
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(hole(who))
        counts.append((len(queries), len(answer.context["offers"])))
    assert counts[0][1] == 1
    assert counts[1] == (counts[0][0], 20)


# « Chercher un créneau »


def test_best_places_are_read_out_and_one_is_chosen_once(world: World, who: Technician) -> None:
    """Thursday's half days cost a day and no detour, Friday's another day; Wednesday's cost 10 and 20 minutes of detour."""
    one = di(world, duration=Decimal(1), to_on=date(2026, 12, 1), from_on=date(2026, 11, 25))
    client = client_of(world.planner)
    url = f"/planning/find/?intervention={one.pk}"
    assert f'href="{url}" data-dialog data-saved' in client.get(address(one)).content.decode()
    answer = client.get(url)
    shown = [(spot.spoken.replace("\N{NO-BREAK SPACE}", " "), spot.who) for spot in answer.context["spots"]]
    assert shown == [
        ("jeudi 26 novembre, 8 h", "Alan"),
        ("jeudi 26 novembre, 13 h 30", "Alan"),
        ("vendredi 27 novembre, 8 h", "Alan"),
    ]
    page = answer.content.decode()
    assert "aucun RDV avant, sur le chemin" in page
    assert f'href="{url}&amp;all=1" data-dialog>Autres</a>' in page
    every = client.get(f"{url}&all=1")
    assert len(every.context["spots"]) == 9
    assert "<b>mardi 1er décembre, 8\N{NO-BREAK SPACE}h</b>, avec Alan" in every.content.decode()
    assert "10 min de route (estimé), détour de 10 min" in every.content.decode()

    wanted = {"_choose": answer.context["spots"][0].value, "_once": "a", "_version": one.version}
    answers = [client.post(url, wanted, **FETCH) for _ in range(2)]
    assert [found.json() for found in answers] == [{"location": address(one)}] * 2
    assert planned(one) == [("draft", "26/11 08:00", "09:00", ["Alan"])]
    again = client.get(url).content.decode()
    assert f"{one} est déjà entièrement planifiée : voyez ses RDV." in again


def test_place_taken_meanwhile_is_refused_with_the_places_found_again(world: World, who: Technician) -> None:
    one, client = di(world, to_on=date(2026, 11, 25), from_on=date(2026, 11, 25)), client_of(world.planner)
    url = f"/planning/find/?intervention={one.pk}"
    first = client.get(url).context["spots"][0]
    book(world, world.intervention(duration=Decimal(4)), who=who, starts_at=at(13, 30), state="confirmed")
    with nothing_changed():
        answer = client.post(url, {"_choose": first.value, "_once": "a", "_version": one.version}, **FETCH)
    assert answer.status_code == 409
    assert "Alan est déjà pris le 25/11/2026 de 13:30 à 17:30." in answer.content.decode()
    assert [spot.value for spot in answer.context["spots"]] == [f"{who.pk}_{at(9, 15).isoformat()}"]


def test_work_longer_than_half_a_day_is_placed_over_several(world: World, who: Technician) -> None:
    """Ten hours from Thursday 8:00: eight that day, two on Friday. A place of the week after passes the weekend."""
    long, client = di(world, duration=Decimal(10), from_on=date(2026, 11, 26)), client_of(world.planner)
    url = f"/planning/find/?intervention={long.pk}"
    answer = client.get(url)
    assert answer.context["note"] == ""
    shown = [
        [text.replace("\N{NO-BREAK SPACE}", " ") for text in (spot.spoken, spot.reasons.partition(", aucun RDV")[0])]
        for spot in answer.context["spots"]
    ]
    assert shown == [
        ["jeudi 26 novembre, 8 h", "jusqu'au vendredi 27 novembre, 10 h"],
        ["jeudi 26 novembre, 13 h 30", "jusqu'au vendredi 27 novembre, 15 h 30"],
        ["vendredi 27 novembre, 8 h", "jusqu'au lundi 30 novembre, 10 h"],
    ]
    spot = answer.context["spots"][0]
    client.post(url, {"_choose": spot.value, "_once": "a", "_version": long.version})
    assert planned(long) == [("draft", "26/11 08:00", "10:00", ["Alan"])]


def test_time_without_room_for_the_way_is_proposed_with_a_warning(world: World, who: Technician) -> None:
    """Two hours between 9:00 and 11:00: ten minutes there and ten back do not fit any more."""
    book(world, world.intervention(duration=Decimal(4)), who=who, starts_at=at(13, 30), state="confirmed")
    one = di(world, duration=Decimal(2), from_on=date(2026, 11, 25), to_on=date(2026, 11, 25))
    answer = client_of(world.planner).get(f"/planning/find/?intervention={one.pk}")
    assert answer.context["note"] == (
        "Aucun créneau des 30 jours cherchés ne laisse le temps de la route : voici le premier temps libre, à vérifier "
        "avant de le promettre."
    )
    (spot,) = answer.context["spots"]
    assert (spot.value, spot.score) == (f"{who.pk}_{at(9).isoformat()}", None)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"is_validated": False}, "n&#x27;est pas validée : validez-la, puis cherchez."),
        (
            {"from_on": date(2026, 11, 29), "to_on": date(2026, 11, 29)},
            "aucun créneau libre entre le 29/11/2026 et le 29/11/2026",
        ),
    ],
)
def test_dialog_without_a_place_says_why(world: World, who: Technician, values: dict[str, Any], said: str) -> None:
    one = di(world, **values)
    answer = client_of(world.planner).get(f"/planning/find/?intervention={one.pk}")
    assert (answer.context["spots"], said in answer.content.decode()) == ([], True)


# The API


def test_api_answers_places_of_an_intervention_and_proposals_of_a_day(world: World, who: Technician) -> None:
    one = di(world, from_on=date(2026, 11, 25), to_on=date(2026, 11, 25))
    api = Api(world.planner)
    day = {"intervention": one.pk, "technician": who.pk, "duration": "0.50"}
    found = api.get(f"slots/?technician={who.pk}&day=2026-11-25").data
    assert [(row["starts_at"], row["score"], row["detour"]) for row in found["results"]] == [
        (at(9, 15).isoformat(), 92, 20),
        (at(13, 45).isoformat(), 108, 10),
    ]
    assert all(day.items() <= row.items() for row in found["results"])
    assert found["results"][0]["reasons"] == [
        "détour de 20 min (estimé)",
        "dernier jour de sa période",
        "remplit 33 % du créneau",
    ]
    places = api.get(f"slots/?intervention={one.pk}").data
    assert [row["starts_at"] for row in places["results"]] == [at(13, 45).isoformat(), at(9, 15).isoformat()]
    assert (places["count"], places["next"]) == (2, None)
    assert api.get("slots/").data == {"count": 0, "next": None, "results": []}


@pytest.mark.parametrize("query", ["technician=1", "day=2026-11-25", "intervention=1&day=2026-11-25"])
def test_api_says_what_it_needs(world: World, query: str) -> None:
    answer = Api(world.planner).get(f"slots/?{query}")
    assert refused(answer, 400)
    assert list(answer.data["fields"]) == ["intervention"]


def test_api_refuses_a_day_that_is_none_and_finds_no_other_company_s_records(world: World, who: Technician) -> None:
    one = di(world)
    wrong = Api(world.planner).get(f"slots/?technician={who.pk}&day=demain")
    assert refused(wrong, 400)
    assert list(wrong.data["fields"]) == ["day"]
    elsewhere = Api(UserFactory(role=PLANNER, company=CompanyFactory(name="Autre Foyer")))
    for query in (f"technician={who.pk}&day=2026-11-25", f"intervention={one.pk}", "intervention=x"):
        assert refused(elsewhere.get(f"slots/?{query}"), 404)
