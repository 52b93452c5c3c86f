"""Sectors: their postcodes typed, « Actualiser les secteurs », « Assigner un secteur » from the menu of an RDV."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from playwright.sync_api import Page, expect

from appointments.models import Tour
from appointments.services.planning import propose_slot
from appointments.services.saving import appoint
from interventions.models import AddressSector, Sector
from tests.browser.fields import choice, highlighted
from tests.factories import SectorFactory, World, make_world
from tests.factories.appointments import technician
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def test_postcodes_are_typed_by_their_beginning_and_addresses_follow(page: Page, login: Login, world: World) -> None:
    Sector.objects.all().delete()
    zip_code = world.customer.default_address().zip
    login(page, world.manager).goto("/admin/interventions/sector/add/")
    page.locator("#id_name").fill("Rennes")
    page.locator("#id_colour").select_option("violet")
    page.get_by_text("Ajouter des codes postaux").click()
    page.locator("#id_ranges-0-first").fill(zip_code[:2])
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.locator("#id_ranges-0-last")).to_have_value(f"{zip_code[:2]}999")

    page.goto("/admin/interventions/sector/")
    page.get_by_role("link", name="Actualiser les secteurs").click()
    expect(page.locator(".of-dialog")).to_contain_text("1 adresse change de secteur")
    page.get_by_role("button", name="Actualiser les secteurs").click()
    expect(page.get_by_text("Secteurs actualisés : 1 adresse change de secteur.")).to_be_visible()
    assert [row.sector.name for row in AddressSector.objects.all()] == ["Rennes"]


def test_sectors_are_assigned_from_the_menu_of_an_rdv(page: Page, login: Login, world: World) -> None:
    SectorFactory(name="Nord", colour="blue")
    who = technician(world, name="Maëva Quéré")
    intervention = world.intervention(to_on=timezone.localdate() + timedelta(days=20))
    slot = propose_slot(intervention, not_before=timezone.localtime() + timedelta(days=1))
    assert slot is not None
    rdv = appoint(intervention, technicians=[who], starts_at=slot.starts_at, on=world.today, by=world.planner)
    login(page, world.manager).goto(address(rdv))

    page.get_by_role("button", name="Action").click()
    entries = page.locator(".of-menu-list a")
    first = entries.first
    expect(first).to_contain_text("Supprimer")
    expect(first).to_have_class("of-danger")
    expect(page.locator(".of-menu-list a.of-parted")).to_contain_text(["Confirmer"])
    entries.filter(has_text="Assigner un secteur").click()
    box = choice(page, "act-sectors")
    box.click()
    page.keyboard.type("Nor")
    expect(highlighted(page)).to_contain_text("Nord")
    page.keyboard.press("Enter")
    chosen = page.locator("dialog .of-chips").filter(has_text="Nord")
    expect(chosen).to_have_count(1)  # Enter waits for the answer on its way
    page.locator("dialog [data-once]").click()

    expect(page.get_by_text("1 journée en Nord.")).to_be_visible()
    tour = Tour.objects.get()
    assert (tour.technician, tour.on, [str(one) for one in tour.sectors.all()]) == (
        who,
        timezone.localtime(slot.starts_at).date(),
        ["Nord"],
    )
    page.goto("/admin/appointments/tour/")
    expect(page.locator("#result_list")).to_contain_text("Nord")
