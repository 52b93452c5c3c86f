"""The net of a claim is its invoice line's: written with it, edited with it, and posted only while they agree."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contracts.models import ExceptionClaim, PeriodClaim, VisitClaim
from contracts.services.visits import plan_visits
from contracts.services.waivers import charges_due, waive
from interventions.services.states import finish_intervention
from invoicing.models import Invoice
from invoicing.services.documents.drafts import edit_draft
from invoicing.services.documents.lines import LineEdit
from invoicing.services.posting.post import post_invoice, post_invoices
from openfire_billing.kernel.errors import BusinessError
from tests.contracts.contract_builders import article, bill, day, exception, make_contract, make_many
from tests.factories import World, nothing_changed


def nets(model: type[PeriodClaim | VisitClaim | ExceptionClaim]) -> list[Decimal]:
    return list(model.objects.order_by("pk").values_list("net", flat=True))


def test_claims_bear_the_net_of_their_lines(world: World) -> None:
    make_contract(world, "01/01/26", article("175.00"), exceptions=[exception("01/01/26", "2.50", "-3")])

    bill(world, on="01/02/26")

    assert nets(PeriodClaim) == [Decimal("14.58"), Decimal("14.59")]
    assert nets(ExceptionClaim) == [Decimal("-7.50")]


def test_claim_of_a_visit_bears_its_net(world: World) -> None:
    make_contract(world, "01/01/26", article("175.00"), frequency="per_visit", timing="on_visit", visits=(2, (3, 9)))
    made = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    finish_intervention(made[0].made, on=day("12/03/26"), by=world.planner)

    bill(world, on="13/03/26")

    assert nets(VisitClaim) == [Decimal("87.50")]


def test_claim_on_an_avoir_is_signed_as_its_line(world: World) -> None:
    make_contract(world, "01/01/26", frequency="yearly", exceptions=[exception("01/03/26", "30.00", "-1")])
    bill(world, on="02/01/26")
    post_invoices(Invoice.objects.all(), on=day("05/03/26"), by=world.accountant)

    bill(world, on="06/03/26")

    claim = ExceptionClaim.objects.get()
    assert (claim.invoice_line.invoice.kind, claim.invoice_line.net, claim.net) == ("credit_note", 30, 30)


def test_claims_without_a_line_bear_what_was_waived_or_nothing(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("175.00"), article("0.00", position=2))
    due = charges_due(contract, on=day("02/01/26"))
    waive(contract, keys=[charge.key for charge in due], on=day("02/01/26"), by=world.biller)
    make_contract(world, "01/01/26", article("0.00"))
    bill(world, on="02/01/26")

    claims = PeriodClaim.objects.order_by("pk").values_list("without_document", "net")
    assert list(claims) == [("waived", Decimal("14.58")), ("waived", Decimal(0)), ("free", Decimal(0))]


def test_claim_follows_the_price_of_its_line(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("120.00"), article("240.00", position=2), grouped=True)
    bill(world, contract, on="02/01/26")
    draft = Invoice.objects.get()
    first, second = draft.lines.order_by("position")

    edit_draft(draft, edits=[LineEdit(pk=first.pk, values={"unit_price": Decimal("8.00")})], by=world.biller)
    assert nets(PeriodClaim) == [Decimal("8.00"), Decimal("20.00")]

    edits = [LineEdit(pk=first.pk, values={"discount": Decimal(50)}), LineEdit(pk=second.pk, delete=True)]
    edit_draft(draft, edits=edits, by=world.biller)
    assert nets(PeriodClaim) == [Decimal("4.00")]
    assert post_invoice(draft, on=day("02/01/26"), by=world.accountant).net.amount == Decimal("4.00")


def test_posting_refuses_a_line_whose_claim_bears_another_net(world: World) -> None:
    make_many(world, 2)
    bill(world, on="02/01/26")
    wrong, right = Invoice.objects.order_by("pk")
    line = wrong.lines.get()
    PeriodClaim.objects.filter(invoice_line=line).update(net=Decimal("9.99"))

    with pytest.raises(BusinessError) as refusal, nothing_changed():
        post_invoice(wrong, on=day("02/01/26"), by=world.accountant)
    assert str(refusal.value) == (
        f"{wrong} : le montant de « {line.label} » n'est plus celui de la période, de la visite ou de l'exception "
        "qu'elle facture. Supprimez le brouillon : ce qui est dû sera facturé de nouveau."
    )
    outcomes = post_invoices([wrong, right], on=day("02/01/26"), by=world.accountant)
    assert [outcome.is_refused for outcome in outcomes] == [True, False]


@pytest.mark.parametrize("count", [2, 12])
def test_nets_are_compared_in_one_query_for_all_drafts(world: World, count: int) -> None:
    make_many(world, count)
    bill(world, on="02/01/26")

    with CaptureQueriesContext(connection) as captured:
        post_invoices(Invoice.objects.all(), on=day("02/01/26"), by=world.accountant)

    compared = [query["sql"] for query in captured if "contracts_exceptionclaim" in query["sql"]]
    assert len(compared) == 1
