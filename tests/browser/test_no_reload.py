"""Saving and acts without a reload: one's place is kept, nothing typed is lost, nothing happens twice."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, Route, expect

from interventions.models import InterventionRequest
from invoicing.models import Invoice, Quote
from tests.browser.fields import open_fields, toasts
from tests.browser.test_first_road import smart, tab
from tests.factories import World, item, make_world
from tests.factories.appointments import book
from tests.factories.pages import Office, address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def mark(page: Page) -> None:
    """Leave a mark that a reload would wipe out."""
    page.evaluate("window.mark = 1")


def is_same_page(page: Page) -> bool:
    return bool(page.evaluate("window.mark === 1"))


def test_save_keeps_the_tab_the_caret_and_the_scroll(page: Page, login: Login, world: World) -> None:
    di = world.intervention(*[item(1, price=price) for price in range(101, 131)])
    login(page, world.planner).goto(address(di))
    mark(page)
    tab(page, "billing")
    box = page.locator("#id_lines-20-quantity")
    box.fill("12,5")
    box.evaluate("box => { box.setSelectionRange(1, 2); box.scrollIntoView({ block: 'center' }) }")
    before = page.evaluate("window.scrollY")
    assert before > 300

    page.keyboard.press("Control+s")

    expect(toasts(page)).to_contain_text("enregistré")
    expect(page.locator("#tab-billing")).to_have_attribute("aria-selected", "true")
    expect(box).to_be_focused()
    expect(box).to_have_value("12,5")
    assert box.evaluate("box => [box.selectionStart, box.selectionEnd]") == [1, 2]
    assert abs(page.evaluate("window.scrollY") - before) < 40
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    assert is_same_page(page)


def test_twenty_saves_in_a_row_on_three_documents_leave_nothing_behind(page: Page, login: Login, world: World) -> None:
    """No orphan box outside the page's part, one answer to each key, and the lines, choices and tabs still work."""
    di, draft = world.intervention(item(1)), world.draft()
    rdv = book(world, world.intervention(), state="draft")
    login(page, world.manager)
    for document, title in ((di, "#id_title"), (rdv, "#id_title"), (draft, "#id_purchase_order")):
        page.goto(address(document))
        mark(page)
        outside = page.evaluate("document.body.children.length")
        if page.locator(title).is_hidden():
            open_fields(page)
        version = page.locator("#main [name=_version]")
        before = int(version.input_value())
        for turn in range(20):
            page.locator(title).fill(f"Tour {turn}")
            page.keyboard.press("Control+s")
            expect(version).to_have_value(str(before + turn + 1))  # the page that answers is shown
            expect(page.locator("[data-unsaved]")).to_be_hidden()
            expect(page.locator(title)).to_have_value(f"Tour {turn}")
        assert is_same_page(page)
        assert page.locator(".of-toasts").count() == 1
        assert page.locator(".of-toast").count() <= 3
        page.evaluate("document.querySelector('.of-toasts').remove()")
        assert page.evaluate("document.body.children.length") == outside
    page.goto(address(di))
    page.locator(".of-save").click()
    expect(toasts(page)).to_contain_text("enregistré")
    tab(page, "billing")
    page.locator("[data-add=article]").click()
    expect(page.locator(".of-line[data-row]")).to_have_count(2)


def test_save_pressed_twice_saves_once(page: Page, login: Login, world: World) -> None:
    di = world.intervention(item(1))
    login(page, world.planner).goto(address(di))
    version = InterventionRequest.objects.get().version
    open_fields(page)
    page.locator("#id_title").fill("Une fois")
    page.locator(".of-save").dblclick()
    expect(toasts(page)).to_contain_text("enregistré")
    page.wait_for_load_state("networkidle")
    found = InterventionRequest.objects.get()
    assert (found.title, found.version) == ("Une fois", version + 1)
    expect(page.locator(".of-message")).to_have_count(0)


def test_network_gone_in_the_middle_of_a_save(page: Page, login: Login, world: World, page_errors: list[str]) -> None:
    di = world.intervention(item(1))
    login(page, world.planner).goto(address(di))
    open_fields(page)
    page.locator("#id_title").fill("Sans réseau")
    away = re.compile(r"/change/$")

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            route.abort()
        else:
            route.continue_()

    page.route(away, lose)
    page.locator(".of-save").click()
    expect(page.locator("dialog.of-modal .of-refusal")).to_contain_text("votre saisie est toujours là")
    page.locator("dialog.of-modal [data-close]").click()
    expect(page.locator("#id_title")).to_have_value("Sans réseau")
    assert InterventionRequest.objects.get().title != "Sans réseau"
    page.unroute(away)

    page.locator(".of-save").click()

    expect(toasts(page)).to_contain_text("enregistré")
    assert InterventionRequest.objects.get().title == "Sans réseau"
    page_errors.clear()  # Chromium notes the lost request


