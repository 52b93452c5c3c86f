"""A whole week on the board: 15 technicians, 300 RDVs. By the mouse, by keyboard alone, by touch; a colleague sees each."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model
from playwright.sync_api import Locator, Page, expect

from appointments.models import Appointment, Slot
from interventions.models import InterventionRequest, Technician
from tests.browser.fields import toasts
from tests.browser.test_board import FRIDAY, REFUSAL, THURSDAY, WEDNESDAY, WEEK, card, cell, drag, when
from tests.factories import World, make_world
from tests.factories.appointments import at, book, technician

Login = Callable[[Page, AbstractBaseUser], Page]
PEOPLE, DAYS = 15, range(23, 28)
HOURS = (8, 9, 14, 15)  # of an hour each: from 10:00 and from 16:00 one is free
SUNDAY = "2026-11-29"
SEEN_WITHIN = 10_000  # ms
SCREEN: Any = {"width": 1600, "height": 1200}


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def people(world: World) -> list[Technician]:
    return [technician(world, name=f"Intervenant {number:02}") for number in range(1, PEOPLE + 1)]


@pytest.fixture
def week(world: World, people: list[Technician]) -> dict[tuple[int, int, int], Appointment]:
    """Its RDVs by (rank of the technician, day, hour), as drafts: copies of one, each with a DI of its own."""
    like = book(world, world.intervention(duration=Decimal(1)), who=people[0], starts_at=at(8, day=20), state="draft")
    places = [(person, day, hour) for person in range(PEOPLE) for day in DAYS for hour in HOURS]
    assert len(places) == 300
    requests = InterventionRequest.objects.bulk_create(copies(like.intervention, len(places), "S"))
    rdvs = copies(like, len(places), "RDV/S")
    for rdv, request, (person, day, hour) in zip(rdvs, requests, places, strict=True):
        rdv.intervention_id, rdv.lead_id = request.pk, people[person].pk
        rdv.starts_at, rdv.ends_at = at(hour, day=day), at(hour + 1, day=day)
    rdvs = Appointment.objects.bulk_create(rdvs)
    named = Appointment.technicians.through
    named.objects.bulk_create(named(appointment_id=rdv.pk, technician_id=rdv.lead_id) for rdv in rdvs)
    Slot.objects.bulk_create(
        Slot(appointment=rdv, technician_id=rdv.lead_id, starts_at=rdv.starts_at, ends_at=rdv.ends_at) for rdv in rdvs
    )
    return dict(zip(places, rdvs, strict=True))


def copies(like: Any, count: int, number: str) -> list[Any]:
    """Unsaved copies of a record, with numbers of their own."""
    model: type[Model] = type(like)
    values = {field.attname: getattr(like, field.attname) for field in model._meta.concrete_fields}
    return [model(**{**values, "id": None, "number": f"{number}{rank:03}"}) for rank in range(count)]


@pytest.fixture
def colleague(new_context: Any, login: Login, world: World, week: Any) -> Page:
    """Another planner, who has scrolled the same week."""
    page = login(new_context(viewport=SCREEN).new_page(), world.manager)
    page.goto(WEEK)
    expect(page.locator("#board .of-rdv")).to_have_count(300)
    scroll_of(page).evaluate("box => box.scrollTo(0, 150)")
    return page


def scroll_of(page: Page) -> Locator:
    return page.locator(".of-board-scroll")


def press(page: Page, target: Locator) -> None:
    """Press in its middle with the mouse."""
    target.wait_for()
    box = target.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def are_in(page: Page, places: Iterable[tuple[Appointment, Technician, str]]) -> None:
    """Each RDV stands in that row and day, and in no other."""
    for rdv, person, day in places:
        expect(cell(page, person, day).locator(f'[data-rdv="{rdv.pk}"]')).to_have_count(1, timeout=SEEN_WITHIN)
        expect(page.locator(f'#board [data-rdv="{rdv.pk}"]')).to_have_count(1)


def test_week_is_worked_with_the_mouse(
    page: Page,
    login: Login,
    world: World,
    people: list[Technician],
    week: dict[tuple[int, int, int], Appointment],
    colleague: Page,
    page_errors: list[str],
) -> None:
    one, two, three, *_others = people
    by_day, by_row, longer, refused, undone = (
        week[place] for place in ((0, 25, 8), (0, 26, 8), (1, 25, 9), (2, 25, 8), (2, 26, 8))
    )
    waiting = world.intervention(duration=Decimal(1))
    page.set_viewport_size(SCREEN)
    login(page, world.planner).goto(WEEK)
    expect(page.locator("#board .of-rdv")).to_have_count(300)

    drag(page, card(page, by_day), cell(page, one, FRIDAY))
    are_in(page, [(by_day, one, FRIDAY)])
    assert when(by_day) == ("27/11 10:00", [one.name], one.name)

    drag(page, card(page, by_row, THURSDAY), cell(page, two, THURSDAY))
    are_in(page, [(by_row, two, THURSDAY)])
    assert when(by_row) == ("26/11 10:00", [two.name], two.name)

    edge = card(page, longer).locator(".of-grip").bounding_box()
    assert edge is not None
    page.mouse.move(edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2)
    page.mouse.down()
    page.mouse.move(edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2 + 16, steps=4)  # two quarters
    page.mouse.up()
    expect(card(page, longer)).to_have_attribute("data-end", "630")
    longer.refresh_from_db()
    assert (longer.duration, longer.ends_at) == (Decimal("1.50"), at(10, 30))

    row = page.locator(f'[data-wait="{waiting.pk}"][data-kind=intervention]')
    drag(page, row, cell(page, three, FRIDAY))
    expect(row).to_have_count(0)
    placed = Appointment.objects.get(intervention=waiting)
    are_in(page, [(placed, three, FRIDAY)])
    assert when(placed) == ("27/11 10:00", [three.name], three.name)

    drag(page, card(page, refused), cell(page, three, SUNDAY))
    expect(page.locator(REFUSAL)).to_contain_text("Intervenant 03 ne travaille pas le 29/11/2026 de 08:00 à 09:00")
    assert when(refused) == ("25/11 08:00", [three.name], three.name)
    page.keyboard.type("Urgence")  # the reason has the focus
    press(page, page.get_by_role("button", name="Passer outre"))
    are_in(page, [(refused, three, SUNDAY)])
    refused.refresh_from_db()
    assert (refused.override, when(refused)[0]) == ("Urgence", "29/11 08:00")

    drag(page, card(page, undone, THURSDAY), cell(page, one, WEDNESDAY))
    are_in(page, [(undone, one, WEDNESDAY)])
    assert when(undone) == ("25/11 08:00", [one.name], one.name)
    are_in(
        colleague,
        [
            (by_day, one, FRIDAY),
            (by_row, two, THURSDAY),
            (placed, three, FRIDAY),
            (refused, three, SUNDAY),
            (undone, one, WEDNESDAY),
        ],
    )
    expect(card(colleague, longer)).to_have_attribute("data-end", "630")
    press(page, toasts(page).get_by_role("button", name="Annuler").last)
    are_in(page, [(undone, three, THURSDAY)])
    assert when(undone) == ("26/11 08:00", [three.name], three.name)
    are_in(colleague, [(undone, three, THURSDAY)])
    assert scroll_of(colleague).evaluate("box => box.scrollTop") == 150
    page_errors.clear()  # Chromium notes the refusal


def test_week_is_worked_by_keyboard_alone(
    page: Page,
    login: Login,
    world: World,
    people: list[Technician],
    week: dict[tuple[int, int, int], Appointment],
    colleague: Page,
) -> None:
    """Tab to the board, arrows to the second card, M, arrows, Enter; Ctrl+Z takes it back."""
    one, two, *_others = people
    rdv = week[0, 23, 9]
    login(page, world.planner).goto(WEEK)
    expect(page.locator("#board .of-rdv")).to_have_count(300)
    page.locator("[data-search]").focus()
    for _press in range(60):
        if page.evaluate("Boolean(document.activeElement.closest('#board td.of-cell'))"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(card(page, rdv, "2026-11-23")).to_be_focused()

    for key in ("m", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator("[data-said]")).to_have_text(f"{two.name}, mercredi 25 novembre, 10:00")
    page.keyboard.press("Enter")
    are_in(page, [(rdv, two, WEDNESDAY)])
    expect(card(page, rdv)).to_be_focused()
    assert when(rdv) == ("25/11 10:00", [two.name], two.name)
    are_in(colleague, [(rdv, two, WEDNESDAY)])

    page.keyboard.press("m")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    expect(page.locator("[data-said]")).to_have_text("Rien ne change.")
    page.keyboard.press("Control+z")
    are_in(page, [(rdv, one, "2026-11-23")])
    assert when(rdv) == ("23/11 09:00", [one.name], one.name)
    are_in(colleague, [(rdv, one, "2026-11-23")])
    assert scroll_of(colleague).evaluate("box => box.scrollTop") == 150


def test_week_is_worked_by_touch(
    new_context: Any,
    login: Login,
    world: World,
    people: list[Technician],
    week: dict[tuple[int, int, int], Appointment],
    colleague: Page,
) -> None:
    """A finger held on a card drags it to another row and day."""
    rdv = week[0, 25, 8]
    page = login(new_context(has_touch=True, viewport={"width": 1180, "height": 820}).new_page(), world.planner)
    page.goto(WEEK)
    expect(page.locator("#board .of-rdv")).to_have_count(300)
    start, end = card(page, rdv).bounding_box(), cell(page, people[1], FRIDAY).bounding_box()
    assert start is not None
    assert end is not None
    first, last = (start["x"] + 20, start["y"] + 12), (end["x"] + 40, end["y"] + 30)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    send("touchStart", first)
    expect(page.locator(".of-drag-ghost")).to_have_count(1)
    for step in range(1, 9):
        send("touchMove", (first[0] + (last[0] - first[0]) * step / 8, first[1] + (last[1] - first[1]) * step / 8))
    send("touchEnd")

    are_in(page, [(rdv, people[1], FRIDAY)])
    assert when(rdv) == ("27/11 10:00", [people[1].name], people[1].name)
    are_in(colleague, [(rdv, people[1], FRIDAY)])
    assert scroll_of(colleague).evaluate("box => box.scrollTop") == 150
