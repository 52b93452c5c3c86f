"""The edge cases of contracts, by their number in the product's list, on both databases."""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.models import BillingRun, Contract, ContractRequest, PeriodClaim
from contracts.services.billing import bill_chunk
from contracts.services.night import resume_runs, run_night, start_night
from contracts.services.runs import chunks_of, finish_run, list_contracts, start_run
from contracts.services.termination import terminate_contract
from contracts.services.visits import plan_visits
from contracts.tasks import bill_night
from invoicing.models import Invoice, Product
from invoicing.services.documents.drafts import cancel_draft, delete_drafts
from invoicing.services.posting.post import post_invoices
from tests.contracts.contract_builders import (
    article,
    bill,
    day,
    drafts,
    exception,
    make_contract,
    make_many,
    periods,
    reasons,
)
from tests.factories import World

PARIS = ZoneInfo("Europe/Paris")

FROM_THE_15TH = {
    ("calendar", "in_advance", "none"): [("01/02/26", "30.00"), ("01/05/26", "30.00")],
    ("calendar", "in_advance", "full"): [("15/01/26", "30.00"), ("01/02/26", "30.00"), ("01/05/26", "30.00")],
    ("calendar", "in_advance", "days"): [("15/01/26", "5.54"), ("01/02/26", "30.00"), ("01/05/26", "30.00")],
    ("calendar", "in_arrears", "none"): [("31/03/26", "30.00"), ("30/06/26", "30.00")],
    ("calendar", "in_arrears", "full"): [("31/03/26", "30.00"), ("30/06/26", "30.00")],
    ("calendar", "in_arrears", "days"): [("31/03/26", "25.33"), ("30/06/26", "30.00")],
    ("anniversary", "in_advance", "none"): [("15/01/26", "30.00"), ("15/04/26", "30.00")],
    ("anniversary", "in_advance", "full"): [("15/01/26", "30.00"), ("15/04/26", "30.00")],
    ("anniversary", "in_advance", "days"): [("15/01/26", "30.00"), ("15/04/26", "30.00")],
    ("anniversary", "in_arrears", "none"): [("14/04/26", "30.00")],
    ("anniversary", "in_arrears", "full"): [("14/04/26", "30.00")],
    ("anniversary", "in_arrears", "days"): [("14/04/26", "30.00")],
}


@pytest.mark.parametrize(("terms", "expected"), FROM_THE_15TH.items())
def test_08_started_on_the_15th(world: World, terms: tuple[str, str, str], expected: list[tuple[str, str]]) -> None:
    alignment, timing, proration = terms
    contract = make_contract(
        world, "15/01/26", frequency="quarterly", alignment=alignment, timing=timing, proration=proration
    )

    bill(world, on="30/06/26")

    assert drafts(contract) == [("invoice", on, [net]) for on, net in expected]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("one_per_period", [("01/08/26", ["10.00"]), ("01/09/26", ["10.00"]), ("01/10/26", ["10.00"])]),
        ("one_invoice", [("20/10/26", ["10.00", "10.00", "10.00"])]),
        ("on_date", [("20/10/26", ["10.00"])] * 3),
    ],
)
def test_09_three_months_missed(world: World, method: str, expected: list[tuple[str, list[str]]]) -> None:
    contract = make_contract(world, "01/08/26", late_billing=method)

    bill(world, on="20/10/26")

    assert drafts(contract) == [("invoice", *one) for one in expected]
    assert periods(contract) == [
        "01/08/26-31/08/26 10.00",
        "01/09/26-30/09/26 10.00",
        "01/10/26-31/10/26 10.00",
    ]


@pytest.mark.parametrize(("proration", "last"), [("none", "10.00"), ("full", "10.00"), ("days", "3.23")])
def test_10_end_inside_a_period(world: World, proration: str, last: str) -> None:
    contract = make_contract(world, auto_renew=False, end_on=day("10/03/26"), proration=proration)

    bill(world, on="01/12/26")

    assert periods(contract) == ["01/01/26-31/01/26 10.00", "01/02/26-28/02/26 10.00", f"01/03/26-10/03/26 {last}"]
    contract.refresh_from_db()
    assert contract.next_due_on is None


def test_11_twelve_months_make_the_year(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("175.00"))

    for month in range(1, 13):
        bill(world, on=f"05/{month:02}/26")

    nets = [Decimal(net) for _kind, _on, (net,) in drafts(contract)]
    assert nets[:5] == [Decimal(net) for net in ("14.58", "14.59", "14.58", "14.58", "14.59")]
    assert sum(nets) == Decimal("175.00")


