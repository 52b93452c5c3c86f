"""Tokens of the API: one for each device, stored hashed, revoked by logout."""

from typing import Any

from axes.helpers import get_cool_off
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView


class LoginSerializer(serializers.Serializer):
    """A user name and a password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer):
    """The token to send as `Authorization: Token …` to every other address."""

    token = serializers.CharField()
    expiry = serializers.DateTimeField(allow_null=True)


class LoginView(APIView):
    """Un jeton contre un nom et un mot de passe."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    throttle_scope = "login"

    @extend_schema(request=LoginSerializer, responses=TokenSerializer, operation_id="login", auth=[])
    def post(self, request: Any) -> Response:
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        http = request._request
        user = authenticate(http, **serializer.validated_data)
        if getattr(http, "axes_locked_out", False):
            http.axes_locked_out = False  # answered below, in the form of every refusal
            locked = Throttled(detail=_("Trop d'essais : réessayez dans un quart d'heure."))
            locked.wait = get_cool_off(http).total_seconds()
            raise locked
        if user is None:
            raise AuthenticationFailed(_("Nom d'utilisateur ou mot de passe inconnu."))
        row, token = AuthToken.objects.create(user)
        user_logged_in.send(sender=type(user), request=http, user=user)
        return Response({"token": token, "expiry": serializers.DateTimeField().to_representation(row.expiry)})

    def get_authenticate_header(self, request: Any) -> str:
        return "Token"


class LogoutView(APIView):
    """Révoque le jeton de cet appareil."""

    @extend_schema(request=None, responses={204: None}, operation_id="logout")
    def post(self, request: Any) -> Response:
        request.auth.delete()
        return Response(status=204)
