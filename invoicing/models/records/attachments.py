"""Private files attached to records."""

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.fields import attachment_path, private_storage


class Attachment(models.Model):
    """A file attached to a record. Only a view that checks the right to see the record serves it."""

    content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", verbose_name=_("type"))
    object_id = models.PositiveBigIntegerField(_("identifiant"))
    object = GenericForeignKey()
    file = models.FileField(_("fichier"), upload_to=attachment_path, storage=private_storage, max_length=255)
    name = models.CharField(_("nom"), max_length=160)
    size = models.PositiveBigIntegerField(_("taille"), default=0)
    # Null: on a record that companies share, by somebody who works for all of them.
    company = models.ForeignKey(
        "invoicing.Company", models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("société")
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("par")
    )
    at = models.DateTimeField(_("le"), default=timezone.now)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("pièce jointe")
        verbose_name_plural = _("pièces jointes")
        indexes = [models.Index(fields=["content_type", "object_id"], name="invoicing_attachment_of")]

    def __str__(self) -> str:
        return self.name
