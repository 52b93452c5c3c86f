"""What billing a contract says when it makes several drafts: each is named, not all when they are many."""

from decimal import Decimal
from html import unescape

import pytest
from django.core.exceptions import PermissionDenied

from contracts.planner.wording import french_number, percent
from contracts.services.billing import bill_contracts
from contracts.services.contracts import save_contract
from contracts.services.run_outcomes import outcomes_of
from invoicing.models import Invoice, Partner
from openfire_billing.kernel.formats import names_text
from openfire_billing.office.roles import ACCOUNTANT, BILLING
from tests.contracts.contract_builders import day, make_contract
from tests.factories import World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.pages import address


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B"], "A, B"),
        (["A", "B", "C"], "A, B et 1 autre"),
        (["A", "B", "C", "D"], "A, B et 2 autres"),
    ],
)
def test_names_in_a_sentence(names: list[str], text: str) -> None:
    assert names_text(names, most=2) == text


def test_number_is_written_as_it_is_whatever_was_written_before() -> None:
    assert [french_number(Decimal(text)) for text in ("10.00", "10", "1234.5")] == ["10,00", "10", "1\xa0234,5"]
    assert percent(Decimal("10.00")) == "10 %"


def test_every_draft_made_is_named(world: World) -> None:
    contract = make_contract(world, "01/09/26")

    office = world.office()

    page = office.get(office.act(contract, "bill").url)  # type: ignore[attr-defined]

    first, *others = [str(invoice) for invoice in Invoice.objects.drafts().order_by("proposed_on")]
    (said,) = [unescape(str(message)) for message in page.context["messages"]]
    assert said.startswith("Facturé : <a")
    assert said.endswith(f"{first}</a> avec {others[0]}, {others[1]}.")


def test_posting_refused_names_five_drafts_and_counts_the_others(world: World) -> None:
    contract = make_contract(world, "01/03/26", auto_post=True)
    Partner.objects.update(kind="business")  # without a SIREN

    (outcome,) = outcomes_of(bill_contracts([contract], on=day("24/11/26"), by=world.accountant))

    drafts = list(Invoice.objects.drafts().order_by("proposed_on"))
    assert len(drafts) == 9
    assert [f"{draft} : « Aubry Maëlle » est un professionnel sans SIREN" in outcome.note for draft in drafts] == [
        True
    ] * 5 + [False] * 4
    assert outcome.note.endswith("Et 4 autres.")


def test_who_may_not_post_does_not_have_it_done(world: World) -> None:
    contract = make_contract(world, "01/03/26")
    page = address(contract)
    assert 'name="auto_post"' not in world.office(BILLING).get(page).content.decode()
    assert 'name="auto_post"' in world.office(ACCOUNTANT).get(page).content.decode()
    sentence = "« Validation automatique » : seul qui peut valider des factures la coche, demandez à un comptable."
    with nothing_changed():
        world.office(BILLING).save(contract, auto_post="on")
        told = refused(Api(world.biller).patch(f"contracts/{contract.pk}/", {"auto_post": True}), 403)
        with pytest.raises(PermissionDenied):
            save_contract(contract.pk, {"auto_post": True}, on=world.today, by=world.biller)
        new = {"company": world.company, "payer": world.customer, "start_on": world.today, "auto_post": True}
        with pytest.raises(PermissionDenied):
            save_contract(None, new, on=world.today, by=world.biller)
    assert told == sentence


def test_what_the_accountant_ticked_stays_when_billing_edits(world: World) -> None:
    contract = make_contract(world, "01/03/26")
    world.office(ACCOUNTANT).save(contract, auto_post="on")
    world.office(BILLING).save(contract, notes="Portail à gauche")
    contract.refresh_from_db()
    assert (contract.auto_post, contract.notes) == (True, "Portail à gauche")
    assert Api(world.biller).patch(f"contracts/{contract.pk}/", {"auto_post": False}).status_code == 200
