"""A session that ends while a form is open: the password is asked over the page, and the form goes on."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, Route, expect

from interventions.models import InterventionRequest
from invoicing.models import HistoryLine, UserSession
from tests.browser.fields import open_fields, toasts
from tests.browser.test_first_road import tab
from tests.factories import World, make_world
from tests.factories.appointments import book, technician
from tests.factories.pages import address
from tests.factories.second_factor import code_of, enrol

Login = Callable[[Page, AbstractBaseUser], Page]
DIALOG = "dialog.of-session"


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def give(page: Page, name: str, text: str) -> None:
    page.locator(f"{DIALOG} [name={name}]").fill(text)
    page.locator(DIALOG).get_by_text("Continuer").click()


def test_form_of_the_office_is_saved_after_the_password(page: Page, login: Login, world: World) -> None:
    intervention = world.intervention()
    login(page, world.planner).goto(address(intervention))
    open_fields(page)
    page.locator("#id_title").fill("Ramonage avant Noël")
    tab(page, "billing")
    page.locator("#id_lines-0-quantity").fill("2,5")
    Session.objects.all().delete()

    page.locator("[name=_save]").click()
    expect(page.locator(DIALOG)).to_contain_text(f"donnez le mot de passe de « {world.planner.username} »")
    give(page, "password", "faux")
    expect(page.locator(f"{DIALOG} [role=alert]")).to_have_text(
        "Identifiant ou mot de passe inconnu. Vérifiez, ou demandez au bureau."
    )
    intervention.refresh_from_db()
    assert intervention.title == ""
    give(page, "password", "secret")

    expect(toasts(page)).to_contain_text("enregistré")
    intervention.refresh_from_db()
    assert (intervention.title, str(intervention.lines.get().quantity)) == ("Ramonage avant Noël", "2.500")
    assert HistoryLine.objects.of(intervention)[0].by == world.planner


def test_dialog_closed_leaves_the_page_as_it_is(page: Page, login: Login, world: World) -> None:
    intervention = world.intervention()
    login(page, world.planner).goto(address(intervention))
    open_fields(page)
    page.locator("#id_title").fill("Ramonage")
    Session.objects.all().delete()

    page.locator("[name=_save]").click()
    page.locator(DIALOG).get_by_text("Revenir à la page").click()
    expect(page.locator(DIALOG)).to_have_count(0)
    expect(page.locator("#id_title")).to_have_value("Ramonage")
    page.locator("[name=_save]").click()
    give(page, "password", "secret")

    expect(toasts(page)).to_contain_text("enregistré")
    intervention.refresh_from_db()
    assert intervention.title == "Ramonage"


def test_second_factor_is_asked_in_the_dialog(page: Page, login: Login, world: World) -> None:
    device, _codes = enrol(world.planner)
    intervention = world.intervention()
    login(page, world.planner).goto(address(intervention))
    open_fields(page)
    page.locator("#id_title").fill("Ramonage")
    Session.objects.all().delete()

    page.locator("[name=_save]").click()
    give(page, "password", "secret")
    expect(page.locator(f"{DIALOG} [name=code]")).to_be_visible()
    give(page, "code", code_of(device))

    expect(toasts(page)).to_contain_text("enregistré")
    intervention.refresh_from_db()
    assert intervention.title == "Ramonage"


def test_act_of_a_button_is_done_after_the_password(page: Page, login: Login, world: World) -> None:
    intervention = world.intervention(is_validated=False)
    login(page, world.planner).goto(address(intervention))
    Session.objects.all().delete()

    page.locator(".of-primary a", has_text="Valider").click()
    give(page, "password", "secret")

    expect(page.locator(".of-status .is-current")).to_have_text("À planifier")


def test_report_typed_on_the_phone_is_kept(phone: Page, login: Login, world: World) -> None:
    rdv = book(world, world.intervention(), who=technician(world, user=world.technician), state="confirmed")
    login(phone, world.technician).goto(f"/mobile/appointments/{rdv.pk}/")
    phone.locator("#id_report").fill("Conduit ramoné, joint à prévoir.")
    Session.objects.all().delete()
    UserSession.objects.all().delete()

    phone.get_by_text("Enregistrer sans terminer").tap()
    give(phone, "password", "secret")

    expect(phone.locator("body")).to_contain_text("Compte rendu enregistré.")
    rdv.refresh_from_db()
    assert rdv.report == "Conduit ramoné, joint à prévoir."
    assert UserSession.objects.get().scope == "phone"


def test_buttons_of_a_form_wait_while_its_session_is_asked(page: Page, login: Login, world: World) -> None:
    """A press in between would be lost: it can be seen that none is taken, and the focus stays where it is."""
    asked: list[Route] = []
    login(page, world.planner).goto(address(world.intervention()))
    state = str(page.locator("[data-session]").get_attribute("data-session"))

    def hold(route: Route) -> None:
        asked.append(route)

    page.route(f"**{state}**", hold)
    open_fields(page)
    page.locator("#id_title").fill("Ramonage")
    save = page.locator("[name=_save]")
    expect(save).to_be_enabled()

    save.click()
    expect(save).to_be_disabled()
    expect(save).to_be_focused()
    expect(page.locator(".of-note button")).to_be_enabled()  # a form of its own
    assert InterventionRequest.objects.get().title == ""
    asked[0].continue_()

    expect(toasts(page)).to_contain_text("enregistré")
    expect(save).to_be_enabled()
    assert (InterventionRequest.objects.get().title, len(asked)) == ("Ramonage", 1)
