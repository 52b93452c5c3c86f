"""A night that is cut goes on at its step, with the visits it lacks; its totals are those of what it did."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from contracts.choices import RunState, RunStep
from contracts.models import BillingRun, Contract, RunTotal
from contracts.services import night, visits
from contracts.services.night import resume_runs, run_night, start_night
from contracts.services.runs import chunks_of, enter_step
from contracts.services.takeover import work_chunk
from contracts.tasks import bill_night
from interventions.models import InterventionRequest
from tests.contracts.contract_builders import day, make_contract
from tests.factories import World
from tests.factories.fixtures import MORNING
from tests.factories.parties import PartnerFactory

TODAY = day("24/11/26")


class Cut(BaseException):
    """A process that dies: no handler of the product catches it."""


@pytest.fixture
def promised(world: World) -> list[Contract]:
    """Three contracts of three customers, with a visit in March each."""
    return [make_contract(world, "01/11/26", visits=(1, (3,)), payer=PartnerFactory()) for _number in range(3)]


def chunks_of_one(monkeypatch: pytest.MonkeyPatch, after: int, raises: type[BaseException]) -> None:
    """Plan one contract a chunk, and raise in the chunk number `after`."""
    monkeypatch.setattr(visits, "CHUNK", 1)
    attempt, seen = visits._attempt, []

    def cut(*args: Any, **options: Any) -> Any:
        seen.append(args)
        if len(seen) == after:
            raise raises
        return attempt(*args, **options)

    monkeypatch.setattr(visits, "_attempt", cut)


def work(run: BillingRun) -> None:
    for ids in chunks_of(run):
        work_chunk(run, ids)


def test_a_night_cut_while_it_plans_is_taken_up_with_its_visits(
    world: World, promised: list[Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_night(on=TODAY)
    assert run is not None
    with monkeypatch.context() as patch:
        chunks_of_one(patch, 3, Cut)
        with pytest.raises(Cut):
            run_night(run)
    run.refresh_from_db()
    assert (run.state, run.step, run.visits, run.expected) == ("running", "visits", 2, 0)

    assert resume_runs(still=0) == 1
    work(run)

    run.refresh_from_db()
    assert (run.state, run.step, run.visits, run.expected, run.billed) == ("done", "billing", 3, 3, 3)
    assert InterventionRequest.objects.filter(from_on=day("01/03/27")).count() == 3
    total = RunTotal.objects.get(run=run)
    assert (total.company, total.visits, total.expected, total.billed) == (world.company, 3, 3, 3)


@pytest.mark.parametrize(
    ("step", "visits_made", "notes"),
    [(RunStep.DUE_DAYS, 3, 1), (RunStep.VISITS, 3, 0), (RunStep.CONTRACTS, 0, 0), (RunStep.BILLING, 0, 0)],
)
def test_a_night_goes_on_at_its_step(
    world: World, promised: list[Contract], step: str, visits_made: int, notes: int
) -> None:
    """`notes`: a due day that is too late is found by the first step alone."""
    late = promised[0]
    run = start_night(on=TODAY + timedelta(days=(late.pk - TODAY.toordinal()) % 7))
    assert run is not None
    Contract.objects.filter(pk=late.pk).update(next_due_on=day("01/01/30"))

    run_night(enter_step(run, step))

    run.refresh_from_db()
    assert (run.visits, bool(run.note)) == (visits_made, bool(notes))
    assert run.expected == {"due_days": 3, "visits": 2, "contracts": 2, "billing": 0}[step]


def test_due_days_are_rechecked_a_seventh_a_night(world: World, promised: list[Contract]) -> None:
    Contract.objects.update(next_due_on=day("01/01/30"))

    noticed = []
    for night_number in range(7):
        run = start_night(on=TODAY + timedelta(days=night_number))
        assert run is not None
        run_night(run)
        run.refresh_from_db()
        noticed.append([reference for reference in (c.reference for c in promised) if str(reference) in run.note])

    assert [len(names) for names in noticed] == [
        sum(contract.pk % 7 == (TODAY.toordinal() + number) % 7 for contract in promised) for number in range(7)
    ]
    assert sorted(name for names in noticed for name in names) == sorted(c.reference for c in promised)
    assert not Contract.objects.filter(next_due_on=day("01/01/30")).exists()


def test_a_lost_database_is_no_fault_of_a_contract(
    world: World, promised: list[Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_night(on=TODAY)
    assert run is not None
    with monkeypatch.context() as patch:
        chunks_of_one(patch, 2, OperationalError)
        with pytest.raises(OperationalError):
            run_night(run)

    run_night(BillingRun.objects.get(pk=run.pk))

    run.refresh_from_db()
    assert (run.visits, run.note) == (3, "")


def test_the_retry_of_the_nights_task_owns_its_run(
    world: World, promised: list[Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again, the task goes on at once; another task leaves a night alone that is at work."""
    with monkeypatch.context() as patch:
        chunks_of_one(patch, 2, Cut)
        with pytest.raises(Cut):
            bill_night.apply(task_id="first", throw=True)

    assert bill_night.apply(task_id="second").result is None
    assert bill_night.apply(task_id="first").result == BillingRun.objects.get().pk

    assert BillingRun.objects.get().visits == 3


def test_planning_gives_signs_of_life(world: World, promised: list[Contract], monkeypatch: pytest.MonkeyPatch) -> None:
    run = start_night(on=TODAY)
    assert run is not None
    seen = []
    monkeypatch.setattr(visits, "CHUNK", 1)
    count = visits.count_visits

    def watched(run: BillingRun, outcomes: Any) -> None:
        BillingRun.objects.filter(pk=run.pk).update(touched_at=timezone.now() - timedelta(hours=1))
        count(run, outcomes)
        seen.append(timezone.now() - BillingRun.objects.get(pk=run.pk).touched_at < timedelta(minutes=1))

    monkeypatch.setattr(visits, "count_visits", watched)
    run_night(run)

    assert seen == [True, True, True]


def test_a_night_of_a_clock_that_ran_ahead_is_closed(
    world: World, promised: list[Contract], today: time_machine.Traveller
) -> None:
    ahead_of_time = TODAY + timedelta(days=200)
    today.move_to(MORNING + timedelta(days=200))
    ahead = start_night(on=ahead_of_time)
    assert ahead is not None
    today.move_to(MORNING)

    assert resume_runs() == 0

    ahead.refresh_from_db()
    assert (ahead.state, ahead.kind, ahead.billed) == (RunState.SHORT, "manual", 0)
    tonight = start_night(on=TODAY)
    assert tonight is not None
    run_night(tonight)
    work(tonight)
    tonight.refresh_from_db()
    assert (tonight.state, tonight.billed) == ("done", 3)
    assert start_night(on=ahead_of_time) is not None


def test_refusals_of_visits_are_noted_fifty_at_most(
    world: World, promised: list[Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contracts.services.runs.MOST_NOTED", 2)
    monkeypatch.setattr(visits, "CHUNK", 1)
    failing: Callable[..., Any] = lambda *args, **options: (_ for _ in ()).throw(ValueError("x"))  # noqa: E731
    monkeypatch.setattr(visits, "_attempt", failing)
    run = start_night(on=TODAY)
    assert run is not None

    night.run_night(run)

    run.refresh_from_db()
    assert run.note.splitlines() == [f"{contract} : visites non planifiées. x" for contract in promised[:2]]
