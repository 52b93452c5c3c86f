"""The day of a technician on the road: the sectors he serves."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from interventions.models import Sector, Technician
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned


class Tour(Versioned):
    """A day of a technician, and the sectors it is kept for. A tour without sectors leaves the day open."""

    company_path = "technician__company"

    technician = models.ForeignKey(Technician, models.CASCADE, related_name="tours", verbose_name=_("intervenant"))
    on = models.DateField(_("jour"))
    sectors = models.ManyToManyField(Sector, blank=True, related_name="tours", verbose_name=_("secteurs"))

    objects = StampedQuerySet["Tour"].as_manager()

    class Meta:
        ordering = ["-on", "technician__name"]
        verbose_name = _("tournée")
        verbose_name_plural = _("tournées")
        constraints = [
            models.UniqueConstraint(
                fields=["technician", "on"],
                name="appointments_tour_once_a_day",
                violation_error_message=_("Cet intervenant a déjà une tournée ce jour-là."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.technician}, {self.on:%d/%m/%Y}"
