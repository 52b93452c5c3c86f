"""A contract on its screens: made, activated, its DIs behind Planification, its draft behind Factures; a run that moves."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from contracts.services.billing import bill_chunk
from contracts.services.runs import chunks_of, finish_run, start_run
from tests.browser.fields import choose
from tests.contracts.contract_builders import make_many
from tests.factories import World, make_world
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def tab(page: Page, slug: str) -> None:
    page.locator(f"[data-tab={slug}]").click()


def save(page: Page) -> None:
    with page.expect_navigation():
        page.locator("[name=_save]").click()


def confirm(page: Page) -> None:
    dialog = page.locator("dialog.of-modal")
    expect(dialog).to_be_visible()
    with page.expect_navigation():
        dialog.locator("[data-once]").click()


def smart(page: Page, label: str) -> Locator:
    return page.locator(".of-smart a", has=page.get_by_text(label, exact=True))


def new_contract(page: Page, first_day: date) -> None:
    """A monthly contract for the customer, saved."""
    page.goto("/admin/contracts/contract/add/")
    choose(page, "payer", "Aubry")
    page.locator("#id_start_on").fill(first_day.strftime("%d/%m/%Y"))
    tab(page, "billing")
    page.locator("#id_frequency").select_option(label="Mensuelle")
    page.locator("#id_fiscal_position").select_option(label="VEN-5.5")
    save(page)


def new_line(page: Page, months: list[int]) -> None:
    """Its line: one article, two visits a year in these months, saved."""
    page.get_by_text("Ajouter une ligne").click()
    page.wait_for_url(re.compile(r"/contractline/add/"))
    page.locator("#page-billing [data-lines=articles] [data-add=article]").click()
    choose(page, "articles-0-product", "ram_pose")
    expect(page.locator("#id_articles-0-unit_price")).to_have_value("175,00")
    expect(page.locator("[data-lines=articles] [data-total=gross]")).to_have_text(re.compile(r"^184,62\s€$"))
    tab(page, "planning")
    choose(page, "task", "Dépannage")
    page.locator("#id_repeat").fill("2")
    for number in months:
        page.locator(f"[name=visit_months][value='{number}']").check()
    visits = page.locator(".field-visits_text .of-read")
    expect(visits).to_have_text("2 par an")
    page.locator("#id_repeat_unit").select_option(label="mois")
    expect(visits).to_have_text("4 par an")
    page.locator("#id_repeat_unit").select_option(label="ans")
    save(page)


def test_contract_from_its_screens_to_its_visits_and_its_draft(page: Page, login: Login, world: World) -> None:
    today = timezone.localdate()
    following = today.month % 12 + 1
    login(page, world.manager)
    new_contract(page, today.replace(day=1))
    new_line(page, [following, following % 12 + 1])
    expect(page.locator(".of-status .is-current")).to_have_text("Brouillon")
    page.locator(".of-texts a", has_text="Contrat").first.click()

    page.locator(".of-primary a", has_text="Activer").click()
    confirm(page)
    expect(page.locator("body")).to_contain_text("CONT/000001")
    page.locator(".of-menu-button").click()
    page.locator(".of-menu-list a", has_text="Planifier les visites").click()
    confirm(page)
    expect(smart(page, "Planification").locator("b")).to_have_text("2")
    page.locator(".of-primary a", has_text="Facturer").click()
    expect(page.locator("dialog .of-preview")).to_contain_text("14,58")
    confirm(page)
    expect(smart(page, "Factures").locator("b")).to_have_text("1")

    smart(page, "Factures").click()
    page.wait_for_url(re.compile(r"/invoicing/invoice/\d+/change/"))
    expect(page.locator("[data-total=net]")).to_have_text(re.compile(r"^14,58\s€$"))
    smart(page, "Contrats").click()
    page.wait_for_url(re.compile(r"/contracts/contract/\d+/change/"))
    smart(page, "Planification").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.locator("#result_list tbody th a").first.click()
    expect(page.locator(".of-status .is-current")).to_have_text("À planifier")
    tab(page, "billing")
    expect(page.locator("tr.of-covered")).to_have_count(1)
    tab(page, "contract")
    expect(page.locator("#page-contract")).to_contain_text("CONT/000001")


def test_page_of_a_run_moves_while_it_runs(page: Page, login: Login, world: World) -> None:
    make_many(world, 6)
    run = start_run(on=date(2026, 2, 15), by=None)
    login(page, world.biller)
    page.goto(f"/admin/contracts/billingrun/{run.pk}/change/")
    done, progress = page.locator("[data-done]"), page.locator("#passage progress")
    expect(done).to_have_text("0")
    expect(progress).to_have_attribute("max", "6")

    for number, ids in enumerate(chunks_of(run, 2), 1):
        bill_chunk(run, ids)
        expect(done).to_have_text(str(2 * number))
    finish_run(run)

    expect(page.locator("#passage .of-badge").first).to_have_text("Terminé")
    expect(page.locator("[data-count=billed]")).to_have_text("6")
    expect(page.locator("#passage tbody tr")).to_have_count(6)
    page.goto("/admin/contracts/billingrun/")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)


def test_lines_are_in_sight_on_a_small_desk(page: Page, login: Login, world: World) -> None:
    """1 280 px: no column beyond the edge of its table, nothing beyond the edge of the page."""
    (contract,) = make_many(world, 1, is_active=False)
    page.set_viewport_size({"width": 1280, "height": 800})
    login(page, world.manager)
    for document in (contract.lines.get(), world.intervention(is_validated=False)):
        page.goto(address(document))
        tab(page, "billing")
        expect(page.locator(".of-w-product .of-choice-input").first).to_be_visible()
        wide = page.evaluate(
            """[document.documentElement, document.querySelector(".of-page:not([hidden]) .of-scroll")]
               .map((box) => box.scrollWidth - box.clientWidth)"""
        )
        assert wide == [0, 0], page.url
