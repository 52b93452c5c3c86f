"""Passwords: how one is checked at login, and what a new one revokes."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.models import AuthToken

from invoicing.services.access.guesses import TooManyGuesses, begin_attempt
from invoicing.services.access.sessions import end_sessions
from invoicing.services.parties.programs import is_open_to
from openfire_billing.web.known_devices import known_device, may_be_known
from openfire_billing.web.proxies import client_address


class LimitedBackend(ModelBackend):
    """Django's, with the limits on wrong passwords. One of AUTHENTICATION_BACKENDS, for every door.

    A refused attempt checks no password; its refusal is the request's `too_many_guesses`.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **options: Any
    ) -> Any:
        if request is None or username is None or password is None:
            return super().authenticate(request, username=username, password=password, **options)
        try:
            attempt = begin_attempt(
                account=username,
                address=client_address(request),
                device=_device(request, username),
                at=timezone.now(),
            )
        except TooManyGuesses as refusal:
            request.too_many_guesses = refusal  # type: ignore[attr-defined]
            raise PermissionDenied from refusal
        user = super().authenticate(request, username=username, password=password, **options)
        if user is not None:
            attempt.delete()
        return user

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """As Django's, within the rights of the key by which a program came in."""
        return is_open_to(user_obj, perm) and super().has_perm(user_obj, perm, obj)


def _device(request: HttpRequest, username: str) -> str:
    """Return the id of the device when this user has logged in on it before; "" otherwise."""
    if not may_be_known(request):
        return ""
    user = User.objects.filter(username=username).first()
    return known_device(request, user.pk) if user else ""


class AccessForgotten:
    """One of AUTH_PASSWORD_VALIDATORS: Django calls it for every password that is set, on any page or command.

    It deletes the API tokens of the user and ends his sessions: programs and other devices log in again. Django gives
    a new key to the session in which a user changes his own password: that one goes on.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Accept any password: this validator only reacts to the change."""

    def password_changed(self, password: str, user: Any) -> None:
        AuthToken.objects.filter(user=user).delete()
        end_sessions(user, at=timezone.now())

    def get_help_text(self) -> str:
        return _("Vos autres appareils, et les programmes connectés à votre compte, devront se reconnecter.")
