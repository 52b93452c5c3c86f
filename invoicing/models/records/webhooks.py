"""Webhooks: the addresses of programs that are told what happens, the events, and one delivery of each to each address."""

from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import DeliveryState
from invoicing.models.parties import Company
from openfire_billing.db.fields import new_link_key
from openfire_billing.db.stamps import Stamped, StampedQuerySet
from openfire_billing.db.versions import Versioned


class WebhookEndpointQuerySet(StampedQuerySet["WebhookEndpoint"]):
    def listening(self) -> "WebhookEndpointQuerySet":
        """Keep the endpoints that are told what happens."""
        return self.filter(stopped_at__isnull=True)


class WebhookEndpoint(Versioned):
    """An address that is told what happens in a company.

    `areas`: the codes of the areas it is told about; empty: all. `nonce`: what its secret is derived from, with
    SECRET_KEY; a new one makes a new secret. `owner`: who is told when it stops. `not_before`: after a failure, the
    earliest moment at which anything is sent there.
    """

    company = models.ForeignKey(Company, models.PROTECT, related_name="webhooks", verbose_name=_("Société"))
    name = models.CharField(_("Nom"), max_length=80)
    url = models.URLField(_("Adresse"), max_length=500)
    areas = models.JSONField(_("Parties"), default=list, blank=True)
    nonce = models.CharField(_("graine du secret"), max_length=64, default=new_link_key, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("Responsable"),
    )
    stopped_at = models.DateTimeField(_("Arrêté le"), null=True, blank=True, editable=False)
    stop_reason = models.TextField(_("Pourquoi"), blank=True, editable=False)
    not_before = models.DateTimeField(_("pas avant"), null=True, blank=True, editable=False)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name

    @property
    def is_listening(self) -> bool:
        return self.stopped_at is None


class WebhookEvent(models.Model):
    """Something that happened to a document: an act of its journal. Written in the transaction of the act.

    `key`: the id that the receivers see; of one event, the same at each delivery. `version`: of the document after the
    act; null for a document without one.
    """

    key = models.UUIDField(_("identifiant"), default=uuid4, unique=True, editable=False)
    kind = models.CharField(_("nature"), max_length=80)
    content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", verbose_name=_("type"))
    object_id = models.PositiveBigIntegerField(_("identifiant du document"))
    version = models.PositiveIntegerField(_("version"), null=True)
    at = models.DateTimeField(_("le"), db_index=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("événement")
        verbose_name_plural = _("événements")

    def __str__(self) -> str:
        return _("Événement n° %s") % self.pk


class WebhookDeliveryQuerySet(StampedQuerySet["WebhookDelivery"]):
    def due(self, at: datetime) -> "WebhookDeliveryQuerySet":
        """Keep what may be sent now: of each endpoint and document, the oldest delivery that waits, and that alone."""
        older = self.model._default_manager.filter(
            endpoint=OuterRef("endpoint"),
            content_type=OuterRef("content_type"),
            object_id=OuterRef("object_id"),
            state=DeliveryState.WAITING,
            pk__lt=OuterRef("pk"),
        )
        return self.filter(
            Q(endpoint__not_before__isnull=True) | Q(endpoint__not_before__lte=at),
            ~Exists(older),
            state=DeliveryState.WAITING,
            next_try_at__lte=at,
            endpoint__stopped_at__isnull=True,
        )


class WebhookDelivery(Stamped):
    """One event for one endpoint: whether it was received, after how many tries, and why not.

    The document is that of the event, copied: the order of its deliveries is asked of the database.
    """

    company_path = "endpoint__company"

    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, db_index=False, related_name="deliveries", verbose_name=_("webhook")
    )
    event = models.ForeignKey(WebhookEvent, models.CASCADE, related_name="deliveries", verbose_name=_("événement"))
    content_type = models.ForeignKey(
        ContentType, models.CASCADE, db_index=False, related_name="+", verbose_name=_("type")
    )
    object_id = models.PositiveBigIntegerField(_("identifiant du document"))
    state = models.CharField(_("État"), max_length=10, choices=DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(_("Essais"), default=0)
    next_try_at = models.DateTimeField(_("Prochain essai"), default=timezone.now)
    status = models.PositiveSmallIntegerField(_("Réponse"), null=True, blank=True)
    error = models.TextField(_("Erreur"), blank=True)
    sent_at = models.DateTimeField(_("Reçu le"), null=True, blank=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("envoi de webhook")
        verbose_name_plural = _("envois de webhooks")
        constraints = [models.UniqueConstraint(fields=["endpoint", "event"], name="invoicing_delivery_once")]
        indexes = [
            models.Index(
                fields=["endpoint", "content_type", "object_id", "id"],
                condition=Q(state="waiting"),
                name="invoicing_delivery_in_order",
            ),
            models.Index(fields=["next_try_at"], condition=Q(state="waiting"), name="invoicing_delivery_due"),
        ]

    def __str__(self) -> str:
        return _("Envoi n° %(number)s à %(endpoint)s") % {"number": self.pk, "endpoint": self.endpoint}
