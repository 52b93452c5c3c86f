"""Units, products, taxes, fiscal positions, payment terms, journals and their counters."""

from datetime import date, timedelta
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from invoicing.choices import DueCount, JournalKind, ProductKind, VatCategory
from invoicing.models.parties import Company, Partner
from invoicing.models.parties.companies import account_number
from openfire_billing.db.fields import percent_field, unit_price_field
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned
from openfire_billing.kernel.formats import number_text
from openfire_billing.kernel.periods import end_of_month


def _unique_per_company(field: str, name: str) -> list[models.BaseConstraint]:
    """Return constraints: `field` is unique within a company, and among the rows that all companies share."""
    return [
        models.UniqueConstraint(fields=[field, "company"], name=name),
        models.UniqueConstraint(fields=[field], condition=Q(company__isnull=True), name=f"{name}_shared"),
    ]


class Unit(Versioned):
    """A unit of measure with its UN/ECE recommendation 20 code (C62 piece, HUR hour, MTR metre)."""

    IS_RULE = True

    code = models.CharField(_("Code"), max_length=3, unique=True)
    name = models.CharField(_("Nom"), max_length=40)
    symbol = models.CharField(_("Symbole"), max_length=10, blank=True)

    objects = StampedQuerySet["Unit"].as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("unité")
        verbose_name_plural = _("unités")

    def __str__(self) -> str:
        return self.symbol or self.name


