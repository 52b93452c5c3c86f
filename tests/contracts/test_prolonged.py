"""A contract whose end moves after its last period was billed in part: the rest is billed once, to the cent."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.models import Contract
from contracts.services.billing import bill_contracts
from contracts.services.contracts import save_contract
from contracts.services.lines import save_line
from contracts.services.waivers import charges_due
from tests.contracts.contract_builders import article, bill, day, exception, french, make_contract, periods, reasons
from tests.factories import World


def prolong(world: World, contract: Contract, *, until: str, on: str) -> Contract:
    """« Fin » moved by hand."""
    return save_contract(contract.pk, {"end_on": day(until)}, on=day(on), by=world.manager)


def foreseen(contract: Contract, *, on: str) -> list[Decimal]:
    """The nets of what a dry run would make."""
    run = bill_contracts([contract], on=day(on), by=None, dry_run=True)
    return [Decimal(draft["net"]) for outcome in run.outcomes.all() for draft in outcome.drafts]


def due(contract: Contract, *, on: str) -> list[tuple[str, Decimal]]:
    """What « Ne pas facturer » offers: first day and net."""
    return [(french(charge.period.start), charge.amount) for charge in charges_due(contract, on=day(on))]  # type: ignore[attr-defined]


@pytest.mark.parametrize("timing", ["in_advance", "in_arrears"])
def test_prolonged_contract_bills_the_rest_of_its_last_period(world: World, timing: str) -> None:
    """120,00 a year until 10 March: 10 days of 31 are 3,23, and the 21 others 6,77."""
    contract = make_contract(world, timing=timing, proration="days", auto_renew=False, end_on=day("10/03/26"))
    bill(world, on="20/03/26")
    contract.refresh_from_db()
    assert (contract.next_due_on, periods(contract)[-1]) == (None, "01/03/26-10/03/26 3.23")

    prolong(world, contract, until="31/12/26", on="20/03/26")

    assert foreseen(contract, on="31/03/26") == [Decimal("6.77")]
    assert due(contract, on="31/03/26") == [("11/03/26", Decimal("6.77"))]
    run = bill(world, on="31/03/26")
    assert (run.billed, reasons(run)) == (1, [])
    assert periods(contract)[2:] == ["01/03/26-10/03/26 3.23", "11/03/26-31/03/26 6.77"]
    assert bill(world, on="31/03/26").billed == 0


@pytest.mark.parametrize("proration", ["full", "days"])
def test_prolonged_contract_is_read_whole_when_something_else_falls_due_inside_the_period(
    world: World, proration: str
) -> None:
    """An exception on 20 March is due before anything of April: March's claim ends before it, and counts."""
    contract = make_contract(world, proration=proration, auto_renew=False, end_on=day("10/03/26"))
    bill(world, on="19/03/26")
    prolong(world, contract, until="31/12/26", on="19/03/26")
    late = [exception("20/03/26", "5.00")]
    save_line(contract.lines.get().pk, {}, exceptions=late, on=day("19/03/26"), by=world.manager)

    run = bill(world, on="20/03/26")

    assert (run.billed, reasons(run)) == (1, [])
    expected = {
        "full": ["01/03/26-10/03/26 10.00"],
        "days": ["01/03/26-10/03/26 3.23", "11/03/26-31/03/26 6.77"],
    }
    assert periods(contract)[2:] == expected[proration]


MOVED_TWICE: list[tuple[str, list[str]]] = [
    ("in_advance", ["01/02/26-09/02/26 4.69", "10/02/26-18/02/26 4.69", "19/02/26-28/02/26 5.21"]),
    ("in_arrears", ["01/02/26-09/02/26 4.69", "10/02/26-18/02/26 4.69", "19/02/26-28/02/26 5.21"]),
]


@pytest.mark.parametrize(("timing", "february"), MOVED_TWICE)
def test_end_moved_twice_inside_a_period_makes_the_period_to_the_cent(
    world: World, timing: str, february: list[str]
) -> None:
    """14,59 over 28 days, cut after 9 and 18: 4,69 (4,6896) + 4,69 (9,3793 less 4,69) + 5,21 (14,59 less 9,38)."""
    terms: dict[str, Any] = {"timing": timing, "proration": "days", "auto_renew": False}
    contract = make_contract(world, "01/01/26", article("175.00"), end_on=day("09/02/26"), **terms)
    for until, on in (("18/02/26", "10/02/26"), ("28/02/26", "19/02/26")):
        bill(world, contract, on=on)
        prolong(world, contract, until=until, on=on)

    bill(world, contract, on="28/02/26")

    assert periods(contract) == ["01/01/26-31/01/26 14.58", *february]
