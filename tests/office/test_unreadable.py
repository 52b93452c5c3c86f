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


@pytest.mark.parametrize(
    "query",
    ["on__year=9999", "on__gte=2026-99-99", "company__id__exact=abc", "nothing=1"],
)
def test_list_filtered_by_hand_so_that_none_can_read_it_is_the_whole_list(world: World, query: str) -> None:
    world.posted()
    office, entries = world.office(MANAGER), "/admin/invoicing/entry/"

    shown = office.client.get(f"{entries}?{query}", follow=True)
    exported = office.client.get(f"{entries}export/?{query}", follow=True)

    assert shown.redirect_chain == [(f"{entries}?e=1", 302)]
    assert exported.redirect_chain == [(entries, 302)]
    assert [answer.context["cl"].result_count for answer in (shown, exported)] == [1, 1]
    assert "Ce filtre n'est pas lisible : choisissez-le dans la liste." in exported.content.decode().replace(
        "&#x27;", "'"
    )


def test_list_filtered_by_a_number_past_all_is_answered(world: World) -> None:
    """SQLite cannot hold it: the whole list. PostgreSQL can, and finds nothing."""
    answer = world.office(MANAGER).client.get(f"/admin/invoicing/entry/?pk__in={'9' * 20}", follow=True)

    assert answer.status_code == 200


@pytest.mark.parametrize("text", ["abc", "9" * 30, "-1"])
def test_hidden_field_that_cannot_be_read_is_refused_or_left_out(world: World, text: str) -> None:
    quote, office = world.quote(), world.office(MANAGER)
    form, customer = office.open(quote), office.open(world.customer)

    with nothing_changed():
        answer = office.send(quote, {**form, "lines-0-position": text})
    tagged = office.send(world.customer, {**customer, "tags": [text]})

    assert list(errors_of(answer)) == ["lines-0-position"]
    assert tagged.status_code == 302
    assert not world.customer.tags.exists()


def test_intervention_without_a_duration_is_shown_again_with_its_other_faults(world: World) -> None:
    intervention, office = world.intervention(is_validated=False), world.office(MANAGER)

    answer = office.send(intervention, {**office.open(intervention), "duration": "", "partner": ""})

    assert (answer.status_code, sorted(errors_of(answer))) == (200, ["partner"])
