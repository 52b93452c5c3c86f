"""The door of the office. Who works on the phone alone has no page here: he is led to his own."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm as AnyActiveUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.forms import AuthenticationForm

from interventions.models import Technician


def works_on_the_phone(user: Any) -> bool:
    """A technician who is nothing else here."""
    return not user.is_staff and Technician.objects.filter(user=user, is_active=True).exists()


class EntryForm(AuthenticationForm):
    """The office's, which a technician may fill in too."""

    def confirm_login_allowed(self, user: Any) -> None:
        if works_on_the_phone(user):
            AnyActiveUser.confirm_login_allowed(self, user)
        else:
            super().confirm_login_allowed(user)


def enter(request: HttpRequest) -> HttpResponse:
    """The login page, where Django also sends those whom the office does not know."""
    if request.user.is_authenticated and works_on_the_phone(request.user):
        return redirect("mobile:today")
    return admin.site.login(request)
