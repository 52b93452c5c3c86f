"""When technicians are away or on call, and when companies are closed. Public holidays come from the calendar of France."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.choices import EveryWeeks, Weekday
from interventions.models import Technician
from invoicing.models import Company
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned


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
                condition=Q(starts_at__lt=F("ends_at")),
                name="appointments_absence_order",
                violation_error_message=_("La fin de l'absence n'est pas après son début : corrigez l'une des deux."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.technician} {self.reason}".strip()


class RecurringAbsence(Versioned):
    """A technician is away one weekday, every so many weeks, from the first such day on or after `first_on`.

    `until`: the last day, included. Without hours, the whole day.
    """

    company_path = "technician__company"

    technician = models.ForeignKey(
        Technician, models.CASCADE, related_name="recurring_absences", verbose_name=_("intervenant")
    )
    weekday = models.PositiveSmallIntegerField(_("jour"), choices=Weekday)
    starts = models.TimeField(_("de"), null=True, blank=True)
    ends = models.TimeField(_("à"), null=True, blank=True)
    cycle = models.PositiveSmallIntegerField(_("rythme"), choices=EveryWeeks, default=EveryWeeks.ONE)
    first_on = models.DateField(_("à partir du"))
    until = models.DateField(_("jusqu'au"), null=True, blank=True)
    reason = models.CharField(_("motif"), max_length=80, blank=True)

    objects = StampedQuerySet["RecurringAbsence"].as_manager()

    class Meta:
        ordering = ["technician", "weekday", "starts", "pk"]
        verbose_name = _("absence récurrente")
        verbose_name_plural = _("absences récurrentes")
        constraints = [
            models.CheckConstraint(
                condition=Q(starts__isnull=True, ends__isnull=True)
                | Q(starts__isnull=False, ends__isnull=False, starts__lt=F("ends")),
                name="appointments_recurring_hours",
                violation_error_message=_(
                    "Donnez deux heures, la fin après le début, ou aucune pour la journée entière."
                ),
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(first_on__lte=F("until")),
                name="appointments_recurring_order",
                violation_error_message=_("La fin de l'absence précède son début : corrigez l'une des deux dates."),
            ),
            models.CheckConstraint(
                condition=Q(cycle__range=(1, 4)),
                name="appointments_recurring_cycle",
                violation_error_message=_("Un rythme a une à quatre semaines."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.technician} {self.get_weekday_display()} {self.reason}".strip()


class OnCall(Versioned):
    """A technician is on call: an appointment outside his working hours may be put there; none is proposed."""

    company_path = "technician__company"

    technician = models.ForeignKey(Technician, models.CASCADE, related_name="on_calls", verbose_name=_("intervenant"))
    starts_at = models.DateTimeField(_("du"))
    ends_at = models.DateTimeField(_("au"))

    objects = StampedQuerySet["OnCall"].as_manager()

    class Meta:
        ordering = ["-starts_at"]
        verbose_name = _("astreinte")
        verbose_name_plural = _("astreintes")
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")),
                name="appointments_oncall_order",
                violation_error_message=_("La fin de l'astreinte n'est pas après son début : corrigez l'une des deux."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.technician} {timezone.localtime(self.starts_at):%d/%m/%Y %H:%M}"


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
                condition=Q(from_on__lte=F("to_on")),
                name="appointments_closing_order",
                violation_error_message=_("La fin de la fermeture précède son début : corrigez l'une des deux dates."),
            )
        ]

    def __str__(self) -> str:
        return self.name or f"{self.from_on:%d/%m/%Y}"
