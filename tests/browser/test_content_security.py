"""Twenty pages in a real browser under the content security policy: nothing is stopped by it."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from playwright.sync_api import BrowserContext, Page

from interventions.models import InterventionRequest
from invoicing.models import Invoice, Partner, Payment, Product, Quote
from invoicing.services.records.links import publish, token_of
from tests.contracts.contract_builders import make_contract
from tests.factories import World, make_world
from tests.factories.appointments import at, book, technician
from tests.factories.pages import address

Login = Callable[[Page, AbstractBaseUser], Page]
WATCH = """
window.stopped = [];
document.addEventListener("securitypolicyviolation", event => {
  window.stopped.push(`${event.violatedDirective}: ${event.blockedURI} (${event.documentURI})`);
});
"""


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


def test_twenty_pages_break_no_rule_of_the_policy(context: BrowserContext, login: Login, world: World) -> None:
    contract = make_contract(world, "01/11/26")
    documents = [world.intervention(), world.quote(), world.draft(), world.posted(), contract, world.customer]
    rdv = book(
        world,
        world.intervention(),
        who=technician(world, user=world.technician),
        starts_at=at(14, day=24),
        state="confirmed",
    )
    link = f"/p/{token_of(publish(documents[3], by=world.accountant, published=True))}/"
    office = ["/admin/", *(address(document) for document in documents)]
    office += [address(model, "changelist") for model in (InterventionRequest, Quote, Invoice, Payment, Partner)]
    office += [address(InterventionRequest, "add"), address(Product, "add")]
    office += [address(documents[0], "act", "invoice"), address(documents[3], "act", "credit")]
    office += ["/admin/import/customers/", "/admin/password_change/"]
    anonymous = [link, "/admin/login/", "/mobile/login/", "/api/v1/docs/"]
    phone = ["/mobile/", f"/mobile/appointments/{rdv.pk}/"]
    assert len(office) + len(anonymous) + len(phone) >= 20
    page = context.new_page()
    page.add_init_script(WATCH)
    warnings: list[str] = []
    page.on("console", lambda said: "Content Security Policy" in said.text and warnings.append(said.text))
    stopped: list[str] = []

    def look(urls: list[str]) -> None:
        for url in urls:
            answer = page.goto(url)
            assert answer is not None
            assert answer.status == 200, url
            page.wait_for_load_state("networkidle")
            stopped.extend(page.evaluate("window.stopped"))

    look(anonymous)
    login(page, world.manager)
    look(office)
    login(page, world.technician)
    look(phone)

    assert (stopped, warnings) == ([], [])


def test_what_the_policy_stops_is_noticed(page: Page, page_errors: list[str]) -> None:
    page.add_init_script(WATCH)
    page.goto("/admin/login/")
    page.evaluate(
        "() => { const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s) }"
    )

    assert page.evaluate("window.ran") is None
    assert len(page.evaluate("window.stopped")) == 1
    assert len(page_errors) == 1
    page_errors.clear()
