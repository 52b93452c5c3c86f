"""What a manager does on an account: end its sessions and programs, remove its second factor."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.services.access import second_factor
from invoicing.services.access.sessions import end_session, revoke_token, sessions_of, tokens_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import value_text
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.contributions import contribute
from openfire_billing.web.users import user_of


class SessionsForm(forms.Form):
    """The sessions and programs of one account: those that stay ticked are ended."""

    ended = forms.MultipleChoiceField(
        label=_("À déconnecter"), required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "of-checks"})
    )

    def prepare(self, request: HttpRequest, accounts: Any) -> None:
        """Offer the open sessions and the valid tokens of the account, all ticked."""
        field, now = self.fields["ended"], timezone.now()
        sessions = [
            (f"session-{one.pk}", f"{one} · {value_text(one.last_act_at)}") for one in sessions_of(accounts[0], at=now)
        ]
        tokens = [
            (f"token-{token.token_key}", _("Programme · %s") % value_text(token.created))
            for token in tokens_of(accounts[0], at=now)
        ]
        field.choices = [*sessions, *tokens]  # type: ignore[attr-defined]  # of its own class
        field.initial = [value for value, _label in field.choices]  # type: ignore[attr-defined]


def end_chosen(request: HttpRequest, account: User, data: dict[str, Any]) -> None:
    """End the sessions and revoke the tokens ticked. Raise BusinessError when none is."""
    if not data["ended"]:
        raise BusinessError(_("Rien n'est coché : cochez au moins un appareil, ou fermez cette question."))
    by, now = user_of(request), timezone.now()
    sessions = {f"session-{one.pk}": one for one in sessions_of(account, at=now)}
    for chosen in data["ended"]:
        if chosen in sessions:
            end_session(sessions[chosen], by=by, at=now)
        else:
            revoke_token(account, chosen.removeprefix("token-"), by=by)


def _has_access(account: User) -> bool:
    now = timezone.now()
    return bool(sessions_of(account, at=now) or tokens_of(account, at=now))


contribute(
    User,
    actions=[
        DocumentAction(
            name="end-sessions",
            label=_("Déconnecter des appareils"),
            icon="logout",
            permission="auth.change_user",
            form=SessionsForm,
            offered=_has_access,
            explain=_("Les appareils et les programmes cochés devront donner à nouveau le mot de passe."),
            confirm=_("Déconnecter"),
            run=end_chosen,
            done=_("appareils déconnectés"),
        ),
        DocumentAction(
            name="remove-second-factor",
            label=_("Retirer le second facteur"),
            icon="phonelink_erase",
            permission="auth.change_user",
            offered=lambda account: second_factor.device_of(account) is not None,
            explain=_(
                "Téléphone perdu ou changé : la personne se connectera avec son seul mot de passe, puis en ajoutera un autre."
            ),
            confirm=_("Retirer"),
            is_danger=True,
            run=lambda request, account, data: second_factor.remove_device(account, by=user_of(request)),
            done=_("second facteur retiré"),
        ),
    ],
)
