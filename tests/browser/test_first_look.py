"""What a newcomer sees at first: no name is cut, boxes hold what is typed in them, states stand out in the dark."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from playwright.sync_api import Page, expect

from appointments.models import Slot
from interventions.models import InterventionRequest
from invoicing.models import Partner
from tests.factories import PartnerFactory, ProductFactory, World, item, make_world, position
from tests.factories.appointments import at, book, technician
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]

CUT = """(root) => [...document.querySelectorAll(`${root} *`)].filter((one) => one.children.length <= 4
  && one.textContent.trim() && getComputedStyle(one).overflowX !== "visible" && getComputedStyle(one).position !== "absolute"
  && one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent.trim())"""
SPILT = """() => [...document.querySelectorAll(".of-today-block")].filter((one) =>
  one.querySelector(".of-today-who").getBoundingClientRect().right > one.getBoundingClientRect().right + 1
  || one.querySelector(".of-today-who").getBoundingClientRect().bottom > one.getBoundingClientRect().bottom + 1)
  .map((one) => one.textContent)"""
LIGHT = """(element) => {
  const style = getComputedStyle(element), canvas = document.createElement("canvas").getContext("2d");
  const read = (colour) => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  return { text: read(style.color), paper: read(style.backgroundColor) };
}"""


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def light_of(colour: list[int]) -> float:
    """Relative luminance of WCAG."""
    red, green, blue = (c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[int], other: list[int]) -> float:
    brighter, darker = sorted((light_of(one), light_of(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("width", [1440, 1024])
def test_no_name_is_cut_on_the_first_page(page: Page, login: Login, world: World, width: int) -> None:
    customer = PartnerFactory(name="Guivarc'h-Kerdoncuff Gwenaëlle")
    who = technician(world, name="Marie-Françoise de Kermadec-Trébrivan")
    today = timezone.localtime().replace(minute=0, second=0, microsecond=0)
    for hour in (8, 10):
        rdv = book(world, world.intervention(item(1), partner=customer), who=who, starts_at=at(hour), state="confirmed")
        begins = today.replace(hour=hour)  # a working day or not
        Slot.objects.filter(appointment=rdv).update(starts_at=begins, ends_at=begins + timedelta(hours=1))
    page.set_viewport_size({"width": width, "height": 900})

    login(page, world.manager).goto("/admin/")

    expect(page.locator(".of-today-block")).to_have_count(2)
    assert page.evaluate(CUT, ".of-home") == []
    assert page.evaluate(CUT, ".of-account-name") == []
    assert page.evaluate(SPILT) == []
    assert page.locator(".of-today-who").first.is_visible()


def test_box_of_a_town_holds_a_long_name(page: Page, login: Login, world: World) -> None:
    page.on("dialog", lambda asked: asked.accept())  # the page is left with what was typed
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        login(page, world.manager).goto(address(Partner, "add"))
        box = page.locator("#id_addresses-0-city")
        box.fill("Noyal-Châtillon-sur-Seiche")
        assert box.evaluate("(one) => one.scrollWidth - one.clientWidth") == 0, width


def test_row_added_by_the_script_is_numbered(page: Page, login: Login, world: World) -> None:
    login(page, world.manager).goto(address(Partner, "add"))
    page.get_by_role("link", name="Ajouter une adresse").click()
    titles = page.locator(".form-group:not(.empty-form) .of-stacked-title strong")
    expect(titles).to_have_text(["Adresse 1", "Adresse 2"])


def test_name_of_the_fiscal_position_follows_its_box(page: Page, login: Login, world: World) -> None:
    position("VEN-20")
    di = world.intervention(item(1), code="VEN-10")
    login(page, world.manager).goto(address(di))
    name = page.locator("of-code > small")
    expect(name).to_have_text("Travaux d'amélioration et d'entretien, logement de plus de deux ans")
    page.locator("#id_fiscal_position").select_option(label="VEN-20")
    expect(name).to_have_text("Taux normal")


def test_current_step_and_lateness_stand_out_in_the_dark(page: Page, login: Login, world: World) -> None:
    page.emulate_media(color_scheme="dark")
    late = world.intervention(item(1))
    InterventionRequest.objects.filter(pk=late.pk).update(from_on="2026-01-05", to_on="2026-01-09")
    login(page, world.manager).goto(address(late))
    paper = page.locator("#main").evaluate(LIGHT)["paper"]

    def seen(css: str) -> list[dict[str, Any]]:
        return [one.evaluate(LIGHT) for one in page.locator(css).all()]

    [current] = seen(".of-status li.is-current")
    others = seen(".of-status li:not(.is-current, .of-flag)")
    assert len(others) >= 3
    assert all(contrast(current["paper"], paper) > 2 * contrast(other["paper"], paper) for other in others)
    assert contrast(current["text"], current["paper"]) >= 4.5
    [flag] = seen(".of-flag .of-badge")
    assert contrast(flag["text"], flag["paper"]) >= 4.5
    red, green, _blue = flag["text"]
    assert red - green >= 100  # red, not pink


def test_name_cut_by_a_narrow_column_is_read_whole_under_the_pointer(page: Page, login: Login, world: World) -> None:
    name = "Guivarc'h-Kerdoncuff de la Ville-Hervé Gwenaëlle et Corentin"
    world.intervention(item(1), partner=PartnerFactory(name=name))
    login(page, world.manager).goto(address(InterventionRequest, "changelist"))
    cell = page.locator("#result_list tbody th").first
    cell.hover()
    expect(cell).to_have_attribute("title", name)


def test_code_of_an_article_is_not_broken_by_the_pencil(page: Page, login: Login, world: World) -> None:
    product = ProductFactory(code="deplacement")
    login(page, world.manager).goto(address(product))
    code = page.locator(".of-texts dd").first
    expect(code).to_have_text("deplacement")
    assert code.evaluate("(one) => one.getBoundingClientRect().height") < 25  # one line
