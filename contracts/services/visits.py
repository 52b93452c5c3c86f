"""The visits that contract lines promise become validated DIs, once, over the months to come."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from contracts.choices import RequestKind
from contracts.models import Contract, ContractLine, ContractRequest
from contracts.planner.visits import VisitIntent, promised_visits
from contracts.services.facts import read_facts
from contracts.services.next_dates import next_visit_on, visits_made
from contracts.services.runs import PLANNED_AHEAD, refuse_far
from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from interventions.services.locks import lock_interventions
from interventions.services.requests import create_intervention
from interventions.services.states import cancel_intervention, validate_intervention
from invoicing.choices import LineKind
from invoicing.services.documents.lines import Item, item_of
from invoicing.services.records.acts import Once, perform_together
from invoicing.services.records.history import record
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.money import to_quantity
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.kernel.periods import day_of_month

log = logging.getLogger(__name__)

HORIZON_MONTHS = 12
CHUNK = 50  # contracts of one transaction


def horizon(on: date) -> date:
    """How far ahead visits are planned."""
    return day_of_month(on, HORIZON_MONTHS, on.day)


@dataclass(frozen=True)
class PlannedVisit:
    """A visit a dry run would make."""

    line: ContractLine
    intent: VisitIntent

    def __str__(self) -> str:
        window = self.intent.window
        return (
            f"{self.line} : visite {self.intent.rank}/{self.intent.of}, entre le {date_format(window.start, 'd/m/Y')} "
            f"et le {date_format(window.last_day, 'd/m/Y')}"
        )


def plan_visits(
    contracts: Iterable[Contract] | None = None,
    *,
    until: date,
    on: date,
    by: Any,
    dry_run: bool = False,
    once: Once | None = None,
) -> list[Outcome]:
    """Make the validated DIs of every visit whose window opens on `until` at the latest (None: of all contracts).

    Run as often as you like: a visit is made once. An outcome for each DI made (`made`), or for each contract that
    could not be planned. `once`: the key of the act, of which each contract takes a part. `dry_run`: what would be made, nothing written. Raises BusinessError when `until` is too far.
    """
    refuse_far(until, today=on, ahead=PLANNED_AHEAD, is_dry=dry_run)
    due = Contract.objects.due_visits(until)
    wanted = list((due if contracts is None else Contract.objects.filter(pk__in=[c.pk for c in contracts])).only("pk"))
    outcomes: list[Outcome] = []

    def plan(chunk: Sequence[Contract]) -> list[Outcome]:
        ids = sorted(due.filter(pk__in=[contract.pk for contract in chunk]).values_list("pk", flat=True))
        return _plan_chunk(ids, until=until, on=on, by=by, dry_run=dry_run) if ids else []

    for start in range(0, len(wanted), CHUNK):
        outcomes += perform_together(wanted[start : start + CHUNK], plan, once=once)
    return outcomes


def _plan_chunk(ids: Sequence[int], *, until: date, on: date, by: Any, dry_run: bool) -> list[Outcome]:
    try:
        return _attempt(ids, until=until, on=on, by=by, dry_run=dry_run)
    except Exception as failure:
        if len(ids) == 1:
            return [_refused(ids[0], failure)]
    outcomes: list[Outcome] = []
    for pk in ids:  # the culprit alone is left out
        outcomes += _plan_chunk([pk], until=until, on=on, by=by, dry_run=dry_run)
    return outcomes


def _refused(pk: int, failure: Exception) -> Outcome:
    contract = Contract.objects.get(pk=pk)
    if not isinstance(failure, BusinessError):
        log.error("Visits of %s not planned", contract, exc_info=failure)
    return Outcome(
        contract,
        refusal=str(_("%(contract)s : visites non planifiées. %(why)s") % {"contract": contract, "why": failure}),
    )


def _attempt(ids: Sequence[int], *, until: date, on: date, by: Any, dry_run: bool) -> list[Outcome]:
    with atomic():
        facts = read_facts(ids, lock=not dry_run)
        lines = ContractLine.objects.in_bulk([line.id for contract in facts.contracts for line in contract.lines])
        made = visits_made(facts)
        outcomes = []
        for contract in facts.contracts:
            opened = {line.id: lines[line.id].validated_on or on for line in contract.lines}
            intents = [
                intent
                for intent in promised_visits(contract, made, until=until)
                if not _is_past(intent, opened[intent.line])
            ]
            for intent in intents:
                line = lines[intent.line]
                what = PlannedVisit(line, intent) if dry_run else make_visit(line, intent, on=on, by=by)
                outcomes.append(Outcome(line.contract, made=what))
            made |= {intent.key for intent in intents}
            if not dry_run:
                _put_next_visit(contract, made, opened, until)
    return outcomes


def _is_past(visit: VisitIntent, opened: date) -> bool:
    """Over when its line was put in service on `opened`: it is not promised, nobody makes it."""
    return visit.window.end <= opened


def past_visits_text(contract: Contract, lines: Iterable[ContractLine], *, on: date) -> str:
    """Which visits of these lines, put in service on `on`, are past and so made by nobody; "" when none is."""
    facts, ids = read_facts([contract.pk], lock=False, settled=False), {line.pk for line in lines}
    made = visits_made(facts)
    promised = (visit for found in facts.contracts for visit in promised_visits(found, made, until=on))
    over = [visit for visit in promised if visit.line in ids and _is_past(visit, on)]
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


def _put_next_visit(contract: Any, made: set[Any], opened: dict[int, date], until: date) -> None:
    following = next_visit_on(contract, made, on=max(min(opened.values(), default=until), until))
    Contract.objects.filter(pk=contract.id).update(next_visit_on=following)


def make_visit(line: ContractLine, intent: VisitIntent, *, on: date, by: Any) -> InterventionRequest:
    """The validated DI of one visit, its covered lines and its tie to the contract."""
    contract = line.contract
    task = line.task or (line.template.task if line.template else None)
    intervention = create_intervention(
        company=contract.company,
        items=_covered_items(line, intent.of),
        covered=True,
        on=on,
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
    ContractRequest.objects.create(
        line=line, intervention=intervention, chain_id=intent.chain, year=intent.year, rank=intent.rank, of=intent.of
    )
    record(
        intervention,
        "contract",
        by=by,
        text=_("Visite %(rank)s/%(of)s de %(contract)s") % {"rank": intent.rank, "of": intent.of, "contract": contract},
    )
    return validate_intervention(intervention, by=by)


def _covered_items(line: ContractLine, visits: int) -> list[Item]:
    """The line's articles, their yearly quantity shared between the visits."""
    articles = line.articles.filter(kind=LineKind.ARTICLE).select_related("product__tax", "tax", "unit")
    return [item_of(article, to_quantity(article.quantity / visits)) for article in articles]


def cancel_visits(requests: Any, *, after: date | None, on: date, by: Any) -> list[InterventionRequest]:
    """Cancel the visits whose window opens after a day (None: all) and that have no open RDV; return the others.

    All: what promised them is withdrawn and may be promised anew, so their places are free again.
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


def with_kept_visits(text: Any, kept: Sequence[Any]) -> str:
    """What was done, and which visits it could not cancel."""
    if not kept:
        return str(text)
    return f"{text}. " + str(_("Visites gardées, un RDV y est ouvert ou le travail est fait : %s.")) % ", ".join(
        map(str, kept)
    )
