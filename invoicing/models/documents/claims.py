"""Claims and holds: the two ways in which what was promised is tied to what bills it or quotes it.

A claim says what an invoice line bills. It is a row of the app that promised it, child of `Claim`; invoicing finds
the children by itself and calls their hooks from the only services that touch lines holding claims. A hold is the
same pattern for quotes: a line on a live quote is billed by the quote alone.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Self

from django.apps import apps
from django.db import models
from django.db.models import F, Value
from django.utils.translation import gettext_lazy as _

from invoicing.models.documents.invoices import InvoiceLine
from invoicing.models.documents.quotes import Quote, QuoteLine
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import number_text


class Sourced(models.Model):
    """A row that ties a line or a document to the document it stands for. `SOURCE`: the lookup to that document."""

    SOURCE: ClassVar[str] = ""

    class Meta:
        abstract = True

    @classmethod
    def children(cls) -> list[type[Self]]:
        """The concrete models that are children of this one, in all apps."""
        return [model for model in apps.get_models() if issubclass(model, cls)]

    @classmethod
    def source_model(cls) -> type[models.Model]:
        """The model of the document."""
        model: type[models.Model] = cls
        for name in cls.SOURCE.split("__"):
            related = model._meta.get_field(name).related_model
            assert isinstance(related, type)
            model = related
        return model


def sources_of(kinds: Sequence[type[Sourced]], **condition: object) -> dict[type[Sourced], set[int]]:
    """Ids of the documents that the rows of a condition lead to, by kind of row; a kind without rows is not there.

    One query for all kinds.
    """
    rows = [
        kind._default_manager.filter(**condition)
        .order_by()
        .annotate(place=Value(place), source=F(kind.SOURCE))
        .values_list("place", "source")
        for place, kind in enumerate(kinds)
    ]
    found: dict[type[Sourced], set[int]] = {}
    for place, source in rows[0].union(*rows[1:]) if rows else ():
        found.setdefault(kinds[place], set()).update({source} - {None})
    return found


class Claim(Sourced):
    """What an invoice line bills. A *quantity* claim reads its quantity from the invoice line, a *thing* is whole and
    has a column `net`, its line's."""

    IS_QUANTITY: ClassVar[bool] = True

    invoice_line = models.ForeignKey(
        InvoiceLine, models.CASCADE, related_name="%(class)ss", verbose_name=_("ligne de facture")
    )

    class Meta:
        abstract = True

    @classmethod
    def check_changes(cls, claims: Sequence[Self], changes: Mapping[int, Decimal]) -> None:
        """Refuse when a source has not enough left. `changes`: wanted quantity by invoice line id."""
        raise TypeError(f"{cls.__name__} does not say what it checks.")

    @classmethod
    def priced(cls, claims: Sequence[Self], lines: Mapping[int, InvoiceLine]) -> None:
        """Follow the net of the lines of an edited draft. `lines`: those that are left, by id."""

    @classmethod
    def check_freed(cls, claims: Sequence[Self]) -> None:
        """Refuse when what these claims bill may not become free again as things are."""

    @classmethod
    def freed(cls, claims: Sequence[Self], *, by: By) -> None:
        """Told after what these claims billed became free again (draft deleted or cancelled, credit « à refacturer »)."""

    @classmethod
    def released(cls, claims: Sequence[Self], *, credit_lines: Mapping[int, InvoiceLine], by: By) -> None:
        """Told when a posted credit « à refacturer » gives back a whole *thing*. `credit_lines`: by line credited."""


class Hold(Sourced):
    """What a quote line keeps for itself: while the quote lives, nothing else bills it."""

    quote_line = models.ForeignKey(
        QuoteLine, models.CASCADE, related_name="%(class)ss", verbose_name=_("ligne de devis")
    )

    class Meta:
        abstract = True

    @classmethod
    def check_revival(cls, quote: Quote) -> None:
        """Refuse, by name, when a line of this quote was billed or quoted elsewhere since."""
        raise TypeError(f"{cls.__name__} does not say what it checks.")


def refuse_more_than_left(name: str, wanted: Decimal, left: Decimal) -> None:
    """Refuse an invoice line that would bill more than its source has left."""
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
