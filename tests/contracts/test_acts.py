"""Each act on a contract or a line: what it returns, its journal, its version, and the neighbours it leaves alone."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from contracts.models import BillingOutcome, BillingRun, Contract, ContractLine, ContractRequest, PeriodClaim
from contracts.services.activation import activate_contract, activate_line
from contracts.services.callouts import call_out, callouts_left, contract_year
from contracts.services.cancellation import cancel_contract, cancel_line, delete_contracts, reset_contract, reset_line
from contracts.services.contracts import save_contract, set_active
from contracts.services.lines import save_line
from contracts.services.live_claims import has_live_claims
from contracts.services.manual_runs import retry_run, selection_of, start_manual
from contracts.services.next_dates import notice_visits_done, recheck_due, rewrite_due
from contracts.services.prices import set_price
from contracts.services.run_outcomes import outcomes_of
from contracts.services.runs import finish_run, refuse_far, remaining, start_run
from contracts.services.takeover import take_over
from contracts.services.termination import terminate_contract
from contracts.services.visits import cancel_visits, plan_visits
from contracts.services.waivers import charges_due, claim_key, take_back, waive, waived
from interventions.models import InterventionRequest, InterventionType
from interventions.services.billing import invoice_intervention
from interventions.services.states import cancel_intervention, finish_intervention
from invoicing.models import HistoryLine
from invoicing.services.documents.lines import LineEdit
from openfire_billing.kernel.errors import BusinessError, NothingToBill, StaleForm, WrongState
from tests.contracts.contract_builders import article, bill, day, exception, make_contract, periods
from tests.factories import (
    CompanyFactory,
    InstalledProductFactory,
    PartnerFactory,
    ProductFactory,
    TaskFactory,
    TemplateFactory,
    World,
    nothing_changed,
    position,
)
from tests.factories.appointments import book

D = Decimal


def refused(act: Callable[[], Any], error: type[Exception] = BusinessError) -> str:
    with nothing_changed(), pytest.raises(error) as refusal:
        act()
    return str(refusal.value)


def journal(document: Any, since: int = 0) -> list[tuple[str, str, Any]]:
    """(act, text, by) of each line of its journal after the first `since`."""
    return [(line.act, line.text, line.by) for line in HistoryLine.objects.of(document).order_by("pk")][since:]


def row(document: Any) -> dict[str, Any]:
    return type(document).objects.filter(pk=document.pk).values().get()


def all_of(*contracts: Contract) -> list[Any]:
    """The rows of these contracts, of their lines, claims, visits and journals."""
    found: list[Any] = []
    for contract in contracts:
        requests = ContractRequest.objects.filter(line__contract=contract)
        found += [row(contract), journal(contract)]
        found += contract.lines.order_by("pk").values()
        found += PeriodClaim.objects.filter(article__line__contract=contract).order_by("pk").values()
        found += requests.order_by("pk").values()
        found += InterventionRequest.objects.filter(contract_request__in=requests).order_by("pk").values()
    return found


def planned(world: World, *contracts: Contract, until: str = "31/12/26") -> list[InterventionRequest]:
    made = plan_visits(contracts, until=day(until), on=day("01/01/26"), by=world.planner)
    return [outcome.made for outcome in made]


def states(*documents: Any) -> list[str]:
    return [row(document)["state"] for document in documents]


YEARLY = (2, (3, 10))

# Moves: state before, act, answers, state after, journal
MOVES: dict[str, tuple[str, Callable[..., Any], dict[str, Any], str, tuple[str, str]]] = {
    "cancel": ("validated", cancel_contract, {"on": day("01/01/26")}, "cancelled", ("cancelled", "Contrat annulé")),
    "reset": ("cancelled", reset_contract, {}, "draft", ("reset", "Remis en brouillon")),
    "activate": (
        "draft",
        activate_contract,
        {"on": day("01/01/26")},
        "validated",
        ("validated", "Contrat activé sous la référence CONT/000002"),
    ),
    "terminate": (
        "validated",
        terminate_contract,
        {"last_day": day("30/06/26"), "reason": "Vente", "on": day("01/02/26")},
        "terminated",
        ("terminated", "Résilié au 30/06/2026"),
    ),
    "archive": ("validated", set_active, {"active": False}, "validated", ("archived", "Archivé")),
    "bring back": ("validated", set_active, {"active": True}, "validated", ("archived", "Remis en service")),
}


@pytest.mark.parametrize("name", MOVES)
def test_move_writes_its_journal_once_and_leaves_the_neighbour(world: World, name: str) -> None:
    state, act, answers, then, line = MOVES[name]
    neighbour = make_contract(world, visits=YEARLY)
    contract = make_contract(world, visits=YEARLY, is_active=state != "draft")
    planned(world, neighbour)
    if state == "cancelled":
        cancel_contract(contract, on=day("01/01/26"), by=world.manager)
    before, rows, lines = row(contract)["version"], all_of(neighbour), len(journal(contract))

    done = act(contract, seen=before, by=world.biller, **answers)

    moved = getattr(done, "made", done)
    kept = row(contract)
    assert (moved.pk, moved.state, kept["state"], kept["is_active"]) == (contract.pk, then, then, name != "archive")
    assert (moved.version, kept["version"]) == (before + 1, before + 1)
    assert journal(contract, lines) == [(*line, world.biller)]
    assert all_of(neighbour) == rows
    dates = {
        "cancel": (None, None),
        "reset": (None, None),
        "activate": (day("01/01/26"), day("01/03/26")),
        "terminate": (day("01/01/26"), day("01/03/26")),
    }
    if name in dates:
        assert (kept["next_due_on"], kept["next_visit_on"]) == dates[name]
    assert [found.state for found in contract.lines.all()] == ["draft" if then == "draft" else "validated"]
    assert refused(lambda: act(contract, seen=before, by=world.biller, **answers), StaleForm) != ""


def test_reset_puts_back_the_validated_lines_alone(world: World) -> None:
    contract = make_contract(world)
    extra = [
        save_line(None, {"contract": contract}, articles=[article("60.00")], on=day("01/01/26"), by=world.manager)
        for _n in range(2)
    ]
    activate_line(extra[0], on=day("01/01/26"), by=world.manager)
    cancel_line(extra[1], on=day("01/01/26"), by=world.manager)
    cancel_contract(contract, on=day("01/01/26"), by=world.manager)
    before = {line.pk: line.version for line in contract.lines.all()}

    reset_contract(contract, by=world.manager)

    assert [(line.state, line.version - before[line.pk]) for line in contract.lines.order_by("pk")] == [
        ("draft", 1),
        ("draft", 1),
        ("cancelled", 0),
    ]
    activate_contract(contract, on=day("01/01/26"), by=world.manager)
    assert [line.state for line in contract.lines.order_by("pk")] == ["validated", "validated", "cancelled"]


def test_contract_of_cancelled_lines_alone_is_not_activated(world: World) -> None:
    contract = make_contract(world, is_active=False)
    cancel_line(contract.lines.get(), on=day("01/01/26"), by=world.manager)
    assert refused(lambda: activate_contract(contract, on=day("01/01/26"), by=world.manager)) == (
        f"{contract} n'a pas de ligne : ajoutez-en une (site, articles) avant de l'activer."
    )


def test_contract_that_no_run_could_bill_is_not_activated_and_nothing_of_it_is_offered(world: World) -> None:
    draft, active = make_contract(world, is_active=False), make_contract(world)
    unsold = ProductFactory(code="sans", income_account="")
    for contract in (draft, active):
        contract.lines.get().articles.update(product=unsold, label="Entretien")
    why = "l'article « Entretien » n'a pas de compte de produit. Complétez sa fiche."

    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        activate_contract(draft, on=day("01/01/26"), by=world.manager)

    assert (str(refusal.value), refusal.value.code) == (f"Contrat provisoire n° {draft.pk} : {why}", "incomplete")
    assert refused(lambda: charges_due(active, on=day("01/01/26"))) == f"Contrat {active.reference} : {why}"
    assert refused(lambda: charges_due(Contract(pk=active.pk + 1), on=day("01/01/26"))) == "Ce contrat n'existe plus."


def test_line_without_article_is_not_activated_and_an_exception_is_enough(world: World) -> None:
    bare = make_contract(world, is_active=False)
    bare.lines.get().articles.all().delete()
    make_contract(world, exceptions=[exception("15/03/26", "50.00")])
    assert refused(lambda: activate_contract(bare, on=day("01/01/26"), by=world.manager)) == (
        f"« {bare.lines.get()} » n'a ni article ni exception : rien ne serait jamais facturé. "
        "Complétez l'onglet Facturation."
    )
    note = LineEdit(values={"kind": "note", "label": "Au fond", "quantity": D(0)})
    save_line(bare.lines.get().pk, {}, articles=[note], on=day("01/01/26"), by=world.manager)
    assert "n'a ni article ni exception" in refused(
        lambda: activate_contract(bare, on=day("01/01/26"), by=world.manager)
    )
    save_line(
        bare.lines.get().pk, {}, exceptions=[exception("15/03/26", "50.00")], on=day("01/01/26"), by=world.manager
    )
    assert activate_contract(bare, on=day("01/01/26"), by=world.manager).made.state == "validated"


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ({"repeat": 2, "repeat_unit": "year"}, "Mois de visite, Tâche"),
        ({"visit_months": [3]}, "Répéter N fois, Tâche"),
        ({"repeat": 1, "repeat_unit": "year", "visit_months": [3]}, "Tâche"),
        ({"repeat": 1, "repeat_unit": "year", "visit_months": [3], "task": True}, ""),
        ({"repeat": 1, "repeat_unit": "year", "visit_months": [3], "template": True}, ""),
        ({}, ""),
    ],
)
def test_what_visits_lack_is_named(world: World, line: dict[str, Any], missing: str) -> None:
    values = line | {
        name: value
        for name, value in {"task": world.task, "template": TemplateFactory(task=world.task)}.items()
        if name in line
    }
    contract = make_contract(world, line=values, is_active=False)
    if missing:
        assert refused(lambda: activate_contract(contract, on=day("01/01/26"), by=world.manager)) == (
            f"« {contract.lines.get()} » : {missing} à renseigner dans l'onglet Planification, ou videz cet onglet."
        )
    else:
        assert activate_contract(contract, on=day("01/01/26"), by=world.manager).notes == ()


def test_reference_taken_in_another_company_is_free_here(world: World) -> None:
    Contract.objects.create(
        company=CompanyFactory(), payer=world.customer, start_on=day("01/01/26"), reference="CONT/000001"
    )
    assert make_contract(world).reference == "CONT/000001"


def test_line_activated_tells_both_and_is_due_with_its_contract(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("120.00"), visits=YEARLY)
    bill(world, contract, on="15/12/26")
    planned(world, contract)
    line = save_line(
        None,
        {"contract": contract, "starts_on": day("01/06/26")},
        articles=[article("60.00")],
        on=day("01/06/26"),
        by=world.manager,
    )
    before = len(journal(line)), len(journal(contract))

    outcome = activate_line(line, seen=row(line)["version"], on=day("01/06/26"), by=world.biller)

    assert (outcome.document, outcome.made, outcome.notes, states(line)) == (line, line, (), ["validated"])
    assert journal(line, before[0]) == [("validated", "Ligne validée", world.biller)]
    assert journal(contract, before[1]) == [("line_validated", f"Ligne « {line} » validée", world.biller)]
    assert row(contract)["next_due_on"] == day("01/06/26")
    assert refused(lambda: activate_line(line, seen=0, on=day("01/06/26"), by=world.biller), StaleForm) != ""


# Cancelling


def test_cancelled_line_takes_back_its_visits_and_leaves_those_of_the_other(world: World) -> None:
    contract, neighbour = (make_contract(world, visits=YEARLY) for _n in range(2))
    line = contract.lines.get()
    values = {"contract": contract, "repeat": 1, "repeat_unit": "year", "visit_months": [5], "task": world.task}
    other = save_line(None, values, articles=[article("60.00")], on=day("01/01/26"), by=world.manager)
    activate_line(other, on=day("01/01/26"), by=world.manager)
    march, october, may = planned(world, contract)
    planned(world, neighbour)
    rows, before, lines = all_of(neighbour), row(line)["version"], len(journal(line))

    cancelled = cancel_line(line, seen=before, on=day("01/02/26"), by=world.biller)

    assert (cancelled.pk, cancelled.state, states(line, other)) == (line.pk, "cancelled", ["cancelled", "validated"])
    assert row(line)["version"] == before + 1
    assert journal(line, lines) == [("cancelled", "Ligne annulée", world.biller)]
    assert states(march, october, may) == ["cancelled", "cancelled", "to_plan"]
    assert [request.intervention for request in ContractRequest.objects.filter(line__contract=contract)] == [may]
    assert all_of(neighbour) == rows
    assert row(contract)["next_due_on"] == day("01/01/26")
    assert refused(lambda: cancel_line(line, seen=before, on=day("01/02/26"), by=None), StaleForm) != ""

    lines = len(journal(line))
    back = reset_line(line, seen=before + 1, by=world.biller)
    assert (back.state, states(line, other)) == ("draft", ["draft", "validated"])
    assert journal(line, lines) == [("reset", "Ligne remise en brouillon", world.biller)]
    assert refused(lambda: reset_line(line, seen=before, by=None), StaleForm) != ""


def test_line_of_a_draft_is_cancelled_and_nothing_is_due(world: World) -> None:
    draft = make_contract(world, is_active=False)
    cancel_line(draft.lines.get(), on=day("01/01/26"), by=world.manager)
    assert (row(draft)["next_due_on"], states(draft.lines.get())) == (None, ["cancelled"])


def test_billing_of_another_line_or_contract_holds_nothing_here(world: World) -> None:
    billed, free = make_contract(world), make_contract(world, is_active=False)
    other = save_line(None, {"contract": billed}, articles=[article("60.00")], on=day("01/01/26"), by=world.manager)
    bill(world, billed, on="02/01/26")
    assert [has_live_claims(thing) for thing in (billed, free, billed.lines.get(state="validated"), other)] == [
        True,
        False,
        True,
        False,
    ]
    assert cancel_line(other, on=day("02/01/26"), by=world.manager).state == "cancelled"
    assert cancel_contract(free, on=day("02/01/26"), by=world.manager).state == "cancelled"
    assert refused(lambda: cancel_contract(billed, on=day("02/01/26"), by=world.manager), WrongState) == (
        f"{billed} est déjà facturé, au moins en partie : résiliez-le plutôt."
    )


def test_cancelled_contract_names_the_visits_it_keeps(world: World) -> None:
    contract = make_contract(world, visits=YEARLY)
    march, october = planned(world, contract)
    book(world, october, state="draft")
    lines = len(journal(contract))

    cancel_contract(contract, on=day("01/02/26"), by=world.biller)

    assert states(march, october) == ["cancelled", "planned"]
    assert journal(contract, lines) == [
        (
            "cancelled",
            f"Contrat annulé. Visites gardées, un RDV y est ouvert ou le travail est fait : {october}.",
            world.biller,
        )
    ]
    assert (row(contract)["next_due_on"], row(contract)["next_visit_on"]) == (None, None)


def test_visits_that_open_after_a_day_are_cancelled_and_keep_their_row(world: World) -> None:
    contract, neighbour = (make_contract(world, visits=YEARLY, line={"uses_callouts": True}) for _n in range(2))
    march, october = planned(world, contract)
    planned(world, neighbour)
    callout = call_out(contract.lines.get(), on=day("01/12/26"), by=world.planner)
    rows = all_of(neighbour)
    mine = ContractRequest.objects.filter(line__contract=contract)

    def cancel(after: str) -> list[InterventionRequest]:
        return cancel_visits(mine, after=day(after), on=day("01/02/26"), by=world.planner)

    assert (cancel("01/10/26"), states(march, october)) == ([], ["to_plan", "to_plan"])
    assert (cancel("30/09/26"), states(march, october)) == ([], ["to_plan", "cancelled"])
    assert mine.count() == 3
    assert cancel_visits(mine, after=None, on=day("01/02/26"), by=world.planner) == []
    assert (states(march, callout), mine.count()) == (["cancelled", "to_plan"], 2)
    assert all_of(neighbour) == rows


@pytest.mark.parametrize("state", ["validated", "terminated", "cancelled"])
def test_contract_once_activated_is_not_deleted(world: World, state: str) -> None:
    contract = make_contract(world)
    ended = day("30/06/26") if state == "terminated" else None
    Contract.objects.filter(pk=contract.pk).update(state=state, terminated_on=ended)
    contract.refresh_from_db()
    assert refused(lambda: delete_contracts([contract], by=world.manager), WrongState) == (
        f"{contract} a été activé : il se résilie ou s'annule, il ne se supprime pas."
    )


def test_deleting_some_leaves_the_others(world: World) -> None:
    first, second, kept = (make_contract(world, is_active=False) for _n in range(3))
    assert delete_contracts([first, second], by=world.biller) == 2
    assert list(Contract.objects.all()) == [kept]
    assert journal(first)[-1] == ("deleted", "Contrat supprimé", world.biller)
    again = make_contract(world)
    cancel_contract(again, on=day("01/01/26"), by=world.manager)
    reset_contract(again, by=world.manager)
    assert "a été activé" in refused(lambda: delete_contracts([again, kept], by=world.manager))


def test_contract_from_which_a_request_comes_is_not_deleted(world: World) -> None:
    contract = make_contract(world, visits=YEARLY)
    planned(world, contract)
    Contract.objects.filter(pk=contract.pk).update(state="draft", validated_on=None)
    contract.refresh_from_db()
    assert refused(lambda: delete_contracts([contract], by=world.manager)) == (
        "Une DI vient de ce contrat : archivez-le plutôt."
    )


# Termination


def test_terminated_one_keeps_its_reason_and_uncovers_its_own_visits_alone(world: World) -> None:
    contract, neighbour = (make_contract(world, visits=YEARLY) for _n in range(2))
    march, october = planned(world, contract)
    theirs = planned(world, neighbour)
    for visit in (october, theirs[1]):
        book(world, visit, state="draft")
    lines = len(journal(contract))

    done = terminate_contract(contract, last_day=day("30/06/26"), reason="r" * 201, on=day("01/02/26"), by=world.biller)

    assert (done.terminated_on, done.termination_reason) == (day("30/06/26"), "r" * 200)
    assert (row(contract)["terminated_on"], row(contract)["termination_reason"]) == (day("30/06/26"), "r" * 200)
    assert journal(contract, lines) == [
        (
            "terminated",
            f"Résilié au 30/06/2026. Visites gardées, un RDV y est ouvert ou le travail est fait : {october}.",
            world.biller,
        )
    ]
    assert [[line.covered for line in visit.lines.all()] for visit in (march, october, *theirs)] == [
        [True],
        [False],
        [True],
        [True],
    ]


@pytest.mark.parametrize(
    ("terms", "last_day", "sentence"),
    [
        ({}, "31/12/25", "commence le 01/01/2026 : le dernier jour servi ne le précède pas."),
        ({}, "01/01/26", ""),
        ({"end_on": day("30/06/26"), "auto_renew": False}, "01/07/26", "finit déjà le 30/06/2026"),
        ({"end_on": day("30/06/26"), "auto_renew": False}, "30/06/26", ""),
        ({"end_on": day("30/06/26"), "auto_renew": True}, "01/07/26", ""),
    ],
)
def test_last_day_is_within_the_contract(world: World, terms: dict[str, Any], last_day: str, sentence: str) -> None:
    contract = make_contract(world, **terms)

    def end() -> Contract:
        return terminate_contract(contract, last_day=day(last_day), reason="", on=day("01/02/26"), by=None)

    if sentence:
        assert sentence in refused(end)
    else:
        assert end().state == "terminated"


def test_billed_beyond_is_that_of_the_contract_itself(world: World) -> None:
    contract, neighbour = make_contract(world), make_contract(world)
    bill(world, neighbour, on="01/12/26")
    bill(world, contract, on="01/06/26")
    done = terminate_contract(contract, last_day=day("15/05/26"), reason="", on=day("01/06/26"), by=None)
    assert journal(done)[-1][1] == (
        "Résilié au 15/05/2026. Déjà facturé jusqu'au 30/06/2026 (10,00 € HT de la dernière ligne) : "
        "faites un avoir si besoin."
    )


# Call-outs


@pytest.mark.parametrize(
    ("on", "year"),
    [
        ("14/03/26", 1),
        ("15/03/26", 1),
        ("14/03/27", 1),
        ("15/03/27", 2),
        ("14/03/28", 2),
        ("15/03/28", 3),
        ("01/01/25", 1),
    ],
)
def test_contract_year_begins_on_the_day_it_started(world: World, on: str, year: int) -> None:
    line = make_contract(world, "15/03/26").lines.get()
    assert contract_year(line, day(on)) == year


def test_call_outs_of_another_line_year_or_kind_and_cancelled_ones_do_not_count(world: World) -> None:
    more = {"uses_callouts": True, "included_callouts": 2, "task": world.task}
    contract, neighbour = (make_contract(world, line=more, visits=YEARLY) for _n in range(2))
    line = contract.lines.get()
    planned(world, contract)
    call_out(neighbour.lines.get(), on=day("02/02/26"), by=world.planner)
    call_out(line, on=day("02/02/27"), by=world.planner)
    cancel_intervention(call_out(line, on=day("02/02/26"), by=world.planner), on=world.today, by=world.planner)
    assert [callouts_left(line, day(on)) for on in ("02/02/26", "02/02/27", "02/02/28")] == [2, 1, 2]
    for _n in range(3):
        call_out(line, on=day("03/02/26"), by=world.planner)
    assert callouts_left(line, day("02/02/26")) == 0
    ContractLine.objects.filter(pk=line.pk).update(uses_callouts=False)
    line.refresh_from_db()
    assert callouts_left(line, day("02/02/28")) == 0


def test_call_out_is_a_validated_request_with_the_terms_of_its_line(world: World) -> None:
    payer = PartnerFactory(name="Syndic")
    device = InstalledProductFactory(partner=world.customer)
    task = TaskFactory(name="Panne", product=article("1").values["product"])
    more = {"uses_callouts": True, "included_callouts": 1, "task": task, "equipment": device}
    contract = make_contract(world, payer=payer, line=more, fiscal_position=position("VEN-10"))
    line = contract.lines.get()

    first = call_out(line, on=day("02/02/26"), by=world.biller)
    second = call_out(line, on=day("03/02/26"), by=world.biller, title="Fuite")

    assert (first.company, first.partner, first.bill_to, first.address) == (
        world.company,
        world.customer,
        payer,
        line.address,
    )
    assert (first.equipment, first.task, first.fiscal_position, first.type.name) == (
        device,
        task,
        position("VEN-10"),
        "SAV",
    )
    assert [(di.title, di.from_on, di.state) for di in (first, second)] == [
        (f"SAV {contract}", day("02/02/26"), "to_plan"),
        ("Fuite", day("03/02/26"), "to_plan"),
    ]
    assert list(
        ContractRequest.objects.order_by("pk").values_list(
            "line", "intervention", "kind", "chain", "year", "is_covered"
        )
    ) == [
        (line.pk, first.pk, "callout", line.pk, 1, True),
        (line.pk, second.pk, "callout", line.pk, 1, False),
    ]
    assert [journal(di) for di in (first, second)] == [
        [
            ("created", "DI créée", world.biller),
            ("validated", f"DI validée sous le numéro {di.number}", world.biller),
            ("contract", text, world.biller),
        ]
        for di, text in (
            (first, f"SAV compris dans {contract}"),
            (second, f"SAV au-delà de ceux que comprend {contract} : à facturer"),
        )
    ]
    InterventionType.objects.filter(name="SAV").update(name="Autre nom")
    assert call_out(line, on=day("04/02/26"), by=world.biller).type == task.type


def test_call_out_needs_a_contract_in_service_a_validated_line_and_a_task(world: World) -> None:
    more = {"uses_callouts": True, "task": world.task}

    def line_of(values: dict[str, Any] = more, **terms: Any) -> ContractLine:
        return make_contract(world, line=values, **terms).lines.get()

    draft, plain, cancelled = line_of(is_active=False), line_of({"task": world.task}), line_of()
    idle = line_of({"uses_callouts": True})
    cancel_line(cancelled, on=day("01/01/26"), by=world.manager)
    sentences = [
        refused(partial(call_out, line, on=day("02/02/26"), by=world.planner))
        for line in (draft, cancelled, plain, idle)
    ]
    assert sentences == [
        f"{draft.contract} n'est pas en cours : le SAV se fait par une DI ordinaire.",
        f"« {cancelled} » n'est pas validée : le SAV se fait par une DI ordinaire.",
        f"« {plain} » n'utilise pas les SAV : cochez-les dans l'onglet Planification.",
        f"« {idle} » n'a pas de tâche : choisissez-la dans l'onglet Planification.",
    ]


def test_call_out_is_of_the_line_itself_not_of_its_neighbour_on_the_contract(world: World) -> None:
    more = {"uses_callouts": True, "task": world.task}
    contract = make_contract(world, line=more | {"ends_on": day("30/06/26")})
    values = {"contract": contract, "starts_on": day("01/07/26"), **more}
    second = save_line(None, values, articles=[article("60.00")], on=day("01/01/26"), by=world.manager)
    activate_line(second, on=day("01/01/26"), by=world.manager)
    first = contract.lines.exclude(pk=second.pk).get()
    assert "ne sert pas le 01/07/2026" in refused(lambda: call_out(first, on=day("01/07/26"), by=world.planner))
    assert "ne sert pas le 30/06/2026" in refused(lambda: call_out(second, on=day("30/06/26"), by=world.planner))
    assert call_out(first, on=day("30/06/26"), by=world.planner).contract_request.line == first
    assert call_out(second, on=day("01/07/26"), by=world.planner).contract_request.line == second


def test_billed_visits_are_those_with_a_live_claim_on_an_invoice(world: World) -> None:
    terms = {"frequency": "per_visit", "timing": "on_visit", "visits": YEARLY}
    one, two = (make_contract(world, "01/01/26", article("175.00"), **terms) for _n in range(2))
    first, second = planned(world, one)
    (theirs, _later) = planned(world, two)
    for visit in (first, theirs):
        finish_intervention(visit, on=day("12/03/26"), by=world.planner)
    bill(world, one, on="13/03/26")
    found = ContractRequest.objects.billed()
    assert [request.intervention for request in found] == [first]
    assert states(second, theirs) == ["to_plan", "done"]


# Waiving


def test_waiving_and_taking_back_leaves_the_neighbour(world: World) -> None:
    contract, neighbour = make_contract(world), make_contract(world)
    on = day("15/02/26")
    for document in (contract, neighbour):
        waive(document, keys=[charges_due(document, on=on)[0].key], on=on, by=world.manager)
    rows = all_of(neighbour)
    lines = len(journal(contract))

    (claim,) = waived(contract)
    taken = take_back(contract, keys=[claim_key(claim)], on=on, by=world.biller)

    assert (taken.pk, waived(contract), row(contract)["next_due_on"]) == (contract.pk, [], day("01/01/26"))
    assert [act for act, _text, by in journal(contract, lines) if by == world.biller] == ["taken_back"]
    assert all_of(neighbour) == rows
    theirs = claim_key(waived(neighbour)[0])
    assert refused(lambda: take_back(contract, keys=[theirs], on=on, by=None), NothingToBill) == (
        f"{contract} : ce qui était choisi n'est plus à remettre. Rechargez la page."
    )
    assert refused(lambda: take_back(contract, keys=[], on=on, by=None), NothingToBill) != ""
    for keys in ([], ["inconnu"], [charges_due(contract, on=on)[0].key, "inconnu"]):
        assert refused(partial(waive, contract, keys=keys, on=on, by=None), NothingToBill) == (
            f"{contract} : ce qui était choisi n'est plus dû. Rechargez la page."
        )
    assert refused(lambda: waive(contract, keys=["x"], seen=0, on=on, by=None), StaleForm) != ""
    assert refused(lambda: take_back(contract, keys=["x"], seen=0, on=on, by=None), StaleForm) != ""


def test_all_that_is_due_is_offered_and_when_nothing_is_what_falls_due_next(world: World) -> None:
    contract = make_contract(world, auto_renew=False, end_on=day("30/04/26"))

    def due(on: str) -> list[tuple[Any, Decimal]]:
        return [(charge.period.start, charge.amount) for charge in charges_due(contract, on=day(on))]  # type: ignore[attr-defined]

    assert due("15/03/26") == [(day(f"01/0{month}/26"), Decimal("10.00")) for month in (1, 2, 3)]
    bill(world, contract, on="15/03/26")
    assert due("15/03/26") == [(day("01/04/26"), Decimal("10.00"))]
    bill(world, contract, on="01/04/26")
    assert due("15/04/26") == []
    old = make_contract(world, "01/01/23")
    assert len(charges_due(old, on=day("15/03/26"))) == 39  # more periods than a run bills unasked


def test_only_what_was_waived_is_taken_back(world: World) -> None:
    contract = make_contract(world)
    bill(world, contract, on="02/01/26")
    assert waived(contract) == []
    draft = make_contract(world, is_active=False)
    assert refused(lambda: waive(draft, keys=["x"], on=day("01/01/26"), by=None), WrongState) == (
        f"{draft} n'est pas activé : rien n'y est dû."
    )


# Due days


def test_due_days_are_rewritten_of_these_contracts_alone(world: World) -> None:
    contract, neighbour = (make_contract(world, visits=YEARLY) for _n in range(2))
    Contract.objects.update(next_due_on=None, next_visit_on=None)
    rewrite_due([contract.pk], on=day("01/01/26"))
    assert [(row(c)["next_due_on"], row(c)["next_visit_on"]) for c in (contract, neighbour)] == [
        (day("01/01/26"), day("01/03/26")),
        (None, None),
    ]


def test_a_visit_once_planned_is_not_the_next_one(world: World) -> None:
    contract, neighbour = (make_contract(world, visits=YEARLY) for _n in range(2))
    planned(world, contract, until="31/03/26")
    following = [day("01/10/26"), day("01/03/26")]
    assert [row(c)["next_visit_on"] for c in (contract, neighbour)] == following
    Contract.objects.update(next_visit_on=None)

    rewrite_due([contract.pk, neighbour.pk], on=day("01/01/26"))

    assert [row(c)["next_visit_on"] for c in (contract, neighbour)] == following


@pytest.mark.parametrize(
    ("stored", "late"),
    [(None, True), ("02/01/26", True), ("01/01/26", False), ("31/12/25", False)],
)
def test_due_day_is_corrected_and_named_when_it_was_too_late(world: World, stored: str | None, late: bool) -> None:
    contract, neighbour, draft = make_contract(world), make_contract(world), make_contract(world, is_active=False)
    Contract.objects.update(next_due_on=stored and day(stored))
    names = recheck_due([contract.pk, draft.pk], on=day("01/01/26"), chunk=1)
    assert names == ([contract.reference] if late else [])
    assert [row(c)["next_due_on"] for c in (contract, neighbour, draft)] == [
        day("01/01/26"),
        stored and day(stored),
        stored and day(stored),
    ]


@pytest.mark.parametrize(
    ("stored", "timing", "then"),
    [
        (None, "done", "12/03/26"),
        ("01/04/26", "done", "12/03/26"),
        ("31/03/26", "done", "31/03/26"),
        ("01/02/26", "done", "01/02/26"),
        (None, "to_plan", None),
        (None, "callout", None),
        (None, "cancelled", None),
    ],
)
def test_visit_done_brings_the_due_day_forward(world: World, stored: Any, timing: str, then: str | None) -> None:
    terms = {"frequency": "per_visit", "timing": "on_visit", "visits": YEARLY}
    contract, other = (make_contract(world, "01/01/26", article("175.00"), **terms) for _n in range(2))
    monthly = make_contract(world, visits=YEARLY)
    march, _october = planned(world, contract)
    by_period, _later = planned(world, monthly)
    finish_intervention(by_period, on=day("12/03/26"), by=world.planner)
    if timing != "to_plan":
        finish_intervention(march, on=day("12/03/26"), by=world.planner)
    if timing == "callout":
        ContractRequest.objects.filter(intervention=march).update(kind="callout", rank=None)
    Contract.objects.update(next_due_on=stored and day(stored))
    if timing == "cancelled":
        Contract.objects.filter(pk=contract.pk).update(state="cancelled")

    notice_visits_done()

    assert [row(c)["next_due_on"] for c in (contract, other, monthly)] == [
        then and day(then),
        stored and day(stored),
        stored and day(stored),
    ]


# Prices


def test_price_from_a_day_is_of_one_article(world: World) -> None:
    contract = make_contract(world, "01/01/26", article("120.00"), article("60.00"))
    neighbour = make_contract(world)
    rows = all_of(neighbour)
    line = contract.lines.get()
    first, second = line.articles.order_by("pk")
    before = row(line)["version"], row(contract)["version"], len(journal(line))

    def price(unit_price: int, on: str = "01/07/26", **more: Any) -> Any:
        return set_price(
            first,
            from_on=day(on),
            unit_price=D(unit_price),
            discount=D(10),
            on=day("01/01/26"),
            by=world.biller,
            **more,
        )

    version = price(240, seen=before[0])
    assert price(360).pk == version.pk
    assert price(480, "01/10/26").pk != version.pk
    assert [(v.from_on, v.unit_price, v.discount) for v in first.prices.order_by("from_on")] == [
        (day("01/07/26"), 360, 10),
        (day("01/10/26"), 480, 10),
    ]
    assert second.prices.count() == 0
    assert (row(line)["version"], row(contract)["version"]) == (before[0] + 3, before[1] + 3)
    assert journal(line, before[2])[0] == (
        "priced",
        f"« {first} » : 240,00 € HT par an à partir du 01/07/2026",
        world.biller,
    )
    assert all_of(neighbour) == rows
    assert refused(lambda: price(1, seen=0), StaleForm) != ""


# Headers and lines


def test_header_saved_raises_its_version_once_and_leaves_the_neighbour(world: World) -> None:
    contract, neighbour = make_contract(world), make_contract(world)
    rows, seen = all_of(neighbour), []

    def step(**values: Any) -> None:
        before = row(contract)["version"], len(journal(contract))
        saved = save_contract(contract.pk, values, seen=before[0], on=day("01/01/26"), by=world.manager)
        assert (saved.pk, saved.version) == (contract.pk, row(contract)["version"])
        seen.append((saved.version - before[0], [act for act, _text, _by in journal(contract, before[1])]))

    step()
    step(notes="Portail")
    step(start_on=day("01/02/26"))
    step(fiscal_position=position("VEN-20"))
    assert seen == [(0, []), (1, ["changed"]), (1, ["changed"]), (1, ["changed"])]
    assert journal(contract)[-1] == ("changed", "Fiche modifiée", world.manager)
    assert row(contract)["next_due_on"] == day("01/02/26")
    assert [found.tax.rate for found in contract.lines.get().articles.all()] == [20]
    assert [found.tax.rate for found in neighbour.lines.get().articles.all()] == [D("5.5")]
    assert all_of(neighbour) == rows
    assert refused(lambda: save_contract(contract.pk, {}, seen=0, on=world.today, by=None), StaleForm) != ""


def test_line_saved_raises_its_version_and_leaves_the_neighbours(world: World) -> None:
    contract, neighbour = make_contract(world, "01/01/26", article("120.00"), article("60.00")), make_contract(world)
    line, rows = contract.lines.get(), all_of(neighbour)
    first, second = line.articles.order_by("pk")
    theirs = neighbour.lines.get().articles.get()
    seen = []

    def step(values: dict[str, Any], **edits: Any) -> None:
        before = row(line)["version"], row(contract)["version"], len(journal(line))
        saved = save_line(line.pk, values, seen=before[0], on=day("01/01/26"), by=world.biller, **edits)
        assert (saved.pk, saved.version) == (line.pk, row(line)["version"])
        seen.append(
            (
                saved.version - before[0],
                row(contract)["version"] - before[1],
                [act for act, _text, _by in journal(line, before[2])],
            )
        )

    step({})
    step({"title": "Poêle"})
    step({}, articles=[LineEdit(pk=first.pk, values={"unit_price": D(240)})])
    step({"title": "Chaudière"}, articles=[LineEdit(pk=second.pk, delete=True)])
    step({}, exceptions=[exception("15/03/26", "50.00")])
    assert seen == [
        (0, 0, []),
        (1, 1, ["changed"]),
        (1, 1, ["edited"]),
        (1, 1, ["changed", "edited"]),
        (1, 1, ["edited"]),
    ]
    assert [(found.pk, found.unit_price) for found in line.articles.all()] == [(first.pk, 240)]
    assert line.exceptions.count() == 1
    assert all_of(neighbour) == rows
    edit = LineEdit(pk=theirs.pk, values={"unit_price": D(1)})
    assert refused(lambda: save_line(line.pk, {}, articles=[edit], on=day("01/01/26"), by=None)) == (
        "Un article modifié n'est plus sur cette ligne. Rechargez la page."
    )
    assert refused(lambda: save_line(line.pk, {}, seen=0, on=day("01/01/26"), by=None), StaleForm) != ""


# Runs


def test_totals_of_a_run_are_its_own(world: World) -> None:
    one, two, three = (make_contract(world, payer=PartnerFactory()) for _n in range(3))
    bill(world, one, on="02/01/26")
    run = start_run(on=day("02/01/26"), by=world.biller, selection=[one.pk, two.pk, three.pk])
    other = start_run(on=day("02/01/26"), by=world.biller, selection=[one.pk])
    assert [run.expected, other.expected] == [3, 1]
    for found, contract, result in ((run, one, "skipped"), (run, two, "refused"), (other, one, "billed")):
        BillingOutcome.objects.create(run=found, contract=contract, result=result)
    assert sorted(run.outcomes.values_list("result", flat=True)) == ["refused", "skipped"]
    assert list(remaining(run)) == [three]
    assert list(remaining(other)) == []

    done = finish_run(run, state="short")
    assert (done.state, done.billed, done.skipped, done.refused) == ("short", 0, 1, 1)
    assert done.finished_at is not None
    assert done.touched_at == done.finished_at
    assert finish_run(run).state == "short"
    assert (row(other)["state"], row(other)["finished_at"]) == ("running", None)
    assert [outcome.document for outcome in outcomes_of(run)] == [one, two]


@pytest.mark.parametrize(("days", "is_dry", "far"), [(366, False, False), (367, False, True), (367, True, False)])
def test_day_of_a_run_is_within_a_year_but_dry(world: World, days: int, is_dry: bool, far: bool) -> None:
    on = world.today + timedelta(days=days)
    if far:
        assert "est trop loin, rien n'est fait" in refused(lambda: start_run(on=on, by=None, is_dry=is_dry))
    else:
        assert start_run(on=on, by=None, is_dry=is_dry).is_running
    refuse_far(world.today, today=world.today, ahead=timedelta(0), is_dry=False)


def test_still_run_is_taken_over_and_its_neighbours_are_not_touched(world: World) -> None:
    still, alive, done = (start_run(on=world.today, by=None, selection=[]) for _n in range(3))
    finish_run(done)
    long_ago = timezone.now() - timedelta(hours=1)
    BillingRun.objects.filter(pk__in=[still.pk, done.pk]).update(touched_at=long_ago)
    for run in (still, alive, done):
        run.refresh_from_db()
    taken = take_over(still)
    assert taken is not None
    assert taken.touched_at > long_ago
    assert [take_over(run) for run in (still, alive, done)] == [None, None, None]
    assert row(done)["touched_at"] == long_ago


def test_selection_is_of_the_companies_of_the_user_and_of_what_is_due(world: World) -> None:
    mine, later = make_contract(world), make_contract(world, "01/06/27")
    other = CompanyFactory(name="Autre")
    theirs = Contract.objects.create(
        company=other,
        payer=world.customer,
        start_on=day("01/01/26"),
        state="validated",
        reference="AUTRE/1",
        validated_on=day("01/01/26"),
        next_due_on=day("01/01/26"),
        fiscal_position=position(),
    )
    on = day("01/02/26")
    assert selection_of(world.biller, on=on) == [mine.pk]
    assert selection_of(world.biller, on=on, contracts=[theirs.pk, later.pk]) == [later.pk]
    assert selection_of(world.biller, on=on, contracts=[]) == []
    world.biller.is_superuser = True
    assert selection_of(world.biller, on=on) is None
    assert selection_of(world.biller, on=on, contracts=[theirs.pk, mine.pk]) == sorted([theirs.pk, mine.pk])


def test_retry_is_of_what_was_set_aside_or_left(world: World) -> None:
    one, two, three = (make_contract(world, payer=PartnerFactory()) for _n in range(3))
    run = start_run(on=day("02/01/26"), by=world.biller, selection=[one.pk, two.pk, three.pk])
    for contract, result in ((one, "refused"), (two, "billed")):
        BillingOutcome.objects.create(run=run, contract=contract, result=result)
    on = day("02/01/26")
    assert refused(lambda: retry_run(run, on=on, by=world.biller)) == f"{run} est en cours : attendez sa fin."
    finish_run(run, state="short")
    run.refresh_from_db()
    assert sorted(retry_run(run, on=on, by=world.biller).selection or []) == sorted([one.pk, three.pk])
    BillingRun.objects.filter(pk=run.pk).update(state="done", expected=2)
    run.refresh_from_db()
    assert retry_run(run, on=on, by=world.biller).selection == [one.pk]
    BillingOutcome.objects.filter(run=run, result="refused").delete()
    assert refused(lambda: retry_run(run, on=on, by=world.biller)) == f"{run} n'a rien mis de côté : rien à réessayer."


def test_same_key_starts_one_run(world: World) -> None:
    contract = make_contract(world)
    on = day("02/01/26")
    first, again = (start_manual(on=on, by=world.biller, selection=[contract.pk], key="k") for _n in range(2))
    other = start_manual(on=on, by=world.biller, selection=[contract.pk], key="autre")
    assert (first.pk, again.pk == first.pk, other.pk == first.pk) == (first.pk, True, False)
    assert (first.selection, first.by, first.is_dry, first.force) == ([contract.pk], world.biller, False, False)


def test_visit_of_a_terminated_contract_is_billed_by_its_request(world: World) -> None:
    contract, neighbour = (make_contract(world, visits=YEARLY) for _n in range(2))
    _march, october = planned(world, contract)
    theirs = planned(world, neighbour)[1]
    finish_intervention(october, on=day("20/04/26"), by=world.planner)
    finish_intervention(theirs, on=day("20/04/26"), by=world.planner)
    terminate_contract(contract, last_day=day("30/04/26"), reason="", on=day("20/04/26"), by=world.manager)
    assert invoice_intervention(october, on=world.today, by=world.biller).net.amount > 0
    assert "couvert par le contrat" in refused(
        lambda: invoice_intervention(theirs, on=world.today, by=world.biller), NothingToBill
    )
    assert periods(contract) == []
