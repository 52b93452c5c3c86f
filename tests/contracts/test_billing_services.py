"""Billing by its services: groups, locks, claims, what is waived, credited, prices dated."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from contracts.models import BillingRun, Contract, ExceptionClaim, PeriodClaim, VisitClaim
from contracts.services.activation import activate_contract
from contracts.services.billing import bill_chunk, bill_contracts, foresee
from contracts.services.lines import save_line
from contracts.services.next_bill import next_bill
from contracts.services.next_dates import recheck_due
from contracts.services.prices import set_price
from contracts.services.runs import chunks_of, start_run
from contracts.services.visits import plan_visits
from contracts.services.waivers import charges_due, claim_key, take_back, waive, waived
from interventions.services.states import cancel_intervention, finish_intervention
from invoicing.models import Invoice
from invoicing.services.documents.drafts import edit_draft
from invoicing.services.documents.lines import LineEdit
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError
from tests.contracts.contract_builders import article, bill, day, drafts, exception, make_contract, make_many, periods
from tests.factories import World, nothing_changed
from tests.factories.parties import PartnerFactory


def test_contracts_of_a_payer_share_a_draft_when_they_say_so(world: World) -> None:
    apart = make_contract(world)
    one, two = (make_contract(world, group_by_payer=True) for _n in range(2))

    bill(world, on="02/01/26")

    assert drafts(apart) == [("invoice", "01/01/26", ["10.00"])]
    together = Invoice.objects.get(origin=f"{one.reference}, {two.reference}")
    assert [line.net for line in together.lines.all()] == [Decimal("10.00")] * 2


def test_lines_of_a_contract_have_a_draft_each_when_not_grouped(world: World) -> None:
    contract = make_contract(world, is_active=False, grouped=False)
    line = {"contract": contract, "address": contract.lines.get().address, "title": "Deuxième appareil"}
    save_line(None, line, articles=[article("240.00")], on=day("01/01/26"), by=world.manager)
    activate_contract(contract, on=day("01/01/26"), by=world.manager)

    bill(world, on="02/01/26")

    assert sorted(nets for _kind, _on, nets in drafts()) == [["10.00"], ["20.00"]]


def test_draft_says_period_place_and_yearly_basis(world: World) -> None:
    make_contract(world, "01/01/26", article("175.00", discount=Decimal(10)), purchase_order="BC 12")

    bill(world, on="02/03/26")

    invoice = Invoice.objects.get(proposed_on=day("01/03/26"))
    (line,) = invoice.lines.all()
    assert line.label == (
        "[ram_pose] Forfait Pose, du 01/03/2026 au 31/03/2026, échéance 3/12, base annuelle 157,50 €, remise 10 % déduite"
    )
    assert (line.quantity, line.unit_price, line.discount) == (Decimal(1), Decimal("13.13"), Decimal(0))
    assert (line.period_start, line.period_end) == (day("01/03/26"), day("01/04/26"))
    assert line.tax.rate == Decimal("5.5")
    assert (invoice.net.amount, invoice.tax.amount, invoice.gross.amount) == (
        Decimal("13.13"),
        Decimal("0.72"),
        Decimal("13.85"),
    )
    assert (invoice.purchase_order, invoice.site, invoice.customer) == (
        "BC 12",
        world.customer.default_address(),
        world.customer,
    )


def test_dry_run_writes_nothing(world: World) -> None:
    contract = make_contract(world)
    with nothing_changed():
        (told,) = foresee([contract], on=day("02/02/26"))
    assert [(d["day"], d["net"]) for d in told["drafts"]] == [("01/01/2026", "10.00"), ("01/02/2026", "10.00")]

    run = bill_contracts([contract], on=day("02/02/26"), by=None, dry_run=True)

    assert not Invoice.objects.exists()
    assert run.outcomes.get().drafts == told["drafts"]


def test_more_than_36_periods_wait_for_somebody(world: World) -> None:
    contract = make_contract(world, "01/01/22")

    run = bill(world, on="01/06/26")

    assert (run.refused, Invoice.objects.count()) == (1, 0)
    contract.refresh_from_db()
    assert contract.set_aside_code == "too_many_periods"
    assert "« Facturer quand même »" in contract.set_aside_reason
    assert bill(world, contract, on="01/06/26", force=True).billed == 1
    assert len(periods(contract)) == 54


@pytest.mark.parametrize("size", [2, 20])
def test_queries_of_a_chunk_are_constant(world: World, size: int) -> None:
    make_many(world, size)
    run = start_run(on=day("02/01/26"), by=None)
    (ids,) = chunks_of(run)
    with CaptureQueriesContext(connection) as captured:
        bill_chunk(run, ids)

    assert len(captured) <= 32


def test_unique_key_refuses_a_second_claim_of_a_period(world: World) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    claim = PeriodClaim.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        PeriodClaim.objects.create(
            article=claim.article,
            start=claim.start,
            end=claim.end,
            net=0,
            due_on=claim.due_on,
            without_document="waived",
        )


@pytest.mark.postgresql
def test_database_refuses_overlapping_claims(world: World) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    claim = PeriodClaim.objects.get()

    with pytest.raises(IntegrityError, match="contracts_period_no_overlap"), transaction.atomic():
        PeriodClaim.objects.create(
            article=claim.article,
            start=day("15/01/26"),
            end=day("20/01/26"),
            net=0,
            due_on=claim.due_on,
            without_document="waived",
        )


@pytest.mark.parametrize(("line", "without"), [(True, "waived"), (False, "")])
def test_claim_has_a_line_or_a_reason(world: World, line: bool, without: str) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    claim = PeriodClaim.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        PeriodClaim.objects.filter(pk=claim.pk).update(
            invoice_line=claim.invoice_line if line else None, without_document=without
        )


def test_line_of_a_period_keeps_its_quantity(world: World) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    invoice = Invoice.objects.get()
    (line,) = invoice.lines.all()

    with pytest.raises(BusinessError, match="quantité d'une période"), nothing_changed():
        edit_draft(invoice, edits=[LineEdit(pk=line.pk, values={"quantity": Decimal(2)})], by=world.biller)


def test_full_credit_a_refacturer_frees_the_period(world: World) -> None:
    contract = make_contract(world)
    bill(world, on="02/01/26")
    invoice = post_invoice(Invoice.objects.get(), on=day("02/01/26"), by=world.accountant)

    credit_note = credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, rebill=True)

    released = PeriodClaim.objects.get()
    assert released.released_by == credit_note.lines.get()
    contract.refresh_from_db()
    assert contract.next_due_on == day("01/01/26")
    assert bill(world, on="04/01/26").billed == 1
    assert periods(contract) == ["01/01/26-31/01/26 10.00"]


def test_credit_of_a_part_may_not_be_rebilled(world: World) -> None:
    make_contract(world)
    bill(world, on="02/01/26")
    invoice = post_invoice(Invoice.objects.get(), on=day("02/01/26"), by=world.accountant)
    (line,) = invoice.lines.all()
    half = {line.pk: Decimal("0.5")}

    with pytest.raises(BusinessError, match="ne se remet à facturer qu'entière"), nothing_changed():
        credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, quantities=half, rebill=True)
    credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, quantities=half, rebill=False)
    with pytest.raises(BusinessError, match="a déjà un avoir sans remise à facturer"), nothing_changed():
        credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, rebill=True)
    credit_invoice(invoice, on=day("03/01/26"), by=world.accountant, rebill=False)
    assert bill(world, on="05/01/26").billed == 0


def test_waived_period_is_not_billed_until_taken_back(world: World) -> None:
    contract = make_contract(world)
    january = [charge.key for charge in charges_due(contract, on=day("02/01/26"))]

    waive(contract, keys=january, on=day("02/01/26"), by=world.biller)
    assert bill(world, on="02/02/26").billed == 1
    assert periods(contract) == ["01/01/26-31/01/26 0", "01/02/26-28/02/26 10.00"]

    take_back(contract, keys=[claim_key(claim) for claim in waived(contract)], on=day("02/02/26"), by=world.biller)
    assert bill(world, on="02/02/26").billed == 1
    assert periods(contract)[0] == "01/01/26-31/01/26 10.00"


def test_billed_elsewhere_until_its_last_day(world: World) -> None:
    contract = make_contract(world, line={"billed_elsewhere_until": day("31/03/26")})

    bill(world, on="05/05/26")

    assert periods(contract) == ["01/04/26-30/04/26 10.00", "01/05/26-31/05/26 10.00"]


def test_price_dated_takes_effect_on_the_first_period_from_its_day(world: World) -> None:
    contract = make_contract(world)
    bill(world, on="05/02/26")
    (row,) = contract.lines.get().articles.all()

    price = {"unit_price": Decimal("240.00"), "discount": Decimal(0)}
    set_price(row, from_on=day("15/03/26"), **price, on=day("05/02/26"), by=world.manager)

    bill(world, on="05/04/26")
    assert [nets for _kind, _on, nets in drafts(contract)] == [["10.00"], ["10.00"], ["10.00"], ["20.00"]]


def test_per_visit_bills_the_visits_done(world: World) -> None:
    contract = make_contract(
        world, "01/01/26", article("175.00"), frequency="per_visit", timing="on_visit", visits=(2, (3, 9))
    )
    made = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    assert bill(world, contract, on="31/12/26").billed == 0
    finish_intervention(made[0].made, on=day("12/03/26"), by=world.planner)

    contract.refresh_from_db()
    run = bill(world, contract, on="31/12/26")

    assert run.billed == 1
    assert drafts(contract) == [("invoice", "12/03/26", ["87.50"])]
    assert VisitClaim.objects.get().visit.rank == 1
    assert bill(world, contract, on="31/12/26").billed == 0


def test_visit_done_makes_its_contract_due_for_the_night(world: World) -> None:
    make_contract(world, "01/01/26", frequency="per_visit", timing="on_visit", visits=(1, (3,)))
    (made,) = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    finish_intervention(made.made, on=day("12/03/26"), by=world.planner)

    assert bill(world, on="13/03/26").billed == 1


def test_visit_cancelled_by_hand_is_not_made_again(world: World) -> None:
    make_contract(world, visits=(1, (3,)))
    (made,) = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    cancel_intervention(made.made, on=day("02/01/26"), by=world.planner)

    assert plan_visits(until=day("31/12/26"), on=day("02/01/26"), by=world.planner) == []


def test_auto_post_leaves_drafts_of_tomorrow(world: World, today: Any) -> None:
    contract = make_contract(world, "01/11/26", auto_post=True)

    bill(world, on="05/12/26")

    states = Invoice.objects.filter(origin=contract.reference).order_by("proposed_on").values_list("state", "number")
    assert list(states) == [("posted", "FA2026-00001"), ("draft", None)]


def test_next_bill_is_told_before_it_is_made(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("175.00"))
    bill(world, on="02/01/26")

    told = next_bill(contract.lines.get())

    assert told is not None
    assert (told.on, told.totals.net, told.totals.tax, told.totals.gross) == (
        day("01/02/26"),
        Decimal("14.59"),
        Decimal("0.80"),
        Decimal("15.39"),
    )


def test_due_day_that_is_too_late_is_mended_and_told(world: World) -> None:
    contract = make_contract(world)
    Contract.objects.update(next_due_on=day("01/06/26"))

    late = recheck_due(Contract.objects.values("pk"), on=day("02/01/26"))

    assert late == [contract.reference]
    assert bill(world, on="02/01/26").billed == 1
    assert recheck_due(Contract.objects.values("pk"), on=day("02/01/26")) == []


def test_exception_is_billed_once(world: World) -> None:
    contract = make_contract(world, "01/01/26", frequency="yearly", exceptions=[exception("15/02/26", "40.00")])

    bill(world, on="01/03/26")
    bill(world, on="01/03/26")

    assert drafts(contract) == [("invoice", "01/01/26", ["120.00"]), ("invoice", "15/02/26", ["40.00"])]
    assert ExceptionClaim.objects.count() == 1


def test_run_row_tells_each_contract_once(world: World) -> None:
    payer = PartnerFactory()
    contracts = [make_contract(world, payer=payer) for _n in range(3)]

    run = bill(world, *contracts, on="02/01/26")

    assert isinstance(run, BillingRun)
    assert run.outcomes.count() == run.expected == run.billed == 3
    assert run.state == "done"
