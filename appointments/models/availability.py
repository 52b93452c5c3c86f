"""When technicians work: hours of the week, absences, closing days. Public holidays come from the calendar of France."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from appointments.choices import Weekday
from interventions.models import Technician
from invoicing.models import Company
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned


class WorkingHours(Versioned):
    """One stretch of work of a weekday; two stretches leave a lunch break. Without technician: the company's usual."""

    company = models.ForeignKey(Company, models.CASCADE, related_name="working_hours", verbose_name=_("société"))
    technician = models.ForeignKey(
        Technician,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="working_hours",
        verbose_name=_("intervenant (vide = tous)"),
    )
    weekday = models.PositiveSmallIntegerField(_("jour"), choices=Weekday)
    starts = models.TimeField(_("de"))
    ends = models.TimeField(_("à"))

    objects = StampedQuerySet["WorkingHours"].as_manager()

    class Meta:
        ordering = ["company", "technician", "weekday", "starts"]
        verbose_name = _("horaire de travail")
        verbose_name_plural = _("horaires de travail")
        constraints = [
            models.CheckConstraint(
                condition=Q(starts__lt=models.F("ends")),
                name="appointments_hours_order",
                violation_error_message=_(
                    "La fin de l'horaire n'est pas après son début : corrigez l'une des deux heures."
                ),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}–{self.ends:%H:%M}"


class Absence(Versioned):
    """A technician is away."""

    company_path = "technician__company"

    technician = models.ForeignKey(Technician, models.CASCADE, related_name="absences", verbose_name=_("intervenant"))
    starts_at = models.DateTimeField(_("du"))
    ends_at = models.DateTimeField(_("au"))
    reason = models.CharField(_("motif"), max_length=80, blank=True)

    objects = StampedQuerySet["Absence"].as_manager()

    class Meta:
        ordering = ["-starts_at"]
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=models.F("ends_at")),
                name="appointments_absence_order",
                violation_error_message=_("La fin de l'absence n'est pas après son début : corrigez l'une des deux."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.technician} {self.reason}".strip()


class ClosingDay(Versioned):
    """Days on which the company is closed, both included."""

    company = models.ForeignKey(Company, models.CASCADE, related_name="closing_days", verbose_name=_("société"))
    from_on = models.DateField(_("du"))
    to_on = models.DateField(_("au"))
    name = models.CharField(_("nom"), max_length=80, blank=True)

    objects = StampedQuerySet["ClosingDay"].as_manager()

    class Meta:
        ordering = ["-from_on"]
        verbose_name = _("jour de fermeture")
        verbose_name_plural = _("jours de fermeture")
        constraints = [
            models.CheckConstraint(
                condition=Q(from_on__lte=models.F("to_on")),
                name="appointments_closing_order",
                violation_error_message=_("La fin de la fermeture précède son début : corrigez l'une des deux dates."),
            )
        ]

    def __str__(self) -> str:
        return self.name or f"{self.from_on:%d/%m/%Y}"
