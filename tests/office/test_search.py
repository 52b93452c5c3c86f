"""Search from anywhere: a telephone, a town, a serial number, a number, a name; and the customer's whole page."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from interventions.models import InterventionRequest
from invoicing.models import Partner, Payment
from invoicing.services.documents.purchases import record_bill
from invoicing.services.settlement.balances import account_of
from invoicing.services.settlement.payments import pay_invoice, record_payment
from openfire_billing.office.roles import ACCOUNTANT, MANAGER, PLANNER
from openfire_billing.office.search import search
from tests.contracts.contract_builders import make_contract
from tests.factories import CompanyFactory, InstalledProductFactory, PartnerFactory, ProductFactory, World
from tests.factories.api import Api
from tests.factories.appointments import at, book
from tests.factories.pages import Office, address


class Asked:
    """A request, as far as a search looks at it."""

    path = "/admin/search/"

    def __init__(self, user: object) -> None:
        self.user = user


def found(world: World, words: str, role: str = ACCOUNTANT) -> list[str]:
    """The records found, without what waits at each customer's."""
    return [title for title, _text, _link in shown(world, words, role) if not title.startswith("↳")]


NUMBERS = ["0639984077", "06.39.98.40.77", "+33 6 39 98 40 77", "+33 (0)6 39 98 40 77", "0033639984077", "98 40 77"]


@pytest.mark.parametrize("typed", [*NUMBERS, "bellec 06 39 98 40 77", "984077"])
@pytest.mark.parametrize("stored", [*NUMBERS[:5], "06 39 98 40 77 (le soir)"])
def test_telephone_is_found_however_it_is_written(world: World, stored: str, typed: str) -> None:
    PartnerFactory(name="Bellec Ronan", mobile=stored)
    PartnerFactory(name="Bellec Soizic", mobile="06 39 98 40 78")

    assert found(world, typed) == ["Bellec Ronan"]


def test_telephone_of_a_department_overseas_is_found_as_dialled_there_and_from_elsewhere(world: World) -> None:
    partner = PartnerFactory(name="Payet Marie", phone="0262 12 34 56")
    assert partner.phone_key == "+33262123456"

    place = partner.default_address()
    place.zip, place.city, place.phone = "97400", "Saint-Denis", "0692 12 34 57"
    place.save()

    partner.refresh_from_db()
    assert (partner.phone_key, place.phone_key) == ("+262262123456", "+262692123457")
    for typed in ("0262 12 34 56", "+262 262 12 34 56", "00262262123456", "0692123457", "+33 2 62 12 34 56"):
        assert found(world, typed) == ["Payet Marie"]
    place.zip = "35000"
    place.save()
    partner.refresh_from_db()
    assert (partner.phone_key, place.phone_key) == ("+33262123456", "+33692123457")


@pytest.mark.parametrize(
    "typed", ["le helley", "HÉLLEY", "helleÿ saint-malô", "saint malo", "coeur", "Cœur", "12 rue de l'eglise", "bœuf"]
)
def test_accents_capitals_and_hyphens_do_not_matter(world: World, typed: str) -> None:
    partner = PartnerFactory(name="Le Hélley Cœur de Boeuf")
    partner.addresses.update(street="12 rue de l’Église", city="Saint-Malo")
    PartnerFactory(name="Autre")

    assert found(world, typed) == ["Le Hélley Cœur de Boeuf"]
    names = [row["name"] for row in Api(world.manager).get("partners/", search=typed).json()["results"]]
    assert names == ["Le Hélley Cœur de Boeuf"]


def test_amount_finds_its_invoice(world: World) -> None:
    invoice = world.posted()
    assert str(invoice.gross.amount) == "184.62"

    pay_invoice(invoice, amount=Decimal("184.62"), on=world.today, kind="card", by=world.accountant)
    payment = Payment.objects.get()

    for typed in ("184,62", "184.62", "184,62 €"):
        assert found(world, typed) == [invoice.number, payment.number]
    assert found(world, "184,63") == []
    page = world.office(ACCOUNTANT).get("/admin/invoicing/invoice/", q="184,62")
    assert [row.pk for row in page.context["cl"].result_list] == [invoice.pk]


