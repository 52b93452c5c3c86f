"""What a user does on his own account, at the office and on the phone: sessions and devices, second factor.

Each page has two addresses, one for each layout: `layout` is "office" or "phone".
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote_plus

import segno
from django.contrib import admin, messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from appointments.mobile.forms import PhoneLoginForm
from interventions.models import Technician
from invoicing.services.access import second_factor
from invoicing.services.access.sessions import end_session, end_sessions, revoke_token, sessions_of, tokens_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.office.login import EntryForm
from openfire_billing.web.users import user_of

View = Callable[..., HttpResponseBase]

ADDING = "adding_factor"  # of the session: the id of the device whose secret its page shows


def _own_page(view: View) -> View:
    """Give the view a user who is logged in; lead others to the login of the layout."""

    @wraps(view)
    @never_cache
    def page(request: HttpRequest, layout: str) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, layout)
        door = reverse("mobile:login" if layout == "phone" else "admin:login")
        return HttpResponseRedirect(f"{door}?next={quote_plus(request.path)}")

    return page


def _context(request: HttpRequest, layout: str, title: Any) -> dict[str, Any]:
    if layout == "phone":
        technician = Technician.objects.filter(user=user_of(request), is_active=True).first()
        return {"layout": "mobile/base.html", "technician": technician, "title": title, "is_phone": True}
    return {**admin.site.each_context(request), "layout": "admin/base_site.html", "title": title, "is_phone": False}


def _address(name: str, layout: str) -> str:
    return reverse(f"phone_{name}" if layout == "phone" else name)


@_own_page
@require_http_methods(["GET", "POST"])
def own_sessions(request: HttpRequest, layout: str) -> HttpResponseBase:
    """Show the sessions and the API tokens of the user; end one, or all other sessions."""
    user, now = user_of(request), timezone.now()
    if request.method == "POST":
        return _end(request, layout)
    context = _context(request, layout, _("Mes sessions et appareils")) | {
        "sessions": sessions_of(user, at=now),
        "current_key": request.session.session_key,
        "tokens": tokens_of(user, at=now),
        "factor_url": _address("second_factor", layout),
        "has_factor": second_factor.device_of(user) is not None,
    }
    return render(request, "office/own_sessions.html", context)


def _end(request: HttpRequest, layout: str) -> HttpResponse:
    user, now, current = user_of(request), timezone.now(), str(request.session.session_key)
    if "others" in request.POST:
        ended = end_sessions(user, keep=current, at=now)
        messages.success(request, _("Sessions terminées : %d. Seul cet appareil reste connecté.") % ended)
    elif token := request.POST.get("token"):
        if revoke_token(user, token, by=user):
            messages.success(request, _("Programme déconnecté : son jeton ne vaut plus rien."))
    else:
        chosen = read_id(request.POST.get("session"))
        session = next((one for one in sessions_of(user, at=now) if one.pk == chosen), None)
        if session is not None and session.session_key == current:
            logout(request)
            return HttpResponseRedirect(reverse("mobile:login" if layout == "phone" else "admin:login"))
        if session is not None:
            end_session(session, by=user, at=now)
            messages.success(request, _("Session terminée : %s.") % session)
    return HttpResponseRedirect(_address("own_sessions", layout))


@_own_page
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("code")
def own_second_factor(request: HttpRequest, layout: str) -> HttpResponseBase:
    """Add the second factor: QR code, secret, confirming code, recovery codes shown once; renew these, or remove it."""
    user = user_of(request)
    context = _context(request, layout, _("Second facteur")) | {"refusal": "", "codes": []}
    if request.method == "POST":
        try:
            context["codes"] = _change_factor(request)
        except BusinessError as refusal:
            context["refusal"] = str(refusal)
        else:
            if not context["codes"]:
                messages.success(request, _("Second facteur retiré : votre mot de passe suffit à nouveau."))
                return HttpResponseRedirect(_address("own_sessions", layout))
    has_device = second_factor.device_of(user) is not None
    must_have = second_factor.must_have_device(user)
    context |= {
        "has_device": has_device,
        "must_have": must_have,
        "codes_left": second_factor.recovery_codes_left(user),
        "sessions_url": _address("own_sessions", layout),
        "home_url": reverse("mobile:today" if layout == "phone" else "admin:index"),
    }
    if not has_device:
        device = second_factor.begin_enrolment(user, request.session.get(ADDING))
        request.session[ADDING] = device.pk
        drawing = segno.make(device.config_url, error="m").svg_inline(scale=4, border=4, light="#fff", omitsize=True)
        context |= {"qr": mark_safe(drawing), "secret": second_factor.secret_text(device)}  # noqa: S308 segno's own
    return render(request, "office/own_second_factor.html", context, status=409 if context["refusal"] else 200)


def _change_factor(request: HttpRequest) -> list[str]:
    """Do what the page asks. Return the recovery codes to show; none when the second factor was removed."""
    user, code = user_of(request), request.POST.get("code", "")
    act, now = request.POST.get("act", ""), timezone.now()
    if act == "confirm":
        codes = second_factor.confirm_enrolment(user, code, request.session.get(ADDING))
        request.session.pop(ADDING, None)
        request.session["factor_at"] = now.timestamp()
        end_sessions(user, keep=str(request.session.session_key), at=now)
        return codes
    second_factor.check_code(user, code, at=now)
    if act == "renew":
        return second_factor.renew_recovery_codes(user)
    if second_factor.must_have_device(user):
        raise BusinessError(_("Votre compte doit avoir un second facteur : demandez à un gestionnaire de le retirer."))
    second_factor.remove_device(user, by=user)
    return []


@never_cache
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password", "code")
def session_state(request: HttpRequest, layout: str) -> JsonResponse:
    """Answer whether the session of a page is over; with POST, log its user in again, over the page.

    GET ?user=<user name of the page>. Returns {is_over, csrf}; after a POST also {errors, asks_code, proof}. `csrf` is
    the token to send with the forms of the page. The header `X-Background` is sent with GET: it is no act.
    """
    if request.method == "POST":
        form_class: Any = PhoneLoginForm if layout == "phone" else EntryForm
        form = form_class(request, request.POST)
        if not form.is_valid():
            errors = [str(error) for errors in form.errors.values() for error in errors]
            answer = {"is_over": True, "errors": errors, "asks_code": form.asks_code, "proof": form.new_proof}
            return JsonResponse(answer | {"csrf": get_token(request)})
        login(request, form.get_user())
        return JsonResponse({"is_over": False, "errors": [], "csrf": get_token(request)})
    is_same = request.user.is_authenticated and request.user.get_username() == request.GET.get("user")
    return JsonResponse({"is_over": not is_same, "csrf": get_token(request)})


def _pages(prefix: str, layout: str) -> list[Any]:
    options = {"layout": layout}
    return [
        path("sessions/", own_sessions, options, name=f"{prefix}own_sessions"),
        path("second-factor/", own_second_factor, options, name=f"{prefix}second_factor"),
        path("session/", session_state, options, name=f"{prefix}session_state"),
    ]


office_urls, phone_urls = _pages("", "office"), _pages("phone_", "phone")
