"""Papers that a worker joins in one file."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import PrintState


class PrintJob(models.Model):
    """Invoices whose PDFs a worker joins in one file, for the user who asked and nobody else.

    `documents`: ids of the invoices, in the order printed. `key`: the user, the invoices and the last such job
    that is over, so that one is open at a time.
    `touched_at`: the last sign of the worker that has the job; an old one means that it was lost. `losses`: how many
    workers in a row were lost with it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="prints", verbose_name=_("utilisateur")
    )
    key = models.CharField(_("clé"), max_length=160, unique=True)
    documents = models.JSONField(_("factures"))
    total = models.PositiveIntegerField(_("à imprimer"))
    done = models.PositiveIntegerField(_("imprimées"), default=0)
    state = models.CharField(_("état"), max_length=10, choices=PrintState, default=PrintState.WAITING)
    error = models.TextField(_("erreur"), blank=True)
    content = models.BinaryField(_("PDF"), null=True)
    losses = models.PositiveSmallIntegerField(_("arrêts"), default=0)
    asked_at = models.DateTimeField(_("demandé le"), default=timezone.now)
    touched_at = models.DateTimeField(_("dernier signe"), default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("impression")
        verbose_name_plural = _("impressions")

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state in (PrintState.WAITING, PrintState.RUNNING)
