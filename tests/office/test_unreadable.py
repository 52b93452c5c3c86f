"""Identifiers and numbers that no page of ours would send: refused in French, never an error."""

import pytest

from appointments.models import Appointment
from contracts.models import ContractLine
from interventions.models import InterventionRequest
from invoicing.models import Invoice, Quote
from openfire_billing.office.roles import MANAGER
from tests.factories import World, nothing_changed
from tests.factories.pages import address, errors_of


@pytest.mark.parametrize("text", ["abc", "²", "9" * 30, "1.5", "1,abc"])
@pytest.mark.parametrize("model", [InterventionRequest, Quote, Invoice, Appointment, ContractLine])
def test_article_that_is_no_number_is_refused_in_french(world: World, model: type, text: str) -> None:
    office = world.office(MANAGER)

    answer = office.get(address(model, "line_defaults"), product=text)

    assert answer.status_code == 400
    assert answer.json() == {"detail": "L'article demandé n'existe pas : choisissez-le dans la liste."}


@pytest.mark.parametrize("text", ["abc", "²", "9" * 30])
def test_form_with_an_article_that_is_no_number_is_shown_again(world: World, text: str) -> None:
    intervention, office = world.intervention(), world.office(MANAGER)
    form = office.open(intervention)

    with nothing_changed():
        answer = office.send(intervention, {**form, "lines-0-product": text})
        totals = office.client.post(address(InterventionRequest, "totals"), {**form, "lines-0-quantity": text})

    assert list(errors_of(answer)) == ["lines-0-product"]
    assert totals.status_code == 200
    assert office.get(address(InterventionRequest, "add"), partner=text).status_code == 200
