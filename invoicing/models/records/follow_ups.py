"""Tasks that users set on a record."""

from datetime import date

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class FollowUpQuerySet(models.QuerySet["FollowUp"]):
    def open(self) -> "FollowUpQuerySet":
        """Keep the follow-ups that are not done."""
        return self.filter(done_at__isnull=True)

    def due(self, on: date) -> "FollowUpQuerySet":
        """Keep the open follow-ups due on that day or before."""
        return self.open().filter(due_on__lte=on)


class FollowUp(models.Model):
    """A task on a record: what, who does it, by which day."""

    content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", verbose_name=_("type"))
    object_id = models.PositiveBigIntegerField(_("identifiant"))
    object = GenericForeignKey()
    # Null: on a record that companies share, by somebody who works for all of them.
    company = models.ForeignKey(
        "invoicing.Company", models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("société")
    )
    text = models.CharField(_("à faire"), max_length=200)
    due_on = models.DateField(_("pour le"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="follow_ups", verbose_name=_("pour")
    )
    created_at = models.DateTimeField(_("créé le"), default=timezone.now)
    done_at = models.DateTimeField(_("fait le"), null=True, blank=True)

    objects = FollowUpQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        verbose_name = _("relance")
        verbose_name_plural = _("relances")
        indexes = [
            models.Index(fields=["content_type", "object_id"], name="invoicing_followup_of"),
            models.Index(fields=["user", "done_at", "due_on"], name="invoicing_followup_for"),
        ]

    def __str__(self) -> str:
        return self.text
