"""What a new password revokes."""

from typing import Any

from django.utils.translation import gettext as _
from knox.models import AuthToken


class TokensForgotten:
    """One of AUTH_PASSWORD_VALIDATORS: Django calls it for every password that is set, on any page or command.

    It deletes the API tokens of the user: programs log in again.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Accept any password: this validator only reacts to the change."""

    def password_changed(self, password: str, user: Any) -> None:
        AuthToken.objects.filter(user=user).delete()

    def get_help_text(self) -> str:
        return _("Les programmes connectés à votre compte devront se reconnecter.")
