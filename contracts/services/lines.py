"""Contract lines: saved with their articles and exceptions, prices dated."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractLineState
from contracts.models import Article, Contract, ContractException, ContractLine
from contracts.services.live_claims import live_claims
from contracts.services.locks import lock_with_lines_that_change
from contracts.services.next_dates import rewrite_due
from invoicing.services.documents.lines import LineEdit, apply_edits, complete_line
from invoicing.services.records.history import record
from openfire_billing.kernel.errors import BusinessError

# What a period's place and amount come from: fixed once something of the line is billed.
TERMS = ("contract", "starts_on", "grid_from", "billed_elsewhere_until", "frequency", "every", "unit", "invoicing")
_FIXED = ("kind", "product", "quantity", "unit_price", "discount", "tax")


def save_line(
    line: ContractLine,
    *,
    articles: Sequence[LineEdit] = (),
    exceptions: Sequence[LineEdit] = (),
    on: date,
    by: Any,
) -> ContractLine:
    """Save a line from its form with its articles and exceptions. `line` holds the values wanted.

    An article that is billed keeps quantity, price, discount and tax (« Prix daté » changes its price from a day on).
    Raises BusinessError and saves nothing.
    """
    with transaction.atomic():
        contract = lock_with_lines_that_change(line)
        line.contract = contract
        before = ContractLine.objects.filter(pk=line.pk).first() if line.pk else None
        _fill(line)
        line.full_clean(exclude=["contract", "address"])
        if before is not None:
            _refuse_change_of_terms(line, before)
        line.save()
        changes = _write(line, Article, "articles", articles, on=on)
        changes |= _write(line, ContractException, "exceptions", exceptions, on=on)
        if before is None:
            record(line, "created", by=by, text=_("Ligne créée"))
            record(contract, "line_created", by=by, text=_("Ligne « %s » ajoutée") % line)
        elif changes:
            record(line, "edited", by=by, text=_("Articles modifiés"), changes=changes)
        if line.state == ContractLineState.VALIDATED:
            rewrite_due([contract.pk], on=on)
    return line


def _fill(line: ContractLine) -> None:
    """What was left empty, from the equipment and the template."""
    if not line.address_id and line.equipment is not None:
        line.address = line.equipment.address
    if not line.address_id:
        address = line.contract.payer.default_address()
        if address is None:
            raise BusinessError(_("« %s » n'a pas d'adresse : choisissez le site de la ligne.") % line.contract.payer)
        line.address = address
    if line.task is None and line.template is not None:
        line.task = line.template.task


def _refuse_change_of_terms(line: ContractLine, before: ContractLine) -> None:
    changed = [name for name in TERMS if getattr(line, name) != getattr(before, name)]
    if changed and live_claims(line=line):
        labels = ", ".join(str(getattr(ContractLine._meta.get_field(name), "verbose_name", name)) for name in changed)
        raise BusinessError(
            _(
                "« %(line)s » est déjà facturée : %(fields)s n'y change plus. Donnez-lui un dernier jour et ajoutez une ligne."
            )
            % {"line": before, "fields": labels}
        )


def _write(line: ContractLine, model: Any, name: str, edits: Sequence[LineEdit], *, on: date) -> dict[str, list[str]]:
    if not edits:
        return {}
    rows = {row.pk: row for row in model.objects.filter(line=line).select_related("product__tax", "tax", "unit")}
    if any(edit.pk and edit.pk not in rows for edit in edits):
        raise BusinessError(_("Un article modifié n'est plus sur cette ligne. Rechargez la page."))

    def save(row: Any, before: Any) -> None:
        if before is not None and any(getattr(row, field) != getattr(before, field) for field in _FIXED):
            _refuse_billed(before, _("« Prix daté » change son prix à partir d'un jour ; sinon ajoutez un article."))
        complete_line(row, position=line.contract.fiscal_position, company=line.contract.company, on=on)
        row.save()

    doomed, changes = apply_edits(rows, edits, new=lambda: model(line=line), save=save)
    for row in doomed:
        _refuse_billed(row, _("donnez un dernier jour à la ligne."))
    model.objects.filter(pk__in=[row.pk for row in doomed]).delete()
    return changes


def _refuse_billed(row: Any, instead: Any) -> None:
    claims = [row.claims, *([row.visit_claims] if isinstance(row, Article) else [])]
    if any(many.exists() for many in claims):
        raise BusinessError(
            _("« %(row)s » est déjà facturé : il ne change plus, %(instead)s") % {"row": row, "instead": instead}
        )


def lines_of(contract: Contract) -> Any:
    """The lines of a contract with what their list shows."""
    return contract.lines.select_related("address", "equipment", "task").order_by("pk")
