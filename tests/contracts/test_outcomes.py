"""What billing a contract says when it makes several drafts: each is named, not all when they are many."""

from decimal import Decimal
from html import unescape

import pytest
from django.core.exceptions import PermissionDenied

from contracts.planner.wording import french_number, percent
from contracts.services.billing import bill_contracts
from contracts.services.contracts import save_contract
from contracts.services.run_outcomes import drafts_of, outcomes_of, outcomes_of_selection, refusals_text
from invoicing.models import Invoice, Partner
from openfire_billing.kernel.formats import names_text
from openfire_billing.office.roles import ACCOUNTANT, BILLING
from tests.contracts.contract_builders import article, day, exception, make_contract
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


def test_report_of_a_selection_says_of_each_what_became_of_it(world: World) -> None:
    billed, draft = make_contract(world, "01/11/26"), make_contract(world, is_active=False)
    skipped, refused_one = make_contract(world, "01/12/26"), make_contract(world, "01/01/22")
    free = make_contract(world, "01/11/26", article("0.00"))
    chosen = [billed, draft, skipped, refused_one, free]

    run = bill_contracts(chosen, on=day("24/11/26"), by=world.biller)
    said = {one.document: (one.made, one.refusal, one.note) for one in outcomes_of_selection(run, chosen)}

    invoice = Invoice.objects.get()
    bound = (
        f"Contrat {refused_one} : plus de 36 périodes échues à facturer. Rien n'est facturé : "
        "vérifiez la date de début, puis « Facturer quand même »."
    )
    assert said == {
        billed: (invoice, "", ""),
        draft: (None, f"{draft} est à l'état « Brouillon » : activez-le d'abord.", ""),
        skipped: (None, "", f"Contrat {skipped} : rien à facturer au 24/11/2026."),
        refused_one: (None, bound, ""),
        free: (None, "", "Lignes gratuites : réglées sans facture."),
    }
    assert {(one.document, one.made, one.refusal) for one in drafts_of(run)} == {
        (billed, invoice, ""),
        (refused_one, None, bound),
    }
    counts = (run.expected, run.billed, run.skipped, run.refused)
    assert counts == (4, 2, 1, 1)


def test_dry_run_says_the_drafts_it_would_make(world: World) -> None:
    contract = make_contract(world, "01/10/26", exceptions=[exception("01/11/26", "40.00", "-1")])

    run = bill_contracts([contract], on=day("24/11/26"), by=world.biller, dry_run=True)

    outcome = run.outcomes.get()
    assert (outcome.result, outcome.reason) == ("billed", "01/10/2026 : 10,00 € HT")
    assert outcome.drafts == [
        {
            "kind": "invoice",
            "proposed_on": "2026-10-01",
            "day": "01/10/2026",
            "net": "10.00",
            "currency": "EUR",
            "contracts": 1,
            "lines": [
                [
                    "[ram_pose] Forfait Pose, du 01/10/2026 au 31/10/2026, échéance 1/12, base annuelle 120,00 €",
                    "10.00",
                ]
            ],
        }
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "R0"), (5, "R0 R1 R2 R3 R4"), (6, "R0 R1 R2 R3 R4 Et 1 autre."), (7, "R0 R1 R2 R3 R4 Et 2 autres.")],
)
def test_five_refusals_are_said_and_the_others_counted(count: int, text: str) -> None:
    assert refusals_text([f"R{number}" for number in range(count)]) == text
