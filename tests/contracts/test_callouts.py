"""Call-outs of a contract: covered while some are left, on the days its line serves."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.models import ContractRequest
from contracts.services.callouts import call_out, callouts_left
from contracts.services.termination import terminate_contract
from interventions.services.states import cancel_intervention, reset_intervention
from invoicing.models import HistoryLine
from openfire_billing.kernel.errors import BusinessError
from tests.contracts.contract_builders import article, day, make_contract
from tests.factories import World, nothing_changed


def test_call_outs_are_covered_while_some_are_left(world: World) -> None:
    product = world.task
    product.product = article("1").values["product"]
    product.save()
    contract = make_contract(world, line={"uses_callouts": True, "included_callouts": 1, "task": world.task})
    line = contract.lines.get()

    first = call_out(line, on=day("02/02/26"), by=world.planner)
    assert callouts_left(line, day("02/02/26")) == 0
    second = call_out(line, on=day("03/02/26"), by=world.planner)

    assert [[row.covered for row in di.lines.all()] for di in (first, second)] == [[True], [False]]
    assert [di.type.name for di in (first, second)] == ["SAV", "SAV"]
    assert world.left(second) == [Decimal(1)]
    assert callouts_left(line, day("02/02/27")) == 1
    assert ContractRequest.objects.filter(kind="callout").count() == 2


def test_call_out_billed_beyond_the_included_ones_uses_none_of_them(world: World) -> None:
    more = {"uses_callouts": True, "included_callouts": 2, "task": world.task}
    line = make_contract(world, line=more).lines.get()
    first, _second, beyond = (call_out(line, on=day("02/02/26"), by=world.planner) for _n in range(3))

    cancel_intervention(first, on=world.today, by=world.planner)
    left = callouts_left(line, day("02/02/26"))
    fourth = call_out(line, on=day("03/02/26"), by=world.planner)
    cancel_intervention(beyond, on=world.today, by=world.planner)
    reset_intervention(beyond, by=world.planner)

    covered = list(ContractRequest.objects.order_by("pk").values_list("is_covered", flat=True))
    assert (left, callouts_left(line, day("02/02/26")), covered) == (1, 0, [True, True, False, True])
    assert fourth.contract_request.is_covered
    assert not HistoryLine.objects.of(beyond).filter(act="uncovered").exists()


CALLED_OUT = [
    ({"auto_renew": False, "end_on": day("30/06/26")}, {}, "30/06/26", "01/07/26"),
    ({}, {}, "01/01/26", "31/12/25"),
    ({}, {"ends_on": day("30/06/26")}, "30/06/26", "01/07/26"),
]


@pytest.mark.parametrize(("terms", "line", "served", "not_served"), CALLED_OUT)
def test_call_out_is_of_a_day_that_the_line_serves(
    world: World, terms: dict[str, Any], line: dict[str, Any], served: str, not_served: str
) -> None:
    more = {"uses_callouts": True, "included_callouts": 2, "task": world.task, **line}
    found = make_contract(world, line=more, **terms).lines.get()

    assert call_out(found, on=day(served), by=world.planner).contract_request.is_covered
    with pytest.raises(BusinessError, match="le SAV se fait par une DI ordinaire"), nothing_changed():
        call_out(found, on=day(not_served), by=world.planner)


def test_call_out_is_served_until_the_termination(world: World) -> None:
    more = {"uses_callouts": True, "included_callouts": 2, "task": world.task}
    contract = make_contract(world, line=more)
    terminate_contract(contract, last_day=day("31/12/26"), reason="Vendu", on=day("24/11/26"), by=world.manager)
    line = contract.lines.get()

    assert call_out(line, on=day("31/12/26"), by=world.planner).contract_request.is_covered
    with pytest.raises(BusinessError, match="ne sert pas le 01/01/2027"), nothing_changed():
        call_out(line, on=day("01/01/27"), by=world.planner)
