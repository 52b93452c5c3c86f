"""The contract: who pays, from when to when, how often."""

from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contracts.choices import (
    CONTRACT_MOVES,
    Alignment,
    BillingFrequency,
    ContractState,
    FrequencyUnit,
    LateBilling,
    Proration,
    Timing,
    frequency_of,
)
from contracts.planner.facts import Frequency
from contracts.planner.served import last_day_of
from interventions.models import InstalledProduct
from invoicing.models import Address, Company, FiscalPosition, Journal, Partner, PaymentTerm
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned


class ContractQuerySet(StampedQuerySet["Contract"]):
    def active(self) -> "ContractQuerySet":
        return self.filter(is_active=True)

    def billable(self) -> "ContractQuerySet":
        """Narrow to contracts validated once: their dates alone say what is still due, also after their end."""
        return self.filter(state__in=sorted(ContractState.billed))

    def due(self, on: date) -> "ContractQuerySet":
        """Narrow to those that a run of that day looks at."""
        return self.billable().filter(next_due_on__lte=on)

    def due_visits(self, until: date) -> "ContractQuerySet":
        """Narrow to those with a visit to plan whose window opens on that day at the latest."""
        return self.filter(state=ContractState.VALIDATED, next_visit_on__lte=until)

    def set_aside(self) -> "ContractQuerySet":
        return self.exclude(set_aside_reason="")

    def running(self, on: date) -> "ContractQuerySet":
        """Narrow to those in service (En cours) that day."""
        return self.filter(
            Q(terminated_on__isnull=True) | Q(terminated_on__gte=on),
            Q(auto_renew=True) | Q(end_on__gte=on),
            state__in=sorted(ContractState.alive),
            start_on__lte=on,
        )

    def ending(self, on: date, days: int = 90) -> "ContractQuerySet":
        """Narrow to those in service whose term or end is within that many days."""
        return self.running(on).filter(end_on__range=(on, on + timedelta(days=days)))


MONTHS = ("janvier février mars avril mai juin juillet août septembre octobre novembre décembre").split()


