"""Filters of lists that users saved."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedFilter(models.Model):
    """A named filter of a user on a list. `query`: the list's query string."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_filters", verbose_name=_("utilisateur")
    )
    model = models.CharField(_("liste"), max_length=80)
    name = models.CharField(_("nom"), max_length=60)
    query = models.CharField(_("filtre"), max_length=500)

    class Meta:
        ordering = ["name"]
        verbose_name = _("filtre enregistré")
        verbose_name_plural = _("filtres enregistrés")
        constraints = [models.UniqueConstraint(fields=["user", "model", "name"], name="invoicing_saved_filter_once")]

    def __str__(self) -> str:
        return self.name