def test_13_three_visits_over_two_months(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("90.00", quantity="3"), visits=(3, (3, 10)))

    made = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)
    again = plan_visits(until=day("31/12/26"), on=day("01/01/26"), by=world.planner)

    interventions = [outcome.made for outcome in made]
    assert [(i.from_on, i.to_on) for i in interventions] == [
        (day("01/03/26"), day("31/03/26")),
        (day("01/03/26"), day("31/03/26")),
        (day("01/10/26"), day("31/10/26")),
    ]
    assert {i.state for i in interventions} == {"to_plan"}
    assert [line.covered and line.quantity for i in interventions for line in i.lines.all()] == [Decimal(1)] * 3
    assert again == []
    keys = ContractRequest.objects.filter(line__contract=contract).values_list("year", "rank", "of")
    assert list(keys) == [(1, 1, 3), (1, 2, 3), (1, 3, 3)]


def test_14_negative_exceptions_make_an_avoir_of_a_posted_invoice(world: World) -> None:
    contract = make_contract(world, "01/01/26", frequency="yearly", exceptions=[exception("01/03/26", "30.00", "-1")])
    bill(world, on="02/01/26")
    held = bill(world, on="02/03/26")
    assert [outcome.code for outcome in held.outcomes.all()] == ["held_back"]
    assert drafts(contract) == [("invoice", "01/01/26", ["120.00"])]

    post_invoices(Invoice.objects.all(), on=day("05/03/26"), by=world.accountant)
    bill(world, on="06/03/26")

    assert drafts(contract)[1] == ("credit_note", "01/03/26", ["30.00"])
    credit_note = Invoice.objects.get(kind="credit_note")
    assert credit_note.is_draft
    assert credit_note.credits == Invoice.objects.get(kind="invoice")
    (posted,) = post_invoices([credit_note], on=day("06/03/26"), by=world.accountant)
    assert posted.refusal == ""
    invoice = Invoice.objects.with_payment_state(day("06/03/26")).get(kind="invoice")
    assert invoice.residual == invoice.gross.amount - credit_note.gross.amount


def test_15_two_workers_make_one_invoice(in_threads: Callable[..., list[Any]], world: World) -> None:
    make_contract(world)

    outcomes = in_threads(2, lambda number: bill(world, on="15/01/26").billed)

    assert sorted(outcomes) == [0, 1]
    assert Invoice.objects.count() == PeriodClaim.objects.count() == 1


def test_16_run_stopped_half_way_is_taken_up(world: World) -> None:
    make_many(world, 6)
    run = start_run(on=day("15/01/26"), by=None)
    first, *_others = chunks_of(run, 2)
    bill_chunk(run, first)  # then the process dies
    BillingRun.objects.update(touched_at=datetime(2026, 1, 15, 5, tzinfo=PARIS))

    assert resume_runs() == 1

    for ids in chunks_of(run, 2):
        bill_chunk(run, ids)
    run = finish_run(run)
    assert (run.expected, run.billed, run.refused) == (6, 6, 0)
    assert Invoice.objects.count() == 6


@pytest.mark.parametrize(
    ("start", "terms", "on", "expected"),
    [
        (
            "31/01/26",
            {"frequency": "monthly"},
            "31/05/26",
            ["31/01/26", "28/02/26", "31/03/26", "30/04/26", "31/05/26"],
        ),
        ("29/02/24", {"frequency": "yearly"}, "01/03/28", ["29/02/24", "28/02/25", "28/02/26", "28/02/27", "29/02/28"]),
        (
            "30/11/25",
            {"frequency": "quarterly"},
            "30/11/26",
            ["30/11/25", "28/02/26", "30/05/26", "30/08/26", "30/11/26"],
        ),
    ],
)
def test_17_month_ends(
    world: World, today: Any, start: str, terms: dict[str, Any], on: str, expected: list[str]
) -> None:
    contract = make_contract(world, start, alignment="anniversary", **terms)
    today.move_to(datetime.combine(day(on), time(10), tzinfo=PARIS))

    bill(world, on=on)

    assert [proposed for _kind, proposed, _nets in drafts(contract)] == expected


