"""What every record may carry: its journal, its files, its messages, its public link; and the keys of API writes."""

import secrets
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_permission_codename
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import storages
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import MessageKind, MessageState


class HistoryQuerySet(models.QuerySet["HistoryLine"]):
    def of(self, document: models.Model) -> "HistoryQuerySet":
        """The journal of one record, newest first."""
        return self.filter(
            content_type=ContentType.objects.get_for_model(document), object_id=document.pk
        ).select_related("by")


class HistoryLine(models.Model):
    """One act on one record: who, when, what changed. Only ever inserted.

    The highest id of a record's lines is its version: a form opened before it is stale.
    """

    content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", verbose_name=_("type"))
    object_id = models.PositiveBigIntegerField(_("identifiant"))
    object = GenericForeignKey()
    act = models.CharField(_("acte"), max_length=40)
    text = models.TextField(_("texte"), blank=True)
    changes = models.JSONField(_("changements"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("par")
    )
    at = models.DateTimeField(_("le"), default=timezone.now)

    objects = HistoryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("ligne de journal")
        verbose_name_plural = _("journal")
        indexes = [models.Index(fields=["content_type", "object_id", "-id"], name="invoicing_history_of")]

    def __str__(self) -> str:
        return self.text or self.act


def _private_storage() -> Any:
    return storages["default"]


def _attachment_path(attachment: "Attachment", filename: str) -> str:
    return f"attachments/{timezone.localdate():%Y/%m}/{secrets.token_urlsafe(12)}/{filename}"


class Attachment(models.Model):
    """A file on a record. Private: only served by a view that checks the right to see the record."""

    content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", verbose_name=_("type"))
    object_id = models.PositiveBigIntegerField(_("identifiant"))
    object = GenericForeignKey()
    file = models.FileField(_("fichier"), upload_to=_attachment_path, storage=_private_storage, max_length=255)
    name = models.CharField(_("nom"), max_length=160)
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


class MessageQuerySet(models.QuerySet["Message"]):
    def readable_by(self, user: Any) -> "MessageQuerySet":
        """Those about records of a kind this user may see, and those about none."""
        kinds = ContentType.objects.get_for_models(*apps.get_models())
        hidden = [
            kind.pk
            for model, kind in kinds.items()
            if not user.has_perm(f"{model._meta.app_label}.{get_permission_codename('view', model._meta)}")
        ]
        return self.exclude(content_type__in=hidden)


class Message(models.Model):
    """One mail or SMS of the outbox. `key` says what it is about: the same key is never sent twice."""

    key = models.CharField(_("clé"), max_length=160, unique=True)
    kind = models.CharField(_("moyen"), max_length=10, choices=MessageKind, default=MessageKind.MAIL)
    to = models.CharField(_("destinataire"), max_length=254)
    subject = models.CharField(_("objet"), max_length=200, blank=True)
    body = models.TextField(_("texte"))
    content_type = models.ForeignKey(
        ContentType, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("type")
    )
    object_id = models.PositiveBigIntegerField(_("identifiant"), null=True, blank=True)
    object = GenericForeignKey()
    # Null: of no company (a password, a document that has none), seen by the people of all.
    company = models.ForeignKey(
        "invoicing.Company", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("société")
    )
    with_paper = models.BooleanField(_("avec le PDF du document"), default=False)
    state = models.CharField(_("état"), max_length=10, choices=MessageState, default=MessageState.WAITING)
    attempts = models.PositiveSmallIntegerField(_("essais"), default=0)
    error = models.TextField(_("erreur"), blank=True)
    created_at = models.DateTimeField(_("créé le"), default=timezone.now)
    next_try_at = models.DateTimeField(_("prochain essai"), default=timezone.now)
    sent_at = models.DateTimeField(_("envoyé le"), null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("par")
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [models.Index(fields=["state", "next_try_at"], name="invoicing_message_waiting")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.to} · {self.subject}"


def _new_key() -> str:
    return secrets.token_urlsafe(24)


class PublicLink(models.Model):
    """The customer's page of one document. `key` changes with « Nouveau lien », which revokes the old address."""

    content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+", verbose_name=_("type"))
    object_id = models.PositiveBigIntegerField(_("identifiant"))
    object = GenericForeignKey()
    key = models.CharField(_("clé"), max_length=64, unique=True, default=_new_key)
    is_published = models.BooleanField(_("publié"), default=False)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("lien public")
        verbose_name_plural = _("liens publics")
        constraints = [models.UniqueConstraint(fields=["content_type", "object_id"], name="invoicing_link_once")]

    def __str__(self) -> str:
        return self.key


class IdempotencyKey(models.Model):
    """The key a program gave to one write of the API, and what it was answered: the same key never acts twice.

    `fingerprint`: SHA-256 of the body. Only what succeeded is kept, in the transaction that did it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, verbose_name=_("utilisateur")
    )
    key = models.CharField(_("clé"), max_length=100)
    method = models.CharField(_("méthode"), max_length=6)
    path = models.CharField(_("adresse"), max_length=500)
    fingerprint = models.CharField(_("empreinte"), max_length=64)
    status = models.PositiveSmallIntegerField(_("statut"), default=0)
    body = models.TextField(_("réponse"), blank=True)
    at = models.DateTimeField(_("le"), default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("clé d'écriture")
        verbose_name_plural = _("clés d'écriture")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="invoicing_key_once")]

    def __str__(self) -> str:
        return f"{self.key} · {self.method} {self.path}"
