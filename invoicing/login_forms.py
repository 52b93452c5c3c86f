"""The login of the office and of the phone: user name, password, then the code of who has a second factor."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.services.access import second_factor
from invoicing.services.access.guesses import TooManyGuesses
from invoicing.services.access.second_factor import OtpInvalid, OtpRequired

FACTOR_LASTS = timedelta(hours=12)  # in one session
_SALT = "login-proof"
_PROOF_LASTS = 300  # seconds


class SecondFactorForm(AuthenticationForm):
    """A login form that asks the code after the password.

    First the password: of a user with a device, the form is then shown again with `asks_code`, the field « Code » and
    `new_proof`, a signed text that stands for the right password during five minutes. In a session whose user gave a
    code less than 12 hours ago, the password is enough.
    """

    error_messages = {
        "invalid_login": _("Identifiant ou mot de passe inconnu. Vérifiez, ou demandez au bureau."),
        "inactive": _("Ce compte n'est plus actif : demandez au bureau."),
        "expired": _("Plus de cinq minutes ont passé : redonnez votre mot de passe."),
    }
    code = forms.CharField(label=_("Code"), required=False, max_length=40)
    proof = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput)
    asks_code = False
    new_proof = ""

    def __init__(self, request: Any = None, *args: Any, **options: Any) -> None:
        super().__init__(request, *args, **options)
        self.fields["code"].widget.attrs |= {"autocomplete": "one-time-code", "inputmode": "text"}
        if self.data.get("proof"):
            self.fields["password"].required = False

    def clean(self) -> dict[str, Any]:
        proof = self.cleaned_data.get("proof", "")
        if proof:
            self.user_cache = self._user_of(proof)
            self.confirm_login_allowed(self.user_cache)
        else:
            super().clean()
        if self.user_cache is not None:
            self._check_code(self.user_cache)
        return self.cleaned_data

    def get_invalid_login_error(self) -> ValidationError:
        refusal: TooManyGuesses | None = getattr(self.request, "too_many_guesses", None)
        if refusal is not None:
            return ValidationError(str(refusal), code=refusal.code)
        return ValidationError(self.error_messages["invalid_login"], code="invalid_login")

    def _user_of(self, proof: str) -> Any:
        """Return the user whose right password this proof stands for."""
        try:
            named = signing.loads(proof, salt=_SALT, max_age=_PROOF_LASTS)
        except signing.BadSignature:
            named = {}
        user = User.objects.filter(pk=named.get("user")).first()
        if user is None or user.get_session_auth_hash()[:16] != named["hash"]:
            raise ValidationError(self.error_messages["expired"], code="expired")
        user.backend = settings.AUTHENTICATION_BACKENDS[0]  # as `authenticate` sets it
        return user

    def _check_code(self, user: Any) -> None:
        if self._gave_code_lately(user):
            return
        try:
            if second_factor.device_of(user) is None:
                return
            second_factor.check_code(user, self.cleaned_data.get("code", ""), at=timezone.now())
        except (OtpRequired, OtpInvalid) as refusal:
            self.asks_code = True
            self.new_proof = signing.dumps({"user": user.pk, "hash": user.get_session_auth_hash()[:16]}, salt=_SALT)
            raise ValidationError(str(refusal), code=refusal.code) from refusal
        self.request.second_factor_given = True  # type: ignore[union-attr]  # read when the session opens

    def _gave_code_lately(self, user: Any) -> bool:
        session = self.request.session if self.request is not None else {}
        moment = session.get("factor_at")
        is_same_user = session.get(SESSION_KEY) == str(user.pk)
        return (
            moment is not None and is_same_user and timezone.now().timestamp() - moment < FACTOR_LASTS.total_seconds()
        )
