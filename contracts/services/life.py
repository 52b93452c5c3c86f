"""The life of a contract: made, edited, activated, terminated, cancelled, reset, archived, deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contracts.choices import BillingFrequency, ContractLineState, ContractState
from contracts.models import Contract, ContractLine, ContractRequest, ExceptionClaim, PeriodClaim, VisitClaim
from contracts.planner.billing import next_due_on
from contracts.planner.charges import BilledLine
from contracts.planner.checks import check_contract
from contracts.services.due import rewrite_due
from contracts.services.facts import read_facts
from contracts.services.visits import cancel_visits, told_of_kept, told_of_the_past
from invoicing.choices import JournalKind, LineKind
from invoicing.models import Journal
from invoicing.services.catalogue import default_term, take_number, usual_terms
from invoicing.services.documents.lines import remap_taxes
from invoicing.services.parties.history import move, record
from openfire_billing.errors import BusinessError, WrongState
from openfire_billing.fields import number_text

SERIES = "CONT"  # of the references given at activation
# What the place and amount of a period are counted from: fixed once something is billed.
TERMS = (
    "company",
    "payer",
    "start_on",
    "frequency",
    "every",
    "unit",
    "invoicing",
    "alignment",
    "anchor_day",
    "proration",
)


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


def live_claims(**source: Any) -> list[Any]:
    """Claims that live, of a contract or a line: `contract=…` or `line=…`."""
    ((name, value),) = source.items()
    path = {"contract": "line__contract", "line": "line"}[name]
    found: list[Any] = []
    claim: Any
    for claim, thing in ((PeriodClaim, "article"), (VisitClaim, "article"), (ExceptionClaim, "exception")):
        found += claim.objects.filter(**{f"{thing}__{path}": value}, released_by__isnull=True)[:1]
    return found


def fill_defaults(contract: Contract, *, by: Any, on: date) -> None:
    """Fill what was left empty from the payer and the company. Saves nothing."""
    terms = usual_terms(contract.payer)
    contract.fiscal_position = contract.fiscal_position or terms.fiscal_position
    contract.payment_term = contract.payment_term or terms.payment_term or default_term()
    contract.journal = (
        contract.journal
        or Journal.objects.filter(company=contract.company, kind=JournalKind.INVOICE).order_by("pk").first()
    )
    contract.subscribed_on = contract.subscribed_on or on
    contract.billing_address = contract.billing_address or contract.payer.billing_address()
    contract.manager = contract.manager or by


def save_contract(contract: Contract, *, on: date, by: Any) -> Contract:
    """Save a contract's header. `contract` holds the values wanted.

    Once something is billed, what periods are counted from is fixed. « Validation automatique » is ticked by who may
    post. Raises BusinessError or PermissionDenied, and saves nothing.
    """
    with transaction.atomic():
        before = lock_contract(contract) if contract.pk else None
        if contract.auto_post and not (before and before.auto_post) and not may_auto_post(by):
            raise PermissionDenied(
                _("« Validation automatique » : seul qui peut valider des factures la coche, demandez à un comptable.")
            )
        fill_defaults(contract, by=by, on=on)
        contract.full_clean(exclude=["company", "payer"])
        if before is None:
            contract.save()
            record(contract, "created", by=by, text=_("Contrat créé"))
            return contract
        _refuse_change_of_terms(contract, before)
        contract.save()
        if before.fiscal_position_id != contract.fiscal_position_id:
            _remap(contract, on=on)
        if contract.state in ContractState.billed:
            rewrite_due([contract.pk], on=on)
    return contract


def may_auto_post(by: Any) -> bool:
    """May this user have invoices posted? Nobody (None) is the product itself."""
    return by is None or by.has_perm("invoicing.post_invoice")


def _refuse_change_of_terms(contract: Contract, before: Contract) -> None:
    changed = [name for name in TERMS if getattr(contract, name) != getattr(before, name)]
    if changed and live_claims(contract=contract):
        labels = ", ".join(str(getattr(Contract._meta.get_field(name), "verbose_name", name)) for name in changed)
        raise BusinessError(
            _("%(contract)s est déjà facturé : %(fields)s n'y change plus. Résiliez-le et faites-en un nouveau.")
            % {"contract": before, "fields": labels}
        )


def _remap(contract: Contract, *, on: date) -> None:
    """Give articles and exceptions the taxes of the new fiscal position."""
    for line in contract.lines.all():
        rows: Any
        for rows in (line.articles, line.exceptions):
            changed = remap_taxes(rows.select_related("product__tax", "tax"), position=contract.fiscal_position, on=on)
            rows.model.objects.bulk_update(changed, ["tax", "tax_is_manual"])


def activate_contract(contract: Contract, *, on: date, by: Any) -> Contract:
    """« Activer »: the contract gets its reference, its draft lines are validated, it is billed and planned from now on.

    `told` of what is returned: the visits that are past. Raises BusinessError, naming what is missing, when it could
    never be billed or its visits never planned.
    """
    with transaction.atomic():
        contract = lock_contract(contract)
        if contract.state != ContractState.DRAFT:
            raise WrongState(_("%s est déjà activé, résilié ou annulé.") % contract)
        lines = list(
            contract.lines.exclude(state=ContractLineState.CANCELLED).select_related("task", "address", "equipment")
        )
        if not lines:
            raise BusinessError(
                _("%s n'a pas de ligne : ajoutez-en une (site, articles) avant de l'activer.") % contract
            )
        for line in lines:
            _validate_line(line, on=on)
        name = f"provisoire n° {contract.pk}"
        contract.validated_on = on
        contract.state = ContractState.VALIDATED  # read as such by the planner's facts, under the lock
        _refuse_never_billed(contract, lines, name)
        contract.state = ContractState.DRAFT
        told = told_of_the_past(contract, lines, on=on)
        if not contract.reference:
            there = Contract.objects.filter(company=contract.company)
            contract.reference = take_number(
                contract.company, SERIES, is_taken=lambda number: there.filter(reference=number).exists()
            )
        move(
            contract,
            ContractState.VALIDATED,
            by=by,
            act="validated",
            text=_("Contrat activé sous la référence %s") % contract.reference,
            save=("reference", "validated_on"),
        )
        _tell(contract, told, by=by)
        rewrite_due([contract.pk], on=on)
        contract.refresh_from_db(fields=["next_due_on", "next_visit_on"])
    return contract


def _validate_line(line: ContractLine, *, on: date) -> None:
    """Refuse a line that promises nothing or whose visits could not be planned; else validate it."""
    if not line.articles.filter(kind=LineKind.ARTICLE).exists() and not line.exceptions.exists():
        raise BusinessError(
            _("« %s » n'a ni article ni exception : rien ne serait jamais facturé. Complétez l'onglet Facturation.")
            % line
        )
    missing = _missing_of_visits(line)
    if missing:
        raise BusinessError(
            _("« %(line)s » : %(missing)s à renseigner dans l'onglet Planification, ou videz cet onglet.")
            % {"line": line, "missing": ", ".join(missing)}
        )
    line.state, line.validated_on = ContractLineState.VALIDATED, on
    line.save(update_fields=["state", "validated_on"])


def _missing_of_visits(line: ContractLine) -> list[str]:
    """What the visits lack: number of repeats, months, task; nothing when no visit is promised."""
    per_visit = (line.frequency or line.contract.frequency) == BillingFrequency.PER_VISIT
    if not (line.repeat or line.visit_months or per_visit):
        return []
    missing = []
    if not line.repeat:
        missing.append("Répéter N fois")
    if not line.visit_months:
        missing.append("Mois de visite")
    if line.task is None and (line.template is None or line.template.task is None):
        missing.append("Tâche")
    return missing


def _refuse_never_billed(contract: Contract, lines: Sequence[ContractLine], name: str) -> None:
    """Whatever the planner would refuse night after night is refused now."""
    facts = read_facts([contract.pk], lock=False, settled=False)
    if facts.broken:
        raise BusinessError(facts.broken[0].reason.replace("Contrat None", f"Contrat {name}"))
    found = replace(facts.contracts[0], reference=name)
    check_contract(found)
    for line in found.lines:
        BilledLine.of(found, line)
    per_visit = any((line.frequency or contract.frequency) == BillingFrequency.PER_VISIT for line in lines)
    if next_due_on(found, facts.claimed) is None and not per_visit:
        raise BusinessError(
            _(
                "Contrat %s : avec ces dates rien ne serait jamais facturé. Vérifiez début, fin, prorata et « facturé ailleurs »."
            )
            % name
        )


def activate_line(line: ContractLine, *, on: date, by: Any) -> ContractLine:
    """Validate a line added to a contract that is already active. `told` of what is returned: the visits that are past."""
    with transaction.atomic():
        contract = lock_contract(line.contract)
        line = ContractLine.objects.select_for_update().get(pk=line.pk)
        line.contract = contract
        if contract.state not in ContractState.alive:
            raise WrongState(_("%s n'est pas actif : activez le contrat, ses lignes le seront avec lui.") % contract)
        if line.state != ContractLineState.DRAFT:
            raise WrongState(_("« %s » est déjà validée ou annulée.") % line)
        _validate_line(line, on=on)
        _refuse_never_billed(contract, [line], contract.reference or "")
        record(line, "validated", by=by, text=_("Ligne validée"))
        record(contract, "line_validated", by=by, text=_("Ligne « %s » validée") % line)
        _tell(line, told_of_the_past(contract, [line], on=on), by=by)
        rewrite_due([contract.pk], on=on)
    return line


def _tell(document: Contract | ContractLine, told: str, *, by: Any) -> None:
    """Keep in the journal what activation has to tell, and give it back with the document (`told`)."""
    document.told = told
    if told:
        record(document, "told", by=by, text=told)


def lock_with_lines_that_change(line: ContractLine) -> Contract:
    """Lock the line's contract. Raises WrongState once it has ended: what is due on its lines stays due."""
    contract = lock_contract(line.contract)
    if contract.state != ContractState.DRAFT and contract.state not in ContractState.alive:
        raise WrongState(
            _("%(contract)s est à l'état « %(state)s » : ses lignes ne changent plus.")
            % {"contract": contract, "state": contract.get_state_display()}
        )
    return contract


