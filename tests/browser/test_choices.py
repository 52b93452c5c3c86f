"""Boxes that choose a record by typing."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, expect

from tests.browser.fields import choice, highlighted
from tests.factories import PartnerFactory, World, make_world

Login = Callable[[Page, AbstractBaseUser], Page]
NEW = "/admin/interventions/interventionrequest/add/"


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def test_keys_of_a_box(page: Page, login: Login, world: World) -> None:
    """Space opens nothing, arrows move, Escape gives back what was chosen, Tab takes the one highlighted."""
    other = PartnerFactory(name="Aubry Nadège", phone="02 99 41 52 63")
    login(page, world.planner).goto(NEW)
    box, value = choice(page, "partner"), page.locator("#id_partner")
    expect(box).to_be_focused()
    page.keyboard.press("Space")
    expect(box).to_have_attribute("aria-expanded", "false")

    page.keyboard.type("Aubry")
    expect(highlighted(page)).to_contain_text("Aubry Maëlle")
    page.keyboard.press("ArrowDown")
    expect(highlighted(page)).to_contain_text("Aubry Nadège")
    expect(highlighted(page)).to_contain_text("02 99 41 52 63")
    page.keyboard.press("Tab")
    expect(box).to_have_value("Aubry Nadège")
    expect(value).to_have_value(str(other.pk))
    expect(box).not_to_be_focused()

    box.focus()
    page.keyboard.type("zzz")
    expect(page.locator(".of-choices:popover-open li")).to_have_text(["aucun résultat", "Créer « zzz »"])
    page.keyboard.press("Escape")
    expect(box).to_have_value("Aubry Nadège")
    expect(page.locator(".of-choices:popover-open")).to_have_count(0)


def test_enter_before_the_answer_takes_the_first_found(page: Page, login: Login, world: World) -> None:
    login(page, world.planner).goto(NEW)
    expect(choice(page, "partner")).to_be_focused()
    page.keyboard.type("Aubry")
    page.keyboard.press("Enter")
    expect(choice(page, "partner")).to_have_value("Aubry Maëlle")
    expect(page.locator("#id_partner")).to_have_value(str(world.customer.pk))


def options(page: Page) -> list[str]:
    """The names that the open list shows, in its order."""
    return page.locator(".of-choices:popover-open [role=option]:not([data-new]) b").all_inner_texts()


def test_arrow_at_the_end_of_the_list_goes_on_with_its_next_page(page: Page, login: Login, world: World) -> None:
    """Twenty-five answers come by twenty; the row that creates stays the last."""
    names = [f"Zoé {number:02d}" for number in range(1, 26)]
    for name in names:
        PartnerFactory(name=name)
    login(page, world.planner).goto(NEW)
    expect(choice(page, "partner")).to_be_focused()
    page.keyboard.type("Zoé")
    expect(highlighted(page)).to_contain_text("Zoé 01")
    assert options(page) == names[:20]

    for _press in range(20):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".of-choices:popover-open [role=option]")).to_have_count(26)
    assert options(page) == names
    expect(page.locator(".of-choices:popover-open [role=option]").last).to_have_attribute("data-new", "")
    page.keyboard.press("End")
    expect(highlighted(page)).to_contain_text("Zoé 25")
    page.keyboard.press("Enter")
    expect(choice(page, "partner")).to_have_value("Zoé 25")


def test_list_scrolled_to_its_end_goes_on_with_its_next_page(page: Page, login: Login, world: World) -> None:
    names = [f"Zoé {number:02d}" for number in range(1, 46)]
    for name in names:
        PartnerFactory(name=name)
    login(page, world.planner).goto(NEW)
    expect(choice(page, "partner")).to_be_focused()
    page.keyboard.type("Zoé")
    expect(highlighted(page)).to_contain_text("Zoé 01")
    found = page.locator(".of-choices:popover-open")

    for shown in (40, 45):
        found.evaluate("list => list.scrollTo(0, list.scrollHeight)")
        expect(found.locator("[role=option]:not([data-new])")).to_have_count(shown)
    assert options(page) == names
    expect(highlighted(page)).to_contain_text("Zoé 01")
    found.get_by_text("Zoé 44").click()
    expect(choice(page, "partner")).to_have_value("Zoé 44")
