"""Keys of acts: the same key never acts twice, whichever door it comes through."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class IdempotencyKey(models.Model):
    """An act that succeeded, under the key its door gave it, and what was answered.

    `scope`: whose key it is (« user:12 », « token:… », « system »). `fingerprint`: SHA-256 of what was asked. The row is
    the first statement of the act's transaction: a refusal or a crash leaves none.
    """

    scope = models.CharField(_("portée"), max_length=80)
    key = models.CharField(_("clé"), max_length=160)
    fingerprint = models.CharField(_("empreinte"), max_length=64, blank=True)
    status = models.PositiveSmallIntegerField(_("statut"), default=0)
    answer = models.JSONField(_("réponse"), null=True, encoder=DjangoJSONEncoder)
    at = models.DateTimeField(_("le"), default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("clé d'écriture")
        verbose_name_plural = _("clés d'écriture")
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="invoicing_key_once")]

    def __str__(self) -> str:
        return f"{self.scope} · {self.key}"
