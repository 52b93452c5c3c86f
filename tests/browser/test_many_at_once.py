"""Many invoices at once: mailed after a preview, printed by the worker while the page shows how far it is."""

from collections.abc import Callable

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from playwright.sync_api import Page, expect

from invoicing.models import Invoice, Message, PrintJob
from invoicing.tasks import print_together
from tests.factories import World, make_world
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def choose(page: Page, act: str) -> None:
    page.locator("#action-toggle").check()
    page.locator(".of-many button", has_text=act).click()


def test_invoices_chosen_in_the_list_are_mailed_after_a_preview(page: Page, login: Login, world: World) -> None:
    world.posted()
    world.posted()
    login(page, world.biller).goto(address(Invoice, "changelist"))

    choose(page, "Envoyer par e-mail")
    expect(page.locator("[data-ready]")).to_contain_text("2 e-mails partiront")
    page.locator("[data-once]").click()

    expect(page.locator(".of-report h2")).to_contain_text("2 documents traités")
    assert Message.objects.count() == 2


def test_a_print_shows_how_far_it_is_and_then_its_file(page: Page, login: Login, world: World) -> None:
    world.posted()
    world.posted()
    login(page, world.biller).goto(address(Invoice, "changelist"))

    choose(page, "Imprimer en un seul PDF")
    expect(page.locator("[data-done]")).to_have_text("0")
    print_together(PrintJob.objects.get().pk)

    expect(page.locator("[data-done]")).to_have_text("2")
    with page.expect_download() as download:
        page.locator("a", has_text="Télécharger le PDF").click()
    assert download.value.suggested_filename == "Factures.pdf"
