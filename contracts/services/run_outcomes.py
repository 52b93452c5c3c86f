"""What a run did, or would do, of each contract, in words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypedDict

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contracts.choices import Result
from contracts.models import BillingOutcome, BillingRun, Contract
from contracts.planner.intents import FREE, GroupIntent, Plan
from contracts.services.facts import ChunkFacts
from contracts.services.locks import activation_of
from invoicing.models import Invoice
from openfire_billing.db import bulk
from openfire_billing.kernel.errors import BusinessError, NothingToBill, WrongState
from openfire_billing.kernel.formats import money_text, names_text
from openfire_billing.kernel.outcome import Outcome

OUTCOME_COLUMNS = ("run_id", "contract_id", "result", "code", "reason", "invoices", "drafts")
_NAMED = 5  # documents named in one sentence


class DraftDescribed(TypedDict):
    """A draft that a dry run would make, as it is kept in JSON: amounts as text, `lines` as [label, net]."""

    kind: str
    proposed_on: str
    day: str
    net: str
    currency: str
    contracts: int
    lines: list[list[str]]


@dataclass(slots=True)
class Report:
    """The results of each contract of a chunk.

    `invoices`, `drafts`: by contract id. `free`: contracts settled without an invoice. `results`: contract id →
    (result, code, reason).
    """

    invoices: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    drafts: dict[int, list[DraftDescribed]] = field(default_factory=lambda: defaultdict(list))
    free: set[int] = field(default_factory=set)
    results: dict[int, tuple[str, str, str]] = field(default_factory=dict)  # contract → (result, code, reason)


def outcomes_of(run: BillingRun) -> list[Outcome]:
    """Return what a run did, as a report: the drafts made, or the refusal of each contract."""
    rows = list(run.outcomes.select_related("contract").order_by("pk"))
    named = Invoice.objects.in_bulk({pk for row in rows for pk in row.invoices[:_NAMED]})
    return [
        Outcome(row.contract, refusal=row.reason)
        if row.result == Result.REFUSED
        else Outcome(row.contract, made=named.get(row.invoices[0]) if row.invoices else None, notes=_notes(row, named))
        for row in rows
    ]


def outcomes_of_selection(run: BillingRun, contracts: Iterable[Contract]) -> list[Outcome]:
    """Return what a run over these contracts did of each. Those it left out are not activated: they are refused."""
    outcomes = outcomes_of(run)
    billable = {outcome.document.pk for outcome in outcomes}
    return outcomes + [Outcome.refused(c, _not_activated(c)) for c in contracts if c.pk not in billable]


def refuse_nothing_made(run: BillingRun, contract: Contract) -> None:
    """Raise the outcome of a run over one contract, unless it billed something."""
    outcome = run.outcomes.first()
    if outcome is None:
        raise _not_activated(contract)
    if outcome.result == Result.REFUSED:
        raise BusinessError(outcome.reason, code=outcome.code or None)
    if outcome.result == Result.SKIPPED:
        text = outcome.reason or _("%s : rien à facturer à cette date.") % contract
        raise NothingToBill(text, code="period_not_due" if contract.next_due_on else None)


def _not_activated(contract: Contract) -> WrongState:
    return WrongState(
        _("%(contract)s est à l'état « %(state)s » : activez-le d'abord.")
        % {"contract": contract, "state": contract.get_state_display()},
        step=activation_of(contract),
    )


def drafts_of(run: BillingRun) -> list[Outcome]:
    """Return each draft of a run beside its contract, and the refusal of each contract that was set aside."""
    found = []
    rows = list(run.outcomes.select_related("contract").order_by("contract"))
    drafts = Invoice.objects.select_related("customer").in_bulk({pk for row in rows for pk in row.invoices})
    for row in rows:
        if row.result == Result.REFUSED:
            found.append(Outcome(row.contract, refusal=row.reason))
        found += [Outcome(row.contract, made=drafts[pk]) for pk in sorted(row.invoices)]
    return found


def _notes(row: BillingOutcome, named: Mapping[int, Invoice]) -> tuple[str, ...]:
    """Return the drafts of a contract after the first, which is shown apart, and the reason of the outcome."""
    others = [named.get(pk, "") for pk in row.invoices[1:]]
    also = _("avec %s.") % names_text(others, _NAMED - 1) if others else ""
    return tuple(filter(None, (also, row.reason)))


def refusals_text(refusals: Sequence[str]) -> str:
    """Join these refusals, each of which names its draft."""
    shown, left = " ".join(refusals[:_NAMED]), len(refusals) - _NAMED
    return f"{shown} {ngettext('Et %s autre.', 'Et %s autres.', left) % left}" if left > 0 else shown


def describe_drafts(planned: Plan, report: Report) -> None:
    """Describe what would be made, in the outcome of each contract it bills."""
    for group in planned.groups:
        for contract in group.contracts:
            report.drafts[contract].append(_draft_described(group, contract))


def _draft_described(group: GroupIntent, contract: int) -> DraftDescribed:
    return {
        "kind": group.kind,
        "proposed_on": group.proposed_on.isoformat(),
        "day": f"{group.proposed_on:%d/%m/%Y}",
        "net": str(abs(group.total)),
        "currency": group.key.currency,
        "contracts": len(group.contracts),
        "lines": [[charge.label, str(charge.amount)] for charge in group.charges if charge.contract == contract],
    }


def drafts_text(drafts: Sequence[DraftDescribed]) -> str:
    return " ; ".join(
        _("%(day)s : %(net)s HT")
        % {"day": "/".join(reversed(d["proposed_on"].split("-"))), "net": money_text(Decimal(d["net"]), d["currency"])}
        for d in drafts
    )


def write_outcomes(
    run: BillingRun, planned: Plan, facts: ChunkFacts, report: Report, *, closed: Iterable[int] = ()
) -> None:
    """Write an outcome for each contract of the chunk. `closed`: those that cannot be billed any more."""
    rows = [
        (run.pk, contract, str(result), code, reason, report.invoices[contract], report.drafts[contract])
        for contract, (result, code, reason) in results_of(planned, facts, report).items()
    ]
    reason = _("Le contrat n'est plus activé : rien à facturer.")
    rows += [(run.pk, contract, str(Result.SKIPPED), "not_active", reason, [], []) for contract in closed]
    bulk.insert(BillingOutcome, OUTCOME_COLUMNS, rows)


def results_of(planned: Plan, facts: ChunkFacts, report: Report) -> dict[int, tuple[str, str, str]]:
    """Return {contract id: (result, code, reason)}: the contracts of `facts.contracts`, then those of `facts.broken`.

    `result`: a value of Result. A contract with no other outcome is SKIPPED, "nothing_due".
    """
    results: dict[int, tuple[str, str, str]] = {
        refusal.contract: (Result.REFUSED, refusal.code, refusal.reason)
        for refusal in (*planned.refusals, *facts.broken)
    }
    for skip in planned.skips:
        results.setdefault(skip.contract, (Result.SKIPPED, skip.code, skip.reason))
    for contract in report.free:
        results[contract] = (Result.BILLED, FREE, _("Lignes gratuites : réglées sans facture."))
    for contract in report.drafts:
        if report.drafts[contract]:
            results[contract] = (Result.BILLED, "", drafts_text(report.drafts[contract]))
    for contract in report.invoices:
        held = results.get(contract)
        code, reason = held[1:] if held and held[0] == Result.SKIPPED else ("", "")
        results[contract] = report.results.get(contract) or (Result.BILLED, code, reason)
    return {
        pk: results.get(pk) or (Result.SKIPPED, "nothing_due", "")
        for pk in (*(c.id for c in facts.contracts), *(r.contract for r in facts.broken))
    }
