"""Draft invoices to write, as values (ids, dates, Decimals). Every service that creates drafts hands over intents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from invoicing.choices import InvoiceKind, LineKind
from invoicing.models import BillableLine
from openfire_billing.kernel.money import TaxTotal

ONE, ZERO = Decimal(1), Decimal(0)


@dataclass(slots=True)  # not frozen: creating one is three times faster, and a run creates thousands
class LineIntent:
    """A line to write. Prices net of tax, discount in percent; the period is half-open.

    `tax`: the tax of the source; the writer replaces it by the one valid on the day of supply. `net`: None for
    quantity × price less discount. `credits`: id of the credited line. `rebill`: whether its source may be billed
    again.
    """

    label: str
    kind: str = LineKind.ARTICLE.value
    product: int | None = None
    quantity: Decimal = ONE
    unit: int | None = None
    unit_price: Decimal = ZERO
    discount: Decimal = ZERO
    tax: int | None = None
    tax_is_manual: bool = False
    net: Decimal | None = None
    period_start: date | None = None
    period_end: date | None = None
    supplied_on: date | None = None
    credits: int | None = None
    rebill: bool = False

    @property
    def is_article(self) -> bool:
        return self.kind == LineKind.ARTICLE

    @property
    def is_deduction(self) -> bool:
        """Whether the line is a fixed deduction: its unit price is negative."""
        return self.unit_price < 0

    @property
    def supply_day(self) -> date | None:
        """The last day of the period, else the day of the work, else None."""
        return date.fromordinal(self.period_end.toordinal() - 1) if self.period_end else self.supplied_on


@dataclass(slots=True)
class DraftIntent:
    """A draft to write. None stands for the usual value of the company or of the customer.

    `name`: what a refusal calls the document (the origin when empty). `currency`: of the amounts; refused when it is
    not the company's. `taxes`: the totals of a credit note, whose tax may be limited to the tax left.
    """

    company: int
    customer: int
    lines: Sequence[LineIntent]
    proposed_on: date
    origin: str
    fiscal_position: int | None
    kind: str = InvoiceKind.INVOICE.value
    journal: int | None = None
    billing_address: int | None = None
    site: int | None = None
    payment_term: int | None = None
    purchase_order: str = ""
    notes: str = ""
    reason: str = ""
    name: str = ""
    currency: str = ""
    credits: int | None = None
    taxes: Sequence[TaxTotal] | None = None


def line_intent(line: BillableLine, quantity: Decimal | None = None, *, supplied_on: date | None = None) -> LineIntent:
    """Return a line of a document as an intent, with the same label, price, discount and tax.

    `quantity`: None for the quantity of the line.
    """
    return LineIntent(
        label=line.label,
        kind=line.kind,
        product=line.product_id,
        quantity=line.quantity if quantity is None else quantity,
        unit=line.unit_id,
        unit_price=line.unit_price,
        discount=line.discount,
        tax=line.tax_id,
        tax_is_manual=line.tax_is_manual,
        supplied_on=supplied_on,
    )


def title_intent(title: object) -> LineIntent:
    """Return a section title as an intent."""
    return LineIntent(label=str(title), kind=LineKind.SECTION.value, quantity=ZERO)
