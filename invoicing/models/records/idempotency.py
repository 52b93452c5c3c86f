"""What every record may carry: its journal, its files, its messages, its public link; and the keys of API writes."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class IdempotencyKey(models.Model):
    """The key a program gave to one write of the API, and what it was answered: the same key never acts twice.

    `fingerprint`: SHA-256 of the body. Only what succeeded is kept, in the transaction that did it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, verbose_name=_("utilisateur")
    )
    key = models.CharField(_("clé"), max_length=100)
    method = models.CharField(_("méthode"), max_length=6)
    path = models.CharField(_("adresse"), max_length=500)
    fingerprint = models.CharField(_("empreinte"), max_length=64)
    status = models.PositiveSmallIntegerField(_("statut"), default=0)
    body = models.TextField(_("réponse"), blank=True)
    at = models.DateTimeField(_("le"), default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("clé d'écriture")
        verbose_name_plural = _("clés d'écriture")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="invoicing_key_once")]

    def __str__(self) -> str:
        return f"{self.key} · {self.method} {self.path}"