def test_choice_boxes_find_without_accents(world: World) -> None:
    partner = PartnerFactory(name="Guéguen Zoé", mobile="+33 6 39 98 40 66")
    product = ProductFactory(code="poele", name="Poêle à bûches")

    def offered(app: str, model: str, field: str, term: str) -> list[str]:
        names = {"app_label": app, "model_name": model, "field_name": field, "term": term}
        answer = world.office(ACCOUNTANT).get("/admin/autocomplete/", **names)
        return [row["id"] for row in answer.json()["results"]]

    for term in ("gueguen zoe", "GUÉGUEN", "0639984066"):
        assert offered("invoicing", "invoice", "customer", term) == [str(partner.pk)]
    assert offered("invoicing", "invoiceline", "product", "buches") == [str(product.pk)]


def shown(world: World, words: str, role: str) -> list[tuple[str, str, str]]:
    found = search(Asked(world.users[role]), words)  # type: ignore[arg-type]
    return [(result.title, str(result.description).replace("\u202f", " "), result.link) for result in found]


def test_the_caller_opens_his_documents(world: World) -> None:
    """« A customer found by Ctrl+K opens into open DI, unpaid invoices, contracts, next RDV, Nouvelle DI. »"""
    caller = PartnerFactory(name="Bellec Ronan", mobile="06 39 98 40 77")
    intervention = world.intervention(partner=caller, title="Fuite")
    rdv = book(world, intervention, starts_at=at(9, 30), state="confirmed")
    invoice = world.posted(partner=caller)
    paid = world.posted(partner=caller)
    pay_invoice(paid, amount=Decimal("184.62"), on=world.today, kind="card", by=world.accountant)
    contract = make_contract(world, payer=caller)

    found = shown(world, "0639984077", MANAGER)

    new = f"/admin/interventions/interventionrequest/add/?partner={caller.pk}"
    assert [(title, link) for title, _text, link in found] == [
        ("Bellec Ronan", address(caller)),
        (f"↳ {rdv}", address(rdv)),
        (f"↳ {intervention}", address(intervention)),
        *[(f"↳ {each}", address(each)) for each in open_requests(caller, without=intervention)],
        (f"↳ {invoice}", address(invoice)),
        (f"↳ {contract}", address(contract)),
        ("↳ Nouvelle DI", new),
    ]
    texts = {title: text for title, text, _link in found}
    assert texts[f"↳ {rdv}"].startswith("mercredi 25 novembre à 09:30 · ")
    assert texts[f"↳ {intervention}"] == "Planifiée · Fuite · 24/11/2026"
    assert texts[f"↳ {invoice}"] == "184,62 € · à payer avant le 24/12/2026"
    titles = [title for title, _text, _link in shown(world, "0639984077", PLANNER)]
    assert f"↳ {invoice}" not in titles


def open_requests(partner: Partner, *, without: InterventionRequest) -> list[InterventionRequest]:
    waiting = InterventionRequest.objects.filter(partner=partner).exclude(state__in=["done", "cancelled"])
    return list(waiting.exclude(pk=without.pk).order_by("from_on", "pk")[:2])


def test_customer_page_shows_what_waits(world: World) -> None:
    invoice = world.posted()
    contract = make_contract(world)
    page = world.office(ACCOUNTANT).get(address(world.customer))

    overview = page.context["office_tabs"][0]["context"]
    waits = {str(kind.label): [str(link) for link, _text in rows] for kind, rows in overview["open"]}

    assert f">{invoice}</a>" in waits["Factures à payer"][0]
    assert f">{contract}</a>" in waits["Contrats en cours"][0]
    assert "Prochain RDV" not in waits


def test_what_waits_is_read_in_as_many_queries_for_three_as_for_one(world: World) -> None:
    def counted(count: int) -> int:
        for n in range(count - Partner.objects.filter(name__startswith="Guillou").count()):
            world.posted(partner=PartnerFactory(name=f"Guillou {n}"))
        with CaptureQueriesContext(connection) as captured:
            shown(world, "guillou", MANAGER)
        return len(captured)

    counted(1)  # what is cached for good is read once
    assert counted(2) == counted(3)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("nouvelle di", ("Créer : demande d'intervention", "/admin/interventions/interventionrequest/add/")),
        ("nouveau devis", ("Créer : devis", "/admin/invoicing/quote/add/")),
        ("liste factures", ("Factures", "/admin/invoicing/invoice/")),
        ("importer", ("Importer", "/admin/import/")),
    ],
)
def test_the_search_knows_commands(world: World, typed: str, first: tuple[str, str]) -> None:
    (title, _text, link), *_more = shown(world, typed, MANAGER)
    assert (title, link) == first


