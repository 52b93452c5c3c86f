"""Runs: started with the list of their contracts, cut into chunks, finished with totals that add up."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

from django.contrib.auth.models import User
from django.db.models import Count, Exists, F, OuterRef, Sum
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from contracts.choices import Result, RunKind, RunState, RunStep, frequency_of
from contracts.models import BillingOutcome, BillingRun, Contract, RunContract, RunTotal
from contracts.models.contracts import ContractQuerySet
from contracts.services.locks import lock_run
from contracts.services.next_dates import notice_visits_done
from invoicing.choices import InvoiceState
from invoicing.models import Invoice
from invoicing.querysets import signed
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.money import ZERO, to_cents
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.kernel.periods import LAST_DAY

CHUNK = 1_000  # contracts of a transaction
PERIODS = 3_000  # due periods of a transaction
_RESULTS = tuple(result.value for result in Result)
BILLED_AHEAD = timedelta(days=366)
PLANNED_AHEAD = timedelta(days=2 * 365)  # next year's visits may be wanted whole, whatever today is


def start_run(
    *,
    on: date,
    by: By,
    kind: str = RunKind.MANUAL,
    is_dry: bool = False,
    force: bool = False,
    selection: list[int] | None = None,
    key: str | None = None,
) -> BillingRun:
    """Return a new run, with the list of its contracts. Raise BusinessError when its day is too far.

    `key`: of the form that asks for it; the run that was started under it already is returned, to be finished.
    """
    refuse_far(on, today=timezone.localdate(), ahead=BILLED_AHEAD, is_dry=is_dry)
    values = {"on": on, "by": by, "kind": kind, "is_dry": is_dry, "force": force, "selection": selection}
    if key is None:
        run = BillingRun.objects.create(**values)
    else:
        run, _is_new = BillingRun.objects.get_or_create(key=key, defaults=values)
    return list_contracts(run)


def refuse_far(day: date, *, today: date, ahead: timedelta, is_dry: bool) -> None:
    """Refuse to bill or to plan up to a day too far to be meant. A dry run may look further."""
    furthest = LAST_DAY if is_dry else today + ahead
    if day <= furthest:
        return
    days = {"day": date_format(day, "d/m/Y"), "furthest": date_format(furthest, "d/m/Y")}
    text = _("Le %(day)s est trop loin, rien n'est fait : donnez une date jusqu'au %(furthest)s.") % days
    raise BusinessError(text if is_dry else f"{text} {_('Plus loin, cela se regarde à blanc.')}", code="date_too_far")


def list_contracts(run: BillingRun) -> BillingRun:
    """Write the list of the contracts that a run bills, once: those due now, or those asked for that can be billed.

    What becomes due later is the next run's. Returns the run, whose step is BILLING.
    """
    if run.step == RunStep.BILLING:
        return run
    if run.selection is None:
        notice_visits_done()
    with atomic():
        run = lock_run(run)
        if run.step == RunStep.BILLING or not run.is_running:
            return run
        contracts = (
            Contract.objects.due(run.on)
            if run.selection is None
            else Contract.objects.billable().filter(pk__among=run.selection)
        )
        rows = list(contracts.order_by("pk").values_list("pk", "company_id"))
        bulk.insert(RunContract, ("run_id", "contract_id"), [(run.pk, pk) for pk, _company in rows])
        counts = Counter(company for _pk, company in rows)
        _write_totals(run, {company: {"expected": count} for company, count in counts.items()})
        run.expected, run.step, run.touched_at = len(rows), RunStep.BILLING, timezone.now()
        run.save(update_fields=["expected", "step", "touched_at"])
    return run


def _write_totals(run: BillingRun, totals: Mapping[int, Mapping[str, int | Decimal]]) -> None:
    """Write these totals of a locked run, {company id: {column: count}}, all with the same columns; others stay."""
    rows = [RunTotal(run=run, company_id=company, **found) for company, found in sorted(totals.items())]
    if rows:
        RunTotal.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["run", "company"],
            update_fields=sorted({name for found in totals.values() for name in found}),
        )


def enter_step(run: BillingRun, step: str, *, note: str = "") -> BillingRun:
    """Record that a run goes on with `step`, and add `note` to its remarks."""
    with atomic():
        run = lock_run(run)
        run.step, run.touched_at = step, timezone.now()
        run.note = "\n".join(filter(None, [run.note, note]))
        run.save(update_fields=["step", "note", "touched_at"])
    return run


MOST_NOTED = 50  # refusals of visits written on a run


def count_visits(run: BillingRun, outcomes: Sequence[Outcome]) -> None:
    """Add the visits of a chunk to the totals of a locked run, and its refusals to the remarks."""
    made = Counter(outcome.document.company_id for outcome in outcomes if not outcome.is_refused)
    for company, count in sorted(made.items()):
        total, _is_new = RunTotal.objects.get_or_create(run=run, company_id=company)
        RunTotal.objects.filter(pk=total.pk).update(visits=F("visits") + count)
    kept = BillingRun.objects.only("note").get(pk=run.pk).note
    room = MOST_NOTED - len(kept.splitlines())
    refused = [str(outcome.refusal) for outcome in outcomes if outcome.is_refused][: max(room, 0)]
    BillingRun.objects.filter(pk=run.pk).update(
        visits=F("visits") + made.total(),
        note="\n".join(filter(None, [kept, *refused])),
        touched_at=timezone.now(),
        resumed=0,
    )


def remaining(run: BillingRun) -> ContractQuerySet:
    """Return the contracts of the list of a run that have no outcome yet."""
    listed = RunContract.objects.filter(run=run).values("contract")
    done = BillingOutcome.objects.filter(run=run, contract=OuterRef("pk"))
    return Contract.objects.filter(~Exists(done), pk__in=listed)


def chunks_of(run: BillingRun, size: int = CHUNK, periods: int = PERIODS) -> Iterator[list[int]]:
    """Yield the ids of the contracts still to do, in chunks of whole (company, payer), each one transaction.

    A chunk has at most `size` contracts and `periods` periods due of them; a payer who has more is alone.
    """
    columns = ("company", "payer", "pk", "next_due_on", "frequency", "every", "unit")
    rows = remaining(run).order_by("company", "payer", "pk").values_list(*columns)
    chunk: list[int] = []
    due = 0
    for _payer, contracts in groupby(list(rows), key=itemgetter(0, 1)):
        ids, theirs = [], 0
        for _company, _payer, pk, first, *frequency in contracts:
            ids.append(pk)
            theirs += frequency_of(*frequency).instalments(first or run.on, run.on)
        if chunk and (len(chunk) + len(ids) > size or due + theirs > periods):
            yield chunk
            chunk, due = [], 0
        chunk += ids
        due += theirs
    if chunk:
        yield chunk


def touch(run: BillingRun) -> None:
    """Record that the run is alive."""
    BillingRun.objects.filter(pk=run.pk).update(touched_at=timezone.now())


def _by_result(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    found = dict(rows)
    return {result.value: found.get(result.value, 0) for result in Result}


def totals_seen(run: BillingRun, user: User) -> dict[str, int]:
    """Return the totals of a run in the user's companies: expected, visits, and one for each result.

    Those by result are counted while it runs. Needs with_totals(user).
    """
    found = {name: sum(getattr(total, name) for total in run.seen_totals) for name in ("expected", "visits", *_RESULTS)}
    if run.state != RunState.DONE:
        seen = run.outcomes.visible_to(user).order_by()
        found |= _by_result(seen.values_list("result").annotate(n=Count("pk")))
    return found


def _nets_of(run: BillingRun) -> dict[int, Decimal]:
    """Return {company id: net} of the drafts of a run, credit notes taken off and cancelled ones left out; of a dry run,
    of those it would make.
    """
    nets: dict[int, Decimal] = defaultdict(Decimal)
    if run.is_dry:
        for company, drafts in run.outcomes.order_by().values_list("contract__company", "drafts").iterator():
            nets[company] += sum((Decimal(net) for draft in drafts for _label, net in draft["lines"]), ZERO)
        return nets
    made = Invoice.objects.filter(pk__among=run.outcomes.invoice_ids()).exclude(state=InvoiceState.CANCELLED).order_by()
    return {company: to_cents(net) for company, net in made.values_list("company").annotate(total=Sum(signed("net")))}


def finish_run(run: BillingRun, *, state: str = RunState.DONE) -> BillingRun:
    """Write the totals of a run that has nothing left to do. Finishing it twice changes nothing.

    A run that stopped short keeps the list of what it left.
    """
    with atomic():
        run = lock_run(run)
        if run.is_running:
            counts: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_RESULTS, 0))
            nets = _nets_of(run)
            rows = run.outcomes.order_by().values_list("contract__company", "result").annotate(n=Count("pk"))
            for company, result, count in rows:
                counts[company][result] = count
            if state == RunState.DONE:  # a contract deleted meanwhile has no outcome: it is no longer expected
                for company in {*counts, *run.totals.values_list("company", flat=True)}:
                    counts[company]["expected"] = sum(counts[company][name] for name in _RESULTS)
            _write_totals(
                run, {company: {**found, "net": nets.get(company, ZERO)} for company, found in counts.items()}
            )
            for name in _RESULTS:
                setattr(run, name, sum(found[name] for found in counts.values()))
            if state == RunState.DONE:
                run.expected = run.billed + run.skipped + run.refused
                RunContract.objects.filter(run=run).delete()
            run.state, run.finished_at = state, timezone.now()
            run.touched_at = run.finished_at
            run.save(update_fields=["state", "expected", *_RESULTS, "finished_at", "touched_at"])
    return run
