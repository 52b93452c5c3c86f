"""The login of the office. A user who works on the phone alone has no page here: he is redirected to his own."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.forms import AuthenticationForm
from unfold.widgets import INPUT_CLASSES

from interventions.models import Technician
from invoicing.login_forms import SecondFactorForm


def works_on_the_phone(user: Any) -> bool:
    """Return whether the user is a technician without any right in the office."""
    return not user.is_staff and Technician.objects.filter(user=user, is_active=True).exists()


class EntryForm(SecondFactorForm, AuthenticationForm):
    """The office's login form, which accepts technicians too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["code"].widget.attrs["class"] = " ".join(INPUT_CLASSES)

    def confirm_login_allowed(self, user: Any) -> None:
        if works_on_the_phone(user):
            SecondFactorForm.confirm_login_allowed(self, user)
        else:
            super().confirm_login_allowed(user)


def enter(request: HttpRequest) -> HttpResponse:
    """Show the login page, to which Django also sends users without access to the office."""
    if request.user.is_authenticated and works_on_the_phone(request.user):
        return redirect("mobile:today")
    return admin.site.login(request)
