"""The map of a day: chosen in the list is chosen on the map and the other way round; tiles; keyboard; a phone."""

import base64
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from playwright.sync_api import Locator, Page, Route, expect

from appointments.models import Appointment
from interventions.models import InterventionRequest, Technician
from tests.browser.test_accessibility import violations
from tests.factories import AddressFactory, World, make_world
from tests.factories.appointments import at, book, technician

Login = Callable[[Page, AbstractBaseUser], Page]
TILES = "https://tuiles.example/{z}/{x}/{y}.png"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
PLACES = {"Noyal": ("48.10", "-1.60"), "Janzé": ("47.96", "-1.50"), "Vitré": ("48.12", "-1.21"), "Nulle part": None}
NO_TILES = "Le fond de carte ne répond pas : points sur fond neutre."


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def day() -> date:
    """The Wednesday after next Sunday."""
    today = timezone.localdate()
    return today + timedelta(days=9 - today.weekday())


@pytest.fixture
def who(world: World) -> Technician:
    return technician(world, name="Arzhel")


def moment(day: date, hour: int) -> datetime:
    return at(hour).replace(year=day.year, month=day.month, day=day.day)


def di(world: World, town: str, day: date) -> InterventionRequest:
    point = PLACES[town]
    where = {"latitude": point[0], "longitude": point[1]} if point else {}
    site = AddressFactory(partner=world.customer, street=town, zip="35235", city=town, **where)
    today = timezone.localdate()
    return world.intervention(
        duration=Decimal(1), address=site, from_on=today - timedelta(days=1), to_on=day + timedelta(days=30)
    )


@pytest.fixture
def rdvs(world: World, who: Technician, day: date) -> list[Appointment]:
    """Noyal at 8:00, Vitré at 10:00."""
    hours = {"Noyal": 8, "Vitré": 10}
    return [
        book(world, di(world, town, day), who=who, starts_at=moment(day, hour), state="confirmed")
        for town, hour in hours.items()
    ]


@pytest.fixture
def waiting(world: World, rdvs: list[Appointment], day: date) -> list[InterventionRequest]:
    """Two at one place in Janzé, one that nobody knows where."""
    return [di(world, town, day) for town in ("Janzé", "Janzé", "Nulle part")]


def opened(page: Page, login: Login, world: World, day: date, more: str = "") -> Page:
    page.emulate_media(reduced_motion="reduce")  # nothing slides or fades: what is pressed stands still
    login(page, world.planner).goto(f"/planning/map/?from={day}{more}")
    expect(page.locator("#map.leaflet-container")).to_be_visible()
    return page


def row(page: Page, rank: int) -> Locator:
    return page.locator("[data-point]").nth(rank)


def is_centred(page: Page, marker: Locator) -> bool:
    (around, box) = (page.locator("#map").bounding_box(), marker.bounding_box())
    assert around is not None
    assert box is not None
    across = abs(box["x"] + box["width"] / 2 - around["x"] - around["width"] / 2)
    down = abs(box["y"] + box["height"] / 2 - around["y"] - around["height"] / 2)
    return across < 4 and down < 4


def test_chosen_in_the_list_is_open_in_the_middle_of_the_map(
    page: Page, login: Login, world: World, day: date, rdvs: list[Appointment], waiting: list[InterventionRequest]
) -> None:
    opened(page, login, world, day)
    expect(page.locator(".of-map-marker")).to_have_count(2)
    expect(page.locator(".of-map-cluster")).to_have_count(1)

    row(page, 1).click()

    marker = page.get_by_role("button", name="Arzhel, 2, Aubry Maëlle, 10:00–11:00 · Vitré · Dépannage")
    expect(marker).to_contain_class("is-chosen")
    assert is_centred(page, marker)
    expect(page.locator(".leaflet-popup")).to_contain_text("Arzhel · 10:00–11:00 · Vitré · Dépannage")
    expect(row(page, 1)).to_have_attribute("aria-current", "true")
    expect(page.locator("[aria-current=true][data-point]")).to_have_count(1)
    expect(page.locator(".of-map-list .of-map-acts:visible a")).to_have_text(["Voir le RDV", "Ouvrir la fiche"])

    row(page, 2).click()  # one of the two at one place

    expect(page.locator(".leaflet-popup")).to_have_count(1)
    expect(page.locator(".leaflet-popup")).to_contain_text("Janzé")
    expect(page.locator(".of-map-marker.is-chosen")).to_have_count(1)
    expect(page.locator(".of-map-list .of-map-acts:visible a")).to_have_text(["Chercher un créneau", "Ouvrir la fiche"])
    assert page.url.endswith(f"#d-{waiting[0].pk}")


