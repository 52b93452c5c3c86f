"""What a contract line bills: articles priced a year, their later prices, and one-off dated exceptions."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contracts.models.lines import ContractLine
from invoicing.choices import LineKind
from invoicing.models import BillableLine
from openfire_billing.db.fields import percent_field, unit_price_field


class Article(BillableLine):
    """An article of a line: quantity a year at a yearly price (per instalment when billed by days or weeks).

    `from_on`: the first day it bills, empty = as its line. One added to a line that is billed begins with the first
    period not billed.
    """

    company_path = "line__contract__company"

    line = models.ForeignKey(ContractLine, models.CASCADE, related_name="articles", verbose_name=_("ligne de contrat"))

    from_on = models.DateField(
        _("Facturé à partir du"),
        null=True,
        blank=True,
        help_text=_("Vide : comme la ligne ; sur une ligne déjà facturée, dès la première période non facturée."),
    )

    class Meta(BillableLine.Meta):
        verbose_name = _("article de contrat")
        verbose_name_plural = _("articles de contrat")
        constraints = [
            *BillableLine.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | Q(quantity__gt=0),
                name="contracts_article_quantity",
                violation_error_message=_("La quantité est supérieure à zéro."),
            ),
        ]


class PriceVersion(models.Model):
    """The price of an article from a day on: of the first period that starts on or after it. Settles nothing."""

    company_path = "article__line__contract__company"

    article = models.ForeignKey(Article, models.CASCADE, related_name="prices", verbose_name=_("article"))
    from_on = models.DateField(_("à partir du"))
    unit_price = unit_price_field(validators=[MinValueValidator(0)])
    discount = percent_field(
        _("Remise %"), default=Decimal(0), validators=[MinValueValidator(0), MaxValueValidator(100)]
    )

    class Meta:
        ordering = ["article", "from_on"]
        verbose_name = _("prix daté")
        verbose_name_plural = _("prix datés")
        constraints = [
            models.UniqueConstraint(
                fields=["article", "from_on"],
                name="contracts_price_once",
                violation_error_message=_("Un seul prix par article et par date."),
            ),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0, discount__gte=0, discount__lte=100), name="contracts_price_sane"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.article} {self.from_on:%d/%m/%Y}"


class ContractException(BillableLine):
    """A one-off dated line of a contract line. A negative quantity takes something off.

    It is billed with the first due period of its line from that day on, or on its day when it is `alone`.
    """

    company_path = "line__contract__company"

    line = models.ForeignKey(
        ContractLine, models.CASCADE, related_name="exceptions", verbose_name=_("ligne de contrat")
    )
    on = models.DateField(_("Date"))
    alone = models.BooleanField(_("Seule"), default=False, help_text=_("Facturée seule, le jour même."))

    class Meta(BillableLine.Meta):
        ordering = ["on", "position", "pk"]
        verbose_name = _("exception")
        verbose_name_plural = _("exceptions")
        constraints = [
            *BillableLine.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | ~Q(quantity=0),
                name="contracts_exception_quantity",
                violation_error_message=_("La quantité n'est pas nulle."),
            ),
        ]
