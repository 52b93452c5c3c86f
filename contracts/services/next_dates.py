"""The two index columns of a contract: the next day something is due, the next day a visit is to be planned."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import cast

from django.db.models import Exists, OuterRef, QuerySet

from contracts.choices import ContractState, RequestKind
from contracts.models import Contract, ContractRequest, VisitClaim
from contracts.models.lines import billed_per_visit
from contracts.planner.billing import next_due_on
from contracts.planner.facts import ContractFacts
from contracts.planner.visits import VisitKey, promised_visits
from contracts.services.facts import ChunkFacts, read_facts
from interventions.choices import InterventionState
from openfire_billing.db import bulk
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.periods import end_of_month

LOOK_AHEAD = timedelta(days=3 * 366)  # a yearly visit, whatever its month, is found within it


def rewrite_due(ids: Collection[int], *, on: date) -> None:
    """Recompute both columns of these contracts from the records. The caller holds their lock.

    Whatever changes a contract calls this in the same transaction; nothing is taken from the stored columns.
    """
    facts = read_facts(ids, lock=False, settled=False)
    made = visits_made(facts)
    bulk.update(
        Contract,
        ["next_due_on", "next_visit_on"],
        [(c.id, next_due_on(c, facts.claimed), next_visit_on(c, made, on=on)) for c in facts.contracts],
    )
    # A contract that cannot be planned is due from its first day, so that each run reports why.
    for refusal in facts.broken:
        contract = Contract.objects.get(pk=refusal.contract)
        contract.next_due_on = contract.start_on
        contract.save(update_fields=["next_due_on"])


def visits_made(facts: ChunkFacts) -> set[VisitKey]:
    """Return the keys of every visit ever made for these contracts."""
    ids = [contract.id for contract in facts.contracts]
    made = ContractRequest.objects.filter(chain__contract__among=ids, rank__isnull=False)
    return cast("set[VisitKey]", set(made.order_by().values_list("chain_id", "year", "rank")))


def next_visit_on(contract: ContractFacts, made: set[VisitKey], *, on: date) -> date | None:
    """Return the first day the window of a visit not made yet opens; None when the contract promises no more."""
    if not any(line.visit_plan for line in contract.lines):
        return None
    following = promised_visits(contract, made, until=max(on, contract.start_on) + LOOK_AHEAD, since=on)
    return min((visit.window.start for visit in following), default=None)


def recheck_due(
    contracts: Iterable[int] | QuerySet[Contract, Mapping[str, object]],
    *,
    on: date,
    chunk: int = 500,
    alive: Callable[[], None] = lambda: None,
) -> list[str]:
    """Recompute the due days of these contracts, correct the wrong ones, and return the references of those too late.

    A day too early costs a query; a day too late makes a period wait, which is a defect: it is reported. `alive` is
    called after each chunk.
    """
    late: list[str] = []
    ids = list(Contract.objects.billable().filter(pk__in=contracts).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), chunk):
        with atomic():
            facts = read_facts(ids[start : start + chunk], lock=True, settled=False)
            true = {c.id: next_due_on(c, facts.claimed) for c in facts.contracts}
            wrong = {pk: day for pk, day in true.items() if facts.stored[pk][0] != day}
            bulk.update(Contract, ["next_due_on"], list(wrong.items()))
        alive()
        names = {c.id: c.reference for c in facts.contracts}
        late += [names[pk] for pk, day in wrong.items() if day and (facts.stored[pk][0] or date.max) > day]
    return late


def notice_visits_done() -> None:
    """Bring forward the due day of contracts billed per visit, one of whose visits was done since.

    A DI knows nothing of contracts and cannot bring the day forward; every run over all that is due does it first.
    """
    claimed = VisitClaim.objects.live().filter(visit=OuterRef("pk"))
    done = ContractRequest.objects.filter(
        ~Exists(claimed),
        billed_per_visit("line__"),
        kind=RequestKind.VISIT,
        line__contract__state__in=sorted(ContractState.billed),
        intervention__state=InterventionState.DONE,
        intervention__done_on__isnull=False,
    )
    for contract, done_on, stored in done.order_by("line__contract", "intervention__done_on").values_list(
        "line__contract", "intervention__done_on", "line__contract__next_due_on"
    ):
        # Échu, it is due at the month's end: a day that the plan gave already is left as it is.
        if stored is None or (done_on and stored > end_of_month(done_on)):
            Contract.objects.filter(pk=contract).update(next_due_on=done_on)