def test_chosen_on_the_map_is_chosen_in_the_list(
    page: Page, login: Login, world: World, day: date, rdvs: list[Appointment], waiting: list[InterventionRequest]
) -> None:
    for _n in range(12):  # before them in the list
        di(world, "Nulle part", day - timedelta(days=10))
    opened(page, login, world, day)
    expect(page.locator(f"[data-point=d-{waiting[0].pk}]")).not_to_be_in_viewport()

    page.get_by_role("button", name="Arzhel, 1,").click()

    expect(row(page, 0)).to_have_attribute("aria-current", "true")
    expect(page.locator(".leaflet-popup a").first).to_have_text("Voir le RDV")

    page.get_by_role("button", name="2 lieux : rapprocher").click()
    page.locator(".of-map-marker", has=page.locator(".of-map-waiting")).nth(1).click()

    chosen = page.locator("[data-point][aria-current=true]")
    expect(chosen).to_have_count(1)
    assert chosen.get_attribute("data-point") in [f"d-{one.pk}" for one in waiting[:2]]
    expect(chosen).to_be_in_viewport()


def test_by_keyboard_alone(
    page: Page, login: Login, world: World, day: date, rdvs: list[Appointment], waiting: list[InterventionRequest]
) -> None:
    opened(page, login, world, day)
    marker = page.get_by_role("button", name="Arzhel, 2,")
    marker.focus()
    page.keyboard.press("Enter")
    expect(row(page, 1)).to_have_attribute("aria-current", "true")
    expect(page.locator(".leaflet-popup a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".leaflet-popup")).to_have_count(0)
    expect(marker).to_be_focused()

    page.get_by_role("button", name="2 lieux : rapprocher").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".of-map-marker", has=page.locator(".of-map-waiting"))).to_have_count(2)

    row(page, 4).focus()
    page.keyboard.press("Enter")
    expect(row(page, 4)).to_have_attribute("aria-current", "true")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Chercher un créneau")


def test_what_has_no_position_is_chosen_in_the_list(
    page: Page, login: Login, world: World, day: date, waiting: list[InterventionRequest]
) -> None:
    opened(page, login, world, day)

    row(page, 4).click()

    expect(row(page, 4)).to_have_attribute("aria-current", "true")
    expect(page.locator(".leaflet-popup")).to_have_count(0)
    expect(page.locator(".of-map-missing")).to_have_text("1 sans position · Placer les adresses")


def test_a_slot_found_from_the_map_comes_back_to_it(
    page: Page, login: Login, world: World, day: date, waiting: list[InterventionRequest]
) -> None:
    opened(page, login, world, day)
    row(page, 2).click()
    page.locator(".of-map-list").get_by_role("link", name="Chercher un créneau").click()
    page.locator("dialog").get_by_role("button", name="Choisir").first.click()

    expect(page.locator(f"[data-point=d-{waiting[0].pk}]")).to_have_count(0)
    assert "/planning/map/" in page.url
    assert Appointment.objects.filter(intervention=waiting[0]).count() == 1


