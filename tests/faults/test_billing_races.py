"""Many workers on the same contracts at once: each period is billed once, none is lost."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from contracts.models import BillingOutcome, Contract, PeriodClaim
from contracts.services.billing import bill_contracts
from contracts.services.termination import terminate_contract
from contracts.services.waivers import charges_due, waive
from invoicing.models import Invoice
from invoicing.services.documents.drafts import delete_drafts
from openfire_billing.kernel.errors import BusinessError
from tests.contracts.contract_builders import bill, day, make_contract, make_many
from tests.factories.fixtures import MORNING
from tests.factories.world import World, make_world

Threads = Callable[..., list[Any]]


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    with time_machine.travel(MORNING, tick=True):
        yield make_world()


def test_eight_workers_bill_each_period_once(in_threads: Threads, world: World) -> None:
    make_many(world, 60)

    outcomes = in_threads(8, lambda number: bill_contracts(on=day("15/03/26"), by=None).billed)

    assert sum(outcomes) == 60, outcomes
    assert Invoice.objects.count() == PeriodClaim.objects.count() == 60 * 3
    assert Contract.objects.filter(next_due_on=day("01/04/26")).count() == 60
    assert BillingOutcome.objects.filter(result="refused").count() == 0


def test_billing_while_drafts_are_deleted_loses_nothing(in_threads: Threads, world: World) -> None:
    contracts = make_many(world, 10)
    bill(world, on="15/02/26")

    def act(number: int) -> Any:
        if number % 2:
            return bill_contracts(on=day("15/03/26"), by=None).refused
        try:
            return delete_drafts(list(Invoice.objects.order_by("pk")[number : number + 5]), by=None)
        except BusinessError as gone:  # somebody else deleted one of them
            return str(gone)

    in_threads(8, act)
    bill(world, on="15/03/26")

    assert PeriodClaim.objects.count() == len(contracts) * 3
    assert PeriodClaim.objects.values("article", "start").distinct().count() == len(contracts) * 3


def test_termination_and_waiving_race_with_billing(in_threads: Threads, world: World) -> None:
    contract = make_contract(world)
    january = [charges_due(contract, on=day("02/01/26"))[0].key]

    def act(number: int) -> Any:
        try:
            if number == 0:
                return terminate_contract(contract, last_day=day("28/02/26"), reason="", on=day("15/03/26"), by=None)
            if number == 1:
                return waive(contract, keys=january, on=day("02/01/26"), by=None)
            return bill_contracts([contract], on=day("15/03/26"), by=None)
        except BusinessError as refusal:
            return str(refusal)

    in_threads(6, act)

    starts = list(PeriodClaim.objects.order_by("start").values_list("start", flat=True))
    assert len(starts) == len(set(starts))
    assert starts[:2] == [day("01/01/26"), day("01/02/26")]
    contract.refresh_from_db()
    assert contract.state == "terminated"
    assert bill_contracts([contract], on=day("15/06/26"), by=None).billed == 0
