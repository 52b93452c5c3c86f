"""The appointment (RDV), its lines, and the time its technicians are taken."""

from datetime import date, timedelta
from decimal import Decimal

from django.contrib.contenttypes.fields import GenericRelation
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.choices import APPOINTMENT_MOVES, AppointmentState, CustomerAnswer
from appointments.querysets import AppointmentLineQuerySet, AppointmentQuerySet
from interventions.models import (
    InstalledProduct,
    InterventionRequest,
    InterventionTemplate,
    InterventionType,
    RequestLine,
    Task,
    Team,
    Technician,
)
from invoicing.choices import LineKind, TagScope
from invoicing.models import Address, BillableLine, Company, DeductibleLine, FiscalPosition, Partner, PublicLink, Tag
from invoicing.models.documents.lines import price_or_deduction
from openfire_billing.db.fields import hours_field
from openfire_billing.db.searchable import columns_at
from openfire_billing.db.versions import Versioned
from openfire_billing.kernel import money


class Appointment(Versioned):
    """Technicians at a customer's, from `starts_at` to `ends_at` (computed from working hours, or forced).

    `override`: why it stands although a technician is taken or does not work then.
    """

    SEARCHED = (
        "number",
        "title",
        "intervention__number",
        *columns_at("partner", Partner),
        *columns_at("address", Address),
        *columns_at("equipment", InstalledProduct),
    )

    MOVES = APPOINTMENT_MOVES
    COLOURS = AppointmentState.colours

    company = models.ForeignKey(Company, models.PROTECT, related_name="appointments", verbose_name=_("Société"))
    number = models.CharField(_("Numéro"), max_length=35, null=True, blank=True)
    state = models.CharField(
        _("État"), max_length=12, choices=AppointmentState, default=AppointmentState.DRAFT, db_index=True
    )
    title = models.CharField(_("Titre"), max_length=160, blank=True)
    intervention = models.ForeignKey(
        InterventionRequest,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="appointments",
        verbose_name=_("Demande d'intervention"),
    )
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="appointments", verbose_name=_("Équipe")
    )
    technicians = models.ManyToManyField(Technician, related_name="appointments", verbose_name=_("Intervenants"))
    lead = models.ForeignKey(
        Technician,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="led_appointments",
        verbose_name=_("Intervenant principal"),
    )
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="appointments", verbose_name=_("Client"))
    bill_to = models.ForeignKey(
        Partner,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="appointments_to_pay",
        verbose_name=_("Facturer à"),
    )
    address = models.ForeignKey(
        Address, models.PROTECT, blank=True, related_name="appointments", verbose_name=_("Adresse")
    )
    type = models.ForeignKey(
        InterventionType, models.PROTECT, null=True, blank=True, related_name="appointments", verbose_name=_("Type")
    )
    task = models.ForeignKey(Task, models.PROTECT, related_name="appointments", verbose_name=_("Tâche"))
    template = models.ForeignKey(
        InterventionTemplate,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="appointments",
        verbose_name=_("Modèle d'intervention"),
    )
    duration = hours_field(_("Durée (h)"), blank=True, validators=[MinValueValidator(Decimal("0.05"))])
    equipment = models.ForeignKey(
        InstalledProduct,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="appointments",
        verbose_name=_("Produit installé"),
    )
    description = models.TextField(_("Description"), blank=True)
    report = models.TextField(_("Compte rendu"), blank=True)
    reason = models.CharField(_("Motif"), max_length=200, blank=True)
    tags = models.ManyToManyField(
        Tag, blank=True, limit_choices_to={"scope": TagScope.INTERVENTION}, verbose_name=_("Étiquettes")
    )
    starts_at = models.DateTimeField(_("Début"), null=True, blank=True, db_index=True)
    ends_at = models.DateTimeField(_("Fin"), null=True, blank=True)
    is_end_forced = models.BooleanField(_("Fin forcée"), default=False)
    is_all_day = models.BooleanField(_("Journée entière"), default=False)
    override = models.CharField(_("Dérogation (motif)"), max_length=200, blank=True)
    done_at = models.DateTimeField(_("Réalisé le"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("Confirmé le"), null=True, blank=True, editable=False)
    announced_from = models.TimeField(
        _("Annoncé à partir de"),
        null=True,
        blank=True,
        help_text=_("Vide : comme la société l'a réglé. Seule, c'est l'heure annoncée ; à deux, une plage."),
    )
    announced_to = models.TimeField(_("Annoncé jusqu'à"), null=True, blank=True)
    customer_answer = models.CharField(
        _("Réponse du client"),
        max_length=5,
        choices=CustomerAnswer,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    answered_at = models.DateTimeField(_("Répondu le"), null=True, blank=True, editable=False)
    wish = models.CharField(
        _("Souhait du client"), max_length=200, blank=True, default="", db_default="", editable=False
    )
    fiscal_position = models.ForeignKey(
        FiscalPosition, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Position fiscale")
    )

    links = GenericRelation(PublicLink)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-pk"]
        verbose_name = _("rendez-vous")
        verbose_name_plural = _("rendez-vous")
        constraints = [
            models.UniqueConstraint(fields=["company", "number"], name="appointments_number_once"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=models.F("starts_at")),
                name="appointments_order",
                violation_error_message=_(
                    "La fin du RDV n'est pas après son début : corrigez l'heure de fin, ou décochez « Fin forcée »."
                ),
            ),
            models.CheckConstraint(
                condition=Q(announced_to__isnull=True)
                | Q(announced_from__isnull=False, announced_to__gt=models.F("announced_from")),
                name="appointments_announced_order",
                violation_error_message=_(
                    "La plage annoncée a un début, avant sa fin : corrigez l'une des deux heures."
                ),
            ),
            models.CheckConstraint(
                condition=Q(duration__gt=0),
                name="appointments_duration",
                violation_error_message=_("La durée est supérieure à zéro."),
            ),
        ]
        indexes = [models.Index(fields=["company", "state", "starts_at"], name="appointments_by_day")]

    def __str__(self) -> str:
        return self.number or (f"RDV provisoire n° {self.pk}" if self.pk else "Nouveau RDV")

    @property
    def payer(self) -> Partner:
        return self.bill_to or self.partner.payer

    @property
    def is_open(self) -> bool:
        return self.state in AppointmentState.open

    @property
    def day(self) -> date | None:
        """The day it begins, in France."""
        return timezone.localtime(self.starts_at).date() if self.starts_at else None

    @property
    def last_day(self) -> date | None:
        """The day it ends, in France: an end at midnight is of the day before. The day it begins without an end."""
        if self.ends_at is None:
            return self.day
        return timezone.localtime(self.ends_at - timedelta(microseconds=1)).date()

    @property
    def period(self) -> str:
        """« 24/11/2026 08:00 – 17:30 », « 24/11/2026 08:00 – 26/11/2026 12:00 » over several days, "" without a date."""
        if self.starts_at is None:
            return ""
        start = timezone.localtime(self.starts_at)
        if self.ends_at is None:
            return f"{start:%d/%m/%Y %H:%M}"
        end = timezone.localtime(self.ends_at)
        return f"{start:%d/%m/%Y %H:%M} – " + (
            f"{end:%H:%M}" if end.date() == start.date() else f"{end:%d/%m/%Y %H:%M}"
        )

    @property
    def totals(self) -> money.Totals:
        """Net, VAT per rate and gross of the article lines that no contract covers."""
        rounding = self.company.rounding
        return money.totals(
            [
                (line.net_amount(rounding), line.terms.tax)
                for line in self.lines.all()
                if line.terms.is_article and line.terms.tax and not line.covered
            ],
            rounding,
        )


class AppointmentLine(DeductibleLine):
    """A line of an RDV. Copied from a DI line it owns only its quantity: the rest is read from the DI line."""

    company_path = "appointment__company"

    # annotated by left_to_bill()
    billed: Decimal
    request_left: Decimal

    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="lines", verbose_name=_("rendez-vous"))
    request_line = models.ForeignKey(
        RequestLine,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="appointment_lines",
        verbose_name=_("ligne de la DI"),
    )
    on_site = models.BooleanField(_("ajoutée sur place"), default=False)

    objects = AppointmentLineQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("ligne de RDV")
        verbose_name_plural = _("lignes de RDV")
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | Q(tax__isnull=False) | Q(request_line__isnull=False),
                name="appointments_line_has_tax",
                violation_error_message=_("Une ligne d'article a une TVA."),
            ),
            price_or_deduction("appointments_line_price_sane"),
            models.CheckConstraint(
                condition=~Q(kind=LineKind.ARTICLE) | Q(quantity__gte=0),
                name="appointments_line_quantity",
                violation_error_message=_("La quantité n'est pas négative."),
            ),
            models.UniqueConstraint(
                fields=["appointment", "request_line"],
                condition=Q(request_line__isnull=False),
                name="appointments_line_of_request_once",
            ),
        ]

    def __str__(self) -> str:
        return str(self.request_line) if self.request_line_id else super().__str__()

    @property
    def terms(self) -> BillableLine:
        """Where article, label, price, discount and tax are read: the DI line, or the line itself."""
        return self.request_line or self

    @property
    def is_deduction(self) -> bool:
        return self.terms.unit_price < 0

    @property
    def covered(self) -> bool:
        """Billed by a contract."""
        return bool(self.request_line and self.request_line.covered)

    @property
    def own_left(self) -> Decimal:
        """What none of its own claims bills, annotated by with_billed()."""
        return max(self.quantity - self.billed, Decimal(0))

    @property
    def left(self) -> Decimal:
        """What is left to bill of it, annotated by left_to_bill(): of its own, and of the DI's line when it has one."""
        return self.own_left if self.request_line_id is None else min(self.own_left, self.request_left)

    def net_amount(self, rounding: str, quantity: Decimal | None = None) -> Decimal:
        wanted = self.quantity if quantity is None else quantity
        if self.request_line is not None:
            return self.request_line.net_amount(rounding, wanted)
        return super().net_amount(rounding, wanted)


class Slot(models.Model):
    """A technician taken from one moment to another by an RDV. `blocks`: no other may overlap it.

    On PostgreSQL an exclusion constraint on (technician, time) where it blocks.
    """

    company_path = "appointment__company"

    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="slots", verbose_name=_("rendez-vous"))
    technician = models.ForeignKey(Technician, models.PROTECT, related_name="slots", verbose_name=_("intervenant"))
    starts_at = models.DateTimeField(_("début"))
    ends_at = models.DateTimeField(_("fin"))
    blocks = models.BooleanField(_("exclusif"), default=True)

    class Meta:
        ordering = ["starts_at", "pk"]
        verbose_name = _("temps pris")
        verbose_name_plural = _("temps pris")
        constraints = [
            models.CheckConstraint(condition=Q(starts_at__lt=models.F("ends_at")), name="appointments_slot_order")
        ]
        indexes = [models.Index(fields=["technician", "starts_at"], name="appointments_slot_of")]

    def __str__(self) -> str:
        return f"{self.technician} {self.starts_at:%d/%m/%Y %H:%M}"
