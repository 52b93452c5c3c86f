"""Runs: started, cut into chunks, finished."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter

from django.db.models import Count, Exists, OuterRef
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from contracts.choices import Result, RunKind, RunState, frequency_of
from contracts.models import BillingOutcome, BillingRun, Contract
from contracts.models.contracts import ContractQuerySet
from contracts.services.locks import lock_run
from contracts.services.next_dates import notice_visits_done
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.periods import LAST_DAY

CHUNK = 1_000  # contracts of a transaction
PERIODS = 3_000  # due periods of a transaction
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
    """Return a new run, with the number of contracts it has to look at. Raise BusinessError when its day is too far.

    `key`: of the form that asks for it; the run that was started under it already is returned, to be finished.
    """
    refuse_far(on, today=timezone.localdate(), ahead=BILLED_AHEAD, is_dry=is_dry)
    values = {"on": on, "by": by, "kind": kind, "is_dry": is_dry, "force": force, "selection": selection}
    if key is None:
        run, is_new = BillingRun.objects.create(**values), True
    else:
        run, is_new = BillingRun.objects.get_or_create(key=key, defaults=values)
    if is_new or not run.expected:
        expect(run)
    return run


def refuse_far(day: date, *, today: date, ahead: timedelta, is_dry: bool) -> None:
    """Refuse to bill or to plan up to a day too far to be meant. A dry run may look further."""
    furthest = LAST_DAY if is_dry else today + ahead
    if day <= furthest:
        return
    days = {"day": date_format(day, "d/m/Y"), "furthest": date_format(furthest, "d/m/Y")}
    text = _("Le %(day)s est trop loin, rien n'est fait : donnez une date jusqu'au %(furthest)s.") % days
    raise BusinessError(text if is_dry else f"{text} {_('Plus loin, cela se regarde à blanc.')}")


def expect(run: BillingRun) -> None:
    """Count the contracts that the run has to look at, those done included."""
    if run.selection is None:
        notice_visits_done()
    run.expected = remaining(run).count() + run.outcomes.count()
    run.save(update_fields=["expected"])


def remaining(run: BillingRun) -> ContractQuerySet:
    """Return the contracts a run has still to look at: those asked for, or all those due, without an outcome yet."""
    contracts = (
        Contract.objects.due(run.on)
        if run.selection is None
        else Contract.objects.billable().filter(pk__in=run.selection)
    )
    return contracts.filter(~Exists(BillingOutcome.objects.filter(run=run, contract=OuterRef("pk"))))


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


def counted(run: BillingRun) -> dict[str, int]:
    """Return the number of outcomes so far, by result."""
    found = dict(run.outcomes.order_by().values_list("result").annotate(n=Count("pk")))
    return {result.value: found.get(result.value, 0) for result in Result}


def finish_run(run: BillingRun, *, state: str = RunState.DONE) -> BillingRun:
    """Write the totals of a run that has nothing left to do. Finishing it twice changes nothing."""
    with atomic():
        run = lock_run(run)
        if run.is_running:
            found = counted(run)
            run.billed, run.skipped, run.refused = (
                found[r.value] for r in (Result.BILLED, Result.SKIPPED, Result.REFUSED)
            )
            run.state, run.finished_at = state, timezone.now()
            run.touched_at = run.finished_at
            run.save(update_fields=["state", "billed", "skipped", "refused", "finished_at", "touched_at"])
    return run
