"""Lines as values: what travels from one document to the next, and what a form asks to change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from django.contrib.contenttypes.fields import GenericForeignKey
from django.db.models import Field, ForeignObjectRel, Model
from django.utils.translation import gettext_lazy as _

from invoicing.choices import LineKind
from invoicing.models import BillableLine, Company, FiscalPosition, InvoiceLine, Product, Tax, Unit
from invoicing.models.catalogue import belongs_elsewhere
from invoicing.services.catalogue import tax_for
from invoicing.services.documents.intents import LineIntent
from invoicing.services.records.changes import LineChange, line_change
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import value_text

AnyLine = TypeVar("AnyLine", bound=BillableLine)
PRINTED = ("unit_name", "unit_code", "tax_rate", "tax_category", "exemption")  # of an invoice line
COPIED = (
    "kind",
    "product_id",
    "label",
    "quantity",
    "unit_id",
    "unit_price",
    "discount",
    "tax_id",
    "tax_is_manual",
)


@dataclass(frozen=True)
class Item:
    """A line to write on a document. Prices net of tax, discount in percent."""

    label: str
    quantity: Decimal = Decimal(1)
    unit_price: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    tax: Tax | None = None
    product: Product | None = None
    unit: Unit | None = None
    kind: str = LineKind.ARTICLE
    tax_is_manual: bool = False

    @property
    def is_article(self) -> bool:
        return self.kind == LineKind.ARTICLE

    def intent(self) -> LineIntent:
        """The same line by ids, for the writer of drafts."""
        return LineIntent(
            label=self.label,
            kind=str(self.kind),
            product=self.product.pk if self.product else None,
            quantity=self.quantity,
            unit=self.unit.pk if self.unit else None,
            unit_price=self.unit_price,
            discount=self.discount,
            tax=self.tax.pk if self.tax else None,
            tax_is_manual=self.tax_is_manual,
        )


def item_of(line: BillableLine, quantity: Decimal | None = None) -> Item:
    """The same line as an item: label, price, discount and tax travel unchanged."""
    return Item(
        kind=line.kind,
        product=line.product,
        label=line.label,
        quantity=line.quantity if quantity is None else quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        discount=line.discount,
        tax=line.tax,
        tax_is_manual=line.tax_is_manual,
    )


@dataclass(frozen=True)
class LineEdit:
    """What a form asks for one line: `pk` None = a new one. `values`: model field → value."""

    pk: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    delete: bool = False


def copy_printed(line: InvoiceLine) -> bool:
    """Copy onto an invoice line what its unit and its tax print now, not saved; whether something changed."""
    unit, tax = line.unit, line.tax
    values = (
        str(unit) if unit else "",
        unit.code if unit else "",
        tax.rate if tax else Decimal(0),
        tax.category if tax else "",
        tax.mention if tax else "",
    )
    if values == (line.unit_name, line.unit_code, line.tax_rate, line.tax_category, line.exemption):
        return False
    line.unit_name, line.unit_code, line.tax_rate, line.tax_category, line.exemption = values
    return True


def complete_line(line: BillableLine, *, position: FiscalPosition | None, company: Company, on: date) -> None:
    """Fill what an article brings and was not typed; set its tax unless it was chosen by hand."""
    if not line.is_article:
        line.quantity, line.unit_price, line.discount = Decimal(0), Decimal(0), Decimal(0)
        line.product = line.tax = line.unit = None
        return
    if line.product is not None:
        line.label = line.label or line.product.label
        line.unit = line.unit or line.product.unit
        if not (line.tax_is_manual and line.tax_id):
            line.tax, line.tax_is_manual = tax_for(line.product, position, on), False
    if line.tax is None:
        raise BusinessError(_("« %s » : choisissez un article ou une TVA.") % (line.label or _("ligne sans article")))
    if belongs_elsewhere(line.tax, company):
        raise BusinessError(
            _("« %(line)s » : la taxe « %(tax)s » est celle d'une autre société. Choisissez-en une de %(company)s.")
            % {"line": line.label, "tax": line.tax, "company": company}
        )


def remap_taxes(lines: Iterable[AnyLine], *, position: FiscalPosition | None, on: date) -> list[AnyLine]:
    """Give article lines the tax of a new fiscal position. Returns those whose tax changed, not saved."""
    changed = []
    for line in lines:
        if line.is_article and line.product is not None:
            tax = tax_for(line.product, position, on)
            if tax.pk != line.tax_id or line.tax_is_manual:
                line.tax, line.tax_is_manual = tax, False
                changed.append(line)
    return changed


def refuse_unbillable(
    items: Sequence[Item], *, company: Company, position: FiscalPosition | None, name: object
) -> None:
    """Refuse what could never become a right invoice, naming the document and what to do."""
    if not any(item.is_article for item in items):
        raise BusinessError(_("%s : aucune ligne d'article. Ajoutez-en une.") % name)
    if position is None:
        raise BusinessError(_("%s : pas de position fiscale. Remplissez le champ « Position fiscale ».") % name)
    if belongs_elsewhere(position, company):
        raise BusinessError(
            _(
                "%(name)s : la position fiscale « %(position)s » est celle d'une autre société. Choisissez-en une de %(company)s."
            )
            % {"name": name, "position": position, "company": company}
        )
    for item in items:
        if item.product is not None and not item.product.income_account:
            raise BusinessError(
                _(
                    "%(name)s : l'article « %(product)s » n'a pas de compte de produit. Complétez sa fiche (Répertoire › Articles)."
                )
                % {"name": name, "product": item.product}
            )
        if belongs_elsewhere(item.tax, company):
            raise BusinessError(
                _(
                    "%(name)s : la taxe « %(tax)s » de « %(line)s » est celle d'une autre société. Choisissez-en une de %(company)s."
                )
                % {"name": name, "tax": item.tax, "line": item.label, "company": company}
            )


_UNTOLD = ("tax_is_manual", "position")  # columns that people do not see
_BARE = ("quantity", "discount")  # numbers that are no amounts


def changes_of(before: Model, after: Model, names: Iterable[str]) -> dict[str, list[str]]:
    """{field: [before, after]} of the named fields that differ, for the journal."""
    found: dict[str, list[str]] = {}
    for name in names:
        field = after._meta.get_field(name)
        if name not in _UNTOLD and getattr(before, name) != getattr(after, name):
            found[name] = [_value_text(before, field), _value_text(after, field)]
    return found


def _value_text(record: Model, field: "Field[object, object] | ForeignObjectRel | GenericForeignKey") -> str:
    value = getattr(record, field.name)
    if isinstance(field, Field) and field.choices:
        value = dict(field.flatchoices).get(value, value)
    return value_text(value, least_places=0 if field.name in _BARE else 2)


def items_of_edits(
    edits: Iterable[LineEdit], *, position: FiscalPosition | None, company: Company, on: date
) -> list[Item]:
    """The lines typed on a document that does not exist yet, completed (text, unit and tax of the article)."""
    items = []
    for edit in edits:
        values = {name: value for name, value in edit.values.items() if name != "position"}
        line = _Typed(**values)  # type: ignore[arg-type]  # values of columns, of any type
        complete_line(line, position=position, company=company, on=on)  # type: ignore[arg-type]
        items.append(item_of(line))  # type: ignore[arg-type]
    return items


@dataclass
class _Typed:
    """A typed line that has no table yet."""

    kind: str = LineKind.ARTICLE
    product: Product | None = None
    label: str = ""
    quantity: Decimal = Decimal(1)
    unit: Unit | None = None
    unit_price: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    tax: Tax | None = None
    tax_is_manual: bool = False

    @property
    def is_article(self) -> bool:
        return self.kind == LineKind.ARTICLE

    @property
    def tax_id(self) -> int | None:
        return self.tax.pk if self.tax else None


def _as_it_was(line: AnyLine) -> AnyLine:
    return type(line)(**{field.attname: getattr(line, field.attname) for field in line._meta.concrete_fields})


def apply_edits(
    lines: Mapping[int, AnyLine],
    edits: Sequence[LineEdit],
    *,
    new: Callable[[], AnyLine],
    save: Callable[[AnyLine, AnyLine | None], None],
) -> tuple[list[AnyLine], list[LineChange]]:
    """Apply a form's edits to a document's lines. Returns the lines deleted (still to be deleted) and what changed.

    `new()` makes an unsaved line of the document; `save(line, before)` completes, checks and saves one
    (`before` is None for a new one).
    """
    doomed: list[AnyLine] = []
    changes: list[LineChange] = []
    for edit in edits:
        if edit.delete:
            line = lines[edit.pk]  # type: ignore[index]
            doomed.append(line)
            changes.append(line_change(line, "removed"))
            continue
        line = lines[edit.pk] if edit.pk else new()
        before = _as_it_was(line) if edit.pk else None
        for name, value in edit.values.items():
            setattr(line, name, value)
        if before is not None and "product" in edit.values and before.product_id != line.product_id:
            line.tax_is_manual = False
        save(line, before)
        if before is None:
            changes.append(line_change(line, "added"))
        elif found := changes_of(before, line, edit.values):
            changes.append(line_change(line, "changed", found))
    return doomed, changes
