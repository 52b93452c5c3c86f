"""Working hours: weeks that take turns between two days, and the hours of one day that replace them."""

from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from appointments.choices import WeekCycle, Weekday, WeekRank
from interventions.models import Technician
from invoicing.models import Company
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned

_ORDER = _("La fin de l'horaire n'est pas après son début : corrigez l'une des deux heures.")


class WorkingWeek(Versioned):
    """The working hours of a technician, or the usual ones of a company: one to four weeks that take turns.

    The first week is that of `first_monday`; turns are counted in days, so they do not depend on the numbers of weeks.
    `from_on`, `to_on`: the days between which it is valid, both included; open when empty.
    """

    company = models.ForeignKey(Company, models.CASCADE, related_name="working_weeks", verbose_name=_("société"))
    technician = models.ForeignKey(
        Technician,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="working_weeks",
        verbose_name=_("intervenant (vide = tous)"),
    )
    cycle = models.PositiveSmallIntegerField(_("rythme"), choices=WeekCycle, default=WeekCycle.ONE)
    first_monday = models.DateField(_("premier lundi"))
    from_on = models.DateField(_("valable du"), null=True, blank=True)
    to_on = models.DateField(_("au"), null=True, blank=True)

    objects = StampedQuerySet["WorkingWeek"].as_manager()

    class Meta:
        ordering = ["company", "technician", "from_on", "pk"]
        verbose_name = _("horaire de travail")
        verbose_name_plural = _("horaires de travail")
        constraints = [
            models.CheckConstraint(
                condition=Q(from_on__isnull=True) | Q(to_on__isnull=True) | Q(from_on__lte=F("to_on")),
                name="appointments_week_order",
                violation_error_message=_("La fin de la validité précède son début : corrigez l'une des deux dates."),
            ),
            models.CheckConstraint(
                condition=Q(cycle__range=(1, 4)),
                name="appointments_week_cycle",
                violation_error_message=_("Un rythme a une à quatre semaines."),
            ),
        ]

    def __str__(self) -> str:
        return str(_("Horaires de %s") % (self.technician or self.company))

    def clean(self) -> None:
        """Refuse a first day that is no Monday, and a second week valid on one same day."""
        if self.first_monday and self.first_monday.weekday():
            raise ValidationError({"first_monday": not_a_monday(self.first_monday)})
        if self.company_id and (rival := self.rivals().first()):
            raise ValidationError(valid_twice(rival))

    def rivals(self) -> "models.QuerySet[WorkingWeek]":
        """Return the other weeks of the same technician, or of the company, that are valid on a day of this one."""
        others = WorkingWeek.objects.filter(company=self.company_id, technician=self.technician_id).exclude(pk=self.pk)
        if self.from_on:
            others = others.filter(Q(to_on=None) | Q(to_on__gte=self.from_on))
        if self.to_on:
            others = others.filter(Q(from_on=None) | Q(from_on__lte=self.to_on))
        return others.select_related("company", "technician")

    @property
    def validity(self) -> Text:
        """Return « du 01/01/2027 au 31/03/2027 »."""
        days = {
            "first": f"{self.from_on:%d/%m/%Y}" if self.from_on else "",
            "last": f"{self.to_on or date.max:%d/%m/%Y}",
        }
        if self.from_on and self.to_on:
            return _("du %(first)s au %(last)s") % days
        if self.from_on:
            return _("à partir du %(first)s") % days
        return _("jusqu'au %(last)s") % days if self.to_on else _("sans limite de dates")


def not_a_monday(day: date) -> Text:
    """Return the sentence that refuses a first day of a cycle."""
    monday = day - timedelta(days=day.weekday())
    return _("Le %(day)s n'est pas un lundi : choisissez le %(monday)s, ou un autre lundi.") % {
        "day": f"{day:%d/%m/%Y}",
        "monday": f"{monday:%d/%m/%Y}",
    }


def valid_twice(rival: WorkingWeek) -> Text:
    """Return the sentence that refuses a second week of whom `rival` is already one."""
    return _(
        "%(who)s a déjà des horaires valables %(when)s : arrêtez ceux-là la veille des nouveaux, ou changez les dates."
    ) % {"who": rival.technician or rival.company, "when": rival.validity}


class WorkingHours(Versioned):
    """One stretch of work of a weekday, in one week of the cycle; two stretches leave a lunch break."""

    company_path = "week__company"
    PARENT = "week"

    week = models.ForeignKey(WorkingWeek, models.CASCADE, related_name="hours", verbose_name=_("horaire de travail"))
    rank = models.PositiveSmallIntegerField(_("semaine"), choices=WeekRank, default=WeekRank.FIRST)
    weekday = models.PositiveSmallIntegerField(_("jour"), choices=Weekday)
    starts = models.TimeField(_("de"))
    ends = models.TimeField(_("à"))

    objects = StampedQuerySet["WorkingHours"].as_manager()

    class Meta:
        ordering = ["week", "rank", "weekday", "starts"]
        verbose_name = _("plage horaire")
        verbose_name_plural = _("plages horaires")
        constraints = [
            models.CheckConstraint(
                condition=Q(starts__lt=F("ends")), name="appointments_hours_order", violation_error_message=_ORDER
            ),
            models.CheckConstraint(
                condition=Q(rank__range=(1, 4)),
                name="appointments_hours_rank",
                violation_error_message=_("Un rythme a une à quatre semaines."),
            ),
        ]

    def __str__(self) -> str:
        text = f"{self.get_weekday_display()} {self.starts:%H:%M}–{self.ends:%H:%M}"
        return text if self.rank == WeekRank.FIRST else f"{self.get_rank_display()}, {text}"


class DayHours(Versioned):
    """One stretch of work of a technician on one day. Those of a day replace his hours of that day.

    They count on a closing day and on a public holiday too. An absence, not a row, says that a day is not worked.
    """

    company_path = "technician__company"

    technician = models.ForeignKey(Technician, models.CASCADE, related_name="day_hours", verbose_name=_("intervenant"))
    on = models.DateField(_("jour"))
    starts = models.TimeField(_("de"))
    ends = models.TimeField(_("à"))

    objects = StampedQuerySet["DayHours"].as_manager()

    class Meta:
        ordering = ["-on", "technician", "starts"]
        verbose_name = _("horaire d'un jour")
        verbose_name_plural = _("horaires d'un jour")
        constraints = [
            models.CheckConstraint(
                condition=Q(starts__lt=F("ends")), name="appointments_dayhours_order", violation_error_message=_ORDER
            ),
            models.UniqueConstraint(
                fields=["technician", "on", "starts"],
                name="appointments_dayhours_once",
                violation_error_message=_("Cet intervenant a déjà une plage qui commence à cette heure ce jour-là."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.technician} {self.on:%d/%m/%Y} {self.starts:%H:%M}–{self.ends:%H:%M}"

    def clean(self) -> None:
        """Refuse a stretch that overlaps another one of that day."""
        if not (self.technician_id and self.on and self.starts and self.ends):
            return
        same_day = DayHours.objects.filter(technician=self.technician_id, on=self.on).exclude(pk=self.pk)
        if other := same_day.filter(starts__lt=self.ends, ends__gt=self.starts).select_related("technician").first():
            text = _(
                "%(who)s a déjà des horaires le %(day)s de %(start)s à %(end)s : deux plages d'un jour ne se "
                "recouvrent pas."
            ) % {
                "who": other.technician,
                "day": f"{other.on:%d/%m/%Y}",
                "start": f"{other.starts:%H:%M}",
                "end": f"{other.ends:%H:%M}",
            }
            raise ValidationError({"starts": text})
