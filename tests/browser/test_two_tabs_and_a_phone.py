"""A form changed in another tab; the pages on a telephone of 390 px."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import BrowserContext, Page, expect

from interventions.models import InterventionRequest
from tests.browser.fields import choose, open_fields, toasts
from tests.browser.test_first_road import answer, save, smart, tab, totals
from tests.factories import World, make_world
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def test_stale_tab_is_refused_and_what_was_typed_stays(context: BrowserContext, login: Login, world: World) -> None:
    intervention = world.intervention()
    first, second = context.new_page(), context.new_page()
    login(first, world.planner)
    for page in (first, second):
        page.goto(address(intervention))
    open_fields(first)
    first.locator("#id_title").fill("Premier onglet")
    save(first)
    expect(toasts(first)).to_contain_text("enregistré")

    open_fields(second)
    second.locator("#id_title").fill("Second onglet")
    tab(second, "billing")
    second.locator("#id_lines-0-quantity").fill("3,5")
    save(second)

    expect(second.locator("body")).to_contain_text(re.compile(r"Modifié entre-temps par Fanny Morvan \d+ à \d\d:\d\d"))
    expect(second.locator("#id_title")).to_have_value("Second onglet")
    tab(second, "billing")
    expect(second.locator("#id_lines-0-quantity")).to_have_value("3,5")
    intervention.refresh_from_db()
    assert (intervention.title, intervention.lines.get().quantity) == ("Premier onglet", 1)


def fits(page: Page) -> None:
    """Nothing to scroll sideways to."""
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], f"{page.url}: {widths[0]} px in {widths[1]}"


def test_pages_fit_a_phone(phone: Page, login: Login, world: World) -> None:
    documents = [world.intervention(), world.quote(), world.draft(), world.posted()]
    login(phone, world.manager)

    urls = ["/admin/", address(InterventionRequest, "add")]
    urls += [address(document) for document in documents]
    urls += [address(type(document), "changelist") for document in documents[:3]]
    urls += [address(documents[0], "act", "invoice"), address(documents[3], "act", "credit")]
    for url in urls:
        phone.goto(url)
        phone.wait_for_load_state("networkidle")
        fits(phone)


def test_words_beside_each_row_are_written_as_people_write_them(phone: Page, login: Login, world: World) -> None:
    world.intervention()
    login(phone, world.planner).goto(address(InterventionRequest, "changelist"))
    phone.wait_for_load_state("load")
    words = phone.evaluate(
        """() => Array.from(document.querySelectorAll("#result_list [data-label]"), (cell) =>
            [cell.dataset.label, getComputedStyle(cell, "::before").textTransform])"""
    )
    assert ["Numéro", "none"] in words
    assert ["Entre le … et le", "none"] in words
    assert {how for _label, how in words} == {"none"}


def test_intervention_is_made_and_billed_on_a_phone(phone: Page, login: Login, world: World) -> None:
    login(phone, world.biller)
    phone.goto(address(InterventionRequest, "add"))
    choose(phone, "partner", "Aubry")
    phone.locator("#id_task").select_option(label="Dépannage")
    tab(phone, "billing")
    phone.locator("#id_fiscal_position").select_option(label="VEN-5.5")
    choose(phone, "lines-0-product", "ram_pose")
    totals(phone, "175,00", "9,62", "184,62")
    fits(phone)
    save(phone)

    with phone.expect_navigation():
        phone.locator(".of-primary a", has_text="Valider").tap()
    expect(phone.locator(".of-status .is-current")).to_have_text("À planifier")
    phone.locator(".of-menu-button").tap()
    phone.locator(".of-menu-list a", has_text=re.compile(r"Générer la facture\s*$")).tap()
    answer(phone)
    expect(smart(phone, "Factures").locator("b")).to_have_text("1")
    fits(phone)


def test_what_a_finger_presses_is_big_enough(phone: Page, login: Login, world: World) -> None:
    login(phone, world.biller)
    phone.goto(address(world.intervention()))

    for css in (".of-primary a:visible", ".of-smart a:visible", "[data-tab]", "[data-add]"):
        tab(phone, "billing")
        for place in phone.locator(css).all():
            box = place.bounding_box()
            assert box is not None, css
            assert box["height"] >= 40, (css, box["height"])
