"""Contracts: saved, their default values, archived."""

from collections.abc import Mapping
from datetime import date

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractState
from contracts.models import Article, Contract, ContractException
from contracts.services.days_served import exceptions_left_out
from contracts.services.live_claims import has_live_claims
from contracts.services.locks import lock_contract
from contracts.services.next_dates import rewrite_due
from invoicing.choices import JournalKind
from invoicing.models import Journal
from invoicing.services.catalogue import default_term, usual_terms
from invoicing.services.documents.lines import remap_taxes
from invoicing.services.records.history import record
from invoicing.services.records.saving import assign, describe_changes
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import changed_labels, columns_of, save_changed, save_columns
from openfire_billing.kernel.errors import BusinessError

# What the place and amount of a period are counted from: fixed once something is billed.
TERMS = (
    "company",
    "payer",
    "start_on",
    "frequency",
    "every",
    "unit",
    "timing",
    "alignment",
    "anchor_day",
    "proration",
)


def fill_defaults(contract: Contract, *, by: By, on: date) -> None:
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


def save_contract(
    pk: int | None, values: Mapping[str, object], *, seen: int | None = None, on: date, by: By
) -> Contract:
    """Save a contract's header: a new one when `pk` is None. `values`: {field: wanted value}; others stay.

    Once something is billed, what periods are counted from is fixed. « Validation automatique » is ticked by who may
    post. Raises BusinessError, ValidationError (Django's), StaleForm or PermissionDenied, and saves nothing.
    """
    with atomic():
        contract = lock_contract(Contract(pk=pk), seen=seen) if pk else Contract()
        before = columns_of(contract)
        assign(contract, values)
        if contract.auto_post and not (pk and before["auto_post"]) and not may_auto_post(by):
            raise PermissionDenied(
                _("« Validation automatique » : seul qui peut valider des factures la coche, demandez à un comptable.")
            )
        fill_defaults(contract, by=by, on=on)
        contract.full_clean(exclude=["company", "payer"])
        if pk is None:
            contract.save()
            record(contract, "created", by=by, text=_("Contrat créé"))
            return contract
        _refuse_change_of_terms(contract, before)
        changes = describe_changes(contract, before, values)
        save_changed(contract, before)
        if changes:
            record(contract, "changed", by=by, text=_("Fiche modifiée"), changes=changes)
        if before["fiscal_position_id"] != contract.fiscal_position_id:
            _remap(contract, on=on)
        if contract.state in ContractState.billed:
            rewrite_due([contract.pk], on=on)
            ends = ("end_on", "auto_renew", "terminated_on")
            moved = any(before[name] != getattr(contract, name) for name in ends)
            if left_out := exceptions_left_out(contract) if moved else "":
                record(contract, "left_out", by=by, text=left_out)
    return contract


def may_auto_post(by: By) -> bool:
    """Return whether this user may have invoices posted. None, the product itself, may."""
    return by is None or by.has_perm("invoicing.post_invoice")


def _refuse_change_of_terms(contract: Contract, before: Mapping[str, object]) -> None:
    changed = changed_labels(contract, before, TERMS)
    if changed and has_live_claims(contract):
        raise BusinessError(
            _("%(contract)s est déjà facturé : %(fields)s n'y change plus. Résiliez-le et faites-en un nouveau.")
            % {"contract": contract, "fields": ", ".join(changed)},
            code="already_billed",
        )


_TAXES, _TAX_COLUMNS = ("product__tax", "tax"), ("tax", "tax_is_manual")


def _remap(contract: Contract, *, on: date) -> None:
    """Give articles and exceptions the taxes of the new fiscal position."""
    for line in contract.lines.all():
        articles, exceptions = (line.articles.select_related(*_TAXES), line.exceptions.select_related(*_TAXES))
        position = contract.fiscal_position
        Article.objects.bulk_update(remap_taxes(articles, position=position, on=on), _TAX_COLUMNS)
        ContractException.objects.bulk_update(remap_taxes(exceptions, position=position, on=on), _TAX_COLUMNS)


def set_active(contract: Contract, *, active: bool, seen: int | None = None, by: By) -> Contract:
    """Archive a contract (it leaves the lists; what is due is still billed), or bring it back."""
    with atomic():
        contract = lock_contract(contract, seen=seen)
        contract.is_active = active
        save_columns(contract, ["is_active"])
        record(contract, "archived", by=by, text=_("Remis en service") if active else _("Archivé"))
    return contract