def cancel_line(line: ContractLine, *, on: date, by: Any) -> ContractLine:
    """Cancel a line nothing of which is billed; its later visits without an open RDV are cancelled."""
    with transaction.atomic():
        contract = lock_with_lines_that_change(line)
        line = ContractLine.objects.select_for_update().get(pk=line.pk)
        if live_claims(line=line):
            raise WrongState(
                _(
                    "« %s » est déjà facturée : donnez-lui un dernier jour (« Servie jusqu'au ») plutôt que de l'annuler."
                )
                % line
            )
        kept = cancel_visits(ContractRequest.objects.filter(line=line), after=None, on=on, by=by)
        move(line, ContractLineState.CANCELLED, by=by, act="cancelled", text=told_of_kept("Ligne annulée", kept))
        if contract.state in ContractState.billed:
            rewrite_due([contract.pk], on=on)
    return line


def reset_line(line: ContractLine, *, by: Any) -> ContractLine:
    """Take a cancelled line back to draft."""
    with transaction.atomic():
        lock_with_lines_that_change(line)
        line = ContractLine.objects.select_for_update().get(pk=line.pk)
        move(line, ContractLineState.DRAFT, by=by, act="reset", text=_("Ligne remise en brouillon"))
    return line


def terminate_contract(contract: Contract, *, last_day: date, reason: str, on: date, by: Any) -> Contract:
    """« Résilier » at `last_day`, the last day served. Later visits without an open RDV are cancelled.

    What fell due until then is still billed; what was billed beyond is said, not refunded.
    """
    with transaction.atomic():
        contract = lock_contract(contract)
        if last_day < contract.start_on:
            raise BusinessError(
                _("%(contract)s commence le %(start)s : le dernier jour servi ne le précède pas.")
                % {"contract": contract, "start": date_format(contract.start_on, "d/m/Y")}
            )
        if not contract.auto_renew and contract.end_on and last_day > contract.end_on:
            raise BusinessError(
                _("%(contract)s finit déjà le %(end)s : choisissez un jour avant.")
                % {"contract": contract, "end": date_format(contract.end_on, "d/m/Y")}
            )
        contract.terminated_on, contract.termination_reason = last_day, reason[:200]
        kept = cancel_visits(ContractRequest.objects.filter(line__contract=contract), after=last_day, on=on, by=by)
        text = told_of_kept(_("Résilié au %s") % date_format(last_day, "d/m/Y"), kept)
        move(
            contract,
            ContractState.TERMINATED,
            by=by,
            act="terminated",
            text=f"{text} {_beyond(contract, last_day)}".strip(),
            save=("terminated_on", "termination_reason"),
        )
        rewrite_due([contract.pk], on=on)
    return contract


