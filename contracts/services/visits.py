"""Make the validated DIs of the visits that contract lines promise, once each, over the months to come."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError
from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from contracts.choices import RequestKind
from contracts.models import Article, BillingRun, Contract, ContractLine, ContractRequest
from contracts.planner.visits import VisitIntent, promised_visits
from contracts.services.facts import ChunkFacts, read_facts
from contracts.services.locks import lock_chunk, lock_run
from contracts.services.next_dates import next_visit_on, visits_made
from contracts.services.runs import PLANNED_AHEAD, count_visits, refuse_far
from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from interventions.services.locks import lock_interventions
from interventions.services.requests import new_intervention, new_lines
from interventions.services.states import cancel_intervention
from interventions.services.writing import NewRequest, write_validated
from invoicing.choices import LineKind
from invoicing.services.documents.lines import Item, item_of
from invoicing.services.records.acts import Once, perform_together
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import place_text
from openfire_billing.kernel.memory import collection_paused
from openfire_billing.kernel.money import to_quantity
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.kernel.periods import day_of_month

log = logging.getLogger(__name__)

HORIZON_MONTHS = 12
CHUNK = 250  # contracts of one transaction
_PROMISE_COLUMNS = ("line_id", "intervention_id", "kind", "chain_id", "year", "rank", "of", "is_covered")


def horizon(on: date) -> date:
    """Return the last day up to which visits are planned."""
    return day_of_month(on, HORIZON_MONTHS, on.day)


@dataclass(frozen=True)
class PlannedVisit:
    """A visit a dry run would make."""

    line: ContractLine
    intent: VisitIntent

    def __str__(self) -> str:
        window = self.intent.window
        return (
            f"{self.line} : {place_text(_('visite'), self.intent.rank, self.intent.of)}, "
            f"entre le {date_format(window.start, 'd/m/Y')} "
            f"et le {date_format(window.last_day, 'd/m/Y')}"
        )


def plan_visits(
    contracts: Iterable[Contract] | None = None,
    *,
    until: date,
    on: date,
    by: By,
    dry_run: bool = False,
    once: Once | None = None,
    run: BillingRun | None = None,
) -> list[Outcome]:
    """Make the validated DIs of every visit whose window opens on `until` at the latest (None: of all contracts).

    Run as often as you like: a visit is made once. An outcome for each DI made (`made`), or for each contract that
    could not be planned. `once`: the key of the act; each contract has a key under it. `run`: the night that plans them,
    which counts them in the transaction of each chunk. `dry_run`: what would be made, nothing written. Raises
    BusinessError when `until` is too far.
    """
    refuse_far(until, today=on, ahead=PLANNED_AHEAD, is_dry=dry_run)
    due = Contract.objects.due_visits(until)
    wanted = due if contracts is None else Contract.objects.filter(pk__in=[contract.pk for contract in contracts])
    chosen = list(wanted.order_by("pk").only("pk"))
    outcomes: list[Outcome] = []

    def plan(chunk: Sequence[Contract]) -> list[Outcome]:
        if run is not None:
            lock_run(run)
        ids = sorted(due.filter(pk__in=[contract.pk for contract in chunk]).values_list("pk", flat=True))
        if ids and not dry_run:
            lock_chunk(ids, ["id"])  # for the whole chunk: an attempt that fails releases its own locks
        planned = _plan_chunk(ids, until=until, on=on, by=by, dry_run=dry_run) if ids else []
        if run is not None:
            count_visits(run, planned)
        return planned

    for start in range(0, len(chosen), CHUNK):
        with collection_paused():
            outcomes += perform_together(chosen[start : start + CHUNK], plan, once=once)
    return outcomes


def _plan_chunk(ids: Sequence[int], *, until: date, on: date, by: By, dry_run: bool) -> list[Outcome]:
    """Plan a chunk; when it fails, each half of it, so that the contract that fails is left out alone."""
    try:
        return _attempt(ids, until=until, on=on, by=by, dry_run=dry_run)
    except (OperationalError, InterfaceError):
        raise  # the database is away or busy: nothing is wrong with the contracts
    except Exception as failure:
        if len(ids) == 1:
            return [_refused(ids[0], failure)]
    half = len(ids) // 2
    outcomes: list[Outcome] = []
    for part in (ids[:half], ids[half:]):
        outcomes += _plan_chunk(part, until=until, on=on, by=by, dry_run=dry_run)
    return outcomes


def _refused(pk: int, failure: Exception) -> Outcome:
    contract = Contract.objects.get(pk=pk)
    why = " ".join(failure.messages) if isinstance(failure, ValidationError) else failure
    if not isinstance(failure, BusinessError | ValidationError):
        log.error("Visits of %s not planned", contract, exc_info=failure)
    text = _("%(contract)s : visites non planifiées. %(why)s") % {"contract": contract, "why": why}
    return Outcome(contract, refusal=str(text))


def _attempt(ids: Sequence[int], *, until: date, on: date, by: By, dry_run: bool) -> list[Outcome]:
    """Lock, read, plan and write the visits of these contracts, in one transaction."""
    with atomic():
        facts = read_facts(ids, lock=not dry_run)
        lines = _lines_of(facts)
        made = visits_made(facts)
        outcomes, requests, promises, following = [], [], [], []
        for contract in facts.contracts:
            intents = [
                intent
                for intent in promised_visits(contract, made, until=until)
                if not is_past(intent, facts.opened[intent.line] or on)
            ]
            made |= {intent.key for intent in intents}
            if dry_run:
                planned = (PlannedVisit(lines[intent.line], intent) for intent in intents)
                outcomes += [Outcome(visit.line.contract, made=visit) for visit in planned]
                continue
            try:
                visits = [_new_visit(lines[intent.line], intent, on=on, by=by) for intent in intents]
            except (BusinessError, ValidationError) as failure:
                outcomes.append(_refused(contract.id, failure))
                continue
            requests += visits
            promises += intents
            after = max(min((facts.opened[line.id] or on for line in contract.lines), default=until), until)
            following.append((contract.id, next_visit_on(contract, made, on=after)))
        if not dry_run:
            write_validated(requests, by=by, at=timezone.now())
            rows = [
                (intent.line, visit.intervention.pk, RequestKind.VISIT, *intent.key, intent.of, True)
                for visit, intent in zip(requests, promises, strict=True)
            ]
            bulk.insert(ContractRequest, _PROMISE_COLUMNS, rows)
            bulk.update(Contract, ["next_visit_on"], following)
            outcomes += [
                Outcome(lines[intent.line].contract, made=visit.intervention)
                for visit, intent in zip(requests, promises, strict=True)
            ]
    return outcomes


def _lines_of(facts: ChunkFacts) -> dict[int, ContractLine]:
    """Return the lines of these contracts by id, with all that a DI takes of them."""
    lines = ContractLine.objects.filter(pk__among=[line.id for contract in facts.contracts for line in contract.lines])
    lines = lines.select_related("address__partner__bill_to", "task", "template__task", "equipment__partner")
    articles = Article.objects.filter(kind=LineKind.ARTICLE).select_related("tax", "unit")
    parts = ("contract__company", "contract__payer", "contract__fiscal_position__mappings__target__replaced_by")
    return {
        line.pk: line
        for line in lines.prefetch_related(
            *parts, Prefetch("articles", articles), "articles__product__unit", "articles__product__tax__replaced_by"
        )
    }


def is_past(visit: VisitIntent, opened: date) -> bool:
    """Return whether the window was over when its line was put in service on `opened`: no DI is made for it."""
    return visit.window.end <= opened


def past_visits_text(facts: ChunkFacts, lines: Iterable[ContractLine], *, on: date) -> str:
    """Return which visits of these lines, put in service on `on`, are past, so that no DI is made; "" when none is."""
    ids, made = {line.pk for line in lines}, visits_made(facts)
    promised = (visit for found in facts.contracts for visit in promised_visits(found, made, until=on))
    over = [visit for visit in promised if visit.line in ids and is_past(visit, on)]
    if not over:
        return ""
    last = max(over, key=lambda visit: visit.window.end).window
    return ngettext(
        "%(count)s visite d'avant l'activation n'est pas créée (du %(start)s au %(end)s) : "
        "si elle reste à faire, créez sa DI.",
        "%(count)s visites d'avant l'activation ne sont pas créées (la dernière, du %(start)s au %(end)s) : "
        "si elles restent à faire, créez leurs DI.",
        len(over),
    ) % {
        "count": len(over),
        "start": date_format(last.start, "d/m/Y"),
        "end": date_format(last.last_day, "d/m/Y"),
    }


def _new_visit(line: ContractLine, intent: VisitIntent, *, on: date, by: By) -> NewRequest:
    """Return the DI of one visit and its covered lines, not saved."""
    contract = line.contract
    task = line.task or (line.template.task if line.template else None)
    intervention = new_intervention(
        company=contract.company,
        by=by,
        partner=line.address.partner,
        bill_to=contract.payer,
        address=line.address,
        task=task,
        template=line.template,
        equipment=line.equipment,
        title=line.title or str(task),
        fiscal_position=contract.fiscal_position,
        from_on=intent.window.start,
        to_on=intent.window.last_day,
    )
    lines = new_lines(intervention, _covered_items(line, intent.of), on=on, covered=True)
    place = capfirst(place_text(_("visite"), intent.rank, intent.of))
    text = _("%(place)s de %(contract)s") % {"place": place, "contract": contract}
    return NewRequest(intervention, lines, "contract", str(text))


def _covered_items(line: ContractLine, visits: int) -> list[Item]:
    """Return the line's articles, each with its yearly quantity divided by the number of visits."""
    return [item_of(article, to_quantity(article.quantity / visits)) for article in line.articles.all()]


