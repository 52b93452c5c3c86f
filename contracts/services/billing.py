"""What is due on contracts becomes drafts, exactly once, whoever asks and however often.

A chunk locks its contracts in key order, reads its facts after the lock, plans and writes in bulk, in one transaction.
A chunk that fails is rolled back and done again payer by payer, then without the contract that fails, which is set
aside.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TypedDict

from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django.utils.translation import gettext as _

from contracts.choices import Result, RunKind
from contracts.models import BillingOutcome, BillingRun, Contract
from contracts.planner.billing import next_due_on, plan
from contracts.planner.intents import Plan
from contracts.services.drafts import write_groups
from contracts.services.facts import ChunkFacts, read_facts
from contracts.services.locks import lock_contracts
from contracts.services.run_outcomes import (
    DraftDescribed,
    Report,
    describe_drafts,
    refusals_text,
    refuse_nothing_made,
    results_of,
    write_outcomes,
)
from contracts.services.runs import BILLED_AHEAD, chunks_of, finish_run, refuse_far, start_run
from invoicing.models import Invoice
from invoicing.services.posting.post import post_invoices
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic, set_rollback
from openfire_billing.kernel.memory import collection_paused

log = logging.getLogger(__name__)

UNEXPECTED = "unexpected"


class Foreseen(TypedDict):
    """What billing would do of one contract.

    `result`: a Result; `drafts`: those it would be on.
    """

    contract: int
    result: str
    reason: str
    drafts: list[DraftDescribed]


def bill_contracts(
    contracts: Iterable[Contract] | None = None,
    *,
    on: date,
    by: By,
    dry_run: bool = False,
    force: bool = False,
    kind: str = RunKind.MANUAL,
    key: str | None = None,
) -> BillingRun:
    """Bill what is due on `on` (included) of these contracts (None: all those due), in this process.

    Returns the run, finished, with an outcome for each contract. `force`: « Facturer quand même », beyond the safety
    bound. `key`: as for `start_run`. `dry_run`: the same plan, nothing written but the run and what it would make.
    Never raises for a contract: what cannot be billed is set aside with its reason. Raises BusinessError when `on` is
    too far.
    """
    selection = None if contracts is None else [contract.pk for contract in contracts]
    run = start_run(on=on, by=by, kind=kind, is_dry=dry_run, force=force, selection=selection, key=key)
    if not run.is_running:
        return run
    for ids in chunks_of(run):
        bill_chunk(run, ids)
    return finish_run(run)


def bill_contract(contract: Contract, *, on: date, by: By, force: bool = False) -> BillingRun:
    """Bill one contract. Return the finished run, which made something.

    Raises WrongState (not activated), NothingToBill (nothing due, or held back), BusinessError with the reason it was
    set aside.
    """
    run = bill_contracts([contract], on=on, by=by, force=force)
    refuse_nothing_made(run, contract)
    return run


def bill_chunk(run: BillingRun, ids: Sequence[int]) -> None:
    """Bill a chunk of a run: whole payers. Contracts with an outcome are left out, so it may be repeated."""
    try:
        with collection_paused():
            _attempt(run, ids)
    except (OperationalError, InterfaceError):
        raise  # the database is away or busy: nothing is wrong with the contracts
    except Exception:
        log.exception("Chunk of %s contracts: redone payer by payer", len(ids))
        _payer_by_payer(run, ids)


def _payer_by_payer(run: BillingRun, ids: Sequence[int]) -> None:
    payers: dict[tuple[int, int], list[int]] = defaultdict(list)
    for pk, company, payer in (
        Contract.objects.filter(pk__in=ids).order_by("pk").values_list("pk", "company_id", "payer_id")
    ):
        payers[company, payer].append(pk)
    for members in payers.values():
        try:
            _attempt(run, members)
        except (OperationalError, InterfaceError):
            raise
        except Exception as failure:
            _without_culprit(run, members, failure)


def _without_culprit(run: BillingRun, members: Sequence[int], failure: Exception) -> None:
    """Find the contracts of a payer that fail alone, set them aside, then bill the others together."""
    culprits = {pk: error for pk in members if (error := _failure_alone(run, pk))} if len(members) > 1 else {}
    if not culprits:
        culprits = dict.fromkeys(members, failure)
    sound = [pk for pk in members if pk not in culprits]
    for pk, error in culprits.items():
        log.error("Contract %s set aside", pk, exc_info=error)
        _set_aside(run, pk, error)
    if sound:
        try:
            _attempt(run, sound)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # they fail together only
            for pk in sound:
                _set_aside(run, pk, error)


def _failure_alone(run: BillingRun, pk: int) -> Exception | None:
    try:
        with atomic():
            _attempt(run, [pk])
            set_rollback(True)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        return error
    return None


def _set_aside(run: BillingRun, pk: int, error: Exception) -> None:
    with atomic():
        (contract,) = lock_contracts([Contract(pk=pk)])
        if BillingOutcome.objects.filter(run=run, contract=contract).exists():
            return
        reason = _(
            "Contrat %(contract)s : la facturation a échoué sans que ses données le laissent prévoir (%(error)s). "
            "Rien n'est facturé ; corrigez sa fiche ou prévenez votre support."
        ) % {
            "contract": contract,
            "error": f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
            if str(error)
            else type(error).__name__,
        }
        if not run.is_dry:
            contract.set_aside_code, contract.set_aside_reason = UNEXPECTED, reason
            contract.save(update_fields=["set_aside_code", "set_aside_reason"])
        BillingOutcome.objects.create(run=run, contract=contract, result=Result.REFUSED, code=UNEXPECTED, reason=reason)


def _attempt(run: BillingRun, ids: Sequence[int]) -> None:
    """Lock, read, plan, write and report a chunk, in one transaction."""
    with atomic():
        facts = read_facts(ids, lock=not run.is_dry)
        _leave_out_done(run, facts)
        closed = _leave_out_closed(facts)
        planned = plan(facts.contracts, facts.claimed, on=run.on, force=run.force)
        report = Report()
        if run.is_dry:
            describe_drafts(planned, report)
        else:
            _write(run, planned, facts, report)
        write_outcomes(run, planned, facts, report, closed=closed)


def _leave_out_done(run: BillingRun, facts: ChunkFacts) -> None:
    """Leave out the contracts with an outcome: a task delivered twice does its chunk a second time."""
    done = set(
        BillingOutcome.objects.filter(run=run, contract__among=list(facts.stored))
        .order_by()
        .values_list("contract_id", flat=True)
    )
    if done:
        facts.contracts = [contract for contract in facts.contracts if contract.id not in done]
        facts.broken = [refusal for refusal in facts.broken if refusal.contract not in done]


def _leave_out_closed(facts: ChunkFacts) -> list[int]:
    """Leave out the contracts that cannot be billed any more since the run listed them. Return their ids."""
    listed = [*(contract.id for contract in facts.contracts), *(refusal.contract for refusal in facts.broken)]
    billable = set(Contract.objects.billable().filter(pk__among=listed).order_by().values_list("pk", flat=True))
    closed = [pk for pk in listed if pk not in billable]
    if closed:
        facts.contracts = [contract for contract in facts.contracts if contract.id in billable]
        facts.broken = [refusal for refusal in facts.broken if refusal.contract in billable]
    return closed


def _write(run: BillingRun, planned: Plan, facts: ChunkFacts, report: Report) -> None:
    to_post = []
    for group, invoice in write_groups(planned.groups, facts, by=run.by, at=timezone.now()):
        for contract in group.contracts:
            if invoice is None:
                report.free.add(contract)
            else:
                report.invoices[contract].append(invoice)
        if group.auto_post and invoice is not None:
            to_post.append(invoice)
    claimed = facts.claimed.with_charges(charge for group in planned.groups for charge in group.charges)
    if to_post:
        _post(run, to_post, report)
    refused = {refusal.contract: refusal for refusal in (*planned.refusals, *facts.broken)}
    rows = []
    for contract_facts in facts.contracts:
        refusal = refused.get(contract_facts.id)
        due = facts.stored[contract_facts.id][0] if refusal else next_due_on(contract_facts, claimed)
        row = (due, refusal.code if refusal else "", refusal.reason if refusal else "")
        if (row[0], row[2]) != facts.stored[contract_facts.id]:
            rows.append((contract_facts.id, *row))
    rows += [(r.contract, facts.stored[r.contract][0], r.code, r.reason) for r in facts.broken]
    bulk.update(Contract, ["next_due_on", "set_aside_code", "set_aside_reason"], rows)


def _post(run: BillingRun, ids: list[int], report: Report) -> None:
    """Post the drafts of contracts with « Validation automatique ».

    A draft dated later than today stays a draft; a refusal leaves the draft and is kept in the report.
    """
    today = timezone.localdate()
    drafts = Invoice.objects.filter(pk__in=ids, proposed_on__lte=today)
    refusals = {
        o.document.pk: o.refusal for o in post_invoices(drafts, on=min(run.on, today), by=run.by) if o.is_refused
    }
    for contract, invoices in report.invoices.items():
        if kept := [refusals[pk] for pk in invoices if pk in refusals]:
            report.results[contract] = (Result.BILLED, "not_posted", refusals_text(kept))


def foresee(contracts: Iterable[Contract], *, on: date, force: bool = False) -> list[Foreseen]:
    """Return what billing these contracts on `on` would do of each. Writes nothing.

    Raises BusinessError as billing does when `on` is too far.
    """
    refuse_far(on, today=timezone.localdate(), ahead=BILLED_AHEAD, is_dry=False)
    facts = read_facts([contract.pk for contract in contracts], lock=False)
    planned = plan(facts.contracts, facts.claimed, on=on, force=force)
    report = Report()
    describe_drafts(planned, report)
    results = results_of(planned, facts, report)
    return [
        {"contract": pk, "result": str(result), "reason": reason, "drafts": report.drafts[pk]}
        for pk, (result, _code, reason) in results.items()
    ]