def test_18_clock_change_nights(world: World, today: Any) -> None:
    make_contract(world, "01/10/26", article("365.00"), frequency="every", every=1, unit="day", alignment="anniversary")
    bill(world, on="23/10/26")
    for number in (24, 25, 26):  # the clocks go back on the 25th, at three
        today.move_to(datetime(2026, 10, number, 5, tzinfo=PARIS))
        run = BillingRun.objects.get(pk=bill_night())
        for ids in chunks_of(run):
            bill_chunk(run, ids)
        finish_run(run)

    assert [on for _kind, on, _nets in drafts()][-3:] == ["24/10/26", "25/10/26", "26/10/26"]
    assert list(BillingRun.objects.nights().order_by("on").values_list("on", "billed")) == [
        (date(2026, 10, number), 1) for number in (24, 25, 26)
    ]


def test_19_terminated_between_the_cutting_and_the_writing(world: World) -> None:
    contract = make_contract(world)
    run = start_run(on=day("20/03/26"), by=None)
    (ids,) = chunks_of(run)
    terminate_contract(contract, last_day=day("31/01/26"), reason="vendu", on=day("20/03/26"), by=world.manager)

    bill_chunk(run, ids)

    assert periods(contract) == ["01/01/26-31/01/26 10.00"]


def test_20_a_broken_contract_is_left_out_alone(world: World) -> None:
    contracts = make_many(world, 30)
    broken = contracts[17]
    Contract.objects.filter(pk=broken.pk).update(anchor_day=99)

    run = bill(world, on="15/01/26")

    assert (run.billed, run.refused) == (29, 1)
    assert reasons(run) == [f"Contrat {broken.reference} : le jour d'ancrage (99) doit être compris entre 1 et 31."]
    broken.refresh_from_db()
    assert broken.set_aside_reason == reasons(run)[0]
    Contract.objects.filter(pk=broken.pk).update(anchor_day=None)
    assert bill(world, on="16/01/26").billed == 1
    broken.refresh_from_db()
    assert broken.set_aside_reason == ""


def test_21_fired_twice_and_after_three_days(world: World) -> None:
    contract = make_contract(
        world, "01/10/26", article("365.00"), frequency="every", every=1, unit="day", alignment="anniversary"
    )
    run = start_night(on=day("05/10/26"))
    assert run is not None
    assert start_night(on=day("05/10/26")) is None
    run_night(run)
    for ids in chunks_of(run):
        bill_chunk(run, ids)
    finish_run(run)
    assert start_night(on=day("05/10/26")) is None
    assert len(periods(contract)) == 5

    after = start_night(on=day("08/10/26"))
    assert after is not None
    for ids in chunks_of(list_contracts(after)):
        bill_chunk(after, ids)

    assert [line[:8] for line in periods(contract)] == [f"0{number}/10/26" for number in range(1, 9)]


def test_24_free_line(world: World) -> None:
    mixed = make_contract(world, "01/01/26", article("120.00"), article("0.00", position=2))
    free = make_contract(world, "01/01/26", article("0.00"))

    run = bill(world, on="02/01/26")

    assert drafts() == [("invoice", "01/01/26", ["10.00", "0.00"])]
    assert periods(mixed) == ["01/01/26-31/01/26 10.00", "01/01/26-31/01/26 0.00"]
    assert list(
        PeriodClaim.objects.filter(article__line__contract=free).values_list("without_document", "invoice_line")
    ) == [("free", None)]
    assert run.billed == 2
    assert bill(world, on="02/01/26").billed == 0


@pytest.mark.parametrize(
    "undo",
    [lambda invoice, by: delete_drafts([invoice], by=by), lambda invoice, by: cancel_draft(invoice, by=by)],
    ids=["deleted", "cancelled"],
)
def test_02_draft_deleted_or_cancelled_frees_its_periods(world: World, undo: Any) -> None:
    contract = make_contract(world)
    bill(world, on="05/03/26")
    february = Invoice.objects.get(proposed_on=day("01/02/26"))

    undo(february, world.biller)

    contract.refresh_from_db()
    assert contract.next_due_on == day("01/02/26")
    assert periods(contract) == ["01/01/26-31/01/26 10.00", "01/03/26-31/03/26 10.00"]
    bill(world, on="05/03/26")
    assert periods(contract)[1] == "01/02/26-28/02/26 10.00"
    contract.refresh_from_db()
    assert contract.next_due_on == day("01/04/26")


def test_07_many_chosen_one_bad(world: World) -> None:
    good, bad = make_many(world, 2)
    product = Product.objects.get(code="ram_pose")
    sold = Product.objects.create(
        code="sans_compte", name="Sans compte", unit=product.unit, tax=product.tax, unit_price=1, income_account=""
    )
    bad.lines.get().articles.update(product=sold)

    run = bill(world, good, bad, on="02/01/26")

    assert (run.billed, run.refused) == (1, 1)
    assert "n'a pas de compte de produit" in reasons(run)[0]