def _beyond(contract: Contract, last_day: date) -> str:
    billed = (
        PeriodClaim.objects.filter(
            Q(invoice_line__isnull=False), article__line__contract=contract, released_by__isnull=True, end__gt=last_day
        )
        .order_by("-end")
        .first()
    )
    if billed is None or (billed.end - last_day).days <= 1:
        return ""
    return str(
        _("Déjà facturé jusqu'au %(day)s (%(net)s € HT de la dernière ligne) : faites un avoir si besoin.")
        % {
            "day": date_format(date.fromordinal(billed.end.toordinal() - 1), "d/m/Y"),
            "net": number_text(billed.invoice_line.net),  # type: ignore[union-attr]
        }
    )


def cancel_contract(contract: Contract, *, on: date, by: Any) -> Contract:
    """Cancel a contract nothing of which is billed; its visits without an open RDV are cancelled."""
    with transaction.atomic():
        contract = lock_contract(contract)
        if live_claims(contract=contract):
            raise WrongState(_("%s est déjà facturé, au moins en partie : résiliez-le plutôt.") % contract)
        kept = cancel_visits(ContractRequest.objects.filter(line__contract=contract), after=None, on=on, by=by)
        contract.next_due_on = contract.next_visit_on = None
        text, columns = told_of_kept(_("Contrat annulé"), kept), ("next_due_on", "next_visit_on")
        move(contract, ContractState.CANCELLED, by=by, act="cancelled", text=text, save=columns)
    return contract


def reset_contract(contract: Contract, *, by: Any) -> Contract:
    """Take a cancelled contract back to draft, its lines too; it keeps its reference."""
    with transaction.atomic():
        contract = lock_contract(contract)
        contract.lines.filter(state=ContractLineState.VALIDATED).update(state=ContractLineState.DRAFT)
        move(contract, ContractState.DRAFT, by=by, act="reset", text=_("Remis en brouillon"))
    return contract


def set_active(contract: Contract, *, active: bool, by: Any) -> Contract:
    """Archive a contract (it leaves the lists; what is due is still billed), or bring it back."""
    with transaction.atomic():
        contract = lock_contract(contract)
        contract.is_active = active
        contract.save(update_fields=["is_active"])
        record(contract, "archived", by=by, text=_("Remis en service") if active else _("Archivé"))
    return contract


def delete_contracts(contracts: Iterable[Contract], *, by: Any) -> int:
    """Delete drafts that were never activated. All or none."""
    with transaction.atomic():
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
