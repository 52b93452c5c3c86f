"""The customer's page of an RDV, on a phone and a computer: rules of accessible pages, and his two answers."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from appointments.models import Appointment
from appointments.services.states import confirm_appointment
from invoicing.services.records.links import publish, token_of
from tests.factories import World, make_world
from tests.factories.appointments import alone, technician

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


@pytest.fixture
def rdv(transactional_db: None) -> Appointment:
    world: World = make_world()
    who = technician(world, name="Yann Bellec")
    found = alone(world, who=who, title="Ramonage du poêle", starts_at=tomorrow())
    found = confirm_appointment(found, by=world.planner)
    publish(found, by=world.planner, published=True)
    return found


def tomorrow() -> Any:
    """A morning to come that is worked."""
    day = timezone.localtime().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day


def opened(page: Page, live_server: Any, rdv: Appointment, width: int = 390) -> Page:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{live_server.url}/p/{token_of(rdv.links.get())}/")
    return page


def faults(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{rule['id']} {node['html'][:120]}" for rule in found["violations"] for node in rule["nodes"]]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_breaks_no_rule(page: Page, live_server: Any, rdv: Appointment, width: int, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, live_server, rdv, width)
    page.get_by_text("Je ne suis pas là").click()
    expect(page.get_by_label("Quelle demi-journée vous convient ?")).to_be_visible()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = [one.bounding_box() for one in page.locator("button, summary, select, input:not([type=hidden])").all()]
    assert [box for box in boxes if box is None or box["height"] < 44] == []


def test_confirms_with_one_press(page: Page, live_server: Any, rdv: Appointment) -> None:
    opened(page, live_server, rdv)
    page.get_by_role("button", name="Je confirme").click()
    expect(page.get_by_role("status")).to_have_text("Vous avez confirmé : merci, à bientôt.")
    expect(page.get_by_role("button", name="Je confirme")).to_have_count(0)
    assert faults(page) == []
    rdv.refresh_from_db()
    assert rdv.customer_answer == "yes"


def test_says_he_is_not_there_by_keyboard(page: Page, live_server: Any, rdv: Appointment) -> None:
    opened(page, live_server, rdv)
    page.get_by_text("Je ne suis pas là").focus()
    page.keyboard.press("Enter")
    choice = page.get_by_label("Quelle demi-journée vous convient ?")
    wanted = choice.locator("option").nth(2).inner_text()
    choice.select_option(index=2)
    page.get_by_label("Une précision, si vous voulez").fill("après 15 h")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(f"{wanted} · après 15 h")
    rdv.refresh_from_db()
    assert (rdv.customer_answer, rdv.wish) == ("no", f"{wanted} · après 15 h")


def test_page_left_open_while_the_rdv_moved_says_so(
    page: Page, live_server: Any, rdv: Appointment, page_errors: list[str]
) -> None:
    opened(page, live_server, rdv)
    Appointment.objects.filter(pk=rdv.pk).update(version=rdv.version + 1)
    page.get_by_role("button", name="Je confirme").click()
    expect(page.get_by_role("alert")).to_have_text(
        "Le rendez-vous a changé depuis que vous avez ouvert cette page : relisez-le, puis répondez."
    )
    page.get_by_role("button", name="Je confirme").click()
    expect(page.get_by_role("status")).to_have_text("Vous avez confirmé : merci, à bientôt.")
    assert all("409" in error for error in page_errors)
    page_errors.clear()  # Chromium notes the answer 409 as an error of the page
