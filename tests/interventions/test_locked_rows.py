"""What is locked with a document is its own: a neighbour of the same customer stays free."""

import pytest
from django.db import transaction
from django.utils import timezone

from appointments.models import Appointment
from appointments.services.planning import plan_interventions
from contracts.models import Contract, ContractLine
from contracts.services.locks import lock_line
from interventions.models import InterventionRequest
from interventions.services.locks import promises_of
from invoicing.models import Quote
from openfire_billing.db.locks import lock
from openfire_billing.kernel.errors import StaleForm
from tests.contracts.contract_builders import make_contract
from tests.factories import TechnicianFactory, World


def locked(model: type, *ids: int) -> dict[type, set[int]]:
    """{model: ids} of what one act on these documents locks."""
    with transaction.atomic():
        return {kind: set(rows) for kind, rows in lock(lambda: {model: list(ids)}).items() if rows}


def test_request_is_locked_with_its_own_quotes(world: World) -> None:
    one, other = world.intervention(), world.intervention()
    quote, neighbour = world.quote(intervention=one), world.quote(intervention=other)
    assert locked(InterventionRequest, one.pk) == {InterventionRequest: {one.pk}, Quote: {quote.pk}}
    assert locked(InterventionRequest, one.pk, other.pk)[Quote] == {quote.pk, neighbour.pk}


def test_appointment_is_locked_with_its_own_request(world: World) -> None:
    TechnicianFactory(company=world.company)
    requests = [world.intervention(), world.intervention()]
    rdv, neighbour = (
        outcome.made for outcome in plan_interventions(requests, not_before=timezone.now(), by=world.planner)
    )
    assert locked(Appointment, rdv.pk) == {Appointment: {rdv.pk}, InterventionRequest: {rdv.intervention_id}}
    assert locked(Appointment, neighbour.pk)[InterventionRequest] == {neighbour.intervention_id}


def test_line_is_locked_with_its_contract_and_refused_when_stale(world: World) -> None:
    contract, _neighbour = make_contract(world), make_contract(world)
    line = contract.lines.get()
    assert locked(ContractLine, line.pk) == {Contract: {contract.pk}, ContractLine: {line.pk}}
    with transaction.atomic():
        assert lock_line(line, seen=line.version).contract == contract
    with transaction.atomic(), pytest.raises(StaleForm):
        lock_line(line, seen=line.version + 1)


def test_request_of_no_contract_is_promised_by_nobody(world: World) -> None:
    make_contract(world, visits=(1, (3,)))
    assert {model: ids for model, ids in promises_of([world.intervention().pk]).items() if ids} == {}
