"""Where things stand on a document's page: the work is seen without scrolling, at any width."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, expect

from interventions.models import InterventionRequest
from tests.browser.fields import choice, highlighted, open_fields
from tests.factories import ProductFactory, World, item, make_world
from tests.factories.appointments import book
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]

BOXES = """() => {
  const box = (selector) => document.querySelector(selector).getBoundingClientRect();
  return {
    theme: box("#main > div").height, head: box(".of-head").height, tabs: box(".of-tabs").top,
    line: box("[data-row]").top, ttc: box(".of-gross").bottom,
    below: box(".of-summary").left - box(".of-notebook").right,
    wide: document.documentElement.scrollWidth - window.innerWidth,
    hidden: document.querySelector(".of-scroll").scrollWidth - document.querySelector(".of-scroll").clientWidth,
  };
}"""

PLACES = """() => {
  const box = (css) => document.querySelector(css).getBoundingClientRect();
  return { main: box("#content"), fields: box(".of-summary"), lines: box(".of-notebook") };
}"""


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def test_lines_and_total_of_a_di_are_seen_without_scrolling(page: Page, login: Login, world: World) -> None:
    di = world.intervention(*[item(n, label=f"Ligne {n}") for n in range(1, 6)])
    page.set_viewport_size({"width": 1440, "height": 900})
    login(page, world.planner).goto(address(di))
    expect(page.locator("[data-total=gross]")).not_to_be_empty()

    boxes = page.evaluate(BOXES)

    assert boxes["theme"] <= 49
    assert boxes["head"] <= 128
    assert boxes["tabs"] <= 200
    assert boxes["line"] <= 302
    assert boxes["ttc"] <= 820
    assert boxes["below"] > 0  # the summary stands at the right of the lines
    assert (boxes["wide"], boxes["hidden"]) == (0, 0)


@pytest.mark.parametrize("is_done", [False, True])
def test_on_a_phone_the_facts_of_a_visit_come_before_its_lines_until_it_is_done(
    phone: Page, login: Login, world: World, is_done: bool
) -> None:
    di = world.intervention(item(1))
    rdv = book(world, di, state="done" if is_done else "confirmed")  # the DI is done with its RDV
    login(phone, world.planner)
    for document in (di, rdv):
        phone.goto(address(document))
        places, wide = phone.evaluate(PLACES), phone.evaluate("document.documentElement.scrollWidth - innerWidth")
        above, below = (places["lines"], places["fields"])[:: 1 if is_done else -1]
        assert above["bottom"] <= below["top"]
        assert wide == 0


def test_pencil_opens_the_fields_and_ctrl_s_saves_them(page: Page, login: Login, world: World) -> None:
    di = world.intervention(item(1))
    login(page, world.planner).goto(address(di))
    expect(page.locator("#id_title")).to_be_hidden()
    open_fields(page)
    page.locator("#id_title").fill("Avant Noël")
    expect(page.locator(".of-save")).to_have_class("of-button of-save is-unsaved")

    page.keyboard.press("Control+s")

    expect(page.locator(".of-texts")).to_contain_text("Avant Noël")
    expect(page.locator("#id_title")).to_be_focused()  # one may go on typing
    page.locator(".of-save").click()
    expect(page.locator("#id_title")).to_be_hidden()
    assert InterventionRequest.objects.get().title == "Avant Noël"


def test_first_key_on_the_customer_of_a_new_di_searches(page: Page, login: Login, world: World) -> None:
    login(page, world.planner).goto("/admin/interventions/interventionrequest/add/")
    expect(choice(page, "partner")).to_be_focused()
    page.keyboard.type("Aubry")
    expect(choice(page, "partner")).to_have_value("Aubry")
    expect(highlighted(page)).to_contain_text("Aubry")
    page.keyboard.press("Enter")
    expect(choice(page, "partner")).to_have_value("Aubry Maëlle")


def test_new_customer_begins_at_his_name(page: Page, login: Login, world: World) -> None:
    """Not at a button of the header: the first space typed would press it."""
    login(page, world.planner).goto("/admin/invoicing/partner/add/")
    expect(page.locator("#id_name")).to_be_focused()
    page.keyboard.type("Jeanne Kerbrat")
    expect(page.locator("#id_name")).to_have_value("Jeanne Kerbrat")


@pytest.mark.parametrize(
    "path",
    [
        "interventions/interventionrequest",
        "appointments/appointment",
        "invoicing/quote",
        "invoicing/payment",
        "invoicing/product",
        "invoicing/company",
        "interventions/installedproduct",
    ],
)
def test_fields_of_a_new_record_stand_in_the_centre_over_its_lines(
    page: Page, login: Login, world: World, path: str
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    login(page, world.manager).goto(f"/admin/{path}/add/")
    places = page.evaluate(PLACES)
    main, fields, lines = places["main"], places["fields"], places["lines"]
    assert (fields["left"], fields["width"]) == (main["left"], main["width"])
    assert fields["bottom"] <= lines["top"]
    assert lines["top"] <= 560
    first, *_others = page.locator(".of-summary .of-field").all()
    box = first.bounding_box()
    assert box is not None
    assert box["x"] - main["left"] <= 20


def test_every_field_and_the_total_of_a_new_di_are_seen_without_scrolling(
    page: Page, login: Login, world: World
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    login(page, world.planner).goto("/admin/interventions/interventionrequest/add/")
    ends = [
        box["y"] + box["height"] for row in page.locator(".of-summary .of-field").all() if (box := row.bounding_box())
    ]
    total = page.locator("[data-total=gross]").bounding_box()
    assert total is not None
    assert (len(ends), max(ends) < 560, total["y"] + total["height"] <= 850) == (16, True, True)


def test_fields_of_an_article_are_read_over_its_description(page: Page, login: Login, world: World) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    login(page, world.manager).goto(address(ProductFactory()))
    places = page.evaluate(PLACES)
    assert places["fields"]["left"] == places["lines"]["left"] == places["main"]["left"]
    assert places["fields"]["bottom"] <= places["lines"]["top"]


def test_invoices_of_a_new_payment_are_shown_by_its_customer(page: Page, login: Login, world: World) -> None:
    world.posted()
    login(page, world.manager).goto("/admin/invoicing/payment/add/")
    expect(choice(page, "customer")).to_be_focused()
    show = page.get_by_role("button", name="Afficher ses factures")
    expect(show).to_have_count(0)
    page.keyboard.type("Aubry")
    expect(highlighted(page)).to_contain_text("Aubry")
    page.keyboard.press("Enter")
    expect(page.locator(".of-settle tbody tr")).to_have_count(1)
    expect(show).to_be_visible()


def test_on_a_phone_the_acts_stand_at_the_foot_the_next_step_first(phone: Page, login: Login, world: World) -> None:
    quote = world.quote(item(1))
    login(phone, world.manager).goto(address(quote))
    first, menu, save = (
        phone.locator(css).bounding_box() for css in (".of-primary a:visible", ".of-menu-button", ".of-save")
    )
    assert first is not None
    assert menu is not None
    assert save is not None
    assert first["y"] + first["height"] <= min(menu["y"], save["y"])
    assert 844 - 20 <= save["y"] + save["height"] <= 844
    expect(phone.locator(".of-primary a:visible")).to_have_text(re.compile("Envoyer"))
    expect(phone.locator(".of-smart a:visible").first).to_have_text(re.compile("DI"))
    expect(phone.get_by_text("Non publié")).to_be_hidden()
    phone.locator(".of-menu-button").click()
    expect(phone.locator(".of-menu-list a", has_text="Page du client")).to_be_in_viewport()


def test_on_a_phone_a_new_record_is_saved_after_its_fields(phone: Page, login: Login, world: World) -> None:
    login(phone, world.manager).goto("/admin/interventions/interventionrequest/add/")
    texts = phone.locator(".of-head-acts .of-button:visible").all()
    boxes = {" ".join(button.inner_text().split()): box["x"] for button in texts if (box := button.bounding_box())}
    assert sorted(boxes, key=lambda text: boxes[text]) == ["Enregistrer et valider", "Enregistrer"]
    assert phone.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


def test_a_description_that_repeats_its_article_is_shown_while_one_is_in_its_line(
    page: Page, login: Login, world: World
) -> None:
    di = world.intervention(item(1), item(1, label="Pose en angle"))
    login(page, world.planner).goto(address(di))
    expect(page.locator("#id_lines-1-label")).to_be_visible()
    expect(page.locator("#id_lines-0-label")).to_be_hidden()
    page.locator("#id_lines-0-quantity").click()
    expect(page.locator("#id_lines-0-label")).to_be_visible()
    page.locator("#id_lines-0-label").fill("Pose au mur")
    page.locator("#id_lines-1-quantity").click()
    expect(page.locator("#id_lines-0-label")).to_be_visible()
