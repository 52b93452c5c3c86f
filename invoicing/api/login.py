"""Tokens of the API: one for each device, stored hashed, revoked by logout."""

from math import ceil
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from invoicing.services.access import second_factor
from invoicing.services.access.guesses import TooManyGuesses
from invoicing.services.access.second_factor import OtpInvalid, OtpRequired
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.api.strict import checked, refuse_parameters


class LoginSerializer(serializers.Serializer):
    """A user name and a password; `otp`, the code of the second factor, of an account that has one."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)
    otp = serializers.CharField(max_length=40, required=False, allow_blank=True, write_only=True)


class TokenSerializer(serializers.Serializer):
    """The token to send as `Authorization: Token …` to every other address."""

    token = serializers.CharField()
    expiry = serializers.DateTimeField(allow_null=True)


class _TokenView(APIView):
    """The base of the two addresses of tokens, which take no parameter."""

    def initial(self, request: Any, *args: Any, **options: Any) -> None:
        super().initial(request, *args, **options)
        refuse_parameters(request.query_params, ())


class LoginView(_TokenView):
    """Un jeton contre un nom et un mot de passe, et un code si le compte a un second facteur."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    throttle_scope = "login"

    @extend_schema(request=LoginSerializer, responses=TokenSerializer, operation_id="login", auth=[])
    def post(self, request: Any) -> Response:
        serializer = LoginSerializer(data=request.data)
        checked(serializer, request.data)
        asked = serializer.validated_data
        http = request._request
        user = authenticate(http, username=asked["username"], password=asked["password"])
        if user is None:
            raise _refusal(getattr(http, "too_many_guesses", None))
        _check_second_factor(user, asked.get("otp", ""))
        row, token = AuthToken.objects.create(user)
        user_logged_in.send(sender=type(user), request=http, user=user)
        return Response({"token": token, "expiry": serializers.DateTimeField().to_representation(row.expiry)})

    def get_authenticate_header(self, request: Any) -> str:
        return "Token"


def _refusal(too_many: TooManyGuesses | None) -> Exception:
    """Return what refuses a login: 429 with its wait after too many wrong passwords, else 401."""
    if too_many is None:
        return AuthenticationFailed(_("Nom d'utilisateur ou mot de passe inconnu."))
    locked = Throttled(detail=str(too_many))
    locked.wait = ceil(too_many.wait.total_seconds())
    return locked


def _check_second_factor(user: Any, code: str) -> None:
    """Raise AuthenticationFailed, with the code of the rule, without the second factor that the account has or must have."""
    try:
        second_factor.check_code(user, code, at=timezone.now())
    except (OtpRequired, OtpInvalid) as refusal:
        failed = AuthenticationFailed(_("Donnez « otp », le code du second facteur.") if not code else str(refusal))
        failed.default_code = refusal.code
        raise failed from refusal
    if second_factor.device_of(user) is None and second_factor.must_have_device(user):
        failed = AuthenticationFailed(
            _(
                "Ce compte doit avoir un second facteur : ajoutez-le d'abord au bureau, « Second facteur » sous votre nom."
            )
        )
        failed.default_code = "otp_enrolment_required"
        raise failed


class LogoutView(_TokenView):
    """Révoque le jeton de cet appareil."""

    @extend_schema(request=None, responses={204: None}, operation_id="logout")
    def post(self, request: Any) -> Response:
        checked(serializers.Serializer(data=request.data), request.data)
        if not isinstance(request.auth, AuthToken):
            raise BusinessError(_("La clé d'un programme se révoque au bureau, sur sa fiche."), code="not_a_token")
        request.auth.delete()
        return Response(status=204)
