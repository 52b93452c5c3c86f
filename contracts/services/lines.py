"""Contract lines: saved with their articles and exceptions, prices dated."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contracts.choices import ContractLineState, ContractState
from contracts.models import Article, Contract, ContractException, ContractLine, PriceVersion
from contracts.services.due import rewrite_due
from contracts.services.life import live_claims, lock_contract, lock_with_lines_that_change
from invoicing.choices import LineKind
from invoicing.services.documents.lines import LineEdit, apply_edits, complete_line
from invoicing.services.parties.history import record
from openfire_billing.errors import BusinessError, WrongState
from openfire_billing.fields import number_text

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


def set_price(
    article: Article, *, from_on: date, unit_price: Decimal, discount: Decimal, on: date, by: Any
) -> PriceVersion:
    """« Prix daté »: another yearly price for the first period that starts on or after `from_on`. Settles nothing.

    `discount` in percent. Raises BusinessError for a title or a note, WrongState for a cancelled line.
    """
    with transaction.atomic():
        contract = lock_contract(article.line.contract)
        article = Article.objects.select_related("line").get(pk=article.pk)
        if article.kind != LineKind.ARTICLE:
            raise BusinessError(_("« %s » n'a pas de prix : choisissez un article.") % article)
        if article.line.state == ContractLineState.CANCELLED:
            raise WrongState(
                _("« %s » est annulée : remettez-la en brouillon avant d'y changer un prix.") % article.line
            )
        version, _new = PriceVersion.objects.update_or_create(
            article=article, from_on=from_on, defaults={"unit_price": unit_price, "discount": discount}
        )
        record(
            article.line,
            "priced",
            by=by,
            text=_("« %(article)s » : %(price)s € HT par an à partir du %(day)s")
            % {"article": article, "price": number_text(unit_price), "day": date_format(from_on, "d/m/Y")},
        )
        if contract.state in ContractState.billed:
            rewrite_due([contract.pk], on=on)
    return version


def lines_of(contract: Contract) -> Any:
    """The lines of a contract with what their list shows."""
    return contract.lines.select_related("address", "equipment", "task").order_by("pk")
