"""The outbox of e-mails and SMS."""

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import MessageKind, MessageState
from openfire_billing.db.stamps import Stamped, StampedQuerySet


class MessageQuerySet(StampedQuerySet["Message"]):
    def readable_by(self, user: User | AnonymousUser) -> "MessageQuerySet":
        """Keep the messages about no record, or about a record whose model this user may view."""
        kinds = ContentType.objects.get_for_models(*apps.get_models())
        hidden = [
            kind.pk
            for model, kind in kinds.items()
            if not user.has_perm(f"{model._meta.app_label}.{get_permission_codename('view', model._meta)}")
        ]
        return self.exclude(content_type__in=hidden)


class Message(Stamped):
    """An e-mail or SMS of the outbox. Its unique `key` names its purpose, so that it is queued once.

    `to` and `cc`: e-mail addresses apart by « , », five at most of each; of an SMS, one number in E.164. `send_at`: the
    moment chosen for it. `provider_id`: the reference that the SMS gateway gave. `is_commercial`: it waits for the hours
    at which such messages are allowed, and is not sent to who refuses them. `department`: of the recipient,
    whose public holidays count. `announces`: the start of the appointment that its text tells the customer. `expires_at`:
    the moment after which it is not sent.
    """

    key = models.CharField(_("clé"), max_length=160, unique=True)
    kind = models.CharField(_("moyen"), max_length=10, choices=MessageKind, default=MessageKind.MAIL)
    to = models.CharField(_("destinataire"), max_length=1300)
    cc = models.CharField(_("copie"), max_length=1300, blank=True, db_default="")
    subject = models.CharField(_("objet"), max_length=200, blank=True)
    body = models.TextField(_("texte"))
    content_type = models.ForeignKey(
        ContentType, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("type")
    )
    object_id = models.PositiveBigIntegerField(_("identifiant"), null=True, blank=True)
    object = GenericForeignKey()
    # Null: without a company (password, document without one); users of all companies see it.
    company = models.ForeignKey(
        "invoicing.Company", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("société")
    )
    with_paper = models.BooleanField(_("avec le PDF du document"), default=False)
    state = models.CharField(_("état"), max_length=20, choices=MessageState, default=MessageState.WAITING)
    attempts = models.PositiveSmallIntegerField(_("essais"), default=0)
    error = models.TextField(_("erreur"), blank=True)
    created_at = models.DateTimeField(_("créé le"), default=timezone.now)
    next_try_at = models.DateTimeField(_("prochain essai"), default=timezone.now)
    send_at = models.DateTimeField(_("à envoyer le"), null=True, blank=True)
    sent_at = models.DateTimeField(_("envoyé le"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("reçu le"), null=True, blank=True)
    provider_id = models.CharField(_("référence de la passerelle"), max_length=100, blank=True, db_default="")
    is_commercial = models.BooleanField(_("commercial"), default=False, db_default=False)
    department = models.CharField(_("département"), max_length=3, blank=True, db_default="")
    announces = models.DateTimeField(_("annonce le RDV du"), null=True, blank=True)
    expires_at = models.DateTimeField(_("pas envoyé après"), null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("par")
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(fields=["state", "next_try_at"], name="invoicing_message_waiting"),
            models.Index(fields=["content_type", "object_id"], name="invoicing_message_about"),
            models.Index(
                fields=["provider_id"], condition=~models.Q(provider_id=""), name="invoicing_message_provider"
            ),
        ]
        permissions = [("send_sms", "Envoyer des SMS"), ("send_commercial", "Envoyer des SMS commerciaux")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.to} · {self.subject}"
