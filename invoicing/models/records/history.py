"""The journal of a record."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.guards import guard


class HistoryQuerySet(models.QuerySet["HistoryLine"]):
    def of(self, document: models.Model) -> "HistoryQuerySet":
        """Keep the journal of one record, newest first."""
        return self.filter(
            content_type=ContentType.objects.get_for_model(document), object_id=document.pk
        ).select_related("by")


class HistoryLine(models.Model):
    """One act on one record: who, when, what changed. Rows are inserted, never updated.

    Of a record without a `version` column, the highest id of its lines is the version.
    """

    content_type = models.ForeignKey(
        ContentType, models.PROTECT, related_name="+", db_index=False, verbose_name=_("type")
    )
    object_id = models.PositiveBigIntegerField(_("identifiant"))
    object = GenericForeignKey()
    # Null: on a record that companies share; a note there has the company of its author, unless he works for all.
    company = models.ForeignKey(
        "invoicing.Company",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("société"),
    )
    act = models.CharField(_("acte"), max_length=40)
    text = models.TextField(_("texte"), blank=True)
    changes = models.JSONField(_("changements"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("par"),
    )
    at = models.DateTimeField(_("le"), default=timezone.now)

    objects = HistoryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("ligne de journal")
        verbose_name_plural = _("journal")
        indexes = [
            models.Index(fields=["content_type", "object_id", "-id"], name="invoicing_history_of"),
            # the notes about a customer and his documents are searched among all: they are few
            models.Index(fields=["content_type", "object_id"], condition=Q(act="note"), name="invoicing_history_notes"),
        ]

    def __str__(self) -> str:
        return self.text or self.act


guard(HistoryLine)
