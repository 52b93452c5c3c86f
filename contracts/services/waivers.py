"""« Ne pas facturer » and « Remettre à facturer »: what is due is settled without an invoice, or due again."""

from collections.abc import Collection, Iterable
from datetime import date

from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractState, WithoutDocument
from contracts.models import CLAIMS, Contract
from contracts.models.claims import ThingClaim
from contracts.planner.billing import next_due_on
from contracts.planner.charges import charges_of
from contracts.planner.intents import Charge
from contracts.services.drafts import ClaimRows
from contracts.services.facts import read_facts
from contracts.services.locks import activation_of, lock_contract
from contracts.services.next_dates import rewrite_due
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, NothingToBill, WrongState


def charges_due(contract: Contract, *, on: date) -> list[Charge]:
    """Return what is due on `on` and not claimed; when nothing is, what falls due next. Reads only."""
    facts = read_facts([contract.pk], lock=False, settled=False)
    if not facts.contracts:
        raise BusinessError(facts.broken[0].reason if facts.broken else _("Ce contrat n'existe plus."))
    found = charges_of(facts.contracts[0], facts.claimed, on=on, force=True)
    following = next_due_on(facts.contracts[0], facts.claimed)
    if not found and following:
        found = charges_of(facts.contracts[0], facts.claimed, on=following)
    return found


def waive(contract: Contract, *, keys: Collection[str], seen: int | None = None, on: date, by: By) -> Contract:
    """« Ne pas facturer »: claim without an invoice what these keys name among what is due, or falls due next."""
    with atomic():
        contract = lock_contract(contract, seen=seen)
        if contract.state not in ContractState.billed:
            raise WrongState(_("%s n'est pas activé : rien n'y est dû.") % contract, step=activation_of(contract))
        chosen = [charge for charge in charges_due(contract, on=on) if charge.key in keys]
        if len(chosen) < len(set(keys)) or not keys:
            raise NothingToBill(
                _("%s : ce qui était choisi n'est plus dû. Rechargez la page.") % contract, code="stale"
            )
        claims = ClaimRows()
        for charge in chosen:
            claims.add(charge, charge.amount, None, WithoutDocument.WAIVED.value)
        claims.write()
        record(
            contract,
            "waived",
            by=by,
            text=_("Ne pas facturer : %s") % " ; ".join(charge.label for charge in chosen),
        )
        rewrite_due([contract.pk], on=on)
    return contract


def waived(contract: Contract) -> list[ThingClaim]:
    """Return the live claims that were waived."""
    found: list[ThingClaim] = []
    for model in CLAIMS.values():
        found += model.objects.live().filter(**{model.SOURCE: contract}, without_document=WithoutDocument.WAIVED)
    return found


def claim_key(claim: ThingClaim) -> str:
    """Return what names a claim in a form."""
    return f"{type(claim).__name__}-{claim.pk}"


def take_back(contract: Contract, *, keys: Collection[str], seen: int | None = None, on: date, by: By) -> Contract:
    """Delete the waived claims that `keys` name (see `claim_key`): what they settled is due again. Return the contract.

    The button « Remettre à facturer » calls it. Writes a history line and recomputes the next due day.
    Raises NothingToBill when `keys` is empty or names a claim that is no longer waived; StaleForm when the contract
    changed since `seen`; BusinessError when it no longer exists.
    """
    with atomic():
        contract = lock_contract(contract, seen=seen)
        chosen = [claim for claim in waived(contract) if claim_key(claim) in keys]
        if len(chosen) < len(set(keys)) or not keys:
            raise NothingToBill(
                _("%s : ce qui était choisi n'est plus à remettre. Rechargez la page.") % contract, code="stale"
            )
        text = " ; ".join(str(claim) for claim in chosen)
        _delete(chosen)
        record(contract, "taken_back", by=by, text=_("Remis à facturer : %s") % text)
        rewrite_due([contract.pk], on=on)
    return contract


def _delete(claims: Iterable[ThingClaim]) -> None:
    for claim in claims:
        claim.delete()
