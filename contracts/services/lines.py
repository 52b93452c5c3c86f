"""Contract lines: saved with their articles and exceptions."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import cast

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractLineState
from contracts.models import Article, Contract, ContractException, ContractLine
from contracts.models.contracts import MONTHS
from contracts.services.days_served import exceptions_left_out, first_day_not_billed, refuse_outside, refuse_past
from contracts.services.live_claims import has_live_claims
from contracts.services.locks import lock_contract, lock_line, refuse_ended
from contracts.services.next_dates import rewrite_due
from invoicing.services.documents.lines import LineEdit, apply_edits, complete_line
from invoicing.services.records.changes import LineChange
from invoicing.services.records.history import record
from invoicing.services.records.saving import assign, describe_changes
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import changed_labels, columns_of, raise_version, save_changed
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import value_text

# What a period's place and amount come from: fixed once something of the line is billed.
TERMS = ("contract", "starts_on", "grid_from", "billed_elsewhere_until", "frequency", "every", "unit", "timing")
_FIXED = ("kind", "product", "quantity", "unit_price", "discount", "tax", "from_on", "on", "alone")


def save_line(
    pk: int | None,
    values: Mapping[str, object],
    *,
    articles: Sequence[LineEdit] = (),
    exceptions: Sequence[LineEdit] = (),
    bill_past: bool = False,
    seen: int | None = None,
    on: date,
    by: By,
) -> ContractLine:
    """Save a line from its form with its articles and exceptions. `pk` None: a new line of `values["contract"]`.

    `values`: {field: wanted value}; others stay. An article that is billed keeps quantity, price, discount and tax
    (« Prix daté » changes its price from a day on). A line added to a billed contract, and an article added to a billed
    line, begin on the first day not billed unless another is given. `bill_past`: bill also what such an article had due
    before `on`. Raises BusinessError, ValidationError (Django's) or StaleForm, and saves nothing.
    """
    with atomic():
        if pk is None:
            line = ContractLine(contract=lock_contract(cast("Contract", values["contract"])))
        else:
            line = lock_line(ContractLine(pk=pk), seen=seen)
        contract = line.contract
        refuse_ended(contract)
        before = columns_of(line)
        assign(line, {name: value for name, value in values.items() if name != "contract"})
        _fill(line, is_new=pk is None)
        line.full_clean(exclude=["contract", "address"])
        if pk is None:
            line.save()
        else:
            _refuse_change_of_terms(line, before)
        header = {} if pk is None else _changes(line, before, values)
        written = pk is not None and save_changed(line, before)
        known = _first_days(line) if articles else {}
        changes = _write_rows(line, articles, exceptions, on=on)
        if pk is not None and changes and not written:
            raise_version(line)
        _record(line, is_new=pk is None, header=header, changes=changes, by=by)
        if pk is None or written or changes:
            raise_version(contract)
        if line.state == ContractLineState.VALIDATED:
            if articles and has_live_claims(line):
                refuse_past(line, _begun(line, known), on=on, bill_past=bill_past)
            rewrite_due([contract.pk], on=on)
            if left_out := exceptions_left_out(contract) if written else "":
                record(contract, "left_out", by=by, text=left_out)
    return line


def _write_rows(
    line: ContractLine, articles: Sequence[LineEdit], exceptions: Sequence[LineEdit], *, on: date
) -> dict[str, list[LineChange]]:
    """Write the articles and the exceptions of a line. Return what changed, {block: changes}."""
    rows = {
        "articles": _write(line, Article, articles, on=on),
        "exceptions": _write(line, ContractException, exceptions, on=on),
    }
    if exceptions:
        refuse_outside(line)
    return {name: found for name, found in rows.items() if found}


def _record(
    line: ContractLine, *, is_new: bool, header: dict[str, list[str]], changes: dict[str, list[LineChange]], by: By
) -> None:
    """Write the journal of a saved line."""
    if is_new:
        begun = line.starts_on and date_format(line.starts_on, "d/m/Y")
        text = _("Ligne créée, facturée à partir du %s") % begun if begun else _("Ligne créée")
        record(line, "created", by=by, text=text)
        record(line.contract, "line_created", by=by, text=_("Ligne « %s » ajoutée") % line)
        return
    if header:
        record(line, "changed", by=by, text=_("Fiche modifiée"), changes=header)
    if changes:
        record(line, "edited", by=by, text=_("Articles modifiés"), changes=changes)


def _first_days(line: ContractLine) -> dict[int, date | None]:
    """Return {article id: its first day} of a line."""
    return dict(Article.objects.filter(line=line).order_by().values_list("pk", "from_on"))


def _begun(line: ContractLine, known: Mapping[int, date | None]) -> set[int]:
    """Return the ids of the articles that are new, or whose first day changed, since `known` was read."""
    return {pk for pk, from_on in _first_days(line).items() if pk not in known or known[pk] != from_on}


def _fill(line: ContractLine, *, is_new: bool) -> None:
    """Fill what was left empty from the equipment, the template and what the contract has billed. Saves nothing."""
    if not line.address_id and line.equipment is not None:
        line.address = line.equipment.address
    if not line.address_id:
        address = line.contract.payer.default_address()
        if address is None:
            raise BusinessError(_("« %s » n'a pas d'adresse : choisissez le site de la ligne.") % line.contract.payer)
        line.address = address
    if line.task is None and line.template is not None:
        line.task = line.template.task
    if is_new and line.starts_on is None and line.billed_elsewhere_until is None:
        line.starts_on = first_day_not_billed(line.contract)


def _refuse_change_of_terms(line: ContractLine, before: Mapping[str, object]) -> None:
    changed = changed_labels(line, before, TERMS)
    if changed and has_live_claims(line):
        raise BusinessError(
            _(
                "« %(line)s » est déjà facturée : %(fields)s n'y change plus. Donnez-lui un dernier jour et ajoutez une ligne."
            )
            % {"line": line, "fields": ", ".join(changed)},
            code="already_billed",
        )


def _write(
    line: ContractLine, model: type[Article] | type[ContractException], edits: Sequence[LineEdit], *, on: date
) -> list[LineChange]:
    if not edits:
        return []
    rows = {row.pk: row for row in model.objects.filter(line=line).select_related("product__tax", "tax", "unit")}
    if any(edit.pk and edit.pk not in rows for edit in edits):
        raise BusinessError(_("Un article modifié n'est plus sur cette ligne. Rechargez la page."), code="stale")

    def save(row: Article | ContractException, before: Article | ContractException | None) -> None:
        fixed = [field for field in _FIXED if hasattr(row, field)]
        if before is not None and any(getattr(row, field) != getattr(before, field) for field in fixed):
            _refuse_billed(before, _("« Prix daté » change son prix à partir d'un jour ; sinon ajoutez un article."))
        if before is None and isinstance(row, Article) and row.from_on is None:
            row.from_on = first_day_not_billed(line)
        complete_line(row, position=line.contract.fiscal_position, company=line.contract.company, on=on)
        row.save()

    doomed, changes = apply_edits(rows, edits, new=lambda: model(line=line), save=save)
    for row in doomed:
        _refuse_billed(row, _("donnez un dernier jour à la ligne."))
    model.objects.filter(pk__in=[row.pk for row in doomed]).delete()
    return changes


def _refuse_billed(row: Article | ContractException, instead: Text) -> None:
    claims = [row.claims, *([row.visit_claims] if isinstance(row, Article) else [])]
    if any(many.exists() for many in claims):
        raise BusinessError(
            _("« %(row)s » est déjà facturé : il ne change plus, %(instead)s") % {"row": row, "instead": instead},
            code="already_billed",
        )


def lines_of(contract: Contract) -> QuerySet[ContractLine]:
    """Return the lines of a contract with what their list shows."""
    return contract.lines.select_related("address", "equipment", "task").order_by("pk")


def _changes(line: ContractLine, before: Mapping[str, object], values: Mapping[str, object]) -> dict[str, list[str]]:
    """Return what changed of a line's own fields, as people read it: months by name, in the order of the year."""
    changes = describe_changes(line, before, values)
    if "visit_months" in changes:
        both = (cast("list[int]", before["visit_months"]), line.visit_months)
        changes["visit_months"] = [
            ", ".join(MONTHS[month - 1] for month in months) or value_text(None) for months in both
        ]
    return changes
