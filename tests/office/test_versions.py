"""Which state of a document somebody had before his eyes: a form opened before another's change saves nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from appointments.services.states import write_report
from contracts.models import Contract
from contracts.services.contracts import set_active as archive_contract
from contracts.services.termination import terminate_contract
from interventions.models import InterventionRequest
from interventions.services.states import set_active, validate_intervention
from invoicing.models import HistoryLine, IdempotencyKey, Partner
from invoicing.services.records.acts import Once, perform
from openfire_billing.office.roles import MANAGER
from tests.api.subjects import contract
from tests.factories import World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import book
from tests.factories.pages import address, refusal, typed

Made = Callable[[World], Any]
DOCUMENTS: list[Any] = [
    pytest.param("interventions", "title", lambda w: w.intervention(), id="DI"),
    pytest.param("appointments", "description", lambda w: book(w, w.intervention(), state="draft"), id="RDV"),
    pytest.param("quotes", "title", lambda w: w.quote(), id="devis"),
    pytest.param("invoices", "purchase_order", lambda w: w.draft(), id="facture"),
    pytest.param("contracts", "purchase_order", contract, id="contrat"),
]


@pytest.mark.parametrize(("resource", "column", "made"), DOCUMENTS)
def test_page_opened_before_a_program_wrote_is_refused(world: World, resource: str, column: str, made: Made) -> None:
    document, office = made(world), world.office(MANAGER)
    fields = office.open(document)
    assert Api(world.accountant).patch(f"{resource}/{document.pk}/", {column: "programme"}).status_code == 200

    with nothing_changed():
        answer = office.send(document, typed(fields, **{column: "bureau"}))

    who = world.accountant.get_full_name() or world.accountant.username
    assert refusal(answer) == (
        f"Modifié entre-temps par {who} à {timezone.localtime():%H:%M} : votre saisie est gardée ci-dessous mais n'est "
        "pas enregistrée. Ouvrez la fiche dans un autre onglet, comparez, puis reportez vos changements."
    )
    assert answer.context["adminform"].form[column].value() == "bureau"
    document.refresh_from_db()
    assert getattr(document, column) == "programme"


@pytest.mark.parametrize(("resource", "column", "made"), DOCUMENTS)
def test_program_that_saw_an_older_version_is_refused(world: World, resource: str, column: str, made: Made) -> None:
    document, api = made(world), Api(world.manager)
    seen = api.get(f"{resource}/{document.pk}/").json()["version"]
    assert world.office(MANAGER).save(document, **{column: "bureau"}).status_code == 302

    with nothing_changed():
        answer = api.patch(f"{resource}/{document.pk}/", {column: "programme", "version": seen})

    assert refused(answer).startswith("Modifié entre-temps par")
    assert api.get(f"{resource}/{document.pk}/").json()[column] == "bureau"
    assert api.patch(f"{resource}/{document.pk}/", {column: "programme", "version": seen + 1}).status_code == 200


@pytest.mark.parametrize(("resource", "column", "made"), DOCUMENTS)
def test_note_does_not_make_an_open_form_stale(world: World, resource: str, column: str, made: Made) -> None:
    document, office = made(world), world.office(MANAGER)
    fields = office.open(document)
    office.client.post(address(document, "note"), {"note": "Rappelé ce matin"})
    assert HistoryLine.objects.of(document).first().text == "Rappelé ce matin"

    assert office.send(document, typed(fields, **{column: "bureau"})).status_code == 302

    document.refresh_from_db()
    assert getattr(document, column) == "bureau"


def test_draft_instance_does_not_take_a_validated_intervention_back(world: World) -> None:
    stale = world.intervention(is_validated=False)
    validated = validate_intervention(InterventionRequest.objects.get(pk=stale.pk), by=world.planner)
    assert (stale.state, stale.number) == ("draft", None)

    set_active(stale, active=False, by=world.planner)

    found = InterventionRequest.objects.get(pk=stale.pk)
    assert (found.state, found.number, found.is_active) == ("to_plan", validated.number, False)


def test_active_instance_does_not_take_a_terminated_contract_back(world: World) -> None:
    stale = contract(world)
    terminate_contract(
        Contract.objects.get(pk=stale.pk), last_day=world.today, reason="Vendu", on=world.today, by=world.manager
    )
    assert stale.state == "validated"

    archive_contract(stale, active=False, by=world.manager)

    found = Contract.objects.get(pk=stale.pk)
    assert (found.state, found.terminated_on, found.is_active) == ("terminated", world.today, False)


def test_draft_instance_does_not_take_a_confirmed_appointment_back(world: World) -> None:
    confirmed = book(world, world.intervention(), state="confirmed")
    stale = type(confirmed).objects.get(pk=confirmed.pk)
    stale.state, stale.number = "draft", None

    write_report(stale, report="Vu le client", by=world.planner)

    found = type(confirmed).objects.get(pk=confirmed.pk)
    assert (found.state, found.number, found.report) == ("confirmed", confirmed.number, "Vu le client")


def test_key_of_an_act_that_crashed_is_free(transactional_db: None) -> None:
    """The key is written in the transaction of the act: what takes the act away takes the key too."""
    once = Once("user:1", "k-1")

    def crash() -> None:
        assert IdempotencyKey.objects.filter(scope="user:1", key="k-1").exists()
        Partner.objects.create(name="Le Goff")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        perform(crash, once=once)
    assert (IdempotencyKey.objects.count(), Partner.objects.count()) == (0, 0)

    done = perform(lambda: Partner.objects.create(name="Le Goff").name, once=once)
    again = perform(lambda: Partner.objects.create(name="Le Goff").name, once=once)

    assert (done.result, done.is_repeat, again.result, again.is_repeat) == ("Le Goff", False, None, True)
    assert Partner.objects.count() == 1
