"""The base of the lines of all documents: DI, RDV, quote, invoice, template, contract article."""

from collections.abc import Iterable
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from djmoney.models.fields import MoneyField

from invoicing.choices import LineKind
from invoicing.models.catalogue import Product, Tax, Unit
from openfire_billing.db.fields import percent_field, quantity_field, unit_price_field
from openfire_billing.db.texts import Text
from openfire_billing.kernel import money


def money_field(verbose_name: Text) -> MoneyField:
    """Return a column for an amount in the currency of the row's column `currency`."""
    return MoneyField(  # type: ignore[no-untyped-call]  # djmoney is not typed
        verbose_name, max_digits=14, decimal_places=2, default=Decimal(0), currency_field_name="currency"
    )


HAS_TAX = models.CheckConstraint(
    condition=~Q(kind=LineKind.ARTICLE) | Q(tax__isnull=False),
    name="%(app_label)s_%(class)s_has_tax",
    violation_error_message=_("Une ligne d'article a une TVA."),
)


def price_or_deduction(name: str) -> models.CheckConstraint:
    """Return the constraint that a line has a price of zero or more with a discount, or is a fixed deduction without."""
    return models.CheckConstraint(
        condition=Q(discount__gte=0, discount__lte=100)
        & (Q(unit_price__gte=0) | Q(unit_price__lt=0, discount=0, quantity__gte=0)),
        name=name,
        violation_error_message=_(
            "La remise va de 0 à 100 %, et une remise fixe (prix négatif) a une quantité positive, sans remise en %."
        ),
    )


class BillableLine(models.Model):
    """A line of a document: an article (with or without a product), a section title or a note. Amounts are plain decimals.

    `tax_is_manual`: a user chose the tax; it stays until the article or the fiscal position changes.
    """

    kind = models.CharField(_("Type"), max_length=10, choices=LineKind, default=LineKind.ARTICLE)
    position = models.PositiveIntegerField(_("Ordre"), default=0)
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Article")
    )
    label = models.TextField(_("Description"))
    quantity = quantity_field(default=Decimal(1))
    unit = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name=_("Unité")
    )
    unit_price = unit_price_field(default=Decimal(0), validators=[MinValueValidator(0)])
    discount = percent_field(
        _("Remise %"), default=Decimal(0), validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    tax = models.ForeignKey(
        Tax,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="%(app_label)s_%(class)ss",
        verbose_name=_("TVA"),
    )
    tax_is_manual = models.BooleanField(_("TVA choisie à la main"), default=False)

    class Meta:
        abstract = True
        ordering = ["position", "pk"]
        constraints = [
            HAS_TAX,
            models.CheckConstraint(
                condition=Q(unit_price__gte=0, discount__gte=0, discount__lte=100),
                name="%(app_label)s_%(class)s_price_sane",
                violation_error_message=_("Le prix n'est pas négatif et la remise va de 0 à 100 %."),
            ),
        ]

    def __str__(self) -> str:
        return self.label.split("\n", 1)[0][:80]

    @property
    def is_article(self) -> bool:
        return self.kind == LineKind.ARTICLE

    @property
    def is_deduction(self) -> bool:
        """Whether the line is a fixed deduction: its unit price is negative."""
        return self.unit_price < 0

    def net_amount(self, rounding: str, quantity: Decimal | None = None) -> Decimal:
        """Return the net of the line, or of `quantity` of it, rounded once, in the document's currency."""
        if not self.is_article:
            return money.ZERO
        return money.line_net(self.quantity if quantity is None else quantity, self.unit_price, self.discount, rounding)


class DeductibleLine(BillableLine):
    """A line of a document that is sold: its unit price may be negative, which makes it a fixed deduction."""

    unit_price = unit_price_field(default=Decimal(0))

    class Meta(BillableLine.Meta):
        abstract = True
        constraints = [HAS_TAX, price_or_deduction("%(app_label)s_%(class)s_price_sane")]


def lines_totals(lines: Iterable[BillableLine], rounding: str) -> money.Totals:
    """Return the totals of the article lines of a document. Reads the `tax` of each line: load it before."""
    return money.totals(
        [(line.net_amount(rounding), line.tax) for line in lines if line.is_article and line.tax is not None], rounding
    )
