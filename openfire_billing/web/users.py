"""The user of a page that asks for a login."""

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest


def user_of(request: HttpRequest) -> User:
    """Return the user of a request; its view has checked that he is logged in."""
    return cast("User", request.user)
