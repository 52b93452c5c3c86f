"""The user of a request of the office."""

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest


def user_of(request: HttpRequest) -> User:
    """Return the user who is logged in. Call it where a permission was checked: nobody passes without a login."""
    return cast("User", request.user)
