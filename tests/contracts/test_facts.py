"""The facts of a chunk: those of its contracts and of their validated lines, whatever stands beside them."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.models import Contract, ContractLine, ContractRequest
from contracts.services.cancellation import cancel_line
from contracts.services.facts import ChunkFacts, read_facts
from contracts.services.lines import save_line
from contracts.services.prices import set_price
from contracts.services.visits import plan_visits
from interventions.models import InterventionRequest
from interventions.services.states import finish_intervention
from invoicing.models import Invoice
from invoicing.services.documents.drafts import cancel_draft
from invoicing.services.documents.lines import LineEdit
from invoicing.services.posting.post import post_invoice
from tests.contracts.contract_builders import article, bill, day, exception, make_contract
from tests.factories import PartnerFactory, ProductFactory, World

D = Decimal
VISITS: dict[str, Any] = {"frequency": "per_visit", "timing": "on_visit", "visits": (2, (3, 10))}


def read(*contracts: Contract, settled: bool = False) -> ChunkFacts:
    return read_facts([contract.pk for contract in contracts], lock=False, settled=settled)


def note(label: str, **more: Any) -> LineEdit:
    return LineEdit(values={"kind": "note", "label": label, "quantity": D(0), **more})


def without_account() -> LineEdit:
    return article("60.00", product=ProductFactory(code="sans_compte", income_account=""))


def test_lines_that_are_not_validated_and_notes_are_not_read(world: World) -> None:
    contract = make_contract(
        world, "01/01/26", note("Au fond"), article("120.00"), exceptions=[exception("15/03/26", "50.00")]
    )
    line = contract.lines.get()
    save_line(line.pk, {}, exceptions=[note("Geste", on=day("15/03/26"))], on=day("01/01/26"), by=world.manager)
    for is_cancelled in (False, True):
        more = save_line(
            None,
            {"contract": contract},
            articles=[without_account()],
            exceptions=[exception("15/03/26", "50.00")],
            on=day("01/01/26"),
            by=world.manager,
        )
        if is_cancelled:
            cancel_line(more, on=day("01/01/26"), by=world.manager)

    found = read(contract)

    assert found.broken == []
    (facts,) = found.contracts
    assert [one.id for one in facts.lines] == [line.pk]
    assert [one.id for one in facts.lines[0].articles] == [line.articles.get(kind="article").pk]
    assert [one.id for one in facts.lines[0].exceptions] == [line.exceptions.get(kind="article").pk]
    assert (found.sites, found.by_id) == ({line.pk: line.address_id}, {contract.pk: facts})
    assert found.stored == {contract.pk: (day("01/01/26"), "")}


def test_neighbour_that_cannot_be_billed_breaks_nothing_here(world: World) -> None:
    contract = make_contract(world)
    broken = make_contract(world, "01/01/26", article("120.00"), exceptions=[exception("15/03/26", "50.00")])
    product = without_account().values["product"]
    broken.lines.get().articles.update(product=product)
    assert [refusal.contract for refusal in read(contract, broken).broken] == [broken.pk]
    assert [facts.id for facts in read(contract, broken).contracts] == [contract.pk]
    broken.lines.get().articles.update(product=ProductFactory(code="ram_pose"))
    broken.lines.get().exceptions.update(product=product)
    assert [refusal.contract for refusal in read(contract, broken).broken] == [broken.pk]
    assert (read(contract).broken, read().contracts, read().stored) == ([], [], {})


def test_first_reason_of_a_contract_is_the_one_told(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("120.00", label="Un"), article("60.00", label="Deux"))
    contract.lines.get().articles.update(product=without_account().values["product"])
    (refusal,) = read(contract).broken
    assert refusal.code == "incomplete"
    assert "« Un »" in refusal.reason


def test_prices_are_those_of_the_article_from_the_first_day(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("120.00", discount=D(5)), article("60.00"))
    first, second = contract.lines.get().articles.order_by("pk")
    for on, price in (("01/10/26", "36.00"), ("01/07/26", "24.00")):
        set_price(first, from_on=day(on), unit_price=D(price), discount=D(10), on=day("01/01/26"), by=world.manager)

    one, two = read(contract).contracts[0].lines[0].articles

    assert [(price.from_on, price.unit_price, price.discount) for price in one.prices] == [
        (day("01/01/00").replace(year=1900), 120, 5),
        (day("01/07/26"), 24, 10),
        (day("01/10/26"), 36, 10),
    ]
    assert [price.unit_price for price in two.prices] == [60]
    assert (one.id, two.id, one.product) == (first.pk, second.pk, first.product_id)


def test_exception_claimed_is_read_no_more_until_its_claim_is_released(world: World) -> None:
    contract, neighbour = (
        make_contract(world, exceptions=[exception("15/03/26", "50.00"), exception("15/06/26", "60.00")])
        for _n in range(2)
    )
    bill(world, contract, on="16/03/26")
    read_on = [[one.on for one in facts.lines[0].exceptions] for facts in read(contract, neighbour).contracts]
    assert read_on == [[day("15/06/26")], [day("15/03/26"), day("15/06/26")]]
    for invoice in Invoice.objects.all():
        cancel_draft(invoice, by=world.biller)
    assert [len(facts.lines[0].exceptions) for facts in read(contract).contracts] == [2]


def test_visits_read_are_those_done_of_lines_billed_per_visit(world: World) -> None:
    contract, monthly = make_contract(world, **VISITS), make_contract(world, visits=(2, (3, 10)))
    on, until = day("01/01/26"), day("31/12/27")
    visits = [
        outcome.made
        for each in (contract, monthly)
        for outcome in plan_visits([each], until=until, on=on, by=world.planner)
    ]
    done, undated, waiting, callout, by_period = *visits[:4], visits[4]
    for visit in (undated, done, callout, by_period):
        finish_intervention(visit, on=day("12/03/26"), by=world.planner)
    InterventionRequest.objects.filter(pk=undated.pk).update(done_on=None)
    InterventionRequest.objects.filter(pk=waiting.pk).update(done_on=day("12/03/26"))
    ContractRequest.objects.filter(intervention=callout).update(kind="callout", rank=None)

    found = {facts.id: facts.lines[0].visits for facts in read(contract, monthly).contracts}

    assert [(visit.id, visit.year, visit.rank, visit.of, visit.done_on) for visit in found[contract.pk]] == [
        (done.contract_request.pk, 1, 1, 2, day("12/03/26"))
    ]
    assert found[monthly.pk] == ()


def creditable(*contracts: Contract) -> list[list[tuple[int, Decimal]]]:
    found = [contract.creditable for contract in read(*contracts).contracts]
    return [[(invoice.id, invoice.left) for invoice in invoices] for invoices in found]


def test_invoices_to_credit_are_those_posted_of_the_contract_with_what_is_left(world: World) -> None:
    negative = [exception("15/06/27", "30.00", "-1"), exception("15/06/28", "20.00", "-1")]
    contract, neighbour = (
        make_contract(world, frequency="yearly", exceptions=negative, payer=PartnerFactory()) for _n in range(2)
    )
    plain = make_contract(world, frequency="yearly")
    for on in ("02/01/26", "02/01/27"):
        bill(world, contract, neighbour, plain, on=on)
    mine = list(Invoice.objects.filter(origin=contract.reference).order_by("proposed_on"))
    theirs = list(Invoice.objects.filter(origin=neighbour.reference).order_by("proposed_on"))
    assert creditable(contract, neighbour) == [[], []]  # drafts

    for invoice in (mine[0], theirs[0]):
        post_invoice(invoice, on=world.today, by=world.accountant)
    assert creditable(contract, neighbour) == [[(mine[0].pk, 120)], [(theirs[0].pk, 120)]]
    assert creditable(contract) == [[(mine[0].pk, 120)]]
    assert creditable(plain) == [[]]

    bill(world, neighbour, on="16/06/27")
    credit_note = Invoice.objects.get(kind="credit_note")
    assert creditable(contract, neighbour) == [[(mine[0].pk, 120)], [(theirs[0].pk, 90)]]
    cancel_draft(credit_note, by=world.biller)
    assert creditable(neighbour) == [[(theirs[0].pk, 120)]]
    Contract.objects.filter(pk=neighbour.pk).update(payer=world.customer)
    assert creditable(neighbour) == [[]]


@pytest.mark.parametrize("settled", [True, False])
def test_claims_read_are_live_and_beyond_the_next_due_day_when_it_is_trusted(world: World, settled: bool) -> None:
    contract, neighbour = make_contract(world), make_contract(world)
    bill(world, contract, neighbour, on="05/02/26")
    mine, theirs = (each.lines.get().articles.get().pk for each in (contract, neighbour))
    both = {day("01/01/26"): day("01/02/26"), day("01/02/26"): day("01/03/26")}

    def claimed(*contracts: Contract) -> dict[int, dict[Any, Any]]:
        return {pk: dict(ends) for pk, ends in read(*contracts, settled=settled).claimed.charges.items()}

    assert claimed(contract, neighbour) == ({} if settled else {mine: both, theirs: both})
    Contract.objects.filter(pk=contract.pk).update(next_due_on=day("01/02/26"))
    assert claimed(contract).get(mine) == both
    for invoice in Invoice.objects.filter(origin=contract.reference):
        cancel_draft(invoice, by=world.biller)
    assert mine not in claimed(contract, neighbour)


@pytest.mark.parametrize("settled", [True, False])
def test_sites_and_terms_of_each_line(world: World, settled: bool) -> None:
    contract = make_contract(world)
    line = ContractLine.objects.get(contract=contract)
    found = read(contract, settled=settled)
    assert found.contracts[0].lines[0].settled_before == (day("01/01/26") if settled else None)
    assert found.sites == {line.pk: line.address_id}
