"""Devices on which a user has logged in before: a signed cookie that names the user holds the device's id."""

from django.http import HttpRequest

COOKIE = "known_device_%s"  # % id of the user
SALT = "known-device-%s"


def known_device(request: HttpRequest, user_id: int) -> str:
    """Return the id of the device of a request when this user has logged in on it before; "" otherwise."""
    return str(request.get_signed_cookie(COOKIE % user_id, default="", salt=SALT % user_id))[:40]


def may_be_known(request: HttpRequest) -> bool:
    """Return whether a request has the cookie of any known device."""
    return any(name.startswith(COOKIE % "") for name in request.COOKIES)
