"""What a contract promised of a DI: a billed visit is not taken back, call-outs are counted once, coverage ends in time."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.models import Appointment
from appointments.services.saving import appoint
from appointments.services.states import confirm_appointment, finish_appointment, reset_appointment
from contracts.models import Contract, ContractRequest, VisitClaim
from contracts.services.callouts import call_out, callouts_left
from contracts.services.termination import terminate_contract
from contracts.services.visits import plan_visits
from interventions.models import InterventionRequest
from interventions.services.billing import invoice_intervention
from interventions.services.requests import delete_interventions, save_intervention
from interventions.services.states import cancel_intervention, finish_intervention, reset_intervention
from invoicing.models import HistoryLine, Invoice
from invoicing.services.documents.drafts import delete_drafts
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError, NothingToBill
from openfire_billing.office.roles import PLANNER
from tests.contracts.contract_builders import article, bill, day, drafts, make_contract
from tests.factories import World, nothing_changed
from tests.factories.appointments import PARIS, at, book, technician


def visits_of(world: World, contract: Contract) -> list[InterventionRequest]:
    made = plan_visits([contract], until=day("31/12/26"), on=contract.start_on, by=world.planner)
    return [outcome.made for outcome in made]


def per_visit(world: World) -> Contract:
    return make_contract(
        world, "01/01/26", article("175.00"), frequency="per_visit", timing="on_visit", visits=(2, (3, 9))
    )


def covered(intervention: InterventionRequest) -> list[bool]:
    return [line.covered for line in intervention.lines.all()]


def done_by_an_appointment(world: World, visit: InterventionRequest) -> Appointment:
    """Done on 12 March 2026."""
    starts_at = datetime(2026, 3, 12, 9, tzinfo=PARIS)
    rdv = appoint(visit, technicians=[technician(world)], starts_at=starts_at, on=world.today, by=world.planner)
    rdv = confirm_appointment(rdv, by=world.planner)
    return finish_appointment(rdv, at=starts_at, by=world.planner)


# A billed visit


def test_visit_billed_in_draft_is_neither_cancelled_nor_deleted(world: World) -> None:
    contract = per_visit(world)
    visit, _september = visits_of(world, contract)
    finish_intervention(visit, on=day("12/03/26"), by=world.planner)
    bill(world, contract, on="13/03/26")
    draft = Invoice.objects.get()
    sentence = f"{visit} : sa visite est facturée par {contract} ({draft}). Supprimez d'abord ce brouillon."

    acts: list[Callable[[], Any]] = [
        lambda: cancel_intervention(visit, on=world.today, by=world.planner),
        lambda: reset_intervention(visit, by=world.planner),
        lambda: delete_interventions([visit], by=world.planner),
    ]
    for act in acts:
        with nothing_changed(), pytest.raises(BusinessError) as refusal:
            act()
        assert str(refusal.value) == sentence

    delete_drafts([draft], by=world.biller)
    assert cancel_intervention(visit, on=world.today, by=world.planner).state == "cancelled"
    assert bill(world, contract, on="14/03/26").billed == 0


def test_page_refuses_to_cancel_a_billed_visit_by_name(world: World) -> None:
    contract = per_visit(world)
    visit, _september = visits_of(world, contract)
    finish_intervention(visit, on=day("12/03/26"), by=world.planner)
    bill(world, contract, on="13/03/26")

    world.office(PLANNER).act(visit, "cancel")

    visit.refresh_from_db()
    assert (visit.state, VisitClaim.objects.live().count()) == ("done", 1)


def test_visit_credited_without_rebilling_stays_done_and_with_it_may_be_cancelled(world: World) -> None:
    contract = per_visit(world)
    visit, september = visits_of(world, contract)
    for intervention, on in ((visit, "12/03/26"), (september, "10/09/26")):
        finish_intervention(intervention, on=day(on), by=world.planner)
        bill(world, contract, on=on)
    first, second = (
        post_invoice(invoice, on=world.today, by=world.accountant) for invoice in Invoice.objects.order_by("pk")
    )
    credit_invoice(first, on=world.today, by=world.accountant, rebill=False)
    credit_invoice(second, on=world.today, by=world.accountant, rebill=True)

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        cancel_intervention(visit, on=world.today, by=world.planner)
    assert str(refusal.value) == (
        f"{visit} : sa visite est facturée par {contract} ({first.number}). "
        "Créditez-la d'abord avec « Remettre à facturer »."
    )
    assert cancel_intervention(september, on=world.today, by=world.planner).state == "cancelled"


def test_waived_visit_is_cancelled(world: World) -> None:
    """No invoice bears it."""
    contract = per_visit(world)
    visit, _september = visits_of(world, contract)
    finish_intervention(visit, on=day("12/03/26"), by=world.planner)
    bill(world, contract, on="13/03/26")
    VisitClaim.objects.update(invoice_line=None, without_document="waived")

    assert cancel_intervention(visit, on=world.today, by=world.planner).state == "cancelled"


def test_appointment_does_not_take_a_billed_visit_out_of_done(world: World) -> None:
    contract = per_visit(world)
    visit, _september = visits_of(world, contract)
    rdv = done_by_an_appointment(world, visit)
    bill(world, contract, on="13/03/26")
    draft = Invoice.objects.get()
    assert drafts(contract) == [("invoice", "12/03/26", ["87.50"])]

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        reset_appointment(rdv, by=world.planner)

    assert str(refusal.value) == (
        f"{visit} : sa visite est facturée par {contract} ({draft}). Supprimez d'abord ce brouillon."
    )
    delete_drafts([draft], by=world.biller)
    reset_appointment(rdv, by=world.planner)
    visit.refresh_from_db()
    assert visit.state == "planned"


def test_another_appointment_of_a_billed_visit_is_refused(world: World) -> None:
    """It would take the DI out of « Réalisée »."""
    contract = per_visit(world)
    visit, _september = visits_of(world, contract)
    finish_intervention(visit, on=day("12/03/26"), by=world.planner)
    bill(world, contract, on="13/03/26")
    who = technician(world)

    with nothing_changed(), pytest.raises(BusinessError, match="sa visite est facturée par CONT/000001"):
        appoint(visit, technicians=[who], starts_at=at(9), on=world.today, by=world.planner)


# Locks


def locks(act: Callable[[], Any]) -> list[str]:
    """The tables that an act locks, in order (SQLite writes no lock: the reads that take it stand for it)."""
    with CaptureQueriesContext(connection) as captured:
        act()
    tables = ("contracts_contract", "interventions_interventionrequest")
    reads = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    return [table for sql in reads for table in tables if f'FROM "{table}"' in sql.split("WHERE", maxsplit=1)[0]]


def test_acts_on_a_visit_read_its_contract_before_the_request(world: World) -> None:
    visit, other = visits_of(world, make_contract(world, visits=(2, (3, 9))))

    def refused_deletion(request: InterventionRequest) -> None:
        with pytest.raises(BusinessError, match="jamais validée"):
            delete_interventions([request], by=world.planner)

    for act in (
        lambda: finish_intervention(visit, on=day("12/03/26"), by=world.planner),
        lambda: cancel_intervention(other, on=world.today, by=world.planner),
        lambda: reset_intervention(other, by=world.planner),
        lambda: refused_deletion(visit),
    ):
        assert locks(act)[:2] == ["contracts_contract", "interventions_interventionrequest"]


def test_saving_a_visit_locks_no_contract(world: World) -> None:
    visit, _other = visits_of(world, make_contract(world, visits=(2, (3, 9))))
    taken = locks(lambda: save_intervention(visit.pk, {"title": "Ramonage"}, on=world.today, by=world.planner))

    assert "interventions_interventionrequest" in taken
    assert "contracts_contract" not in taken


# Included call-outs


def with_call_outs(world: World, included: int = 1) -> Contract:
    product = world.task
    product.product = article("1").values["product"]
    product.save()
    return make_contract(world, line={"uses_callouts": True, "included_callouts": included, "task": world.task})


def test_call_out_put_back_is_covered_no_longer_when_another_took_its_place(world: World) -> None:
    contract = with_call_outs(world)
    line = contract.lines.get()
    first = call_out(line, on=day("02/02/26"), by=world.planner)
    cancel_intervention(first, on=world.today, by=world.planner)
    second = call_out(line, on=day("03/02/26"), by=world.planner)

    reset_intervention(first, by=world.planner)

    assert [covered(first), covered(second)] == [[False], [True]]
    assert list(ContractRequest.objects.order_by("pk").values_list("is_covered", flat=True)) == [False, True]
    notes = [row.text for row in HistoryLine.objects.of(first) if row.act == "uncovered"]
    assert notes == ["SAV au-delà de ceux que comprend CONT/000001 : à facturer"]
    assert world.left(first) == [Decimal(1)]
    assert callouts_left(line, day("02/02/26")) == 0


def test_call_out_put_back_stays_covered_while_one_is_left(world: World) -> None:
    line = with_call_outs(world, included=2).lines.get()
    first = call_out(line, on=day("02/02/26"), by=world.planner)
    cancel_intervention(first, on=world.today, by=world.planner)
    second = call_out(line, on=day("03/02/26"), by=world.planner)

    reset_intervention(first, by=world.planner)

    assert [covered(first), covered(second)] == [[True], [True]]
    assert [row.act for row in HistoryLine.objects.of(first) if row.act == "uncovered"] == []


def test_call_out_put_back_is_counted_in_its_own_year(world: World) -> None:
    line = with_call_outs(world).lines.get()
    first = call_out(line, on=day("02/02/26"), by=world.planner)
    cancel_intervention(first, on=world.today, by=world.planner)
    call_out(line, on=day("02/02/27"), by=world.planner)

    reset_intervention(first, by=world.planner)

    assert covered(first) == [True]


def test_two_call_outs_at_once_share_what_is_included(in_threads: Callable[..., list[Any]], world: World) -> None:
    line = with_call_outs(world).lines.get()

    made = in_threads(2, lambda number: call_out(line, on=day("02/02/26"), by=world.planner))

    assert sorted(covered(intervention)[0] for intervention in made) == [False, True]


# Visits kept after the last day served


def test_visits_kept_after_the_last_day_are_billed_by_their_request(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("90.00", quantity="3"), visits=(3, (3, 9, 12)))
    march, september, december = visits_of(world, contract)
    book(world, september, state="confirmed")
    finish_intervention(december, on=day("20/04/26"), by=world.planner)

    terminate_contract(contract, last_day=day("30/04/26"), reason="vente", on=day("20/04/26"), by=world.manager)

    assert [covered(visit) for visit in (march, september, december)] == [[True], [False], [False]]
    assert [world.left(visit) for visit in (september, december)] == [[Decimal(1)], [Decimal(1)]]
    note = "CONT/000001 résilié au 30/04/2026 : ses lignes ne sont plus couvertes, elles se facturent ici"
    assert [row.text for row in HistoryLine.objects.of(september) if row.act == "uncovered"] == [note]
    assert invoice_intervention(december, on=world.today, by=world.biller).net.amount == Decimal("90.00")
    with pytest.raises(NothingToBill):
        invoice_intervention(march, on=world.today, by=world.biller)


def test_visit_that_its_contract_bills_stays_covered_after_the_last_day(world: World) -> None:
    """Per visit, the contract bills what was really done, also when it has ended since: the DI must not bill it too."""
    contract = per_visit(world)
    _march, september = visits_of(world, contract)
    finish_intervention(september, on=day("20/04/26"), by=world.planner)

    terminate_contract(contract, last_day=day("30/04/26"), reason="vente", on=day("20/04/26"), by=world.manager)

    assert covered(september) == [True]
    bill(world, contract, on="30/04/26")
    assert drafts(contract) == [("invoice", "20/04/26", ["87.50"])]
