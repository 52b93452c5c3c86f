"""Contracts and lines that were never billed: cancelled, put back to draft, deleted."""

from collections.abc import Iterable
from datetime import date

from django.db.models import F, ProtectedError
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractLineState, ContractState
from contracts.models import Contract, ContractLine, ContractRequest
from contracts.services.live_claims import has_live_claims
from contracts.services.locks import lock_contract, lock_contracts, lock_line, refuse_ended
from contracts.services.next_dates import rewrite_due
from contracts.services.visits import cancel_visits, with_kept_visits
from invoicing.services.records.history import move, record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, Step, WrongState


def cancel_line(line: ContractLine, *, seen: int | None = None, on: date, by: By) -> ContractLine:
    """Cancel a contract line that has no claim in force (billed, free, waived or billed elsewhere), and its visits that
    have no open RDV. Return the line. Raises WrongState when it has a claim, StaleForm.
    """
    with atomic():
        line = lock_line(line, seen=seen)
        contract = line.contract
        refuse_ended(contract)
        if has_live_claims(line):
            raise WrongState(
                _(
                    "« %s » est déjà facturée : donnez-lui un dernier jour (« Servie jusqu'au ») plutôt que de l'annuler."
                )
                % line
            )
        kept = cancel_visits(ContractRequest.objects.filter(line=line), after=None, on=on, by=by)
        move(line, ContractLineState.CANCELLED, by=by, act="cancelled", text=with_kept_visits("Ligne annulée", kept))
        if contract.state in ContractState.billed:
            rewrite_due([contract.pk], on=on)
    return line


def reset_line(line: ContractLine, *, seen: int | None = None, by: By) -> ContractLine:
    """Put a cancelled line back to draft."""
    with atomic():
        line = lock_line(line, seen=seen)
        refuse_ended(line.contract)
        move(line, ContractLineState.DRAFT, by=by, act="reset", text=_("Ligne remise en brouillon"))
    return line


def cancel_contract(contract: Contract, *, seen: int | None = None, on: date, by: By) -> Contract:
    """Cancel a contract without live claims; its visits without an open RDV are cancelled."""
    with atomic():
        contract = lock_contract(contract, seen=seen)
        if has_live_claims(contract):
            raise WrongState(
                _("%s est déjà facturé, au moins en partie : résiliez-le plutôt.") % contract,
                step=Step(_("Résilier"), contract, act="terminate"),
            )
        kept = cancel_visits(ContractRequest.objects.filter(line__contract=contract), after=None, on=on, by=by)
        contract.next_due_on = contract.next_visit_on = None
        text, columns = with_kept_visits(_("Contrat annulé"), kept), ("next_due_on", "next_visit_on")
        move(contract, ContractState.CANCELLED, by=by, act="cancelled", text=text, save=columns)
    return contract


def reset_contract(contract: Contract, *, seen: int | None = None, by: By) -> Contract:
    """Put a cancelled contract and its lines back to draft; it keeps its reference."""
    with atomic():
        contract = lock_contract(contract, seen=seen)
        contract.lines.filter(state=ContractLineState.VALIDATED).update(
            state=ContractLineState.DRAFT, version=F("version") + 1
        )
        move(contract, ContractState.DRAFT, by=by, act="reset", text=_("Remis en brouillon"))
    return contract


def delete_contracts(contracts: Iterable[Contract], *, by: By) -> int:
    """Delete drafts that were never activated. All or none."""
    with atomic():
        locked = lock_contracts(contracts)
        for contract in locked:
            if contract.state != ContractState.DRAFT or contract.validated_on:
                raise WrongState(_("%s a été activé : il se résilie ou s'annule, il ne se supprime pas.") % contract)
            record(contract, "deleted", by=by, text=_("Contrat supprimé"))
        try:
            Contract.objects.filter(pk__in=[contract.pk for contract in locked]).delete()
        except ProtectedError as kept:
            raise BusinessError(_("Une DI vient de ce contrat : archivez-le plutôt.")) from kept
    return len(locked)
