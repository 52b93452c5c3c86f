"""`Authorization: Bearer ofb_…`: the key of a program."""

from math import ceil
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled

from invoicing.services.access.guesses import TooManyGuesses
from invoicing.services.parties.programs import WrongKey, key_of, user_by
from openfire_billing.web.proxies import client_address

SCHEME = "Bearer"


class KeyAuthentication(BaseAuthentication):
    """The user of a program, by its key; other schemes are left to the other classes."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        """Raises AuthenticationFailed (`invalid_key`) for a wrong key, Throttled after too many of them."""
        scheme, _space, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        try:
            key = key_of(text.strip(), address=client_address(request._request), at=timezone.now())
        except TooManyGuesses as refusal:
            locked = Throttled(detail=str(refusal))
            locked.wait = ceil(refusal.wait.total_seconds())
            raise locked from refusal
        except WrongKey as refusal:
            failed = AuthenticationFailed(str(refusal))
            failed.default_code = refusal.code
            raise failed from refusal
        return user_by(key), key

    def authenticate_header(self, request: Any) -> str:
        return SCHEME


class KeyScheme(OpenApiAuthenticationExtension):
    """The key in the description of the API."""

    target_class = "invoicing.api.keys.KeyAuthentication"
    name = "programKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "La clé d'un programme : `Bearer ofb_…`."}
