"""Ways by road that the router answered, kept for a month."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TravelPair(models.Model):
    """A way from one point to another. `start`, `end`: « 48.1173,-1.6778 », latitude and longitude to four decimals.

    `seconds`, `metres`: null where no road leads. A cache: no record refers to it.
    """

    start = models.CharField(_("départ"), max_length=24)
    end = models.CharField(_("arrivée"), max_length=24)
    seconds = models.PositiveIntegerField(_("secondes"), null=True)
    metres = models.PositiveIntegerField(_("mètres"), null=True)
    at = models.DateTimeField(_("demandé le"), db_index=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("trajet")
        verbose_name_plural = _("trajets")
        constraints = [models.UniqueConstraint(fields=["start", "end"], name="appointments_travel_pair_once")]

    def __str__(self) -> str:
        return f"{self.start} → {self.end}"
