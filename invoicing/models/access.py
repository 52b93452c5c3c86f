"""How users come in: their sessions, failed logins, recovery codes of the second factor, demands of a new password."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.choices import AttemptKind, SessionScope


class UserSessionQuerySet(models.QuerySet["UserSession"]):
    def live(self, at: datetime) -> "UserSessionQuerySet":
        """Keep the sessions that are neither ended nor expired at that moment."""
        return self.filter(ended_at__isnull=True, expires_at__gt=at)


class UserSession(models.Model):
    """A session of a user on one device. Deleting Django's session of this key ends it at once.

    `scope`: the door the session came in by. A session of the phone lasts 90 days, one of the office 12 hours.
    `device`: browser and system. `address`: IP address at the last login. `last_act_at`: to the minute.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="own_sessions", verbose_name=_("utilisateur")
    )
    session_key = models.CharField(_("clé"), max_length=40, unique=True)
    scope = models.CharField(_("accès"), max_length=10, choices=SessionScope)
    device = models.CharField(_("appareil"), max_length=60)
    address = models.CharField(_("adresse"), max_length=45, blank=True)
    created_at = models.DateTimeField(_("ouverte le"), default=timezone.now)
    last_act_at = models.DateTimeField(_("dernière activité"), default=timezone.now)
    expires_at = models.DateTimeField(_("expire le"))
    ended_at = models.DateTimeField(_("terminée le"), null=True, blank=True)

    objects = UserSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-last_act_at", "-pk"]
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return f"{self.device} · {self.get_scope_display()}"


class LoginFailure(models.Model):
    """A login that failed or is being checked, or a demand of a new password: `services/access/guesses.py` counts them.

    `account`: the user name or the e-mail as typed. `address`: IPv4 address, or the /64 network of an IPv6 one. `device`: the id of
    a device on which this account logged in before; its attempts are counted by device alone.
    """

    kind = models.CharField(_("nature"), max_length=15, choices=AttemptKind, default=AttemptKind.LOGIN)
    account = models.CharField(_("compte"), max_length=150)
    address = models.CharField(_("adresse"), max_length=45)
    device = models.CharField(_("appareil"), max_length=40, blank=True)
    at = models.DateTimeField(_("le"), default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("connexion refusée")
        verbose_name_plural = _("connexions refusées")
        indexes = [
            models.Index(fields=["account", "at"], name="invoicing_failure_account"),
            models.Index(fields=["address", "at"], name="invoicing_failure_address"),
        ]

    def __str__(self) -> str:
        return f"{self.account} · {self.address}"


class RecoveryCode(models.Model):
    """A code that replaces the second factor once. `digest`: SHA-256 of the code, which is random (80 bits)."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes", verbose_name=_("utilisateur")
    )
    digest = models.CharField(_("empreinte"), max_length=64)
    used_at = models.DateTimeField(_("utilisé le"), null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("code de secours")
        verbose_name_plural = _("codes de secours")
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="invoicing_recovery_code_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.pk}"


class PasswordRequest(models.Model):
    """A demand of a new password, kept until a task answers it. `email`: as typed; it may be nobody's."""

    email = models.EmailField(_("e-mail"), max_length=254)
    at = models.DateTimeField(_("le"), default=timezone.now)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("demande de mot de passe")
        verbose_name_plural = _("demandes de mot de passe")

    def __str__(self) -> str:
        return self.email
