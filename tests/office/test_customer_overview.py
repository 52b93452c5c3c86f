"""« Vue d'ensemble » of a customer: what he owes, what is open with him, and one timeline of everything."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing.models import Invoice, Message, Partner
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.records.notes import add_note
from invoicing.services.settlement.payments import pay_invoice
from openfire_billing.db.guards import without_guards
from openfire_billing.office.roles import ACCOUNTANT, MANAGER, PLANNER
from tests.contracts.contract_builders import make_contract
from tests.factories import AddressFactory, CompanyFactory, InstalledProductFactory, PartnerFactory, World, item
from tests.factories.appointments import alone
from tests.factories.pages import address, texts_of


def overview(world: World, role: str = MANAGER, **query: str) -> dict[str, Any]:
    page = world.office(role).get(address(world.customer), **query)
    [opened] = [tab for tab in page.context["office_tabs"] if tab["slug"] == "overview"]
    context: dict[str, Any] = opened["context"]
    return context


def rows(world: World, role: str = MANAGER, **query: str) -> list[tuple[str, str, str, Any]]:
    """[(kind, day, text of the state, amount)] of the timeline."""
    found = overview(world, role, **query)["timeline"].entries
    return [(entry.kind.name, f"{entry.on:%d/%m/%Y}", str(entry.state), entry.amount) for entry in found]


def everything(world: World) -> None:
    """One record of each kind, of other days."""
    intervention = world.intervention(item(1))
    alone(world)
    world.quote(item(1), intervention=intervention)
    invoice = world.posted()
    pay_invoice(invoice, amount=Decimal("84.62"), on=world.today, kind="card", by=world.accountant)
    credit_invoice(
        world.posted(), on=world.today, by=world.accountant, quantities=None, rebill=False, reason="Geste commercial"
    )
    add_note(world.customer, "Sonner deux fois", by=world.manager)
    Message.objects.create(
        key=f"lettre {invoice.pk}",
        to="maelle@exemple.example",
        subject="Votre facture",
        body="…",
        object=invoice,
        company=world.company,
        state="sent",
    )


def test_timeline_has_every_kind_newest_first(world: World) -> None:
    everything(world)
    found = rows(world)
    assert {kind for kind, *_rest in found} == {
        *("interventions", "appointments", "quotes", "invoices", "credits", "payments", "messages", "notes"),
    }
    days = [entry.on for entry in overview(world)["timeline"].entries]
    assert days == sorted(days, reverse=True)
    assert ("payments", f"{world.today:%d/%m/%Y}", "Affecté", Decimal("84.62")) in found
    assert ("invoices", f"{world.today:%d/%m/%Y}", "Payée en partie", Decimal("184.62")) in found
    assert ("invoices", f"{world.today:%d/%m/%Y}", "Annulée par avoir", Decimal("184.62")) in found
    assert ("credits", f"{world.today:%d/%m/%Y}", "Affecté", Decimal("-184.62")) in found
    assert ("quotes", f"{world.today:%d/%m/%Y}", "Brouillon", Decimal("184.62")) in found
    assert ("messages", f"{world.today:%d/%m/%Y}", "Envoyé", None) in found


def test_a_kind_shows_its_own_and_its_link_is_marked(world: World) -> None:
    everything(world)
    assert rows(world, kind="payments") == [
        ("payments", f"{world.today:%d/%m/%Y}", "Affecté", Decimal("84.62")),
    ]
    assert overview(world, kind="payments")["timeline"].kind == "payments"
    assert len(rows(world, kind="autre")) == len(rows(world))


def test_filters_keep_the_list_that_the_customer_was_opened_from(world: World) -> None:
    found = overview(world, _changelist_filters="q=aubry", at="1", kind="notes", older="2")
    urls = {name: url for name, _label, url in found["filters"]}
    assert urls[""] == "?_changelist_filters=q%3Daubry&at=1#timeline"
    assert urls["invoices"] == "?_changelist_filters=q%3Daubry&at=1&kind=invoices#timeline"


def test_timeline_is_read_twenty_at_a_time(world: World) -> None:
    for number in range(23):
        add_note(world.customer, f"Note {number}", by=world.manager)
    first, second = (overview(world, kind="notes", older=page) for page in ("1", "2"))
    texts = [entry.text.split(" · ")[0] for entry in (*first["timeline"].entries, *second["timeline"].entries)]
    assert texts == [f"Note {number}" for number in reversed(range(23))]
    assert (first["older"], first["newer"]) == ("?kind=notes&older=2#timeline", "")
    assert (second["older"], second["newer"]) == ("", "?kind=notes#timeline")


def test_who_may_not_see_invoices_sees_none_and_no_amount_due(world: World) -> None:
    everything(world)
    found = overview(world, PLANNER)
    assert {kind.name for kind in found["timeline"].kinds} == {
        *("interventions", "appointments", "quotes", "messages", "notes"),
    }
    kinds = {entry.kind.name for entry in found["timeline"].entries}
    assert kinds & {"invoices", "credits", "payments", "messages"} == set()  # the message is about an invoice
    assert (found["balance"], found["late"]) == (None, None)


def test_another_company_s_records_are_not_shown(world: World) -> None:
    """The note is of the company of its author."""
    other = replace(world, company=CompanyFactory(name="Autre Foyer"))
    everything(other)
    assert [kind for kind, *_rest in rows(world, ACCOUNTANT)] == ["notes"]
    world.users[ACCOUNTANT].company_accesses.create(company=other.company)
    assert len(rows(world, ACCOUNTANT)) == 11


def test_balance_and_how_much_of_it_is_late(world: World) -> None:
    late, owed = world.posted(), world.posted()
    with without_guards():
        Invoice.objects.filter(pk=late.pk).update(due_on=world.today - timedelta(days=1))
    pay_invoice(late, amount=Decimal("84.62"), on=world.today, kind="card", by=world.accountant)
    found = overview(world, ACCOUNTANT)
    assert (found["balance"]["text"].replace("\u202f", " "), found["late"]) == ("284,62 €", Decimal("100.00"))
    assert not Invoice.objects.with_payment_state(world.today).get(pk=owed.pk).is_overdue


def test_overview_shows_addresses_contracts_and_equipment(world: World) -> None:
    contract = make_contract(world)
    equipment = InstalledProductFactory(partner=world.customer, installed_on=world.today)
    found = overview(world)
    open_now = {str(kind.label): [(str(link), str(text)) for link, text in shown] for kind, shown in found["open"]}
    assert f">{contract}</a>" in open_now["Contrats en cours"][0][0]
    assert open_now["Contrats en cours"][0][1] == (
        "Mensuelle · 120,00 € HT par an · prochaine facture le 01/01/2026 : 10,00 € HT, 10,55 € TTC"
    )
    [(link, text)] = open_now["Équipements"]
    assert f">{equipment}</a>" in link
    assert text.startswith(f"posé le {world.today:%d/%m/%Y}")
    assert [place for place, _map in found["places"]] == list(world.customer.addresses.all())


def test_records_of_a_merged_customer_are_those_of_the_one_kept(world: World) -> None:
    other = PartnerFactory(name="Aubry M.")
    invoice = world.posted(partner=other)
    Partner.objects.filter(pk=other.pk).update(merged_into=world.customer, is_active=False)
    assert [str(entry.row) for entry in overview(world, kind="invoices")["timeline"].entries] == [str(invoice)]


def test_page_is_read_in_as_many_queries_with_1_and_50_rows(world: World) -> None:
    """Of all kinds together, fewer when the first twenty are not of every kind."""
    office = world.office(MANAGER)

    def counted(kind: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            office.get(address(world.customer), kind=kind)
        return len(captured)

    everything(world)
    kinds = [kind.name for kind in overview(world)["timeline"].kinds]
    one = {kind: counted(kind) for kind in kinds}
    every = counted("")
    for _number in range(6):
        everything(world)
    for number in range(50):
        InstalledProductFactory(partner=world.customer)
        AddressFactory(partner=world.customer)
        add_note(world.customer, f"Note {number}", by=world.manager)
    assert {kind: counted(kind) for kind in kinds} == one
    assert counted("") <= every <= 60


@pytest.mark.parametrize("query", [{"kind": "'--"}, {"older": "-3"}, {"older": "abc"}, {"older": "999999999999"}])
def test_a_strange_address_shows_the_page(world: World, query: dict[str, str]) -> None:
    page = world.office(MANAGER).get(address(world.customer), **query)
    assert page.status_code == 200


def test_header_of_a_customer_and_his_page_opens_on_the_overview(world: World) -> None:
    page = world.office(MANAGER).get(address(world.customer))
    heading = page.context["office_heading"]
    assert (heading.title, heading.town) == (str(world.customer), world.customer.default_address().city)
    assert [entry["label"] for entry in page.context["office_primary"]] == ["Nouvelle DI"]
    html = page.content.decode()
    assert 'data-tab="overview" aria-selected="true"' in html
    assert 'data-tab="addresses" aria-selected="false"' in html
    assert texts_of(page, "of-identity")[0].startswith(str(world.customer))
