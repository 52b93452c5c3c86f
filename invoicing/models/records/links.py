"""The public page of a document, for its customer."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.fields import new_link_key


class PublicLink(models.Model):
    """The public page of one document. « Nouveau lien » replaces `key`, which revokes the old address."""

    content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", verbose_name=_("type"))
    object_id = models.PositiveBigIntegerField(_("identifiant"))
    object = GenericForeignKey()
    key = models.CharField(_("clé"), max_length=64, unique=True, default=new_link_key)
    is_published = models.BooleanField(_("publié"), default=False)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("lien public")
        verbose_name_plural = _("liens publics")
        constraints = [models.UniqueConstraint(fields=["content_type", "object_id"], name="invoicing_link_once")]

    def __str__(self) -> str:
        return self.key
