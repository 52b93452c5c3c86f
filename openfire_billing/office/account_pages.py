"""A user's own password: forgotten, or not chosen yet. Django's pages and one-time addresses, styled as the office."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext_lazy as _
from unfold.widgets import INPUT_CLASSES

from invoicing.models import Message
from invoicing.services.access.passwords import ask_password
from invoicing.services.parties.companies import default_company
from invoicing.services.records.messages import queue_unless_just_sent
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.contributions import contribute
from openfire_billing.web.proxies import client_address
from openfire_billing.web.site import site_address
from openfire_billing.web.users import user_of

PAGE, MAIL = "office/account.html", "office/account_mail.txt"
ONE_TIME_ADDRESS = "[adresse à usage unique, faite à l'envoi]"


class _Dressed:
    """Gives the fields of a form the style of the login page."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():  # type: ignore[attr-defined]
            field.widget.attrs["class"] = " ".join(INPUT_CLASSES)


class AskForm(_Dressed, PasswordResetForm):
    """The address of a user who forgot his password.

    A known address and an unknown one take the same work: one row, which a task answers. A known one gets its mail
    through the outbox. Demands beyond the limits get the same page, and nothing more.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["email"].label = _("E-mail")

    def save(self, *, request: HttpRequest, **_of_django: Any) -> None:  # type: ignore[override]
        ask_password(self.cleaned_data["email"], address=client_address(request), at=timezone.now())


def mail_addresses(email: str) -> None:
    """Queue the mail of each user of this e-mail address who forgot his password."""
    for user in AskForm().get_users(email):
        journal_text = _("Nouveau mot de passe demandé : message mis à l'envoi à %s") % user.email
        _mail_address(user, by=None, journal_text=journal_text)


class ChooseForm(_Dressed, SetPasswordForm):
    """The new password, typed twice."""


def invite(user: User, *, by: By) -> None:
    """Mail `user` a one-time address to choose his password. Raise BusinessError when he has no e-mail address."""
    if not user.email or not user.is_active:
        raise BusinessError(_("%s n'a pas d'e-mail, ou n'est pas actif : complétez sa fiche d'abord.") % user)
    try:
        validate_email(user.email)
    except ValidationError as wrong:
        raise BusinessError(
            _("L'e-mail « %s » ne s'écrit pas ainsi : corrigez-le sur sa fiche.") % user.email
        ) from wrong
    _mail_address(user, by=by, journal_text=_("Invitation mise à l'envoi à %s") % user.email)


def _mail_address(user: User, *, by: By, journal_text: Any) -> None:
    """Queue the mail with the address where a user chooses his password; at most one a minute."""
    parts = {"site": site_address(), "address": ONE_TIME_ADDRESS, "user": user}
    queue_unless_just_sent(
        user,
        prefix=f"password-{user.pk}-",
        to=user.email,
        within=timedelta(minutes=1),
        subject=str(_("Votre mot de passe")),
        body=render_to_string(MAIL, parts).strip(),
        by=by,
        company=default_company(user),
        journal_text=journal_text,
    )


def with_address(message: Message) -> str:
    """Return the text to send, with the user's one-time address, which is stored nowhere.

    The outbox shows `ONE_TIME_ADDRESS` in its place, and a message sent again has a new address. It is sent to the
    user's own e-mail, or not at all.
    """
    if ONE_TIME_ADDRESS not in message.body:
        return message.body
    user = message.object
    if not isinstance(user, User):
        raise BusinessError(_("Le compte de ce message n'existe plus : rien à envoyer."))
    if not user.is_active or message.to != user.email:
        raise BusinessError(_("%s n'est plus actif, ou a changé d'e-mail : envoyez une nouvelle invitation.") % user)
    parts = {
        "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
        "token": default_token_generator.make_token(user),
    }
    return message.body.replace(ONE_TIME_ADDRESS, reverse("password_reset_confirm", kwargs=parts))


contribute(
    User,
    body_of=with_address,
    actions=[
        DocumentAction(
            name="invite",
            label=_("Envoyer une invitation"),
            icon="mail",
            permission="auth.change_user",
            explain=_("Un e-mail lui donne une adresse, valable une fois et trois jours, où choisir son mot de passe."),
            confirm=_("Envoyer"),
            run=lambda request, user, data: invite(user, by=user_of(request)),
            done=_("invitation mise à l'envoi"),
        )
    ],
)


def _page(view: Any, heading: Any, text: Any, button: Any = "", **options: Any) -> Any:
    context = {"heading": heading, "text": text, "button": button}

    class Page(view):
        template_name, extra_context = PAGE, context

        def get_context_data(self, **context: Any) -> dict[str, Any]:
            common = admin.site.each_context(self.request)
            if self.is_for_the_phone():
                common |= {"back": "mobile:login", "place": _("Mes RDV"), "site_url": reverse("mobile:today")}
            else:
                common |= {"back": "admin:login", "place": _("Back-office")}
            return {**common, **super().get_context_data(**context)}

        def get_success_url(self) -> str:
            return super().get_success_url() + ("?for=mobile" if self.is_for_the_phone() else "")

        def is_for_the_phone(self) -> bool:
            """Return whether the pages lead back to the phone: begun there, or by a user who works on the phone alone."""
            user = getattr(self, "user", None)
            return self.request.GET.get("for") == "mobile" or (user is not None and not user.is_staff)

    return Page.as_view(**options)


urlpatterns = [
    path(
        "forgotten-password/",
        _page(
            views.PasswordResetView,
            _("Mot de passe oublié"),
            _("Donnez votre e-mail : vous recevrez une adresse où en choisir un autre."),
            _("Recevoir l'e-mail"),
            form_class=AskForm,
        ),
        name="admin_password_reset",
    ),
    path(
        "forgotten-password/sent/",
        _page(
            views.PasswordResetDoneView,
            _("E-mail envoyé"),
            _(
                "Si un compte a cet e-mail, le message arrive dans les minutes qui viennent. Regardez aussi les indésirables."
            ),
        ),
        name="password_reset_done",
    ),
    path(
        "forgotten-password/<uidb64>/<token>/",
        _page(
            views.PasswordResetConfirmView,
            _("Choisir son mot de passe"),
            _(
                "Deux fois le même, douze caractères au moins. Si rien n'est demandé ici, l'adresse a déjà servi : redemandez-en une."
            ),
            _("Enregistrer"),
            form_class=ChooseForm,
        ),
        name="password_reset_confirm",
    ),
    path(
        "forgotten-password/changed/",
        _page(views.PasswordResetCompleteView, _("Mot de passe changé"), _("Connectez-vous avec le nouveau.")),
        name="password_reset_complete",
    ),
]