def cancel_visits(
    requests: QuerySet[ContractRequest], *, after: date | None, on: date, by: By
) -> list[InterventionRequest]:
    """Cancel the visits whose window opens after a day (None: all) and that have no open RDV. Return the others.

    With None, the rows of the visits are deleted too, so that they may be promised again.
    """
    kept = []
    wanted = requests.filter(kind=RequestKind.VISIT).select_related("intervention")
    if after is not None:
        wanted = wanted.filter(intervention__from_on__gt=after)
    found = list(wanted.exclude(intervention__state=InterventionState.CANCELLED).order_by("intervention"))
    locked = {row.pk: row for row in lock_interventions([request.intervention for request in found])}
    for request in found:
        intervention = locked[request.intervention_id]
        try:
            with atomic():
                if intervention.state == InterventionState.DONE:
                    raise BusinessError(_("%s est faite.") % intervention)
                cancel_intervention(intervention, on=on, by=by)
                if after is None:
                    request.delete()
        except BusinessError:
            kept.append(intervention)
    return kept


def with_kept_visits(text: Text, kept: Sequence[InterventionRequest]) -> str:
    """Return `text` followed by the visits that could not be cancelled."""
    if not kept:
        return str(text)
    return f"{text}. " + str(_("Visites gardées, un RDV y est ouvert ou le travail est fait : %s.")) % ", ".join(
        map(str, kept)
    )
