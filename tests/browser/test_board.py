"""The planning board with the mouse and by touch; what each drop wrote, read back from the database."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Browser, Page, expect

from appointments.models import Appointment
from appointments.services.saving import move_appointment
from interventions.models import Technician
from tests.browser.board import FRIDAY, REFUSAL, THURSDAY, WEDNESDAY, WEEK, card, cell, drag, when
from tests.browser.fields import toasts
from tests.factories import World, make_world
from tests.factories.appointments import at, book, technician

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def people(world: World) -> tuple[Technician, Technician]:
    return technician(world, name="Arzhel"), technician(world, name="Brieuc")


def test_card_is_dragged_to_another_day_and_to_another_row_and_undone(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    arzhel, brieuc = people
    rdv = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="confirmed")
    login(page, world.planner).goto(WEEK)

    drag(page, card(page, rdv), cell(page, arzhel, FRIDAY))
    expect(cell(page, arzhel, FRIDAY).locator(".of-rdv")).to_have_count(1)
    expect(cell(page, arzhel, WEDNESDAY).locator(".of-rdv")).to_have_count(0)
    assert when(rdv) == ("27/11 08:00", ["Arzhel"], "Arzhel")

    drag(page, card(page, rdv, FRIDAY), cell(page, brieuc, FRIDAY))
    expect(cell(page, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(1)
    expect(cell(page, arzhel, FRIDAY).locator(".of-rdv")).to_have_count(0)
    assert when(rdv) == ("27/11 08:00", ["Brieuc"], "Brieuc")
    expect(toasts(page)).to_contain_text("vendredi 27 novembre 08:00, Brieuc")

    toasts(page).get_by_role("button", name="Annuler").last.click()
    expect(cell(page, arzhel, FRIDAY).locator(".of-rdv")).to_have_count(1)
    assert when(rdv) == ("27/11 08:00", ["Arzhel"], "Arzhel")
    number = Appointment.objects.get(pk=rdv.pk)
    assert (number.state, number.number) == ("confirmed", rdv.number)


def test_second_technician_is_added_and_a_copy_is_made_with_the_keys(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    arzhel, brieuc = people
    rdv = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    login(page, world.planner).goto(WEEK)

    drag(page, card(page, rdv), cell(page, brieuc, THURSDAY), keys="Control")
    expect(cell(page, brieuc, THURSDAY).locator(".of-rdv")).to_have_count(1)
    expect(cell(page, arzhel, THURSDAY).locator(".of-rdv")).to_have_count(1)
    assert when(rdv) == ("26/11 08:00", ["Arzhel", "Brieuc"], "Arzhel")

    drag(page, page.locator(f"#r-{rdv.pk}-{brieuc.pk}-{THURSDAY}"), cell(page, brieuc, FRIDAY), keys="Alt")
    expect(cell(page, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(1)
    copy = Appointment.objects.exclude(pk=rdv.pk).get()
    assert (copy.state, copy.intervention, when(copy)[0]) == ("draft", None, "27/11 08:00")
    assert when(rdv)[0] == "26/11 08:00"


def test_copy_is_undone_and_the_board_goes_on(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    """Undoing deletes the copy: the page stays, its keyboard and its drags too; an undo that is refused says so."""
    arzhel, brieuc = people
    rdv = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    login(page, world.planner).goto(WEEK)
    page.evaluate("window.mark = 1")
    drag(page, card(page, rdv), cell(page, brieuc, FRIDAY), keys="Alt")
    expect(cell(page, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(1)
    toasts(page).get_by_role("button", name="Annuler").last.click()
    expect(cell(page, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(0)
    assert (Appointment.objects.count(), page.evaluate("window.mark")) == (1, 1)

    card(page, rdv).focus()
    for key in ("m", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(cell(page, arzhel, THURSDAY).locator(".of-rdv")).to_have_count(1)
    move_appointment(Appointment.objects.get(pk=rdv.pk), starts_at=at(14, day=26), on=world.today, by=world.biller)
    toasts(page).get_by_role("button", name="Annuler").last.click()
    expect(page.locator("[data-message=error]")).to_contain_text("n'est pas annulé")
    assert when(rdv)[0] == "26/11 14:00"


def test_edge_changes_the_duration_by_the_hours_worked(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    rdv = book(world, world.intervention(), who=people[0], starts_at=at(9), state="draft")
    login(page, world.planner).goto(f"/planning/?view=day&from={WEDNESDAY}")
    grip = card(page, rdv).locator(".of-grip")
    bar = page.locator(".of-bar").first.bounding_box()
    assert bar is not None
    box = grip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 3, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 + bar["width"] / 13 * 4.5, box["y"] + 10, steps=6)  # from 10 h 30 to 15 h
    page.mouse.up()
    expect(toasts(page)).to_contain_text("mercredi 25 novembre 09:00")
    rdv.refresh_from_db()
    assert str(rdv.duration) == "4.50"  # 9 h to 15 h, the midday break left out
    assert rdv.ends_at == at(15)


def test_hour_is_chosen_in_the_day(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    rdv = book(world, world.intervention(), who=people[0], starts_at=at(9), state="draft")
    login(page, world.planner).goto(f"/planning/?view=day&from={WEDNESDAY}")
    box = card(page, rdv).bounding_box()
    bar = cell(page, people[1], WEDNESDAY).locator(".of-bar").bounding_box()
    assert box is not None
    assert bar is not None
    page.mouse.move(box["x"] + 4, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(bar["x"] + bar["width"] / 13 * (15.25 - 7) + 4, bar["y"] + 10, steps=6)
    page.mouse.up()
    expect(cell(page, people[1], WEDNESDAY).locator(".of-rdv")).to_have_count(1)
    assert when(rdv) == ("25/11 15:15", ["Brieuc"], "Brieuc")


def test_request_is_placed_from_the_list_and_the_placing_is_undone(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    di = world.intervention()
    login(page, world.planner).goto(WEEK)
    row = page.locator(f'[data-wait="{di.pk}"][data-kind=intervention]')

    drag(page, row, cell(page, people[0], THURSDAY))
    expect(cell(page, people[0], THURSDAY).locator(".of-rdv")).to_have_count(1)
    rdv = Appointment.objects.get()
    assert (rdv.intervention, rdv.state, when(rdv)) == (di, "draft", ("26/11 08:00", ["Arzhel"], "Arzhel"))
    expect(row).to_have_count(0)
    di.refresh_from_db()
    assert di.state == "planned"

    toasts(page).get_by_role("button", name="Annuler").click()
    expect(cell(page, people[0], THURSDAY).locator(".of-rdv")).to_have_count(0)
    expect(row).to_have_count(1)
    assert Appointment.objects.count() == 0
    di.refresh_from_db()
    assert di.state == "to_plan"


def test_row_of_the_list_renewed_under_the_pointer_is_dragged(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], page_errors: list[str]
) -> None:
    di = world.intervention()
    login(page, world.planner).goto(WEEK)
    row = page.locator(f'[data-wait="{di.pk}"][data-kind=intervention]')
    start, end = row.bounding_box(), cell(page, people[0], THURSDAY).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 20, start["y"] + 10)
    page.mouse.down()
    row.evaluate("row => row.replaceWith(row.cloneNode(true))")  # as when a colleague's change brings the list again
    page.mouse.move(end["x"] + 20, end["y"] + 30, steps=8)
    page.mouse.up()

    expect(cell(page, people[0], THURSDAY).locator(".of-rdv")).to_have_count(1)
    assert when(Appointment.objects.get(intervention=di)) == ("26/11 08:00", ["Arzhel"], "Arzhel")
    assert page_errors == []


def test_taken_time_is_refused_where_the_card_fell_and_passed_over_with_a_reason(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], page_errors: list[str]
) -> None:
    arzhel, brieuc = people
    rdv = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    book(world, world.intervention(), who=brieuc, starts_at=at(9), state="draft")
    login(page, world.planner).goto(f"/planning/?view=day&from={WEDNESDAY}")
    box = card(page, rdv).bounding_box()
    bar = cell(page, brieuc, WEDNESDAY).locator(".of-bar").bounding_box()
    assert box is not None
    assert bar is not None
    page.mouse.move(box["x"] + 4, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 4, bar["y"] + 10, steps=6)
    page.mouse.up()
    expect(page.locator(REFUSAL)).to_contain_text("Brieuc est déjà pris le 25/11/2026 de 09:00 à 10:30")
    assert when(rdv) == ("25/11 09:00", ["Arzhel"], "Arzhel")

    page.get_by_role("button", name="Passer outre").click()
    expect(page.get_by_label("Motif de la dérogation")).to_be_focused()
    page.keyboard.type("Le client attend")
    page.keyboard.press("Enter")
    expect(cell(page, brieuc, WEDNESDAY).locator(".of-rdv")).to_have_count(2)
    rdv.refresh_from_db()
    assert (rdv.override, when(rdv)) == ("Le client attend", ("25/11 09:00", ["Brieuc"], "Brieuc"))
    page_errors.clear()  # Chromium notes the refusal


def test_escape_gives_a_drag_up(page: Page, login: Login, world: World, people: tuple[Technician, Technician]) -> None:
    rdv = book(world, world.intervention(), who=people[0], starts_at=at(9), state="draft")
    login(page, world.planner).goto(WEEK)
    start, end = card(page, rdv).bounding_box(), cell(page, people[1], FRIDAY).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 20, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 20, steps=5)
    expect(page.locator(".of-drag-ghost")).to_have_count(1)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".of-drag-ghost")).to_have_count(0)
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert when(rdv) == ("25/11 09:00", ["Arzhel"], "Arzhel")


def test_finger_held_on_a_card_drags_it_and_a_finger_that_moves_at_once_scrolls(
    browser: Browser, new_context: Any, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    rdv = book(world, world.intervention(), who=people[0], starts_at=at(9), state="draft")
    page = login(new_context(has_touch=True, viewport={"width": 1180, "height": 820}).new_page(), world.planner)
    page.goto(WEEK)
    start, end = card(page, rdv).bounding_box(), cell(page, people[1], FRIDAY).bounding_box()
    assert start is not None
    assert end is not None
    touch = page.context.new_cdp_session(page)
    first, last = (start["x"] + 20, start["y"] + 12), (end["x"] + 40, end["y"] + 30)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    send("touchStart", first)
    send("touchMove", (first[0], first[1] + 60))
    send("touchEnd")
    expect(page.locator(".of-drag-ghost")).to_have_count(0)
    assert when(rdv) == ("25/11 09:00", ["Arzhel"], "Arzhel")

    page.locator(".of-board-scroll").evaluate("box => box.scrollTo(0, 0)")
    send("touchStart", first)
    expect(page.locator(".of-drag-ghost")).to_have_count(1)
    for step in range(1, 9):
        send("touchMove", tuple(a + (b - a) * step / 8 for a, b in zip(first, last, strict=True)))  # type: ignore[arg-type]
    send("touchEnd")
    expect(cell(page, people[1], FRIDAY).locator(".of-rdv")).to_have_count(1)
    assert when(rdv) == ("27/11 08:00", ["Brieuc"], "Brieuc")


def test_several_chosen_cards_move_together(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    arzhel, brieuc = people
    first = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    second = book(world, world.intervention(), who=arzhel, starts_at=at(14), state="draft")
    login(page, world.planner).goto(WEEK)
    card(page, first).click(modifiers=["Shift"])
    card(page, second).click(modifiers=["Shift"])
    expect(page.locator("dialog[open]")).to_have_count(0)
    drag(page, card(page, first), cell(page, brieuc, FRIDAY))
    expect(cell(page, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(2)
    assert [when(rdv) for rdv in (first, second)] == [
        ("27/11 08:00", ["Brieuc"], "Brieuc"),
        ("27/11 09:30", ["Brieuc"], "Brieuc"),
    ]


def test_several_chosen_cards_move_by_as_much_in_the_day(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    """Two that follow each other, an hour later, the second one first."""
    arzhel, brieuc = people
    first = book(world, world.intervention(duration=1), who=arzhel, starts_at=at(8), state="draft")
    second = book(world, world.intervention(duration=1), who=arzhel, starts_at=at(9), state="draft")
    third = book(world, world.intervention(duration=1), who=brieuc, starts_at=at(14), state="draft")
    login(page, world.planner).goto(f"/planning/?view=day&from={WEDNESDAY}")
    for rdv in (first, second, third):
        card(page, rdv).click(modifiers=["Shift"])
    box, bar = card(page, first).bounding_box(), cell(page, arzhel, WEDNESDAY).locator(".of-bar").bounding_box()
    assert box is not None
    assert bar is not None
    page.mouse.move(box["x"] + 4, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 4 + bar["width"] / 13, box["y"] + 10, steps=6)
    page.mouse.up()
    expect(card(page, first)).to_have_attribute("data-start", "540")
    expect(card(page, third)).to_have_attribute("data-start", "900")
    assert [when(rdv) for rdv in (first, second, third)] == [
        ("25/11 09:00", ["Arzhel"], "Arzhel"),
        ("25/11 10:00", ["Arzhel"], "Arzhel"),
        ("25/11 15:00", ["Brieuc"], "Brieuc"),
    ]


def test_chosen_card_that_would_leave_the_board_stays_and_is_said(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], page_errors: list[str]
) -> None:
    arzhel, brieuc = people
    first = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    off = book(world, world.intervention(), who=arzhel, starts_at=at(9, day=27), state="draft")
    login(page, world.planner).goto(WEEK)
    card(page, first).click(modifiers=["Shift"])
    card(page, off, FRIDAY).click(modifiers=["Shift"])
    drag(page, card(page, first), cell(page, arzhel, "2026-11-28"))
    expect(page.locator(REFUSAL)).to_contain_text("1 autre RDV choisi reste où il était.")
    page.get_by_role("button", name="Renoncer").click()

    book(world, world.intervention(), who=brieuc, starts_at=at(9, day=23), state="draft")
    monday = book(world, world.intervention(), who=arzhel, starts_at=at(9, day=23), state="draft")
    page.reload()
    card(page, monday, "2026-11-23").click(modifiers=["Shift"])
    card(page, off, FRIDAY).click(modifiers=["Shift"])
    drag(page, card(page, monday, "2026-11-23"), cell(page, arzhel, THURSDAY))
    expect(page.locator("dialog[open]")).to_contain_text(
        "1 RDV choisi n'a pas bougé : sa case n'est pas sur le planning"
    )
    assert [when(rdv)[0] for rdv in (monday, off)] == ["26/11 08:00", "27/11 09:00"]
    page_errors.clear()


def test_hour_shown_while_dragging_is_free_for_all_technicians(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    arzhel, brieuc = people
    rdv = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    rdv = move_appointment(rdv, starts_at=at(9), technicians=list(people), on=world.today, by=world.planner)
    book(world, world.intervention(), who=brieuc, starts_at=at(8, day=27), state="draft")
    login(page, world.planner).goto(WEEK)
    mine = page.locator(f"#r-{rdv.pk}-{arzhel.pk}-{WEDNESDAY}")
    start, end = mine.bounding_box(), cell(page, arzhel, FRIDAY).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 20, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 20, steps=5)
    expect(page.locator(".of-drag-label:not([hidden])")).to_have_text("09:30")
    page.mouse.up()
    expect(cell(page, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(2)
    assert when(rdv) == ("27/11 09:30", ["Arzhel", "Brieuc"], "Arzhel")
