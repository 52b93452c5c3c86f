"""Locks of contracts, the only place that takes them."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractState
from contracts.models import Contract, ContractLine
from openfire_billing.kernel.errors import BusinessError, WrongState


def lock_contract(contract: Contract) -> Contract:
    """Lock one contract and read it again. Raises BusinessError when it is gone."""
    locked = lock_contracts([contract])
    if not locked:
        raise BusinessError(_("Ce contrat n'existe plus : il a été supprimé entre-temps. Revenez à la liste."))
    return locked[0]


def lock_contracts(contracts: Iterable[Contract]) -> list[Contract]:
    """Lock contracts, by primary key."""
    return list(
        Contract.objects.select_for_update(of=("self",))
        .select_related("company", "payer", "fiscal_position", "payment_term", "journal")
        .filter(pk__in=[contract.pk for contract in contracts])
        .order_by("pk")
    )


def lock_with_lines_that_change(line: ContractLine) -> Contract:
    """Lock the line's contract. Raises WrongState once it has ended: what is due on its lines stays due."""
    contract = lock_contract(line.contract)
    if contract.state != ContractState.DRAFT and contract.state not in ContractState.alive:
        raise WrongState(
            _("%(contract)s est à l'état « %(state)s » : ses lignes ne changent plus.")
            % {"contract": contract, "state": contract.get_state_display()}
        )
    return contract
