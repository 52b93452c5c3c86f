"""A technician's day on the road: its page, « Optimiser la tournée », the same by the API."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from appointments.models import Appointment
from appointments.services.saving import move_appointment
from appointments.services.tour_orders import apply_order, propose_order, tour_of
from appointments.services.tours import assign_sectors
from interventions.models import Technician
from invoicing.models import Address, Company
from invoicing.services.records.messages import queue_message
from openfire_billing.kernel.errors import BusinessError, StaleForm
from tests.appointments.test_board import client_of
from tests.factories import AddressFactory, CompanyFactory, SectorFactory, World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import at, book, technician

DAY = date(2026, 11, 25)
PLACES = {"Near": ("48.10", "-1.60"), "Middle": ("48.10", "-1.40"), "Far": ("48.10", "-1.20")}


@pytest.fixture(autouse=True)
def tuesday() -> Iterator[None]:
    """It is Tuesday 24 November 2026, 7:00."""
    with time_machine.travel(at(7, day=24), tick=False):
        yield


@pytest.fixture
def who(world: World) -> Technician:
    """Alan, who leaves from the company, at 48.1, -1.7."""
    Company.objects.update(latitude="48.1", longitude="-1.7", location_source="hand")
    world.company.refresh_from_db()
    return technician(world, name="Alan")


def stop(world: World, who: Technician, place: str, hour: int, minute: int = 0, **values: Any) -> Appointment:
    latitude, longitude = PLACES[place]
    found = AddressFactory(
        partner=world.customer, street=place, zip="35000", city=place, latitude=latitude, longitude=longitude
    )
    state = values.pop("state", "draft")
    di = world.intervention(address=found, duration=Decimal(1), **values)
    return book(world, di, who=who, starts_at=at(hour, minute), state=state)


@pytest.fixture
def zigzag(world: World, who: Technician) -> list[Appointment]:
    """Far at 8:00, near at 10:00, middle at 14:00: 64 + 51 + 26 + 39 minutes as the crow flies."""
    return [stop(world, who, "Far", 8), stop(world, who, "Near", 10), stop(world, who, "Middle", 14)]


def proposed(who: Technician) -> Any:
    return propose_order(Technician.objects.select_related("company").get(pk=who.pk), DAY, now=at(7, day=24))


def tour(who: Technician) -> Any:
    return tour_of(Technician.objects.select_related("company").get(pk=who.pk), DAY, now=at(7, day=24))


def test_a_day_goes_from_base_to_base_with_its_minutes_and_kilometres(
    who: Technician, zigzag: list[Appointment]
) -> None:
    found = tour(who)

    assert [stop.appointment for stop in found.stops] == zigzag
    assert [(stop.way.minutes, round(stop.way.km, 1)) for stop in found.stops] == [(58, 48.3), (47, 38.6), (24, 19.3)]
    assert (found.back.minutes, found.minutes, round(found.km, 1)) == (35, 164, 135.2)
    assert not found.is_estimated


def test_the_base_is_the_technician_s_own_where_he_has_one(who: Technician, zigzag: list[Appointment]) -> None:
    Technician.objects.filter(pk=who.pk).update(latitude="48.1", longitude="-1.2")

    assert tour(who).stops[0].way.minutes == 0


def test_a_shorter_order_is_proposed_and_nothing_is_written(who: Technician, zigzag: list[Appointment]) -> None:
    with nothing_changed():
        found = proposed(who)

    assert (found.before.minutes, found.after.minutes) == (164, 118)
    assert len(found.after.stops) == 3
    assert {stop.appointment for stop in found.after.stops} == set(zigzag)


def test_applied_it_moves_all_of_them_by_the_move_of_rdvs(
    world: World, who: Technician, zigzag: list[Appointment]
) -> None:
    found = proposed(who)
    order = [stop.appointment.pk for stop in found.after.stops]

    apply_order(who, DAY, order=order, versions=found.before.versions, now=at(7, day=24), by=world.planner)

    after = tour(who)
    assert [stop.appointment.pk for stop in after.stops] == order
    assert [stop.starts_at for stop in after.stops] == [stop.starts_at for stop in found.after.stops]
    assert after.minutes == 118
    moved = [one.appointment.pk for one in found.moved]
    assert {rdv.version for rdv in Appointment.objects.filter(pk__in=moved)} == {2}
    assert proposed(who).after is None


def test_a_colleague_s_change_leaves_the_day_as_it_is(world: World, who: Technician, zigzag: list[Appointment]) -> None:
    found = proposed(who)
    order = [stop.appointment.pk for stop in found.after.stops]
    move_appointment(zigzag[2], starts_at=at(15), on=DAY, by=world.planner)

    with nothing_changed(), pytest.raises(StaleForm) as refusal:
        apply_order(who, DAY, order=order, versions=found.before.versions, now=at(7, day=24), by=world.planner)

    assert str(refusal.value) == (
        "La journée de Alan a changé depuis l'aperçu : rien n'est déplacé. Ouvrez de nouveau « Optimiser la tournée »."
    )


def test_an_rdv_that_came_meanwhile_leaves_the_day_as_it_is(
    world: World, who: Technician, zigzag: list[Appointment]
) -> None:
    found = proposed(who)
    order = [stop.appointment.pk for stop in found.after.stops]
    stop(world, who, "Near", 16)

    with nothing_changed(), pytest.raises(StaleForm):
        apply_order(who, DAY, order=order, versions=found.before.versions, now=at(7, day=24), by=world.planner)


def test_an_order_that_is_no_better_is_refused(world: World, who: Technician, zigzag: list[Appointment]) -> None:
    versions = tour(who).versions

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        apply_order(who, DAY, order=list(versions), versions=versions, now=at(7, day=24), by=world.planner)

    assert (refusal.value.code, str(refusal.value)) == ("already_best", "Alan : l'ordre actuel est déjà le meilleur.")


def fixed_of(who: Technician) -> list[str]:
    return [stop.fixed for stop in tour(who).stops]


def test_what_stays_at_its_minute(world: World, who: Technician) -> None:
    stop(world, who, "Far", 8, state="done")
    two = stop(world, who, "Near", 10)
    other = technician(world, name="Brieuc")
    move_appointment(two, starts_at=at(10), technicians=[who, other], on=DAY, by=world.planner)
    stop(world, who, "Middle", 14)
    forced = stop(world, who, "Near", 16)
    Appointment.objects.filter(pk=forced.pk).update(override="le client insiste")

    assert fixed_of(who) == ["terminé", "plusieurs intervenants", "", "dérogation"]


def test_what_began_stays(who: Technician, zigzag: list[Appointment]) -> None:
    person = Technician.objects.select_related("company").get(pk=who.pk)

    assert [stop.fixed for stop in tour_of(person, DAY, now=at(10)).stops] == ["commencé", "commencé", ""]


def test_a_confirmed_rdv_whose_customer_was_written_to_stays(world: World, who: Technician) -> None:
    informed = stop(world, who, "Far", 8, state="confirmed")
    stop(world, who, "Near", 10, state="confirmed")
    queue_message(informed, key="told", kind="sms", to="+33639982010", body="À demain 8 h", by=world.planner)

    assert fixed_of(who) == ["heure annoncée au client", ""]


def test_a_customer_who_was_announced_a_window_is_visited_within_it(world: World, who: Technician) -> None:
    Company.objects.update(announce="range", window_minutes=120)
    informed = stop(world, who, "Far", 8, state="confirmed")
    stop(world, who, "Near", 10, state="confirmed")
    queue_message(informed, key="told", kind="sms", to="+33639982010", body="Entre 8 h et 10 h", by=world.planner)

    assert fixed_of(who) == ["", ""]
    assert [stop.window for stop in tour(who).stops] == [(at(8), at(10)), None]


def page(world: World, who: Technician, more: str = "") -> str:
    return client_of(world.planner).get(f"/planning/tour/?technician={who.pk}&day=2026-11-25{more}").content.decode()


def test_the_page_shows_the_day_and_offers_a_better_order(
    world: World, who: Technician, zigzag: list[Appointment]
) -> None:
    shown = page(world, who)

    assert re.findall(r'class="of-tour-way">([^<]*)<', shown) == [
        "58 min · 48,3 km",
        "47 min · 38,6 km",
        "24 min · 19,3 km",
        "35 min · 29,0 km",
    ]
    assert "135,2 km · 164 min" in shown
    assert "Optimiser la tournée" in shown

    preview = page(world, who, "&optimise=1")

    assert "<b>164 min</b> de route dans l'ordre actuel, <b>118 min</b> dans l'ordre proposé." in preview
    assert len(re.findall(r"→ <b>\d\d:\d\d</b>", preview)) == len(proposed(who).moved)


def test_a_day_that_is_at_its_best_says_so(world: World, who: Technician) -> None:
    stop(world, who, "Near", 8)
    stop(world, who, "Middle", 10)

    assert "L'ordre actuel est déjà le meilleur." in page(world, who, "&optimise=1")


def sent_in(preview: str) -> dict[str, Any]:
    return {
        "stop": re.findall(r'name="stop" value="([^"]*)"', preview),
        "_once": re.findall(r'name="_once" value="([^"]*)"', preview)[0],
    }


def test_the_page_applies_it_once_and_names_the_customers_to_tell(
    world: World, who: Technician, zigzag: list[Appointment]
) -> None:
    client, url = client_of(world.planner), f"/planning/tour/?technician={who.pk}&day=2026-11-25"
    values = sent_in(page(world, who, "&optimise=1"))

    answer = client.post(url, values)

    moved = re.findall(r"moved=([\d-]+)$", answer.url)[0].split("-")
    shown = client.get(answer.url).content.decode()
    assert "Tournée optimisée" in shown
    assert "46 min de route en moins." in shown
    assert [f"/admin/appointments/appointment/{pk}/act/sms/" in shown for pk in moved] == [True] * len(moved)
    assert tour(who).minutes == 118
    with nothing_changed():
        assert client.post(url, values).url == answer.url


def test_it_is_undone_as_one(world: World, who: Technician, zigzag: list[Appointment]) -> None:
    client, url = client_of(world.planner), f"/planning/tour/?technician={who.pk}&day=2026-11-25"
    answer = client.post(url, sent_in(page(world, who, "&optimise=1")))
    shown = client.get(answer.url).content.decode()
    token = re.findall(r'name="token" value="([^"]*)"', shown)[0]

    client.post("/admin/undo/", {"token": token, "_once": "undo"})

    assert [stop.starts_at for stop in tour(who).stops] == [at(8), at(10), at(14)]


def test_a_page_sent_after_a_change_refuses_in_a_sentence(
    world: World, who: Technician, zigzag: list[Appointment]
) -> None:
    client, url = client_of(world.planner), f"/planning/tour/?technician={who.pk}&day=2026-11-25"
    values = sent_in(page(world, who, "&optimise=1"))
    move_appointment(zigzag[2], starts_at=at(15), on=DAY, by=world.planner)

    with nothing_changed():
        answer = client.post(url, values)

    assert answer.status_code == 409
    assert "a changé depuis l&#x27;aperçu" in answer.content.decode()


def test_another_company_s_technician_is_not_found(world: World) -> None:
    stranger = technician(world)
    Technician.objects.filter(pk=stranger.pk).update(company=CompanyFactory())
    client = client_of(world.planner)

    assert client.get(f"/planning/tour/?technician={stranger.pk}&day=2026-11-25").status_code == 404
    assert client.get(f"/planning/tour/?technician={stranger.pk}&day=nope").status_code == 404


def test_a_tour_asks_the_same_number_of_queries_for_many_stops(
    world: World, who: Technician, django_assert_max_num_queries: Any
) -> None:
    for hour in (8, 9, 10, 11, 14, 15, 16):
        stop(world, who, "Near", hour)
    with django_assert_max_num_queries(16):
        assert len(tour(who).stops) == 7
    Address.objects.update(latitude=None, longitude=None)
    assert tour(who).is_estimated
    assert timedelta(minutes=tour(who).minutes) > timedelta()


def test_a_program_asks_for_a_better_order_and_applies_it(
    world: World, who: Technician, zigzag: list[Appointment]
) -> None:
    (day,) = assign_sectors([who], [DAY], [SectorFactory()], by=world.planner)
    api = Api(world.planner)
    with nothing_changed():
        answer = api.get(f"tours/{day.pk}/optimise/").data
    assert (answer["before"]["minutes"], answer["before"]["km"], answer["after"]["minutes"]) == (164, "135.2", 118)
    stops = answer["after"]["stops"]
    body = {"order": [one["appointment"] for one in stops], "versions": [one["version"] for one in stops]}
    with nothing_changed():
        stale = api.post(f"tours/{day.pk}/apply/", {**body, "versions": [9, 9, 9]})
        assert refused(stale, 409)
        assert stale.data["code"] == "stale"
        assert refused(api.post(f"tours/{day.pk}/apply/", {**body, "versions": [1]}), 400)

    done = api.post(f"tours/{day.pk}/apply/", body)

    assert done.status_code == 200
    assert tour(who).minutes == 118
    with nothing_changed():
        assert api.get(f"tours/{day.pk}/optimise/").data["after"] is None
