"""Sessions of the office and of the phone: how long each part lasts, and the row that lists each.

One session of Django has two parts. The office part lasts 12 hours and ends after 30 minutes without an act of the
person; a request with the header `X-Background` is none. The phone part lasts 90 days. A login at the office opens the
office part; a login on the phone opens the phone part, and the office part of a user who works there too. When the
office part is over, its pages ask the password again in the same session, and the phone part stays.

Session data, in seconds since 1970: `office_at` (last login), `office_until`, `phone_until`, `factor_at` (last second
factor). The last act is the date of a signed cookie, written at most once a minute with the row of the session.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from invoicing.choices import SessionScope
from invoicing.services.access import second_factor
from invoicing.services.access.sessions import (
    IDLE,
    OFFICE_LASTS,
    PHONE_LASTS,
    end_key,
    follow_key,
    note_act,
    register_session,
)
from openfire_billing.kernel.devices import device_label
from openfire_billing.web.known_devices import COOKIE, SALT, known_device
from openfire_billing.web.outage import outage_page
from openfire_billing.web.proxies import client_address

log = logging.getLogger(__name__)
ACT_COOKIE = "last_act"
SKEW = 120  # seconds by which the clocks of two machines may differ
EVERY = 60  # seconds between two writings of the last act
KNOWN_FOR = 365 * 24 * 3600  # seconds during which a device stays known
_OFFICE, _PLANNING, _PHONE, _FILES = "/admin/", "/planning/", "/mobile/", "/files/"
_ALWAYS_OPEN = ("login/", "logout/", "account/", "jsi18n/", "forgotten-password/")


def open_session(sender: object, *, request: HttpRequest, user: Any, **of_signal: object) -> None:
    """Open the parts of the session of a user who has just logged in, and write its row. API logins have no session."""
    request.known_device_of = user  # type: ignore[attr-defined]  # the middleware sets its cookie
    if SESSION_KEY not in request.session:
        return
    session, at = request.session, timezone.now()
    if session.session_key is None:
        session.create()
    is_on_phone = request.path.startswith(_PHONE) or not user.is_staff
    session["office_at"] = at.timestamp()
    if user.is_staff:
        session["office_until"] = (at + OFFICE_LASTS).timestamp()
    if is_on_phone:
        session["phone_until"] = (at + PHONE_LASTS).timestamp()
    if getattr(request, "second_factor_given", False):
        session["factor_at"] = at.timestamp()
    last = max(session.get("office_until", 0), session.get("phone_until", 0))
    expires_at = datetime.fromtimestamp(last, tz=at.tzinfo)
    session.set_expiry(expires_at)
    register_session(
        user,
        key=str(session.session_key),
        scope=SessionScope.PHONE if "phone_until" in session else SessionScope.OFFICE,
        device=device_label(request.META.get("HTTP_USER_AGENT", "")),
        address=client_address(request)[:45],
        at=at,
        expires_at=expires_at,
    )


def close_session(sender: object, *, request: HttpRequest, **of_signal: object) -> None:
    """Write that the session of a user who logs out has ended."""
    key = getattr(request, "session", None) and request.session.session_key
    if key:
        end_key(key, at=timezone.now())


def connect() -> None:
    """Have Django call these at each login and logout, whatever the page."""
    user_logged_in.connect(open_session, dispatch_uid="open_session")
    user_logged_out.connect(close_session, dispatch_uid="close_session")


def is_office_open(request: HttpRequest) -> bool:
    """Return whether the office part of the session is open: begun, not over, and not left alone for 30 minutes."""
    now = timezone.now().timestamp()
    return request.session.get("office_until", 0) > now and _was_active(request, IDLE.total_seconds())


def is_phone_open(request: HttpRequest) -> bool:
    """Return whether the phone's pages are open: the phone part is, or the office part."""
    return request.session.get("phone_until", 0) > timezone.now().timestamp() or is_office_open(request)


def _was_active(request: HttpRequest, seconds: float) -> bool:
    """Return whether the person logged in or acted in the last `seconds`."""
    if -SKEW < timezone.now().timestamp() - request.session.get("office_at", 0) < seconds:
        return True
    salt = str(request.session.get(SESSION_KEY))
    return request.get_signed_cookie(ACT_COOKIE, default=None, salt=salt, max_age=int(seconds)) is not None


class SessionPartsMiddleware:
    """Refuses a part of the session that is over, leads to the second factor who must have one, and notes acts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.session.session_key
        try:
            refused = _before(request) if key and _has_parts(request) else None
        except (OperationalError, InterfaceError) as error:
            return outage_page(error)
        response = refused or self.get_response(request)
        try:
            self._after(request, response, key)
        except (OperationalError, InterfaceError) as error:
            log.warning("The last act of a session is not written: %s", error)
        return response

    def _after(self, request: HttpRequest, response: HttpResponse, key: str | None) -> None:
        if user := getattr(request, "known_device_of", None):
            device = known_device(request, user.pk) or token_urlsafe(16)
            response.set_signed_cookie(
                COOKIE % user.pk,
                device,
                salt=SALT % user.pk,
                max_age=KNOWN_FOR,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        if not _has_parts(request) or not request.user.is_authenticated:
            return
        now = timezone.now()
        new_key = request.session.session_key
        if key and new_key and new_key != key:
            follow_key(key, new_key, at=now)
        if "X-Background" not in request.headers and not _was_active(request, EVERY):
            _note(request, response, at=now)


def _has_parts(request: HttpRequest) -> bool:
    return request.path.startswith((_OFFICE, _PLANNING, _PHONE, _FILES))


def _before(request: HttpRequest) -> HttpResponse | None:
    """Make the request anonymous when its part of the session is over. Return the page that comes first, if any."""
    if SESSION_KEY not in request.session:
        return None
    if not _is_open(request):
        request.user = AnonymousUser()
    return _enrolment_first(request)


def _is_open(request: HttpRequest) -> bool:
    """Return whether the part of the session that a page belongs to is open. A user of the phone alone has no office
    part: the office itself refuses him."""
    if request.path.startswith((_OFFICE, _PLANNING)) and request.user.is_staff:
        return is_office_open(request)
    return is_phone_open(request)


def _enrolment_first(request: HttpRequest) -> HttpResponse | None:
    """Lead to the page of the second factor a user who must have one and gave none; None for all others."""
    if settings.SECOND_FACTOR == "none" or "factor_at" in request.session or not request.user.is_authenticated:
        return None
    is_on_phone = request.path.startswith(_PHONE)
    own = request.path.removeprefix(_PHONE if is_on_phone else _OFFICE)
    if own.startswith(_ALWAYS_OPEN) or not second_factor.must_have_device(request.user):
        return None
    return HttpResponseRedirect(reverse("phone_second_factor" if is_on_phone else "second_factor"))


def _note(request: HttpRequest, response: HttpResponse, *, at: datetime) -> None:
    """Write the moment of an act in its cookie and in the row of the session."""
    response.set_signed_cookie(
        ACT_COOKIE,
        "1",
        salt=str(request.session.get(SESSION_KEY)),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    note_act(str(request.session.session_key), at=at)
