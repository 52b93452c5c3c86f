"""Invoices, credit notes and deposits. Services compute a draft; a posted document never changes."""

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Round
from django.utils.translation import gettext_lazy as _

from invoicing.choices import INVOICE_MOVES, InvoiceKind, InvoiceState, LineKind, Rounding, VatCategory
from invoicing.models.catalogue import FiscalPosition, Journal, PaymentTerm
from invoicing.models.documents.lines import DeductibleLine, money_field
from invoicing.models.parties import Address, Company, Partner
from invoicing.querysets import InvoiceLineQuerySet, InvoiceQuerySet
from openfire_billing.db.fields import amount_field, percent_field
from openfire_billing.db.guards import guard
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.versions import Versioned
from openfire_billing.kernel.money import TaxTotal, Totals, with_taxes
from openfire_billing.kernel.periods import ONE_DAY


class Invoice(Versioned):
    """An invoice, a deposit, or a credit note of the invoice `credits` (its amounts are positive).

    `proposed_on`: the issue date proposed for a draft; posting sets `issued_on`. Services update `net`, `tax` and
    `gross` of a draft. Posting freezes them, the rounding mode, the parties (`seller`, `buyer`, `delivery`) and the
    other printed texts (`texts`, see `services.documents.snapshots`).
    """

    SEARCHED = ("number", "origin", "gross", *columns_at("customer", Partner), *columns_at("site", Address))

    MOVES = INVOICE_MOVES
    COLOURS = InvoiceState.colours
    MOVED_WHEN_MERGED = Q(state=InvoiceState.DRAFT)  # a posted document keeps its customer
    currency: str
    # annotated by with_payment_state()
    allocated: Decimal
    residual: Decimal
    payment_state: str
    is_overdue: bool

    # A foreign key that is the first column of another index, or that no query filters by, has no index of its own: it
    # would be written for every invoice billed, and again when the invoice is posted.
    company = models.ForeignKey(
        Company, models.PROTECT, related_name="invoices", db_index=False, verbose_name=_("Société")
    )
    kind = models.CharField(_("Type"), max_length=12, choices=InvoiceKind, default=InvoiceKind.INVOICE)
    state = models.CharField(_("État"), max_length=10, choices=InvoiceState, default=InvoiceState.DRAFT)
    journal = models.ForeignKey(
        Journal, models.PROTECT, related_name="invoices", db_index=False, verbose_name=_("Journal")
    )
    number = models.CharField(_("Numéro"), max_length=35, null=True, blank=True)
    customer = models.ForeignKey(
        Partner, models.PROTECT, related_name="invoices", db_index=False, verbose_name=_("Facturer à")
    )
    billing_address = models.ForeignKey(
        Address, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Adresse de facturation")
    )
    site = models.ForeignKey(
        Address, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Adresse d'intervention")
    )
    fiscal_position = models.ForeignKey(
        FiscalPosition,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("Position fiscale"),
    )
    payment_term = models.ForeignKey(
        PaymentTerm,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("Conditions de règlement"),
    )
    proposed_on = models.DateField(_("Date proposée"))
    issued_on = models.DateField(_("Date d'émission"), null=True, blank=True)
    due_on = models.DateField(_("Échéance"), null=True, blank=True)
    purchase_order = models.CharField(_("N° de commande du client"), max_length=60, blank=True)
    origin = models.CharField(_("Origine"), max_length=160, blank=True)
    credits = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="credit_notes", verbose_name=_("Avoir de")
    )
    reason = models.CharField(_("Motif"), max_length=200, blank=True)
    notes = models.TextField(_("Texte libre"), blank=True)
    net = money_field(_("Total HT"))
    tax = money_field(_("TVA"))
    gross = money_field(_("Total TTC"))
    rounding = models.CharField(_("Arrondi"), max_length=10, choices=Rounding, default=Rounding.HALF_EVEN)
    seller = models.JSONField(_("vendeur figé"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    buyer = models.JSONField(_("acheteur figé"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    delivery = models.JSONField(_("lieu figé"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    texts = models.JSONField(_("textes figés"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    posted_at = models.DateTimeField(_("Validée le"), null=True, blank=True)
    posted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("Validée par"),
    )

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("facture")
        verbose_name_plural = _("factures")
        permissions = [
            ("bill", _("Peut générer des factures")),
            ("post_invoice", _("Peut valider, créditer et encaisser des factures")),
            ("export_accounts", _("Peut exporter la comptabilité")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["journal", "number"], name="invoicing_number_once"),
            models.CheckConstraint(
                condition=Q(state=InvoiceState.POSTED, number__isnull=False, issued_on__isnull=False)
                | (~Q(state=InvoiceState.POSTED) & Q(number__isnull=True, issued_on__isnull=True)),
                name="invoicing_numbered_when_posted",
            ),
            models.CheckConstraint(
                # rounded, since SQLite adds decimals as floats
                condition=Q(gross=Round(models.F("net") + models.F("tax"), 2)),
                name="invoicing_net_plus_tax",
            ),
            models.CheckConstraint(
                condition=~Q(kind=InvoiceKind.CREDIT_NOTE) | Q(credits__isnull=False),
                name="invoicing_credit_of_something",
            ),
        ]
        indexes = [
            models.Index(fields=["company", "state", "-id"], name="invoicing_by_state"),
            models.Index(fields=["customer", "-id"], name="invoicing_by_customer"),
            # sums of a list and turnover by day: PostgreSQL reads this index alone, rows are wide (frozen texts)
            models.Index(
                fields=["issued_on"],
                include=["company", "state", "kind", "currency", "net", "gross"],
                name="invoicing_by_date",
            ),
            # amounts owed are computed over all posted documents: PostgreSQL reads this index alone
            models.Index(
                fields=["id"], include=["gross"], condition=Q(state=InvoiceState.POSTED), name="invoicing_posted_gross"
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"{self.get_kind_display()} en brouillon n° {self.pk}"

    @property
    def is_draft(self) -> bool:
        return self.state == InvoiceState.DRAFT

    @property
    def is_posted(self) -> bool:
        return self.state == InvoiceState.POSTED

    @property
    def is_credit_note(self) -> bool:
        return self.kind == InvoiceKind.CREDIT_NOTE

    @property
    def totals(self) -> Totals:
        """Return the stored totals, one row per VAT category and rate."""
        return with_taxes(tuple(TaxTotal(t.category, t.rate, t.base, t.amount) for t in self.taxes.all()))


class InvoiceLine(DeductibleLine):
    """A line of an invoice. `net` is stored: legal totals are sums of stored amounts.

    `unit_name` to `exemption` copy what the unit and the tax print; posting refreshes them a last time. On a credit
    note, `credits` is the credited line, and `rebill` makes its source billable again. The period is half-open.
    """

    company_path = "invoice__company"

    # annotated by left_to_credit()
    credited: Decimal
    credited_net: Decimal

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines", verbose_name=_("facture"))
    net = amount_field(_("Sous-total HT"), default=Decimal(0))
    period_start = models.DateField(_("Du"), null=True, blank=True)
    period_end = models.DateField(_("Au (exclu)"), null=True, blank=True)
    supplied_on = models.DateField(_("Date de prestation"), null=True, blank=True)
    credits = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="credit_lines", verbose_name=_("ligne créditée")
    )
    rebill = models.BooleanField(_("Remettre à facturer"), default=False)
    unit_name = models.CharField(_("unité imprimée"), max_length=40, blank=True, editable=False)
    unit_code = models.CharField(_("code de l'unité"), max_length=3, blank=True, editable=False)
    tax_rate = percent_field(_("taux imprimé"), default=Decimal(0), editable=False)
    tax_category = models.CharField(_("catégorie de TVA"), max_length=2, blank=True, editable=False)
    exemption = models.CharField(_("mention de la TVA"), max_length=200, blank=True, editable=False)

    objects = InvoiceLineQuerySet.as_manager()

    class Meta(DeductibleLine.Meta):
        verbose_name = _("ligne de facture")
        verbose_name_plural = _("lignes de facture")
        constraints = [
            *DeductibleLine.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | ~Q(quantity=0),
                name="invoicing_invoiceline_quantity",
                violation_error_message=_("La quantité n'est pas nulle."),
            ),
            models.CheckConstraint(
                condition=Q(period_start__isnull=True, period_end__isnull=True)
                | Q(period_start__lt=models.F("period_end")),
                name="invoicing_invoiceline_period",
            ),
        ]

    @property
    def supply_day(self) -> date | None:
        """The day whose VAT rate applies: the period's last day, else the day of the visit, else None."""
        return self.period_end - ONE_DAY if self.period_end else self.supplied_on


class InvoiceTax(models.Model):
    """VAT of one category and rate on an invoice (BG-23)."""

    company_path = "invoice__company"

    invoice = models.ForeignKey(
        Invoice, models.CASCADE, related_name="taxes", db_index=False, verbose_name=_("facture")
    )
    category = models.CharField(_("catégorie"), max_length=2, choices=VatCategory)
    rate = percent_field(_("taux %"))
    base = amount_field(_("base HT"))
    amount = amount_field(_("TVA"))

    class Meta:
        ordering = ["category", "rate"]
        verbose_name = _("TVA de facture")
        verbose_name_plural = _("TVA de facture")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "category", "rate"], name="invoicing_invoicetax_once")
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.rate} %: {self.amount}"


guard(Invoice, frozen="state", value=InvoiceState.POSTED.value)
guard(InvoiceLine, frozen="invoice__state", value=InvoiceState.POSTED.value, inserts=True)
guard(InvoiceTax, frozen="invoice__state", value=InvoiceState.POSTED.value, inserts=True)
