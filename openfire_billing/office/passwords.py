"""What a new password closes."""

from typing import Any

from django.utils.translation import gettext as _
from knox.models import AuthToken


class TokensForgotten:
    """One of AUTH_PASSWORD_VALIDATORS: Django tells it of every password that is set, on whatever page or command.

    Programs that were logged in with the one before log in anew.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Any password will do: it only listens."""

    def password_changed(self, password: str, user: Any) -> None:
        AuthToken.objects.filter(user=user).delete()

    def get_help_text(self) -> str:
        return _("Les programmes connectés à votre compte devront se reconnecter.")
