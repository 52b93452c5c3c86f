"""Idempotency keys: an act runs once for its key, from the office, the phone or the API."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class IdempotencyKey(models.Model):
    """The key of an act that succeeded, and the answer given.

    `scope`: the owner of the key (« user:12 », « token:… », « system »). `fingerprint`: SHA-256 of the request.
    Inserting the row is the first statement of the act's transaction: a refusal or a crash rolls it back.
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
