"""Claims and holds: rows that tie the source of a line (a DI line, a period) to the line that bills or quotes it.

A claim records what an invoice line bills. Its model is a child of `Claim`, in the app of the source. Invoicing finds
the children and calls their hooks from the services that change or delete claimed lines. A hold is the same for quotes:
while a quote is live, only the quote bills the lines it holds.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Self

from django.apps import apps
from django.db import models
from django.db.models import F, Value
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceState
from invoicing.models.documents.invoices import InvoiceLine
from invoicing.models.documents.quotes import Quote, QuoteLine
from openfire_billing.db.guards import guard
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import number_text


class Sourced(models.Model):
    """A row that ties a line to the document of its source. `SOURCE`: the lookup from the row to that document."""

    SOURCE: ClassVar[str] = ""

    class Meta:
        abstract = True

    @classmethod
    def children(cls) -> list[type[Self]]:
        """Return the concrete models that inherit this one, in all apps."""
        return [model for model in apps.get_models() if issubclass(model, cls)]

    @classmethod
    def source_model(cls) -> type[models.Model]:
        """Return the model at the end of `SOURCE`."""
        model: type[models.Model] = cls
        for name in cls.SOURCE.split("__"):
            related = model._meta.get_field(name).related_model
            assert isinstance(related, type)
            model = related
        return model


def sources_of(kinds: Sequence[type[Sourced]], **condition: object) -> dict[type[Sourced], set[int]]:
    """Return the ids of the source documents of the rows that meet a condition: {model of the rows: ids}.

    A model without such rows has no key. One query serves all models.
    """
    rows = [
        kind._default_manager.filter(**condition)
        .order_by()
        .annotate(place=Value(place), source=F(kind.SOURCE))
        .values_list("place", "source")
        for place, kind in enumerate(kinds)
    ]
    sources: dict[type[Sourced], set[int]] = {}
    for place, source in rows[0].union(*rows[1:]) if rows else ():
        sources.setdefault(kinds[place], set()).update({source} - {None})
    return sources


class Claim(Sourced):
    """A record of what an invoice line bills.

    A *quantity* claim bills the quantity of its invoice line. A *thing* claim (`IS_QUANTITY` false) bills a whole
    period, visit or exception; its column `net` equals the net of its line.
    """

    IS_QUANTITY: ClassVar[bool] = True

    invoice_line = models.ForeignKey(
        InvoiceLine, models.CASCADE, related_name="%(class)ss", verbose_name=_("ligne de facture")
    )

    class Meta:
        abstract = True

    @classmethod
    def check_changes(cls, claims: Sequence[Self], changes: Mapping[int, Decimal]) -> None:
        """Raise BusinessError when a source has not enough left. `changes`: {invoice line id: wanted quantity}."""
        raise TypeError(f"{cls.__name__} does not say what it checks.")

    @classmethod
    def priced(cls, claims: Sequence[Self], lines: Mapping[int, InvoiceLine]) -> None:
        """Copy the net of the lines of an edited draft to their claims. `lines`: the remaining lines, {id: line}."""

    @classmethod
    def check_freed(cls, claims: Sequence[Self]) -> None:
        """Raise BusinessError when the sources of these claims must stay billed."""

    @classmethod
    def freed(cls, claims: Sequence[Self], *, by: By) -> None:
        """Called after the sources became billable again: draft deleted or cancelled, or credited with « à refacturer »."""

    @classmethod
    def released(cls, claims: Sequence[Self], *, credit_lines: Mapping[int, InvoiceLine], by: By) -> None:
        """Called when a posted credit note « à refacturer » credits whole *things*.

        `credit_lines`: {id of the credited line: line of the credit note}.
        """


def guard_claim(kind: type[Claim], *, once: str = "") -> None:
    """Declare that claims of posted lines never change. `once`: the column that a credit note may fill."""
    guard(kind, frozen="invoice_line__invoice__state", value=InvoiceState.POSTED.value, once=once)


class Hold(Sourced):
    """A source line that a quote line reserves: while the quote is live, no other document bills it."""

    quote_line = models.ForeignKey(
        QuoteLine, models.CASCADE, related_name="%(class)ss", verbose_name=_("ligne de devis")
    )

    class Meta:
        abstract = True

    @classmethod
    def check_revival(cls, quote: Quote) -> None:
        """Raise BusinessError, which names the line, when another document has billed or quoted a line of this quote."""
        raise TypeError(f"{cls.__name__} does not say what it checks.")


def refuse_more_than_left(name: str, wanted: Decimal, left: Decimal) -> None:
    """Raise BusinessError when an invoice line would bill more than its source has left."""
    if wanted > left:
        raise BusinessError(
            _(
                "« %(name)s » : il ne reste que %(left)s à facturer, la ligne en demande %(wanted)s. Baissez la quantité."
            )
            % {"name": name, "left": number_text(left, 0), "wanted": number_text(wanted, 0)}
        )


class QuoteLineClaim(Claim):
    """An invoice line that bills a quote line."""

    SOURCE = "quote_line__quote"
    company_path = f"{SOURCE}__company"

    quote_line = models.ForeignKey(QuoteLine, models.PROTECT, related_name="claims", verbose_name=_("ligne de devis"))

    class Meta:
        verbose_name = _("ligne de devis facturée")
        verbose_name_plural = _("lignes de devis facturées")
        constraints = [models.UniqueConstraint(fields=["invoice_line"], name="invoicing_quoteclaim_line_once")]

    def __str__(self) -> str:
        return f"{self.quote_line} → {self.invoice_line}"

    @classmethod
    def check_changes(cls, claims: Sequence["QuoteLineClaim"], changes: Mapping[int, Decimal]) -> None:
        lines = QuoteLine.objects.left_to_bill().in_bulk([claim.quote_line_id for claim in claims])
        for claim in claims:
            line = lines[claim.quote_line_id]
            refuse_more_than_left(str(line), changes[claim.invoice_line_id], line.left + claim.invoice_line.quantity)


guard_claim(QuoteLineClaim)