class Tax(Versioned):
    """One VAT: rate, category, mention and account. Immutable once used; a new rate is a new Tax that `replaces` it."""

    IS_RULE = True

    name = models.CharField(_("Nom"), max_length=80)
    company = models.ForeignKey(
        Company, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("société (vide = toutes)")
    )
    rate = percent_field(_("Taux %"), validators=[MinValueValidator(0), MaxValueValidator(100)])
    category = models.CharField(_("Catégorie"), max_length=2, choices=VatCategory, default=VatCategory.S)
    mention = models.CharField(_("Mention à imprimer"), max_length=200, blank=True)
    account = models.CharField(_("Compte de TVA"), max_length=12, blank=True, validators=[account_number])
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by", verbose_name=_("remplace")
    )
    valid_from = models.DateField(_("à partir du"), null=True, blank=True)
    is_active = models.BooleanField(_("proposée"), default=True)

    objects = StampedQuerySet["Tax"].as_manager()

    class Meta:
        ordering = ["-is_active", "name"]
        verbose_name = _("taxe")
        verbose_name_plural = _("taxes")
        constraints = [
            *_unique_per_company("name", "invoicing_tax_name_once"),
            models.CheckConstraint(
                condition=Q(category=VatCategory.S, rate__gt=0) | (~Q(category=VatCategory.S) & Q(rate=0)),
                name="invoicing_tax_rate_fits_category",
                violation_error_message=_("La catégorie S a un taux positif, les autres un taux nul."),
            ),
            models.CheckConstraint(
                condition=Q(replaces__isnull=True) | Q(valid_from__isnull=False),
                name="invoicing_tax_replacement_dated",
                violation_error_message=_("Une taxe qui en remplace une autre dit à partir de quand."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def short(self) -> str:
        """The rate as printed in a column: « 5,5 % »."""
        return f"{number_text(self.rate, 0)} %"

    def is_used(self) -> bool:
        """Whether any line of any document bears this tax."""
        return any(
            relation.related_model._base_manager.filter(**{relation.field.name: self}).exists()
            for relation in self._meta.related_objects
            if relation.field.name == "tax" and relation.related_model is not Product
        )

    def clean(self) -> None:
        if self.rate and not self.account:
            raise ValidationError({"account": _("Une taxe à taux positif a un compte de TVA, par exemple 445711.")})
        before = Tax.objects.filter(pk=self.pk).first()
        frozen = ("rate", "category", "account", "company_id", "mention")
        if before and any(getattr(before, f) != getattr(self, f) for f in frozen) and before.is_used():
            raise ValidationError(
                _("« %s » est déjà utilisée : créez une nouvelle taxe qui la remplace à partir d'une date.") % before
            )

    def on(self, day: date | None) -> "Tax":
        """Return the tax valid on that day: this one, or the last of those that replace it one after the other."""
        replacement: Tax | None = getattr(self, "replaced_by", None)
        if day and replacement and replacement.valid_from and replacement.valid_from <= day:
            return replacement.on(day)
        return self


class FiscalPosition(Versioned):
    """A mapping of the taxes of articles, for a kind of customer or of work (VEN-5.5, VEN-10, …)."""

    IS_RULE = True

    code = models.CharField(_("Code"), max_length=30)
    name = models.CharField(_("Nom"), max_length=120, blank=True)
    company = models.ForeignKey(
        Company, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("société (vide = toutes)")
    )
    mention = models.TextField(_("Mention à imprimer"), blank=True)
    is_active = models.BooleanField(_("proposée"), default=True)

    objects = StampedQuerySet["FiscalPosition"].as_manager()

    class Meta:
        ordering = ["code"]
        verbose_name = _("position fiscale")
        verbose_name_plural = _("positions fiscales")
        constraints = _unique_per_company("code", "invoicing_position_once")

    def __str__(self) -> str:
        return self.code

    def map(self, tax: Tax) -> Tax:
        """Return the tax that replaces `tax` under this position; `tax` itself when the position has no row for it."""
        for row in self.mappings.all():
            if row.source_id == tax.pk:
                return row.target
        return tax

    def gives(self, tax: Tax) -> bool:
        """Return whether a row of the position replaces a tax by `tax`."""
        return any(row.target_id == tax.pk for row in self.mappings.all())


class FiscalPositionTax(models.Model):
    """One row of a fiscal position: source tax → target tax."""

    company_path = "position__company"

    position = models.ForeignKey(FiscalPosition, models.CASCADE, related_name="mappings", verbose_name=_("position"))
    source = models.ForeignKey(Tax, models.PROTECT, related_name="+", verbose_name=_("taxe de l'article"))
    target = models.ForeignKey(Tax, models.PROTECT, related_name="+", verbose_name=_("taxe appliquée"))

    class Meta:
        ordering = ["pk"]
        verbose_name = _("correspondance de taxe")
        verbose_name_plural = _("correspondances de taxes")
        constraints = [
            models.UniqueConstraint(
                fields=["position", "source"],
                name="invoicing_mapping_once",
                violation_error_message=_("Une seule ligne par taxe d'article."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


class Product(Versioned):
    """An article: unit, price, tax and account of the lines that sell it."""

    KEPT_FOR_OTHERS = ("unit_price", "purchase_price", "income_account", "tax", "unit", "kind")
    KEPT_ADVICE = _("Changez le prix sur vos lignes, ou créez un article.")

    code = models.CharField(_("Code"), max_length=40, unique=True)
    name = models.CharField(_("Nom"), max_length=160)
    kind = models.CharField(_("Catégorie d'opération"), max_length=10, choices=ProductKind, default=ProductKind.SERVICE)
    description = models.TextField(_("Description sur les documents"), blank=True)
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="+", verbose_name=_("unité"))
    unit_price = unit_price_field(validators=[MinValueValidator(0)], default=Decimal(0))
    tax = models.ForeignKey(Tax, models.PROTECT, related_name="products", verbose_name=_("TVA"))
    purchase_price = unit_price_field(_("Prix d'achat"), validators=[MinValueValidator(0)], default=Decimal(0))
    income_account = models.CharField(_("Compte de produit"), max_length=12, blank=True, validators=[account_number])
    supplier = models.ForeignKey(
        Partner, models.SET_NULL, null=True, blank=True, related_name="supplies", verbose_name=_("fournisseur")
    )
    is_active = models.BooleanField(_("proposé"), default=True)

    objects = StampedQuerySet["Product"].as_manager()

    class Meta:
        ordering = ["code"]
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        constraints = [
            models.CheckConstraint(
                condition=Q(unit_price__gte=0),
                name="invoicing_product_price_positive",
                violation_error_message=_("Un prix n'est pas négatif."),
            ),
            models.UniqueConstraint(
                Lower("code"),
                name="invoicing_product_code_once",
                violation_error_message=_("Ce code est celui d'un autre article, aux majuscules près."),
            ),
        ]

    def __str__(self) -> str:
        return f"[{self.code}] {self.name}"

    @property
    def label(self) -> str:
        """The text of a line of this article."""
        return self.description or str(self)


class PaymentTerm(Versioned):
    """When an invoice is due, counted from the date it is issued.

    « 45 jours fin de mois » is read in both ways (`counted`); « le 10 du mois suivant » is ten days after the end of the
    month.
    """

    IS_RULE = True

    name = models.CharField(_("Nom"), max_length=80, unique=True)
    days = models.PositiveSmallIntegerField(_("Jours"), default=30)
    counted = models.CharField(_("Compte"), max_length=10, choices=DueCount, default=DueCount.NET)
    text = models.CharField(_("Texte imprimé"), max_length=200, blank=True)

    objects = StampedQuerySet["PaymentTerm"].as_manager()

    class Meta:
        ordering = ["days", "name"]
        verbose_name = _("conditions de règlement")
        verbose_name_plural = _("conditions de règlement")

    def __str__(self) -> str:
        return self.name

    def due_on(self, issued_on: date) -> date:
        """Return the due day of an invoice issued on that day."""
        days = timedelta(days=self.days)
        if self.counted == DueCount.END_THEN:
            return end_of_month(issued_on) + days
        return end_of_month(issued_on + days) if self.counted == DueCount.THEN_END else issued_on + days

    @property
    def end_of_month(self) -> bool:
        """Whether the end of a month counts."""
        return self.counted != DueCount.NET


class PartnerTerms(models.Model):
    """A partner's usual fiscal position and payment term."""

    partner = models.OneToOneField(Partner, models.CASCADE, related_name="terms", verbose_name=_("client"))
    fiscal_position = models.ForeignKey(
        FiscalPosition, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("position fiscale")
    )
    payment_term = models.ForeignKey(
        PaymentTerm, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("conditions de règlement")
    )

    class Meta:
        ordering = ["partner"]
        verbose_name = _("conditions du client")
        verbose_name_plural = _("conditions du client")

    def __str__(self) -> str:
        return f"{self.fiscal_position or '–'} · {self.payment_term or '–'}"


class Journal(Versioned):
    """An accounting journal of a company. A sales journal numbers its invoices: prefix, year, five digits."""

    company = models.ForeignKey(Company, models.PROTECT, related_name="journals", verbose_name=_("société"))
    kind = models.CharField(_("Type"), max_length=15, choices=JournalKind)
    code = models.CharField(_("Code"), max_length=6)
    name = models.CharField(_("Nom"), max_length=80)
    prefix = models.CharField(_("Préfixe des numéros"), max_length=6)
    account = models.CharField(_("Compte de trésorerie"), max_length=12, blank=True, validators=[account_number])

    objects = StampedQuerySet["Journal"].as_manager()

    class Meta:
        ordering = ["company", "code"]
        verbose_name = _("journal")
        verbose_name_plural = _("journaux")
        constraints = [
            models.UniqueConstraint(fields=["company", "code"], name="invoicing_journal_code_once"),
            models.UniqueConstraint(fields=["company", "prefix"], name="invoicing_journal_prefix_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} – {self.name}"

    def number(self, year: int, rank: int) -> str:
        """Return a number of the series of that year: « FA2026-00001 »."""
        return f"{self.prefix}{year}-{rank:05d}"


class Counter(models.Model):
    """The counter of a company's other numbers: DI, RDV, CONT, devis."""

    company = models.ForeignKey(Company, models.PROTECT, related_name="counters", verbose_name=_("société"))
    series = models.CharField(_("série"), max_length=10)
    last_number = models.PositiveIntegerField(_("dernier numéro"), default=0)

    class Meta:
        ordering = ["company", "series"]
        verbose_name = _("compteur")
        verbose_name_plural = _("compteurs")
        constraints = [models.UniqueConstraint(fields=["company", "series"], name="invoicing_series_once")]

    def __str__(self) -> str:
        return f"{self.series}/{self.last_number:06d}"


def belongs_elsewhere(shared: "Tax | FiscalPosition | Journal | None", company: Company) -> bool:
    """Whether a tax, position or journal belongs to another company than this one."""
    return bool(shared is not None and shared.company_id and shared.company_id != company.pk)
