"""A refusal over its document: all faults, and a button that leads to the box or does the missing step."""

from collections.abc import Callable

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from playwright.sync_api import Page, expect

from invoicing.models import Invoice, PartnerTerms
from tests.factories import World, make_world
from tests.factories.pages import address

DIALOG = "dialog.of-modal"
Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def at_draft(page: Page, login: Login, world: World) -> Page:
    """The page of a draft without fiscal position, before its accountant."""
    draft = world.draft()
    Invoice.objects.filter(pk=draft.pk).update(fiscal_position=None)
    PartnerTerms.objects.all().delete()
    login(page, world.accountant).goto(address(draft))
    return page


def test_the_button_of_a_refusal_leads_to_the_box_and_the_act_is_done_in_one_go(at_draft: Page, world: World) -> None:
    at_draft.locator(".of-primary a", has_text="Valider").first.click()
    expect(at_draft.locator(f"{DIALOG} .of-refusal")).to_contain_text("pas de position fiscale")
    expect(at_draft.locator(f"{DIALOG} [data-once]")).to_have_count(0)

    at_draft.locator(f"{DIALOG} a", has_text="Remplir « Position fiscale »").click()
    expect(at_draft.locator(DIALOG)).to_have_count(0)
    expect(at_draft.locator("#id_fiscal_position")).to_be_focused()

    at_draft.locator("#id_fiscal_position").select_option(index=1)
    at_draft.locator(".of-primary a", has_text="Valider").first.click()
    with at_draft.expect_navigation():
        at_draft.locator(f"{DIALOG} [data-once]").click()
    assert Invoice.objects.get().is_posted


def test_the_step_of_a_refusal_is_done_from_the_page(page: Page, login: Login, world: World) -> None:
    quote = world.quote()
    type(quote).objects.update(issued_on="2026-11-01", valid_until="2026-11-01")
    login(page, world.biller).goto(address(quote))

    page.locator(".of-menu-button").click()
    page.locator(".of-menu-list a", has_text="Marquer comme envoyé").click()
    page.locator(f"{DIALOG} a", has_text="Prolonger").click()
    expect(page.locator(f"{DIALOG} h2")).to_have_text("Prolonger")
    page.locator(f"{DIALOG} [name=act-until]").fill("2026-12-24")
    with page.expect_navigation():
        page.locator(f"{DIALOG} [data-once]").click()
    quote.refresh_from_db()
    assert quote.valid_until.isoformat() == "2026-12-24"
