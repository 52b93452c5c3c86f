"""A contract line: what is promised for one site, and how it is billed."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contracts.choices import (
    LINE_MOVES,
    BillingFrequency,
    ContractLineState,
    FrequencyUnit,
    RepeatUnit,
    Timing,
    frequency_of,
)
from contracts.models.contracts import Contract
from contracts.planner.facts import Frequency
from contracts.planner.visits import visit_count
from interventions.models import InstalledProduct, InterventionTemplate, Task
from invoicing.models import Address, Partner
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned


def billed_per_visit(path: str = "") -> Q:
    """Return the condition of lines billed per visit, by their own frequency or their contract's. `path` leads to the
    line.
    """
    own, inherited = f"{path}frequency", f"{path}contract__frequency"
    return Q(**{own: BillingFrequency.PER_VISIT}) | Q(**{own: "", inherited: BillingFrequency.PER_VISIT})


class ContractLine(Versioned):
    """What a contract promises for one site and equipment.

    An amendment is a line that `replaces` another from `starts_on`; the line replaced ends the day before. `ends_on`
    is a last day included. `grid_from`: the day the billing grid counts from (None = the contract's start).
    """

    company_path = "contract__company"

    SEARCHED = (
        "contract__reference",
        "title",
        *columns_at("contract__payer", Partner),
        *columns_at("address__partner", Partner),
        *columns_at("address", Address),
        *columns_at("equipment", InstalledProduct),
    )

    PARENT = "contract"
    MOVES = LINE_MOVES
    COLOURS = ContractLineState.colours

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="lines", verbose_name=_("Contrat"))
    state = models.CharField(_("État"), max_length=10, choices=ContractLineState, default=ContractLineState.DRAFT)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by", verbose_name=_("remplace")
    )
    title = models.CharField(_("Intitulé"), max_length=120, blank=True)
    address = models.ForeignKey(Address, models.PROTECT, related_name="contract_lines", verbose_name=_("Site"))
    equipment = models.ForeignKey(
        InstalledProduct,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="contract_lines",
        verbose_name=_("Produit installé"),
    )
    starts_on = models.DateField(
        _("Servie à partir du"), null=True, blank=True, help_text=_("Vide : dès le début du contrat.")
    )
    ends_on = models.DateField(_("Servie jusqu'au (dernier jour)"), null=True, blank=True)
    grid_from = models.DateField(_("Échéances comptées depuis"), null=True, blank=True)
    billed_elsewhere_until = models.DateField(
        _("Facturé ailleurs jusqu'au"),
        null=True,
        blank=True,
        help_text=_("Dernier jour facturé par l'ancien logiciel."),
    )
    frequency = models.CharField(
        _("Fréquence de facturation"),
        max_length=12,
        choices=BillingFrequency,
        blank=True,
        help_text=_("Vide : celle du contrat."),
    )
    every = models.PositiveSmallIntegerField(_("Tous les"), null=True, blank=True, validators=[MinValueValidator(1)])
    unit = models.CharField(_("unité"), max_length=5, choices=FrequencyUnit, blank=True)
    timing = models.CharField(
        _("Type de facturation"), max_length=12, choices=Timing, blank=True, help_text=_("Vide : celui du contrat.")
    )
    template = models.ForeignKey(
        InterventionTemplate,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("Modèle d'intervention"),
    )
    task = models.ForeignKey(
        Task, models.PROTECT, null=True, blank=True, related_name="contract_lines", verbose_name=_("Tâche")
    )
    repeat = models.PositiveSmallIntegerField(_("Répéter"), default=0)
    repeat_unit = models.CharField(_("fois tous les"), max_length=5, choices=RepeatUnit, default=RepeatUnit.YEAR)
    visit_months = models.JSONField(_("Mois de visite"), default=list, blank=True)
    uses_callouts = models.BooleanField(_("Utilise les SAV"), default=False)
    included_callouts = models.PositiveSmallIntegerField(_("SAV inclus par an"), default=0)
    validated_on = models.DateField(_("Validée le"), null=True, blank=True)

    yearly_net: "Decimal | None"  # set by the lists

    objects = StampedQuerySet["ContractLine"].as_manager()

    class Meta:
        ordering = ["contract", "pk"]
        verbose_name = _("ligne de contrat")
        verbose_name_plural = _("lignes de contrat")
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_on__isnull=True) | Q(ends_on__isnull=True) | Q(ends_on__gte=models.F("starts_on")),
                name="contracts_line_dates",
                violation_error_message=_("La fin de la ligne ne précède pas son début."),
            ),
            models.CheckConstraint(
                condition=Q(replaces__isnull=True) | Q(starts_on__isnull=False),
                name="contracts_line_replaces_from",
                violation_error_message=_("Une ligne qui en remplace une autre dit à partir de quand."),
            ),
        ]

    def __str__(self) -> str:
        what = self.title or (str(self.equipment) if self.equipment_id else "") or str(self.address)
        return f"{self.contract} · {what}"

    @property
    def visit_count(self) -> int:
        """The visits a contract year: N for years, N × the months chosen for months."""
        return visit_count(self.repeat, self.repeat_unit, tuple(self.visit_months))

    @property
    def is_billed_per_visit(self) -> bool:
        """Whether it is billed per visit, by its own frequency or its contract's."""
        return (self.frequency or self.contract.frequency) == BillingFrequency.PER_VISIT

    @property
    def own_frequency(self) -> Frequency | None:
        return frequency_of(self.frequency, self.every, self.unit) if self.frequency else None

    def clean(self) -> None:
        errors: dict[str, Text] = {}
        if self.frequency == BillingFrequency.EVERY and not (self.every and self.unit):
            errors["every"] = _("« Tous les… » : donnez un nombre et une unité.")
        if self.equipment is not None and self.address_id and self.equipment.partner_id != self.address.partner_id:
            errors["equipment"] = _("Ce produit est installé chez « %s », pas à ce site.") % self.equipment.partner
        if any(month not in range(1, 13) for month in self.visit_months):
            errors["visit_months"] = _("Les mois vont de 1 à 12.")
        if errors:
            raise ValidationError(errors)
