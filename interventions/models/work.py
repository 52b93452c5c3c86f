"""Work and who does it: types, tasks, templates, technicians, teams."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from interventions.choices import Granularity
from interventions.models.sectors import Sector
from invoicing.choices import LineKind
from invoicing.models import BillableLine, Company, FiscalPosition, Product
from invoicing.models.parties.places import Located
from openfire_billing.db.fields import SearchTextField, TelephoneKeyField, hours_field
from openfire_billing.db.searchable import Searchable
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned


class InterventionType(Versioned):
    """Installation, Entretien – Maintenance, SAV, Visite technique, Divers."""

    name = models.CharField(_("Nom"), max_length=60, unique=True)
    position = models.PositiveSmallIntegerField(_("Ordre"), default=0)
    is_active = models.BooleanField(_("proposé"), default=True)

    objects = StampedQuerySet["InterventionType"].as_manager()

    class Meta:
        ordering = ["position", "name"]
        verbose_name = _("type d'intervention")
        verbose_name_plural = _("types d'intervention")

    def __str__(self) -> str:
        return self.name


class Task(Versioned):
    """A kind of work and how long it takes. May bring its article as a first line, and a fiscal position."""

    name = models.CharField(_("Nom"), max_length=120, unique=True)
    type = models.ForeignKey(
        InterventionType, models.SET_NULL, null=True, blank=True, related_name="tasks", verbose_name=_("type")
    )
    duration = hours_field(_("Durée (heures)"), default=Decimal(1), validators=[MinValueValidator(Decimal("0.05"))])
    product = models.ForeignKey(
        Product, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("article lié")
    )
    fiscal_position = models.ForeignKey(
        FiscalPosition, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("position fiscale")
    )
    granularity = models.CharField(
        _("Fenêtre proposée"), max_length=10, choices=Granularity, default=Granularity.FORTNIGHT
    )
    is_active = models.BooleanField(_("proposée"), default=True)

    objects = StampedQuerySet["Task"].as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("tâche")
        verbose_name_plural = _("tâches")
        constraints = [
            models.CheckConstraint(
                condition=Q(duration__gt=0),
                name="interventions_task_duration",
                violation_error_message=_("La durée est supérieure à zéro."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class InterventionTemplate(Versioned):
    """A template of interventions: it fills task, type and an empty fiscal position, and appends its billing lines."""

    name = models.CharField(_("Nom"), max_length=120, unique=True)
    type = models.ForeignKey(
        InterventionType, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("type")
    )
    task = models.ForeignKey(Task, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("tâche"))
    fiscal_position = models.ForeignKey(
        FiscalPosition, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("position fiscale")
    )
    company = models.ForeignKey(
        Company, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("société (vide = toutes)")
    )
    description = models.TextField(_("Description"), blank=True)
    spans_break = models.BooleanField(_("peut enjamber la pause de midi"), default=True)
    is_active = models.BooleanField(_("proposé"), default=True)

    objects = StampedQuerySet["InterventionTemplate"].as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("modèle d'intervention")
        verbose_name_plural = _("modèles d'intervention")

    def __str__(self) -> str:
        return self.name


class TemplateLine(BillableLine):
    """A billing line of a template."""

    company_path = "template__company"

    template = models.ForeignKey(
        InterventionTemplate, models.CASCADE, related_name="lines", verbose_name=_("modèle d'intervention")
    )

    class Meta(BillableLine.Meta):
        verbose_name = _("ligne de modèle")
        verbose_name_plural = _("lignes de modèle")
        constraints = [
            *BillableLine.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | Q(quantity__gt=0),
                name="interventions_templateline_quantity",
                violation_error_message=_("La quantité est supérieure à zéro."),
            ),
        ]


class Technician(Located, Searchable, Versioned):
    """Somebody who works at customers'. `user`: his account, which opens the pages of the phone.

    His address is where his day begins and ends; without one, it is that of his company.
    """

    OWN_WORDS = SEARCHED = ("search_text", "phone_key")

    name = models.CharField(_("Nom"), max_length=80)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="technician",
        verbose_name=_("compte"),
    )
    company = models.ForeignKey(Company, models.PROTECT, related_name="technicians", verbose_name=_("société"))
    phone = models.CharField(_("Téléphone"), max_length=30, blank=True)
    tasks = models.ManyToManyField(
        Task, blank=True, related_name="technicians", verbose_name=_("sait faire (vide = tout)")
    )
    sectors = models.ManyToManyField(Sector, blank=True, related_name="technicians", verbose_name=_("secteurs"))
    street = models.CharField(_("Départ : rue"), max_length=120, blank=True)
    zip = models.CharField(_("Code postal"), max_length=10, blank=True)
    city = models.CharField(_("Ville"), max_length=80, blank=True)
    is_active = models.BooleanField(_("actif"), default=True)
    search_text = SearchTextField(of=("name",))
    phone_key = TelephoneKeyField(of=("phone",))

    class Meta:
        ordering = ["name"]
        verbose_name = _("intervenant")
        verbose_name_plural = _("intervenants")

    def __str__(self) -> str:
        return self.name


class Team(Versioned):
    """Technicians who work together."""

    name = models.CharField(_("Nom"), max_length=80, unique=True)
    company = models.ForeignKey(Company, models.PROTECT, related_name="teams", verbose_name=_("société"))
    technicians = models.ManyToManyField(Technician, related_name="teams", verbose_name=_("intervenants"))
    is_active = models.BooleanField(_("active"), default=True)

    objects = StampedQuerySet["Team"].as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("équipe")
        verbose_name_plural = _("équipes")

    def __str__(self) -> str:
        return self.name
