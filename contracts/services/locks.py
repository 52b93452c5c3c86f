"""Locks of contracts and their lines. The rows of a run are locked here too."""

from collections.abc import Collection, Iterable, Sequence

from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractState
from contracts.models import BillingRun, Contract, ContractLine
from invoicing.services.records.history import refuse_stale
from openfire_billing.db.locks import Values, Wanted, lock, lock_values, lockable
from openfire_billing.kernel.errors import BusinessError, Step, WrongState


def _contracts_of(lines: Collection[int]) -> Wanted:
    return {Contract: set(ContractLine.objects.filter(pk__in=lines).values_list("contract", flat=True))}


lockable(BillingRun, "run")
lockable(
    Contract,
    "contract",
    rows=lambda: Contract.objects.select_related("company", "payer", "fiscal_position", "payment_term", "journal"),
)
lockable(ContractLine, "contract line", first=_contracts_of)


def lock_contracts(contracts: Iterable[Contract]) -> list[Contract]:
    """Lock contracts; those that are gone are left out."""
    ids = {contract.pk for contract in contracts}
    return list(lock(lambda: {Contract: ids})[Contract].values())


def lock_chunk(contracts: Collection[int], columns: Sequence[str]) -> list[Values]:
    """Lock the contracts of a chunk, and read these columns of them, `id` among them."""
    return lock_values(Contract.objects.filter(pk__among=list(contracts)), columns)


def lock_contract(contract: Contract, *, seen: int | None = None) -> Contract:
    """Lock one contract. Raises BusinessError when it is gone, StaleForm when it changed since `seen`."""
    locked = lock_contracts([contract])
    if not locked:
        raise BusinessError(_("Ce contrat n'existe plus : il a été supprimé entre-temps. Revenez à la liste."))
    if seen is not None:
        refuse_stale(locked[0], seen)
    return locked[0]


def lock_line(line: ContractLine, *, seen: int | None = None) -> ContractLine:
    """Lock a line after its contract, which becomes `line.contract`. Raise BusinessError when it is gone, or StaleForm."""
    locked = lock(lambda: {ContractLine: [line.pk]})
    found: ContractLine | None = locked[ContractLine].get(line.pk)
    if found is None:
        raise BusinessError(_("Cette ligne n'existe plus : elle a été supprimée entre-temps. Revenez au contrat."))
    found.contract = locked[Contract][found.contract_id]
    if seen is not None:
        refuse_stale(found, seen)
    return found


def activation_of(contract: Contract) -> Step | None:
    """Return the step of a refusal that asks for an active contract; None for a contract that is no draft."""
    return Step(_("Activer le contrat"), contract, act="activate") if contract.state == ContractState.DRAFT else None


def refuse_ended(contract: Contract) -> None:
    """Refuse to change the lines of a contract that has ended: what is due on them stays due."""
    if contract.state != ContractState.DRAFT and contract.state not in ContractState.alive:
        raise WrongState(
            _("%(contract)s est à l'état « %(state)s » : ses lignes ne changent plus.")
            % {"contract": contract, "state": contract.get_state_display()}
        )


def lock_run(run: BillingRun) -> BillingRun:
    """Lock a run."""
    found: BillingRun = lock(lambda: {BillingRun: [run.pk]})[BillingRun][run.pk]
    return found