def test_tiles_are_asked_of_their_server_alone(
    page: Page, login: Login, world: World, day: date, rdvs: list[Appointment], settings: Any
) -> None:
    settings.MAP_TILES_URL, settings.MAP_TILES_CREDIT = TILES, "© <i>les contributeurs</i>"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route("https://tuiles.example/**", lambda route: route.fulfill(body=PIXEL, content_type="image/png"))
    opened(page, login, world, day)
    page.wait_for_load_state("networkidle")

    outside = [url for url in asked if "127.0.0.1" not in url and "localhost" not in url and url.startswith("http")]
    assert outside
    assert {url.split("/")[2] for url in outside} == {"tuiles.example"}
    expect(page.locator(".leaflet-control-attribution")).to_have_text("© <i>les contributeurs</i>")
    expect(page.locator("[data-tiles-said]")).to_be_empty()
    name = page.locator(".of-map-marker .of-map-name").first
    expect(name).to_be_hidden()
    page.locator(".of-map-marker").first.hover()
    expect(name).to_be_visible()


def test_tiles_that_fail_are_said_and_names_appear(
    page: Page,
    login: Login,
    world: World,
    day: date,
    rdvs: list[Appointment],
    settings: Any,
    page_errors: list[str],
) -> None:
    settings.MAP_TILES_URL = TILES
    failing = True

    def answer(route: Route) -> None:
        if failing:
            route.fulfill(status=404)
        else:
            route.fulfill(body=PIXEL, content_type="image/png")

    page.route("https://tuiles.example/**", answer)
    opened(page, login, world, day)

    expect(page.locator("[data-tiles-said]")).to_have_text(NO_TILES)
    expect(page.locator(".of-map-marker .of-map-name").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page_errors
    page_errors.clear()

    failing = False
    page.get_by_role("button", name="Rapprocher").click()

    expect(page.locator("[data-tiles-said]")).to_be_empty()
    expect(page.locator(".of-map-marker .of-map-name").first).to_be_hidden()
    assert page_errors == []


def test_without_tiles_each_place_has_its_name(
    page: Page, login: Login, world: World, day: date, waiting: list[InterventionRequest]
) -> None:
    opened(page, login, world, day)

    names = page.locator(".of-map-name:visible")
    expect(names).to_have_count(3)
    assert sorted(names.all_inner_texts()) == ["08:00 Aubry Maëlle", "10:00 Aubry Maëlle", "Janzé"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_breaks_no_rule(
    page: Page, login: Login, world: World, day: date, waiting: list[InterventionRequest], scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, login, world, day)
    assert violations(page) == []
    row(page, 1).click()
    expect(page.locator(".leaflet-popup")).to_be_visible()
    assert violations(page) == []


def test_on_a_phone_the_map_is_above_the_list(
    phone: Page, login: Login, world: World, day: date, waiting: list[InterventionRequest]
) -> None:
    opened(phone, login, world, day)

    def boxes() -> tuple[Any, Any]:
        return phone.locator("#map").bounding_box(), row(phone, 0).bounding_box()

    around, first = boxes()
    assert around["y"] + around["height"] <= first["y"]
    row(phone, 1).tap()
    expect(phone.locator(".leaflet-popup")).to_be_in_viewport()
    expect(row(phone, 1)).to_be_in_viewport()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


def test_the_map_s_filters_and_the_way_back(
    page: Page, login: Login, world: World, day: date, who: Technician, waiting: list[InterventionRequest]
) -> None:
    login(page, world.planner).goto(f"/planning/?view=day&from={day}")
    page.get_by_role("link", name="Carte", exact=True).click()
    page.get_by_role("link", name="À placer", exact=True).click()
    expect(page.locator("[data-point]")).to_have_count(2)
    page.get_by_text("Affichage").click()
    page.get_by_role("checkbox", name="Arzhel").check()
    page.get_by_role("button", name="Afficher", exact=True).click()
    expect(page.get_by_text("Affichage (1)")).to_be_visible()
    expect(page.locator("[data-point]")).to_have_count(2)
    page.get_by_role("link", name="Revenir au planning").click()
    expect(page.locator("#board")).to_have_attribute("data-from", str(day))
    assert f"technicians={who.pk}" in page.url