def test_fault_comes_back_in_place_with_what_was_typed(page: Page, login: Login, world: World) -> None:
    di = world.intervention(item(1))
    login(page, world.planner).goto(address(di))
    mark(page)
    tab(page, "billing")
    page.locator("#id_lines-0-quantity").fill("douze")
    page.locator(".of-save").click()
    expect(page.locator(".of-lines .errorlist")).to_be_visible()
    expect(page.locator("#id_lines-0-quantity")).to_have_value("douze")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    assert is_same_page(page)


def test_act_shows_the_record_anew_and_ctrl_z_undoes_it(page: Page, login: Login, world: World) -> None:
    di = world.intervention(item(1), is_validated=False)
    login(page, world.planner).goto(address(di))
    mark(page)
    page.locator(".of-primary a", has_text="Valider").click()
    expect(page.locator(".of-status .is-current")).to_contain_text("À planifier")
    expect(toasts(page)).to_contain_text("DI/000001 : validée")

    page.keyboard.press("Control+z")

    expect(page.locator(".of-status .is-current")).to_contain_text("Brouillon")
    expect(toasts(page)).to_contain_text("« Valider » est annulé")
    assert InterventionRequest.objects.get().state == "draft"
    assert is_same_page(page)


def test_undo_after_something_was_typed_or_a_colleague_saved(page: Page, login: Login, world: World) -> None:
    di = world.intervention(item(1), is_validated=False)
    login(page, world.planner).goto(address(di))
    page.locator(".of-primary a", has_text="Valider").click()
    expect(page.locator(".of-status .is-current")).to_contain_text("À planifier")
    open_fields(page)
    page.locator("#id_title").fill("Tapé depuis")
    toasts(page).get_by_role("button", name="Annuler").click()
    expect(page.locator("dialog.of-modal .of-refusal")).to_contain_text("a été modifiée depuis")
    page.locator("dialog.of-modal [data-close]").click()
    expect(page.locator("#id_title")).to_have_value("Tapé depuis")
    page.locator("#id_title").fill(di.title)
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    Office(world.manager).save(di, title="Collègue")

    toasts(page).get_by_role("button", name="Annuler").click()

    expect(page.locator(".of-message.is-error")).to_contain_text("« Valider » n'est pas annulé.")
    expect(page.locator("#id_title")).to_have_value("Collègue")
    assert InterventionRequest.objects.get().state == "to_plan"


def test_back_button_after_an_act_shows_no_old_form(page: Page, login: Login, world: World) -> None:
    """The page that made the invoice is left; « Précédent » comes back to it as it is now."""
    di = world.intervention(item(1))
    login(page, world.biller).goto(address(di))
    page.locator(".of-primary a", has_text="Facturer").click()
    page.locator("dialog.of-modal [data-once]").click()
    expect(toasts(page)).to_contain_text("Facture en brouillon")
    smart(page, "Factures").click()
    page.wait_for_url(re.compile(r"/invoicing/invoice/\d+/change/"))
    page.go_back()
    expect(smart(page, "Factures")).to_contain_text("1")
    assert Invoice.objects.count() == 1
    assert Quote.objects.count() == 0


def test_without_script_a_save_and_an_act_go_on_working(browser: object, base_url: str, world: World) -> None:
    di = world.intervention(item(1), is_validated=False)
    context = browser.new_context(java_script_enabled=False, base_url=base_url, locale="fr-FR")  # type: ignore[attr-defined]
    client = Office(world.planner).client
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base_url}])
    page = context.new_page()
    page.goto(address(di))
    page.locator(".of-edit > summary").click()
    page.locator("#id_title").fill("Sans script")
    page.locator(".of-save").click()
    expect(page.locator(".of-message")).to_contain_text("enregistré")
    page.locator(".of-primary a", has_text="Valider").click()
    page.locator(".of-dialog-foot [type=submit]").click()
    expect(page.locator(".of-message")).to_contain_text("DI/000001 : validée")
    page.get_by_role("button", name="Annuler").click()
    expect(page.locator(".of-message")).to_contain_text("« Valider » est annulé")
    assert InterventionRequest.objects.get().title == "Sans script"
    context.close()
