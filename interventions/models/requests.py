"""The intervention request (DI) and its billing lines."""

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from interventions.choices import INTERVENTION_MOVES, InterventionState, Priority
from interventions.models.equipment import InstalledProduct
from interventions.models.work import InterventionTemplate, InterventionType, Task, Technician
from interventions.querysets import InterventionQuerySet, RequestLineQuerySet
from invoicing.choices import LineKind, TagScope
from invoicing.models import Address, Company, DeductibleLine, FiscalPosition, Partner, Tag
from invoicing.models.documents.lines import lines_totals
from openfire_billing.db.fields import hours_field
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned
from openfire_billing.kernel.money import Totals


class InterventionRequest(Versioned):
    """What a customer asks for: who, where, what, when, and what of it is billed.

    `planned_duration` and the planning states are set by the planning of appointments. Late is derived.
    """

    SEARCHED = (
        "number",
        "title",
        *columns_at("partner", Partner),
        *columns_at("address", Address),
        *columns_at("equipment", InstalledProduct),
    )

    MOVES = INTERVENTION_MOVES
    COLOURS = InterventionState.colours

    company = models.ForeignKey(Company, models.PROTECT, related_name="interventions", verbose_name=_("Société"))
    number = models.CharField(_("Numéro"), max_length=35, null=True, blank=True)
    state = models.CharField(
        _("État"), max_length=15, choices=InterventionState, default=InterventionState.DRAFT, db_index=True
    )
    title = models.CharField(_("Titre"), max_length=160, blank=True)
    priority = models.PositiveSmallIntegerField(_("Priorité"), choices=Priority, default=Priority.NORMAL)
    type = models.ForeignKey(InterventionType, models.PROTECT, related_name="interventions", verbose_name=_("Type"))
    template = models.ForeignKey(
        InterventionTemplate,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="interventions",
        verbose_name=_("Modèle d'intervention"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="interventions",
        verbose_name=_("Utilisateur"),
    )
    tags = models.ManyToManyField(
        Tag, blank=True, limit_choices_to={"scope": TagScope.INTERVENTION}, verbose_name=_("Étiquettes")
    )
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="interventions", verbose_name=_("Client"))
    bill_to = models.ForeignKey(
        Partner,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="interventions_to_pay",
        verbose_name=_("Facturer à"),
    )
    address = models.ForeignKey(
        Address, models.PROTECT, blank=True, related_name="interventions", verbose_name=_("Adresse d'intervention")
    )
    task = models.ForeignKey(Task, models.PROTECT, related_name="interventions", verbose_name=_("Tâche"))
    duration = hours_field(_("Durée estimée (h)"), blank=True, validators=[MinValueValidator(Decimal("0.05"))])
    planned_duration = hours_field(_("Durée planifiée (h)"), default=Decimal(0))
    from_on = models.DateField(_("Entre le"))
    to_on = models.DateField(_("et le"), blank=True)
    done_on = models.DateField(_("Réalisée le"), null=True, blank=True)
    technicians = models.ManyToManyField(
        Technician, blank=True, related_name="interventions", verbose_name=_("Intervenants")
    )
    subcontractor = models.ForeignKey(
        Partner,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="subcontracted_interventions",
        verbose_name=_("Prestataire"),
    )
    equipment = models.ForeignKey(
        InstalledProduct,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="interventions",
        verbose_name=_("Produit installé"),
    )
    description = models.TextField(_("Description"), blank=True)
    fiscal_position = models.ForeignKey(
        FiscalPosition, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Position fiscale")
    )
    is_active = models.BooleanField(_("Actif"), default=True)
    created_at = models.DateTimeField(_("Créée le"), auto_now_add=True)

    objects = InterventionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("demande d'intervention")
        verbose_name_plural = _("demandes d'intervention")
        constraints = [
            models.UniqueConstraint(fields=["company", "number"], name="interventions_request_number_once"),
            models.CheckConstraint(
                condition=Q(to_on__gte=models.F("from_on")),
                name="interventions_request_dates",
                violation_error_message=_("La fin de la période précède son début : corrigez l'une des deux dates."),
            ),
            models.CheckConstraint(
                condition=Q(duration__gt=0),
                name="interventions_request_duration",
                violation_error_message=_("La durée estimée est supérieure à zéro."),
            ),
            models.CheckConstraint(
                condition=~Q(state__in=sorted(InterventionState.validated)) | Q(number__isnull=False),
                name="interventions_request_numbered",
            ),
        ]
        indexes = [
            models.Index(fields=["company", "state", "to_on"], name="interventions_to_plan"),
            models.Index(fields=["partner", "-id"], name="interventions_by_partner"),
        ]

    def __str__(self) -> str:
        return self.number or (f"DI provisoire n° {self.pk}" if self.pk else "Nouvelle DI")

    @property
    def payer(self) -> Partner:
        return self.bill_to or self.partner.payer

    @property
    def remaining_duration(self) -> Decimal:
        """Hours still to plan, never negative. A form left empty has no duration yet."""
        return max(Decimal(0), (self.duration or Decimal(0)) - self.planned_duration)

    @property
    def is_validated(self) -> bool:
        return self.state in InterventionState.validated

    def is_late(self, on: date) -> bool:
        """Return whether its period is over while it is neither planned nor done."""
        return self.state in (InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED) and self.to_on < on

    @property
    def totals(self) -> Totals:
        """HT, VAT per rate, TTC of the lines that are the customer's to pay (covered lines left out)."""
        return lines_totals([line for line in self.lines.all() if not line.covered], self.company.rounding)

    def clean(self) -> None:
        errors: dict[str, Text] = {}
        if self.address_id and self.partner_id and self.address.partner_id not in (self.partner_id, self.bill_to_id):
            errors["address"] = _("Cette adresse est celle de « %s » : choisissez une adresse du client.") % (
                self.address.partner
            )
        if self.equipment is not None and self.partner_id and self.equipment.partner_id != self.partner_id:
            errors["equipment"] = _("Ce produit est installé chez « %s », pas chez ce client.") % (
                self.equipment.partner
            )
        if errors:
            raise ValidationError(errors)


class RequestLine(DeductibleLine):
    """A billing line of a DI. `covered`: billed by a contract, shown for planning and purchasing only."""

    company_path = "intervention__company"

    # annotated by left_to_bill()
    billed: Decimal
    is_quoted: bool

    intervention = models.ForeignKey(
        InterventionRequest, models.CASCADE, related_name="lines", verbose_name=_("demande d'intervention")
    )
    covered = models.BooleanField(_("couverte par le contrat"), default=False)

    objects = RequestLineQuerySet.as_manager()

    class Meta(DeductibleLine.Meta):
        verbose_name = _("ligne de facturation")
        verbose_name_plural = _("lignes de facturation")
        constraints = [
            *DeductibleLine.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | Q(quantity__gte=0),
                name="interventions_requestline_quantity",
                violation_error_message=_("La quantité n'est pas négative."),
            ),
        ]

    @property
    def unbilled(self) -> Decimal:
        """What nothing bills of it, whether a quote holds it or not, annotated by left_to_bill()."""
        return max(self.quantity - self.billed, Decimal(0))

    @property
    def left(self) -> Decimal:
        """What is left to bill of it, annotated by left_to_bill(): nothing while a live quote or a contract bills it."""
        return Decimal(0) if self.covered or self.is_quoted else self.unbilled
