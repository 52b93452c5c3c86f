"""Programs that use the API: their accounts and keys."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models.parties.companies import Company
from openfire_billing.db.areas import Right
from openfire_billing.db.stamps import StampedQuerySet
from openfire_billing.db.versions import Versioned


class ServiceAccount(Versioned):
    """An account that is a program. Its user has no password: it comes in by its keys alone, through the API."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="service_account",
        editable=False,
        verbose_name=_("Utilisateur"),
    )
    name = models.CharField(_("Nom"), max_length=80, unique=True)
    company = models.ForeignKey(Company, models.PROTECT, related_name="service_accounts", verbose_name=_("Société"))
    role = models.ForeignKey(Group, models.PROTECT, related_name="+", verbose_name=_("Rôle"))
    created_at = models.DateTimeField(_("créé le"), default=timezone.now, editable=False)

    objects = StampedQuerySet["ServiceAccount"].as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether its keys work."""
        return self.user.is_active


class ServiceKey(models.Model):
    """A key of a program. `digest`: SHA-256 of the key, which is random (256 bits) and shown once.

    `prefix`: the beginning of the key, by which people and the program's requests name it. `areas`: {area: "read" or
    "write"}; what is not in it is closed, whatever the role of the account.
    """

    company_path = "account__company"

    account = models.ForeignKey(ServiceAccount, models.CASCADE, related_name="keys", verbose_name=_("programme"))
    name = models.CharField(_("Nom"), max_length=60)
    prefix = models.CharField(_("début"), max_length=20, unique=True)
    digest = models.CharField(_("empreinte"), max_length=64)
    areas = models.JSONField(_("droits"), default=dict)
    created_at = models.DateTimeField(_("créée le"), default=timezone.now)
    last_used_at = models.DateTimeField(_("utilisée le"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("révoquée le"), null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("clé de programme")
        verbose_name_plural = _("clés de programmes")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name"], condition=Q(revoked_at__isnull=True), name="invoicing_service_key_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def may(self, area: str, right: Right) -> bool:
        """Return whether the key opens an area: to write is also to read."""
        given = self.areas.get(area)
        return given == "write" or (given == "read" and right == "read")
