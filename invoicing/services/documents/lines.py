"""Lines as values: copied from one document to the next, or edited by a form."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from django.contrib.contenttypes.fields import GenericForeignKey
from django.db.models import Field, ForeignObjectRel, Model
from django.utils.translation import gettext_lazy as _

from invoicing.choices import LineKind, ProductKind, VatCategory
from invoicing.models import BillableLine, Company, FiscalPosition, InvoiceLine, Product, Tax, Unit
from invoicing.models.catalogue import belongs_elsewhere
from invoicing.services.catalogue import tax_for
from invoicing.services.documents.deductions import Part, refusal_of_deductions
from invoicing.services.documents.intents import LineIntent
from invoicing.services.documents.prices import settle_price
from invoicing.services.records.changes import LineChange, line_change
from openfire_billing.kernel import money
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.kernel.formats import value_text

AnyLine = TypeVar("AnyLine", bound=BillableLine)
PRINTED = (
    "unit_name",
    "unit_code",
    "tax_rate",
    "tax_category",
    "exemption",
)  # columns of an invoice line that copy its unit and its tax
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

    def part(self, rounding: str) -> Part:
        """Return what an article with a tax adds to a document."""
        assert self.tax is not None
        net = money.line_net(self.quantity, self.unit_price, self.discount, rounding)
        return Part(self.label, net, self.tax, self.unit_price < 0)

    def intent(self) -> LineIntent:
        """Return the same line by ids, for the writer of drafts."""
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
    """Return a line as an item, with the same label, price, discount and tax. `quantity`: None for that of the line."""
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
    """A change of one line by a form. `pk`: None for a new line. `values`: {model field: value}."""

    pk: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    delete: bool = False


def copy_printed(line: InvoiceLine) -> bool:
    """Copy to an invoice line what its unit and its tax print. Does not save. Returns whether a column changed."""
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
    """Fill the empty text and unit of a line from its article, and its tax unless a user chose it. Does not save.

    A price typed with tax becomes one without. Raises BusinessError: no article and no tax, a tax of another company,
    and what `settle_price` raises.
    """
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
    settle_price(line, company)


def remap_taxes(lines: Iterable[AnyLine], *, position: FiscalPosition | None, on: date) -> list[AnyLine]:
    """Set the tax of article lines under a new fiscal position. Returns the lines that changed. Does not save."""
    changed = []
    for line in lines:
        if line.is_article and line.product is not None:
            tax = tax_for(line.product, position, on)
            if tax.pk != line.tax_id or line.tax_is_manual:
                line.tax, line.tax_is_manual = tax, False
                changed.append(line)
    return changed


def refusal_of_article(name: object, product: Product) -> BusinessError:
    """Return why an article without income account is not billed. `name`: what the sentence calls the document."""
    return BusinessError(
        _(
            "%(name)s : l'article « %(product)s » n'a pas de compte de produit. Complétez sa fiche (Répertoire › Articles)."
        )
        % {"name": name, "product": product},
        documents=[product],
        step=Step(_("Compléter l'article"), product, field="income_account"),
    )


def is_goods_tax_of_service(product: Product, tax: Tax) -> bool:
    """Return whether a tax exempts goods (intra-community supply, export) and the article is a service."""
    return tax.category in VatCategory.goods and product.kind == ProductKind.SERVICE


def refusal_of_goods_tax(
    name: object, line: object, tax: object, *, position: FiscalPosition | None, step: Step | None = None
) -> BusinessError:
    """Return the refusal of a service exempted as goods. `name`: what the sentence calls the document.

    `position`: the fiscal position that gives the line this tax; None when it was chosen on the line.
    """
    names = {"name": name, "tax": tax, "line": line, "position": position}
    if position is None:
        text = _(
            "%(name)s : la taxe « %(tax)s » exonère des biens, et « %(line)s » est une prestation. "
            "Choisissez-en une autre, par exemple une autoliquidation."
        )
        return BusinessError(text % names, step=step)
    text = _(
        "%(name)s : la taxe « %(tax)s » exonère des biens, et « %(line)s » est une prestation. La position fiscale "
        "« %(position)s » la lui donne : choisissez-y une autre taxe, par exemple une autoliquidation."
    )
    return BusinessError(text % names, documents=[position], step=step)


def refuse_unbillable(
    items: Sequence[Item], *, company: Company, position: FiscalPosition | None, name: object
) -> None:
    """Raise all that keeps an invoice of these items from ever being posted. `name`: what the sentences call the document."""
    if faults := [*unbillable(items, company=company, position=position, name=name)]:
        raise BusinessError.all(faults)


def unbillable(
    items: Sequence[Item], *, company: Company, position: FiscalPosition | None, name: object
) -> Iterator[BusinessError]:
    """Yield all that keeps an invoice of these items from ever being posted, as `refuse_unbillable` raises it."""
    if not any(item.is_article for item in items):
        yield BusinessError(_("%s : aucune ligne d'article. Ajoutez-en une.") % name)
    if position is None:
        yield BusinessError(
            _("%s : pas de position fiscale. Remplissez le champ « Position fiscale ».") % name,
            field="fiscal_position",
        )
    elif belongs_elsewhere(position, company):
        yield BusinessError(
            _(
                "%(name)s : la position fiscale « %(position)s » est celle d'une autre société. Choisissez-en une de %(company)s."
            )
            % {"name": name, "position": position, "company": company},
            field="fiscal_position",
        )
    for item in items:
        if item.product is not None and not item.product.income_account:
            yield refusal_of_article(name, item.product)
        if item.product is not None and item.tax is not None and is_goods_tax_of_service(item.product, item.tax):
            cause = position if position is not None and not item.tax_is_manual and position.gives(item.tax) else None
            yield refusal_of_goods_tax(name, item.label, item.tax, position=cause)
        if belongs_elsewhere(item.tax, company):
            yield BusinessError(
                _(
                    "%(name)s : la taxe « %(tax)s » de « %(line)s » est celle d'une autre société. Choisissez-en une de %(company)s."
                )
                % {"name": name, "tax": item.tax, "line": item.label, "company": company}
            )
    parts = [item.part(company.rounding) for item in items if item.is_article and item.tax is not None]
    if refusal := refusal_of_deductions(parts, name=name, rounding=company.rounding, currency=company.currency):
        yield refusal


_HIDDEN = ("tax_is_manual", "position")  # columns that no page shows
_PLAIN_NUMBERS = ("quantity", "discount")  # written without the decimals of an amount


def changes_of(before: Model, after: Model, names: Iterable[str]) -> dict[str, list[str]]:
    """Return {field: [before, after]} of the named fields that differ, as the journal keeps it."""
    changes: dict[str, list[str]] = {}
    for name in names:
        field = after._meta.get_field(name)
        if name not in _HIDDEN and getattr(before, name) != getattr(after, name):
            changes[name] = [_value_text(before, field), _value_text(after, field)]
    return changes


def _value_text(record: Model, field: "Field[object, object] | ForeignObjectRel | GenericForeignKey") -> str:
    value = getattr(record, field.name)
    if isinstance(field, Field) and field.choices:
        value = dict(field.flatchoices).get(value, value)
    return value_text(value, least_places=0 if field.name in _PLAIN_NUMBERS else 2)


def items_of_edits(
    edits: Iterable[LineEdit], *, position: FiscalPosition | None, company: Company, on: date
) -> list[Item]:
    """Return the lines typed on a document to create, completed by their articles (`complete_line`).

    Raises BusinessError with the faults of all of them.
    """
    items, faults = [], []
    for edit in edits:
        values = {name: value for name, value in edit.values.items() if name != "position"}
        line = _Typed(**values)  # type: ignore[arg-type]  # values of columns, of any type
        try:
            complete_line(line, position=position, company=company, on=on)  # type: ignore[arg-type]  # a plain line has what a stored one has
        except BusinessError as fault:
            faults.append(fault)
        items.append(item_of(line))  # type: ignore[arg-type]  # as above
    if faults:
        raise BusinessError.all(faults)
    return items


@dataclass
class _Typed:
    """A typed line before its document exists: the attributes of a BillableLine that services read."""

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

    def __str__(self) -> str:
        return self.label.split("\n", 1)[0][:80]


def _copy_of(line: AnyLine) -> AnyLine:
    return type(line)(**{field.attname: getattr(line, field.attname) for field in line._meta.concrete_fields})


def apply_edits(
    lines: Mapping[int, AnyLine],
    edits: Sequence[LineEdit],
    *,
    new: Callable[[], AnyLine],
    save: Callable[[AnyLine, AnyLine | None], None],
) -> tuple[list[AnyLine], list[LineChange]]:
    """Apply a form's edits to a document's lines. Returns the lines that the caller must delete, and the changes.

    `lines`: {id: line} of the document. `new()` returns an unsaved line of the document. `save(line, before)`
    completes, checks and saves a line; `before` is a copy of the line before the edit, None for a new line. Raises
    BusinessError with the faults of all lines.
    """
    deleted: list[AnyLine] = []
    changes: list[LineChange] = []
    faults: list[BusinessError] = []
    for edit in edits:
        if edit.delete:
            line = lines[edit.pk]  # type: ignore[index]  # a line to delete has an id
            deleted.append(line)
            changes.append(line_change(line, "removed"))
            continue
        line = lines[edit.pk] if edit.pk else new()
        before = _copy_of(line) if edit.pk else None
        for name, value in edit.values.items():
            setattr(line, name, value)
        if before is not None and "product" in edit.values and before.product_id != line.product_id:
            line.tax_is_manual = False
        try:
            save(line, before)
        except BusinessError as fault:
            faults.append(fault)
            continue
        if before is None:
            changes.append(line_change(line, "added"))
        elif changed := changes_of(before, line, edit.values):
            changes.append(line_change(line, "changed", changed))
    if faults:
        raise BusinessError.all(faults)
    return deleted, changes
