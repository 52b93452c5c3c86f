"""Quotes. An accepted quote is the customer's order."""

from datetime import date
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from invoicing.choices import QUOTE_MOVES, LineKind, QuoteState
from invoicing.models.catalogue import FiscalPosition, PaymentTerm
from invoicing.models.documents.lines import DeductibleLine, lines_totals
from invoicing.models.parties import Address, Company, Partner
from invoicing.querysets import QuoteLineQuerySet, QuoteQuerySet
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.versions import Versioned
from openfire_billing.kernel.money import Totals


class Quote(Versioned):
    """A quote to a customer for work at a site. `valid_until` tells whether it has expired: no state is stored for it."""

    SEARCHED = (
        "number",
        "title",
        *columns_at("partner", Partner),
        *columns_at("bill_to", Partner),
        *columns_at("site", Address),
    )

    MOVES = QUOTE_MOVES
    COLOURS = QuoteState.colours

    company = models.ForeignKey(Company, models.PROTECT, related_name="quotes", verbose_name=_("Société"))
    number = models.CharField(_("Numéro"), max_length=35)
    state = models.CharField(_("État"), max_length=10, choices=QuoteState, default=QuoteState.DRAFT)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="quotes", verbose_name=_("Client"))
    bill_to = models.ForeignKey(
        Partner, models.PROTECT, null=True, blank=True, related_name="quotes_to_pay", verbose_name=_("Facturer à")
    )
    site = models.ForeignKey(
        Address, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Adresse d'intervention")
    )
    title = models.CharField(_("Objet"), max_length=160, blank=True)
    fiscal_position = models.ForeignKey(
        FiscalPosition, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Position fiscale")
    )
    payment_term = models.ForeignKey(
        PaymentTerm, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Conditions de règlement")
    )
    issued_on = models.DateField(_("Date"))
    valid_until = models.DateField(_("Valable jusqu'au"))
    accepted_on = models.DateField(_("Accepté le"), null=True, blank=True)
    currency = models.CharField(_("Devise"), max_length=3, default="EUR")
    notes = models.TextField(_("Conditions particulières"), blank=True)
    origin = models.CharField(_("Origine"), max_length=80, blank=True)

    objects = QuoteQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("devis")
        verbose_name_plural = _("devis")
        constraints = [
            models.UniqueConstraint(fields=["company", "number"], name="invoicing_quote_number_once"),
            models.CheckConstraint(
                condition=Q(valid_until__gte=models.F("issued_on")),
                name="invoicing_quote_validity",
                violation_error_message=_("La validité ne finit pas avant la date du devis."),
            ),
        ]

    def __str__(self) -> str:
        return self.number or "Devis"

    @property
    def payer(self) -> Partner:
        return self.bill_to or self.partner.payer

    @property
    def totals(self) -> Totals:
        """HT, VAT per rate, TTC, by the company's rounding."""
        return lines_totals(self.lines.all(), self.company.rounding)

    def is_expired(self, on: date) -> bool:
        """Return whether the validity ended before that day without an answer of the customer."""
        return self.state in QuoteState.expiring and self.valid_until < on


class QuoteLine(DeductibleLine):
    """A line of a quote."""

    company_path = "quote__company"

    # annotated by left_to_bill()
    billed: Decimal

    quote = models.ForeignKey(Quote, models.CASCADE, related_name="lines", verbose_name=_("devis"))

    objects = QuoteLineQuerySet.as_manager()

    class Meta(DeductibleLine.Meta):
        verbose_name = _("ligne de devis")
        verbose_name_plural = _("lignes de devis")
        constraints = [
            *DeductibleLine.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | Q(quantity__gt=0),
                name="invoicing_quoteline_quantity",
                violation_error_message=_("La quantité est supérieure à zéro."),
            ),
        ]

    @property
    def left(self) -> Decimal:
        """What is left to bill of it, annotated by left_to_bill()."""
        return max(self.quantity - self.billed, Decimal(0))
