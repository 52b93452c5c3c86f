"""A run bills the contracts it listed when it began; its totals add up, for each company."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.utils.html import strip_tags

from contracts.models import BillingRun, Contract, RunContract, RunTotal
from contracts.services.cancellation import cancel_contract
from contracts.services.manual_runs import retry_run, start_manual
from contracts.services.runs import chunks_of, finish_run, remaining, start_run
from contracts.services.takeover import work_chunk
from openfire_billing.office.roles import BILLING
from tests.contracts.contract_builders import bill, day, make_contract, make_many
from tests.factories import CompanyFactory, Office, UserFactory, World
from tests.factories.api import Api

TODAY = day("24/11/26")


def totals(run: BillingRun) -> tuple[int, int, int, int]:
    run.refresh_from_db()
    return run.expected, run.billed, run.skipped, run.refused


def work(run: BillingRun) -> None:
    for ids in chunks_of(run):
        work_chunk(run, ids)


def test_what_becomes_due_during_a_run_is_the_next_ones(world: World) -> None:
    first = make_contract(world, "01/11/26")
    run = start_run(on=TODAY, by=None)
    later = make_contract(world, "01/11/26")

    assert list(remaining(run)) == [first]
    work(run)

    assert (run.step, *totals(run)) == ("billing", 1, 1, 0, 0)
    assert BillingRun.objects.get(pk=run.pk).state == "done"
    assert bill(world, on="24/11/26").billed == 1
    assert Contract.objects.get(pk=later.pk).next_due_on == day("01/12/26")


def test_a_contract_closed_during_a_run_has_its_outcome(world: World) -> None:
    kept, closed = make_many(world, 2, start="01/11/26")
    run = start_run(on=TODAY, by=None)
    cancel_contract(closed, on=TODAY, by=world.manager)

    work(run)

    assert totals(run) == (2, 1, 1, 0)
    outcome = run.outcomes.get(contract=closed)
    assert (outcome.result, outcome.code) == ("skipped", "not_active")
    assert outcome.reason == "Le contrat n'est plus activé : rien à facturer."
    assert run.outcomes.get(contract=kept).result == "billed"


def test_a_contract_deleted_during_a_run_is_not_expected_any_more(world: World) -> None:
    kept, gone = make_many(world, 2, start="01/11/26")
    run = start_run(on=TODAY, by=None)
    gone.lines.all().delete()
    gone.delete()

    work(run)

    assert (totals(run), list(run.outcomes.values_list("contract", flat=True))) == ((1, 1, 0, 0), [kept.pk])
    assert list(run.totals.values_list("expected", "billed")) == [(1, 1)]


def test_a_finished_run_adds_up_or_is_refused_by_the_database(world: World) -> None:
    make_contract(world, "01/11/26")
    run = bill(world, on="24/11/26")

    with pytest.raises(IntegrityError, match="contracts_run_adds_up"), transaction.atomic():
        BillingRun.objects.filter(pk=run.pk).update(billed=2)


def test_the_list_of_a_run_lasts_while_it_works(world: World) -> None:
    one, two = make_many(world, 2, start="01/11/26")
    run = start_run(on=TODAY, by=None)
    assert set(RunContract.objects.values_list("contract", flat=True)) == {one.pk, two.pk}

    work_chunk(run, [one.pk])
    short = finish_run(run, state="short")
    assert (short.billed, list(remaining(short))) == (1, [two])
    again = retry_run(short, on=TODAY, by=world.manager)

    assert again.selection == [two.pk]
    work(again)
    assert set(RunContract.objects.values_list("run", flat=True)) == {short.pk}


def test_a_run_started_twice_by_one_form_lists_its_contracts_once(world: World) -> None:
    make_many(world, 2, start="01/11/26")

    runs = {start_manual(on=TODAY, by=world.biller, key="user:1:x").pk for _press in range(2)}

    assert (len(runs), RunContract.objects.count()) == (1, 2)


def test_totals_and_remarks_are_those_of_ones_companies(world: World) -> None:
    make_many(world, 2, start="01/11/26")
    other = CompanyFactory(name="Autre SARL")
    stranger = UserFactory(role=BILLING, company=other)
    theirs = make_contract(world, "01/11/26")
    Contract.objects.filter(pk=theirs.pk).update(company=other)
    run = start_run(on=TODAY, by=None)
    RunTotal.objects.filter(run=run, company=other).update(visits=4)
    BillingRun.objects.filter(pk=run.pk).update(note="CONT/000001 : visites non planifiées.", visits=7)
    work(run)
    expected = {result: run.outcomes.filter(contract=theirs, result=result).count() for result in ("billed", "refused")}
    assert sum(expected.values()) == 1

    seen = Api(stranger).get(f"billing-runs/{run.pk}/").json()
    listed = Api(stranger).get("billing-runs/").json()["results"][0]
    office = Office(stranger)
    page = office.get(f"/admin/contracts/billingrun/{run.pk}/change/").content.decode()
    rows = office.get("/admin/contracts/billingrun/").content.decode()

    for shown in (seen, listed):
        assert (shown["expected"], shown["skipped"], shown["visits"], shown["note"], shown["done"]) == (1, 0, 4, "", 1)
        assert {name: shown[name] for name in expected} == expected
    assert len(seen["outcomes"]) == 1
    assert "<b data-done>1</b> sur <b>1</b>" in page
    assert "visites non planifiées" not in page
    cells = re.findall(r"field-expected_count[^>]*>(.*?)</td>", rows, re.DOTALL)
    assert [strip_tags(cell).strip() for cell in cells] == ["1"]
    root = Api(UserFactory(role=BILLING, is_superuser=True)).get(f"billing-runs/{run.pk}/").json()
    assert (root["expected"], root["note"]) == (3, "CONT/000001 : visites non planifiées.")
