"""The planning board beside others: what a colleague did, what is refused, acts over the board, the network gone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, expect

from appointments.services.saving import move_appointment
from appointments.services.states import confirm_appointment, finish_appointment
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


def test_done_card_and_a_day_off_are_refused_and_a_colleagues_change_is_shown(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], page_errors: list[str]
) -> None:
    arzhel, brieuc = people
    done = finish_appointment(
        book(world, world.intervention(), who=arzhel, starts_at=at(9), state="confirmed"), at=at(11), by=world.planner
    )
    stale = book(world, world.intervention(), who=brieuc, starts_at=at(9), state="draft")
    login(page, world.planner).goto(WEEK)

    drag(page, card(page, done), cell(page, brieuc, THURSDAY))
    expect(page.locator(REFUSAL)).to_contain_text("remettez-le en brouillon pour le déplacer")
    expect(page.locator(REFUSAL).get_by_role("link", name="Remettre en brouillon")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(REFUSAL)).to_have_count(0)

    drag(page, card(page, stale), cell(page, brieuc, "2026-11-29"))
    expect(page.locator(REFUSAL)).to_contain_text("Brieuc ne travaille pas le 29/11/2026")
    page.get_by_role("button", name="Renoncer").click()

    move_appointment(stale, starts_at=at(14), on=world.today, by=world.biller)
    drag(page, card(page, stale), cell(page, arzhel, FRIDAY))
    expect(page.locator(REFUSAL)).to_contain_text("Modifié entre-temps par")
    expect(card(page, stale).locator("b")).to_contain_text("14:00")  # the cell shows what the colleague did
    assert when(stale) == ("25/11 14:00", ["Brieuc"], "Brieuc")
    page_errors.clear()


def test_act_over_the_board_leaves_the_board_where_it_is(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    rdv = book(world, world.intervention(), who=people[0], starts_at=at(9), state="draft")
    login(page, world.planner).goto(WEEK)
    page.evaluate("window.mark = 1")
    card(page, rdv).click()
    dialog = page.locator("dialog[open]")
    expect(dialog.locator("h2")).to_have_text(world.customer.name)
    dialog.get_by_role("link", name="Confirmer").click()
    page.locator("dialog[open]").get_by_role("button", name="Confirmer").click()
    expect(page.locator(f'#board .of-rdv-confirmed[data-rdv="{rdv.pk}"]')).to_have_count(1)
    expect(toasts(page)).to_contain_text("confirmé")
    rdv.refresh_from_db()
    assert (rdv.state, page.evaluate("window.mark")) == ("confirmed", 1)


def test_colleague_sees_a_drop_within_ten_seconds_and_keeps_his_scroll(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], new_context: Any
) -> None:
    arzhel, brieuc = people
    for number in range(14):
        technician(world, name=f"Technicien {number:02}")
    rdv = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    login(page, world.planner).goto(WEEK)
    other = login(new_context().new_page(), world.manager)
    other.goto(WEEK)
    other.locator(".of-board-scroll").evaluate("box => box.scrollTo(0, 60)")

    drag(page, card(page, rdv), cell(page, brieuc, FRIDAY))
    expect(cell(page, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(1)
    expect(cell(other, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(1, timeout=10_000)
    expect(cell(other, arzhel, WEDNESDAY).locator(".of-rdv")).to_have_count(0)
    assert other.locator(".of-board-scroll").evaluate("box => box.scrollTop") == 60


def test_network_gone_in_mid_drag_is_said_and_nothing_is_half_done(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician], page_errors: list[str]
) -> None:
    rdv = confirm_appointment(
        book(world, world.intervention(), who=people[0], starts_at=at(9), state="draft"), by=world.planner
    )
    login(page, world.planner).goto(WEEK)
    page.route("**/planning/appointments/*/move/", lambda route: route.abort())
    drag(page, card(page, rdv), cell(page, people[1], FRIDAY))
    expect(page.locator("dialog[open]")).to_contain_text("Le serveur ne répond pas")
    page.get_by_role("button", name="Revenir à la page").click()
    expect(card(page, rdv)).to_be_visible()
    assert when(rdv) == ("25/11 09:00", ["Arzhel"], "Arzhel")
    page.unroute("**/planning/appointments/*/move/")
    drag(page, card(page, rdv), cell(page, people[1], FRIDAY))
    expect(cell(page, people[1], FRIDAY).locator(".of-rdv")).to_have_count(1)
    page_errors.clear()


def test_answer_that_comes_late_does_not_bring_an_old_cell_back(
    page: Page, login: Login, world: World, people: tuple[Technician, Technician]
) -> None:
    """A colleague's change is read, then waits on the way; the card beside it is dragged away meanwhile."""
    arzhel, brieuc = people
    mine = book(world, world.intervention(), who=arzhel, starts_at=at(9), state="draft")
    his = book(world, world.intervention(), who=arzhel, starts_at=at(14), state="draft")
    login(page, world.planner).goto(WEEK)
    held: list[Any] = []
    page.route("**/planning/changes/**", lambda route: held.append((route, route.fetch())))
    move_appointment(his, starts_at=at(15), on=world.today, by=world.biller)
    with page.expect_request("**/planning/changes/**"):
        page.evaluate("() => { window.openfireBoard.changes(); }")
    page.wait_for_timeout(300)  # the answer is read, and held
    drag(page, card(page, mine), cell(page, brieuc, FRIDAY))
    expect(cell(page, brieuc, FRIDAY).locator(".of-rdv")).to_have_count(1)
    ((route, answer),) = held
    assert f'data-rdv="{mine.pk}"' in answer.text()
    route.fulfill(response=answer)
    page.unroute("**/planning/changes/**")
    expect(card(page, his).locator("b")).to_contain_text("15:00")
    expect(page.locator(f'#board [data-rdv="{mine.pk}"]')).to_have_count(1)
    assert when(mine) == ("27/11 08:00", ["Brieuc"], "Brieuc")