def test_commands_are_those_one_may_do(world: World) -> None:
    assert shown(world, "liste journaux", PLANNER) == []


def test_a_search_reads_ten_words(world: World) -> None:
    PartnerFactory(name="un deux trois quatre cinq six sept huit neuf dix")

    assert found(world, "un deux trois quatre cinq six sept huit neuf dix onze douze") != []
    assert found(world, "un deux trois quatre cinq six sept huit neuf onze") == []
    with CaptureQueriesContext(connection) as captured:
        world.office(ACCOUNTANT).get("/admin/invoicing/partner/", q="a " * 1500)
    assert max(query["sql"].count("LIKE") for query in captured) <= 60


def test_search_by_telephone_town_name_serial_and_number(world: World) -> None:
    other = PartnerFactory(name="Bellec Ronan", mobile="06 39 98 40 77")
    other.addresses.update(city="Liffré", zip="35340")
    InstalledProductFactory(partner=other, serial_number="FF-2024-0042")
    invoice = world.posted()
    assert found(world, "0639984077") == ["Bellec Ronan"]
    assert found(world, "liffré") == ["Bellec Ronan"]
    assert found(world, "35340") == ["Bellec Ronan"]
    assert found(world, "bellec liff") == ["Bellec Ronan"]
    owner, appliance = found(world, "2024-0042")
    assert (owner, "FF-2024-0042" in appliance) == ("Bellec Ronan", True)
    assert found(world, "FA2026-00001") == [invoice.number]
    assert "DI/000001" in found(world, "000001")


def test_search_by_the_number_of_a_contract_and_of_a_supplier_s_bill(world: World) -> None:
    contract = make_contract(world)
    supplier = PartnerFactory(name="Fonderie Fictive")
    record_bill(
        company=world.company,
        supplier=supplier,
        number="F-2041",
        on=world.today,
        net=Decimal(10),
        tax=Decimal(2),
        by=None,
    )

    assert found(world, "CONT/000001") == [str(contract)]
    assert found(world, "f-2041") == ["Fonderie Fictive F-2041"]
    assert found(world, "F-2041", PLANNER) == []
    for page in ("abc", "99", "-1"):
        assert world.office(PLANNER).get("/admin/search/", s="Aubry", extended="1", page=page).status_code == 200


def test_search_shows_only_what_one_may_see(world: World) -> None:
    world.posted()
    assert found(world, "FA2026-00001", PLANNER) == []
    elsewhere = CompanyFactory(name="Ailleurs")
    world.users[ACCOUNTANT].company_accesses.update(company=elsewhere)
    assert found(world, "FA2026-00001") == []


def test_customer_page_has_everything_and_a_balance(world: World) -> None:
    invoice = world.posted()
    pay_invoice(invoice, amount=Decimal(100), on=world.today, kind="card", by=world.accountant)
    office = world.office(ACCOUNTANT)
    page = office.get(address(world.customer))
    shown = {str(b["label"]): str(b.get("text") or b["count"]) for b in page.context["office_buttons"]}
    assert shown["Solde dû"].replace("\u202f", " ") == "84,62 €"
    assert (shown["DI"], shown["Factures"], shown["Contrats"]) == ("1", "1", "0")
    assert f"/admin/interventions/interventionrequest/add/?partner={world.customer.pk}" in page.content.decode()


def test_customer_page_counts_what_one_s_companies_made(world: World) -> None:
    for firm in (world, replace(world, company=CompanyFactory(name="Autre Foyer"))):
        firm.posted()
        make_contract(firm)

    page = world.office(ACCOUNTANT).get(address(world.customer))

    shown = {str(button["label"]): button.get("count") for button in page.context["office_buttons"]}
    assert (shown["DI"], shown["Factures"], shown["Contrats"]) == (1, 1, 1)


def test_balance_counts_payments_not_allocated_yet(world: World) -> None:
    record_payment(
        company=world.company,
        customer=world.customer,
        amount=Decimal(50),
        on=world.today,
        kind="card",
        by=world.accountant,
    )
    assert Payment.objects.count() == 1
    assert account_of(world.customer, companies=[world.company]).balance == Decimal("-50.00")


def test_first_steps_for_a_new_firm(world: World) -> None:
    office = Office(world.manager)
    assert [group["is_done"] for group in office.get("/admin/").context["office_steps"]] == [True, True, False, True]
    planner = world.office(PLANNER)
    assert planner.get("/admin/").context["office_steps"] == []
