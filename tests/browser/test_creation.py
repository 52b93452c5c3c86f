"""A record that the search did not find is created over the form, which keeps what was typed."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import Page, Route, expect

from interventions.models import InstalledProduct, InterventionRequest
from invoicing.models import Partner, Product
from tests.browser.fields import choice, choose, highlighted, type_customer
from tests.browser.test_first_road import tab
from tests.contracts.contract_builders import make_contract
from tests.factories import PartnerFactory, World, make_world, tax
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]
PANEL = "dialog.of-modal"
NEW = "/admin/interventions/interventionrequest/add/"


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def search(page: Page, field: str, text: str) -> None:
    choice(page, field).click()
    choice(page, field).fill(text)
    expect(highlighted(page)).to_contain_text(f"Créer « {text} »")


def open_panel(page: Page, field: str, text: str) -> None:
    search(page, field, text)
    page.keyboard.press("Enter")
    expect(page.locator(PANEL)).to_be_visible()


def create(page: Page) -> None:
    page.locator(f"{PANEL} [data-once]").click()
    expect(page.locator(PANEL)).to_have_count(0)


def test_di_of_a_customer_created_from_its_box(page: Page, login: Login, world: World) -> None:
    """The form under the panel keeps what was typed; the address of the customer follows; the DI is saved with both."""
    login(page, world.planner).goto(NEW)
    page.locator("#id_title").fill("Poêle qui fume")
    open_panel(page, "partner", "Goldman")
    expect(page.locator("#id_act-name")).to_have_value("Goldman")
    type_customer(page)
    create(page)

    expect(choice(page, "partner")).to_have_value("Goldman")
    expect(choice(page, "partner")).to_be_focused()
    expect(choice(page, "address")).to_have_value("3 rue de la Forge, 35235 Thorigné-Fouillard")
    expect(page.locator("#id_title")).to_have_value("Poêle qui fume")
    page.locator("#id_task").select_option(label="Dépannage")
    with page.expect_navigation():
        page.get_by_role("button", name="Enregistrer", exact=True).click()
    di = InterventionRequest.objects.get()
    assert (di.partner.name, di.partner.phone, di.address.street, di.title) == (
        "Goldman",
        "06 39 98 12 34",
        "3 rue de la Forge",
        "Poêle qui fume",
    )


def test_article_created_from_a_line_of_a_contract(page: Page, login: Login, world: World) -> None:
    line = make_contract(world, "01/01/26").lines.get()
    tax("TVA 20 %")
    login(page, world.manager).goto(address(line))
    page.locator("[data-lines=articles] [data-add=article]").click()
    page.keyboard.type("bougie_2")
    expect(highlighted(page)).to_contain_text("Créer « bougie_2 »")
    page.keyboard.press("Enter")
    expect(page.locator("#id_act-code")).to_have_value("bougie_2")
    page.locator("#id_act-name").fill("Bougie de rechange")
    page.locator("#id_act-unit_price").fill("42")
    page.locator("#id_act-tax").select_option(index=1)
    create(page)

    expect(choice(page, "articles-1-product")).to_have_value("[bougie_2] Bougie de rechange")
    expect(page.locator("#id_articles-1-unit_price")).to_have_value("42,00")
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    expect(page.get_by_text("Articles modifiés")).to_be_visible()  # in the journal of the saved page
    expect(page.locator("[data-lines=articles] [data-row]")).to_have_count(2)
    product = Product.objects.get(code="bougie_2")
    assert [str(article.unit_price) for article in line.articles.filter(product=product)] == ["42.0000"]


def test_customer_who_exists_is_chosen_instead(page: Page, login: Login, world: World) -> None:
    known = PartnerFactory(name="Ruth Goldmann", phone="06 39 98 12 34")
    login(page, world.planner).goto(NEW)
    open_panel(page, "partner", "R. G.")
    expect(page.locator("[data-choose]")).to_have_count(0)
    page.locator("#id_act-phone").press_sequentially("0639981234")
    page.get_by_role("button", name="Choisir Ruth Goldmann").click()

    expect(page.locator(PANEL)).to_have_count(0)
    expect(choice(page, "partner")).to_have_value("Ruth Goldmann")
    expect(page.locator("#id_partner")).to_have_value(str(known.pk))
    expect(page.locator("#id_address")).to_have_value(str(known.default_address().pk))
    assert Partner.objects.count() == 2


def test_refusal_and_a_lost_network_leave_what_was_typed(
    page: Page, login: Login, world: World, page_errors: list[str]
) -> None:
    login(page, world.planner).goto(NEW)
    open_panel(page, "partner", "Goldman")
    page.locator("#id_act-email").fill("faux")
    page.locator("#id_act-address-zip").fill("35760")
    expect(page.locator(".of-towns button")).to_have_text(["Saint-Grégoire", "Montgermont"])
    page.locator(f"{PANEL} [data-once]").click()
    expect(page.locator(f"{PANEL} .of-error").first).to_have_text("Saisissez une adresse e-mail valide.")
    expect(page.locator("#id_act-email")).to_be_focused()
    page.locator("#id_act-email").fill("")
    page.locator("#id_act-address-street").fill("3 rue de la Forge")
    page.locator("#id_act-address-city").click()
    page.get_by_role("button", name="Montgermont").click()
    expect(page.locator("#id_act-address-city")).to_have_value("Montgermont")

    def cut(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()  # it reaches the server; its answer is lost
            route.abort()
        else:
            route.continue_()

    page.route("**/partner/new/**", cut)
    page.locator(f"{PANEL} [data-once]").click()
    expect(page.get_by_role("alert").last).to_contain_text("cela ne se fera pas deux fois")
    page.get_by_role("button", name="Revenir à la page").click()
    expect(page.locator("#id_act-name")).to_have_value("Goldman")
    page.unroute("**/partner/new/**")
    create(page)

    expect(choice(page, "partner")).to_have_value("Goldman")
    assert Partner.objects.filter(name="Goldman").count() == 1
    page_errors.clear()


def test_escape_gives_back_the_box_with_what_was_typed(page: Page, login: Login, world: World) -> None:
    login(page, world.planner).goto(NEW)
    open_panel(page, "partner", "Goldman")
    page.keyboard.press("Escape")
    expect(page.locator(PANEL)).to_have_count(0)
    expect(choice(page, "partner")).to_be_focused()
    expect(choice(page, "partner")).to_have_value("Goldman")
    assert Partner.objects.filter(name="Goldman").count() == 0


def test_address_and_equipment_of_the_chosen_customer(page: Page, login: Login, world: World) -> None:
    login(page, world.planner).goto(NEW)
    choice(page, "address").click()
    choice(page, "address").fill("9 rue Haute")
    expect(page.locator(".of-choices:popover-open")).to_have_text("aucun résultat")  # no customer yet: not offered
    page.keyboard.press("Escape")
    choose(page, "partner", "Aubry")
    expect(choice(page, "address")).not_to_have_value("")
    open_panel(page, "address", "9 rue Haute")
    page.locator("#id_act-zip").fill("35235")
    expect(page.locator("#id_act-city")).to_have_value("Thorigné-Fouillard")
    create(page)
    expect(choice(page, "address")).to_have_value("9 rue Haute, 35235 Thorigné-Fouillard")

    tab(page, "product")
    open_panel(page, "equipment", "Poêle Armor")
    expect(page.locator("#id_act-address option:checked")).to_have_text("9 rue Haute, 35235 Thorigné-Fouillard")
    create(page)
    poele = InstalledProduct.objects.get()
    expect(page.locator("#id_equipment")).to_have_value(str(poele.pk))
    assert (poele.name, poele.partner, poele.address.street) == ("Poêle Armor", world.customer, "9 rue Haute")


def test_article_created_in_a_line_fills_it(page: Page, login: Login, world: World) -> None:
    di = world.intervention()
    login(page, world.manager).goto(address(di))
    tab(page, "billing")
    page.locator("[data-add=article]").first.click()
    choice(page, "lines-0-product").fill("tube_inox*3")
    expect(highlighted(page)).to_have_text("Créer « tube_inox »")
    page.keyboard.press("Enter")
    page.locator("#id_act-name").fill("Tube inox")
    page.locator("#id_act-unit_price").fill("12,5")
    page.locator("#id_act-tax").select_option(value=str(tax().pk))
    create(page)

    expect(page.locator("#id_lines-0-quantity")).to_have_value("3")
    expect(page.locator("#id_lines-0-unit_price")).to_have_value("12,50")
    expect(page.locator("#id_lines-0-quantity")).to_be_focused()
    expect(page.locator("#id_lines-0-product")).to_have_value(str(Product.objects.get(code="tube_inox").pk))


def test_town_of_an_address_on_the_page_of_a_customer(page: Page, login: Login, world: World) -> None:
    login(page, world.planner).goto(address(world.customer))
    tab(page, "addresses")
    zip_code, city = page.locator("#id_addresses-0-zip"), page.locator("#id_addresses-0-city")
    expect(city).to_have_value("Thorigné-Fouillard")
    with page.expect_response("**/75011/**"):
        zip_code.fill("75011")
    expect(city).to_have_value("Thorigné-Fouillard")  # typed by somebody: it stays
    city.fill("")
    zip_code.fill("35250")
    page.locator(".of-towns button", has_text="Chasné-sur-Illet").click()
    expect(city).to_have_value("Chasné-sur-Illet")
    zip_code.fill("75012")
    expect(city).to_have_value("Paris")  # the town proposed follows the code
