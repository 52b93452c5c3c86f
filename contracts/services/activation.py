"""« Activer »: a contract, or a line added to an active one, becomes billed and planned."""

from collections.abc import Iterator, Sequence
from datetime import date

from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractLineState, ContractState
from contracts.models import Contract, ContractLine
from contracts.planner.billing import next_due_on
from contracts.planner.charges import BilledLine
from contracts.planner.checks import check_contract
from contracts.services.days_served import refuse_past
from contracts.services.facts import ChunkFacts, read_facts
from contracts.services.live_claims import has_live_claims
from contracts.services.locks import activation_of, lock_contract, lock_line
from contracts.services.next_dates import rewrite_due
from contracts.services.visits import past_visits_text
from invoicing.choices import LineKind
from invoicing.services.catalogue import take_number
from invoicing.services.records.history import move, record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import save_columns
from openfire_billing.kernel.errors import BusinessError, Step, WrongState
from openfire_billing.kernel.outcome import Outcome

SERIES = "CONT"  # of the references given at activation


def activate_contract(contract: Contract, *, seen: int | None = None, on: date, by: By) -> Outcome:
    """« Activer »: give the contract its reference and validate its draft lines; it is billed and planned from now on.

    A note of the outcome names the visits that are past. Raises BusinessError, naming what is missing, when it could
    never be billed or its visits never planned.
    """
    with atomic():
        contract = lock_contract(contract, seen=seen)
        if contract.state != ContractState.DRAFT:
            raise WrongState(_("%s est déjà activé, résilié ou annulé.") % contract)
        lines = list(
            contract.lines.exclude(state=ContractLineState.CANCELLED).select_related("task", "address", "equipment")
        )
        if not lines:
            raise BusinessError(
                _("%s n'a pas de ligne : ajoutez-en une (site, articles) avant de l'activer.") % contract,
                code="incomplete",
            )
        if faults := [fault for line in lines for fault in _faults_of_line(line)]:
            raise BusinessError.all(faults)
        for line in lines:
            _validate_line(line, on=on)
        contract.validated_on = on
        facts = _refuse_never_billed(contract, lines)
        past = past_visits_text(facts, lines, on=on)
        if not contract.reference:
            contracts = Contract.objects.filter(company=contract.company)
            contract.reference = take_number(
                contract.company, SERIES, is_taken=lambda number: contracts.filter(reference=number).exists()
            )
        move(
            contract,
            ContractState.VALIDATED,
            by=by,
            act="validated",
            text=_("Contrat activé sous la référence %s") % contract.reference,
            save=("reference", "validated_on"),
        )
        if past:
            record(contract, "past_visits", by=by, text=past)
        rewrite_due([contract.pk], on=on)
        contract.refresh_from_db(fields=["next_due_on", "next_visit_on"])
    return Outcome(contract, made=contract, notes=(past,) if past else ())


def _faults_of_line(line: ContractLine) -> Iterator[BusinessError]:
    """Refuse a line that promises nothing or whose visits could not be planned."""
    if not line.articles.filter(kind=LineKind.ARTICLE).exists() and not line.exceptions.exists():
        yield BusinessError(
            _("« %s » n'a ni article ni exception : rien ne serait jamais facturé. Complétez l'onglet Facturation.")
            % line,
            documents=[line],
            step=Step(_("Compléter la facturation"), line, tab="billing"),
            code="incomplete",
        )
    missing = _missing_of_visits(line)
    if missing:
        yield BusinessError(
            _("« %(line)s » : %(missing)s à renseigner dans l'onglet Planification, ou videz cet onglet.")
            % {"line": line, "missing": ", ".join(missing)},
            documents=[line],
            step=Step(_("Compléter la planification"), line, tab="planning"),
            code="incomplete",
        )


def _validate_line(line: ContractLine, *, on: date) -> None:
    line.state, line.validated_on = ContractLineState.VALIDATED, on
    save_columns(line, ["state", "validated_on"])


def _missing_of_visits(line: ContractLine) -> list[str]:
    """Return what the visits lack: number of repeats, months, task; [] when no visit is promised."""
    if not (line.repeat or line.visit_months or line.is_billed_per_visit):
        return []
    missing = []
    if not line.repeat:
        missing.append("Répéter N fois")
    if not line.visit_months:
        missing.append("Mois de visite")
    if line.task is None and (line.template is None or line.template.task is None):
        missing.append("Tâche")
    return missing


def _refuse_never_billed(contract: Contract, lines: Sequence[ContractLine]) -> ChunkFacts:
    """Refuse now what the planner would refuse every night. Return the facts it decides from."""
    facts = read_facts([contract.pk], lock=False, settled=False)
    if facts.broken:
        raise BusinessError(facts.broken[0].reason, code=facts.broken[0].code)
    found = facts.contracts[0]
    check_contract(found)
    for line in found.lines:
        BilledLine.of(found, line)
    if next_due_on(found, facts.claimed) is None and not any(line.is_billed_per_visit for line in lines):
        raise BusinessError(
            _(
                "Contrat %s : avec ces dates rien ne serait jamais facturé. Vérifiez début, fin, prorata et « facturé ailleurs »."
            )
            % found.reference
        )
    return facts


def activate_line(line: ContractLine, *, bill_past: bool = False, seen: int | None = None, on: date, by: By) -> Outcome:
    """Validate a line added to a contract that is already active. A note of the outcome names the visits that are past.

    `bill_past`: bill also what it had due before `on`; without it such a line of a billed contract is refused, with what
    would be billed.
    """
    with atomic():
        line = lock_line(line, seen=seen)
        contract = line.contract
        if contract.state not in ContractState.alive:
            raise WrongState(
                _("%s n'est pas actif : activez le contrat, ses lignes le seront avec lui.") % contract,
                documents=[contract],
                step=activation_of(contract),
            )
        if line.state != ContractLineState.DRAFT:
            raise WrongState(_("« %s » est déjà validée ou annulée.") % line)
        if faults := [*_faults_of_line(line)]:
            raise BusinessError.all(faults)
        _validate_line(line, on=on)
        facts = _refuse_never_billed(contract, [line])
        if has_live_claims(contract):
            articles = set(line.articles.order_by().values_list("pk", flat=True))
            refuse_past(line, articles, on=on, bill_past=bill_past)
        record(line, "validated", by=by, text=_("Ligne validée"))
        record(contract, "line_validated", by=by, text=_("Ligne « %s » validée") % line)
        past = past_visits_text(facts, [line], on=on)
        if past:
            record(line, "past_visits", by=by, text=past)
        rewrite_due([contract.pk], on=on)
    return Outcome(line, made=line, notes=(past,) if past else ())