class Contract(Versioned):
    """What a payer is bound to, from `start_on`. Dates are last days included.

    `end_on` marks the term with `auto_renew` and stops the service without it; `terminated_on` always stops it.
    `next_due_on`: the first day something is due and not claimed (None = nothing known); it narrows the search of
    the night and is never later than the truth. `next_visit_on`: likewise for the next visit to plan.
    `set_aside_*`: why the last run left it out, until it is billed.
    Every night rewrites these columns, so no index stands here that no question asks for.
    """

    SEARCHED = (
        "reference",
        *columns_at("payer", Partner),
        *columns_at("lines__address", Address),
        *columns_at("lines__equipment", InstalledProduct),
    )

    MOVES = CONTRACT_MOVES
    COLOURS = ContractState.colours

    company = models.ForeignKey(
        Company, models.PROTECT, db_index=False, related_name="contracts", verbose_name=_("Société")
    )
    reference = models.CharField(_("Référence"), max_length=35, null=True, blank=True)
    state = models.CharField(_("État"), max_length=12, choices=ContractState, default=ContractState.DRAFT)
    payer = models.ForeignKey(Partner, models.PROTECT, related_name="contracts", verbose_name=_("Client payeur"))
    billing_address = models.ForeignKey(
        Address,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("Adresse de facturation"),
    )
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="contracts",
        verbose_name=_("Gestionnaire"),
    )
    subscribed_on = models.DateField(_("Souscrit le"), null=True, blank=True)
    start_on = models.DateField(_("Début"))
    end_on = models.DateField(_("Fin (dernier jour)"), null=True, blank=True)
    auto_renew = models.BooleanField(
        _("Renouvellement tacite"),
        default=True,
        help_text=_("La fin marque alors le terme, sans arrêter la facturation."),
    )
    terminated_on = models.DateField(_("Résilié au (dernier jour)"), null=True, blank=True)
    termination_reason = models.CharField(_("Motif de résiliation"), max_length=200, blank=True)
    frequency = models.CharField(
        _("Fréquence de facturation"), max_length=12, choices=BillingFrequency, default=BillingFrequency.YEARLY
    )
    every = models.PositiveSmallIntegerField(_("Tous les"), null=True, blank=True, validators=[MinValueValidator(1)])
    unit = models.CharField(_("unité"), max_length=5, choices=FrequencyUnit, blank=True)
    timing = models.CharField(_("Type de facturation"), max_length=12, choices=Timing, default=Timing.IN_ADVANCE)
    alignment = models.CharField(_("Alignement"), max_length=12, choices=Alignment, default=Alignment.CALENDAR)
    anchor_day = models.PositiveSmallIntegerField(
        _("Jour d'ancrage"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("Vide : le jour du début. 31 : la fin du mois."),
    )
    proration = models.CharField(_("Prorata"), max_length=5, choices=Proration, default=Proration.NONE)
    fiscal_position = models.ForeignKey(
        FiscalPosition,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("Position fiscale"),
    )
    payment_term = models.ForeignKey(
        PaymentTerm,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("Conditions de règlement"),
    )
    journal = models.ForeignKey(
        Journal, models.PROTECT, null=True, blank=True, db_index=False, related_name="+", verbose_name=_("Journal")
    )
    grouped = models.BooleanField(_("Regrouper les lignes sur une facture"), default=True)
    group_by_payer = models.BooleanField(_("Regrouper avec les contrats du même payeur"), default=False)
    late_billing = models.CharField(_("Retard"), max_length=15, choices=LateBilling, default=LateBilling.ONE_PER_PERIOD)
    auto_post = models.BooleanField(_("Validation automatique"), default=False)
    purchase_order = models.CharField(_("N° de commande du client"), max_length=60, blank=True)
    notes = models.TextField(_("Commentaires"), blank=True)
    is_active = models.BooleanField(_("Actif"), default=True)
    validated_on = models.DateField(_("Validé le"), null=True, blank=True)
    next_due_on = models.DateField(_("Prochaine échéance"), null=True, blank=True)
    next_visit_on = models.DateField(_("Prochaine visite à créer"), null=True, blank=True)
    set_aside_code = models.CharField(max_length=30, blank=True, editable=False)
    set_aside_reason = models.TextField(_("Mis de côté"), blank=True, editable=False)
    created_at = models.DateTimeField(_("Créé le"), auto_now_add=True)

    yearly_net: "Decimal | None"  # set by the lists

    objects = ContractQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("contrat")
        verbose_name_plural = _("contrats")
        permissions = [
            ("bill_contract", _("Peut facturer des contrats")),
            ("administer_contract", _("Peut résilier et annuler des contrats")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["company", "reference"], name="contracts_reference_once"),
            models.CheckConstraint(
                condition=Q(end_on__isnull=True) | Q(end_on__gte=models.F("start_on")),
                name="contracts_contract_dates",
                violation_error_message=_("La fin ne précède pas le début."),
            ),
            models.CheckConstraint(
                condition=~Q(state=ContractState.TERMINATED) | Q(terminated_on__isnull=False),
                name="contracts_terminated_when",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=sorted(ContractState.billed)) | Q(reference__isnull=False),
                name="contracts_contract_referenced",
            ),
        ]
        indexes = [
            models.Index(fields=["next_due_on"], name="contracts_due"),
            models.Index(fields=["next_visit_on"], name="contracts_visits_due"),
            models.Index(fields=["company", "payer", "id"], name="contracts_by_payer"),
        ]

    def __str__(self) -> str:
        return self.reference or (f"Contrat provisoire n° {self.pk}" if self.pk else "Nouveau contrat")

    def without_own_number(self, reason: str) -> str:
        """Return a sentence about the contract without « Contrat CONT/000001 : » at its beginning."""
        return reason.removeprefix(str(_("Contrat %s") % self)).lstrip(" ,:")

    @property
    def billing_frequency(self) -> Frequency:
        """The frequency of billing, as the planner's value."""
        return frequency_of(self.frequency, self.every, self.unit)

    @property
    def last_day(self) -> date | None:
        """The last day served, None while nothing stops it."""
        return last_day_of(self)

    def phase(self, on: date) -> tuple[str, Text]:
        """Return (code, label) of the contract on a day: the stored state, refined by the dates."""
        if self.state not in ContractState.alive:
            return self.state, self.get_state_display()
        if self.last_day and self.last_day < on:
            return "ended", _("Terminé")
        if self.state == ContractState.SUSPENDED:
            return self.state, self.get_state_display()
        return ("upcoming", _("À venir")) if self.start_on > on else ("active", _("En cours"))

    def clean(self) -> None:
        errors: dict[str, Text] = {}
        if self.frequency == BillingFrequency.EVERY and not (self.every and self.unit):
            errors["every"] = _("« Tous les… » : donnez un nombre et une unité.")
        if not self.auto_renew and self.end_on is None:
            errors["end_on"] = _("Sans renouvellement tacite, donnez le dernier jour du contrat.")
        if self.journal is not None and self.company_id and self.journal.company_id != self.company_id:
            errors["journal"] = _("Ce journal est celui de « %s ».") % self.journal.company
        if self.billing_address is not None and self.payer_id and self.billing_address.partner_id != self.payer_id:
            errors["billing_address"] = _("Cette adresse est celle de « %s ».") % self.billing_address.partner
        if errors:
            raise ValidationError(errors)
