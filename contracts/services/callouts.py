"""Call-outs (SAV): how many are left of those included, the DI each makes."""

from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractLineState, ContractState, RequestKind
from contracts.models import Contract, ContractLine, ContractRequest
from contracts.planner.served import served_parts, service_of
from contracts.services.facts import read_facts
from contracts.services.locks import lock_contract
from interventions.models import InterventionRequest, InterventionType, Task
from interventions.services.requests import create_intervention
from interventions.services.states import validate_intervention
from invoicing.services.documents.lines import Item
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.periods import ONE_DAY, Period, day_of_month

CALLOUT_TYPE = "SAV"


def contract_year(line: ContractLine, day: date) -> int:
    """Return the contract year that holds a day, from 1."""
    start = line.contract.start_on
    years = day.year - start.year
    return max(1, years + (1 if day_of_month(start, 12 * years, start.day) <= day else 0))


def callouts_left(line: ContractLine, day: date) -> int:
    """Return the included call-outs left in the contract year of a day; cancelled ones do not count."""
    if not line.uses_callouts:
        return 0
    used = ContractRequest.objects.included_callouts_used(line, contract_year(line, day))
    return max(0, line.included_callouts - used)


def _serves(line: ContractLine, day: date) -> bool:
    """Return whether the line serves that day: within the contract, not ended, not suspended."""
    for contract in read_facts([line.contract_id], lock=False, settled=False).contracts:
        for found in contract.lines:
            if found.id == line.pk:
                service = service_of(contract, found)
                is_within = service.first <= day and (service.stop is None or day < service.stop)
                return is_within and bool(served_parts(Period(day, day + ONE_DAY), service, found))
    return False


def _task_of_call_out(contract: Contract, line: ContractLine, on: date) -> Task:
    """Return the task of a call-out. Raise BusinessError when the line promises none on that day."""
    refusal: Text = ""
    if contract.state not in ContractState.billed:
        refusal = _("%s n'est pas en cours : le SAV se fait par une DI ordinaire.") % contract
    elif line.state != ContractLineState.VALIDATED:
        refusal = _("« %s » n'est pas validée : le SAV se fait par une DI ordinaire.") % line
    elif not line.uses_callouts:
        refusal = _("« %s » n'utilise pas les SAV : cochez-les dans l'onglet Planification.") % line
    elif not _serves(line, on):
        values = {"line": line, "day": date_format(on, "d/m/Y")}
        refusal = _("« %(line)s » ne sert pas le %(day)s : le SAV se fait par une DI ordinaire.") % values
    if line.task is None or refusal:
        raise BusinessError(refusal or _("« %s » n'a pas de tâche : choisissez-la dans l'onglet Planification.") % line)
    return line.task


def call_out(line: ContractLine, *, on: date, by: By, title: str = "") -> InterventionRequest:
    """Create a call-out DI (« Créer un SAV ») at the line's site, validate it and return it. It is covered while the
    line has included call-outs left that contract year; otherwise its lines are billable.
    """
    with atomic():
        contract = lock_contract(Contract(pk=line.contract_id))
        line = ContractLine.objects.select_related(
            "address__partner", "equipment", "task__product__tax", "contract"
        ).get(pk=line.pk)
        task = _task_of_call_out(contract, line, on)
        covered = callouts_left(line, on) > 0
        intervention = create_intervention(
            company=contract.company,
            items=[Item(label="", product=task.product)] if task.product else [],
            covered=covered,
            on=on,
            by=by,
            partner=line.address.partner,
            bill_to=contract.payer,
            address=line.address,
            type=InterventionType.objects.filter(name=CALLOUT_TYPE).first() or task.type,
            task=task,
            equipment=line.equipment,
            title=title or str(_("SAV %s") % line.contract),
            fiscal_position=contract.fiscal_position,
            from_on=on,
        )
        ContractRequest.objects.create(
            line=line,
            intervention=intervention,
            kind=RequestKind.CALLOUT,
            chain=line,
            year=contract_year(line, on),
            is_covered=covered,
        )
        intervention = validate_intervention(intervention, by=by)
        text = _("SAV compris dans %s") if covered else _("SAV au-delà de ceux que comprend %s : à facturer")
        record(intervention, "contract", by=by, text=text % contract)
    return intervention
