"""Every refusal of the API has one shape: {"code", "detail", "fields", "documents", "step"}. 409: a business rule refuses."""

import logging
from decimal import DecimalException
from json import JSONDecodeError
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import APIException, AuthenticationFailed, ParseError, ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from openfire_billing.kernel.errors import BusinessError, Unavailable
from openfire_billing.web.api.codes import CODES
from openfire_billing.web.api.refusals import MissingStepSerializer, NamedDocumentSerializer, documents_of, step_of

log = logging.getLogger(__name__)


class RefusalSerializer(serializers.Serializer):
    """A refusal. `code` for programs, `detail` French sentences for people, `fields` what is wrong with each field.

    `documents`: those that it names. `step`: what to do first, when there is one.
    """

    code = serializers.ChoiceField(choices=[(code, code) for code in CODES])
    detail = serializers.CharField()
    fields = serializers.DictField()
    documents = NamedDocumentSerializer(many=True)
    step = MissingStepSerializer(allow_null=True)


def answer_to(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to what a view raised; None leaves it to the server (500).

    BusinessError and what the database refuses: 409. Malformed requests: 400.
    """
    if isinstance(error, BusinessError | OperationalError | InterfaceError):
        return _refused(error, context["request"])
    if isinstance(error, DjangoValidationError):
        error = ValidationError(_fields_of(error))
    if isinstance(error, IntegrityError):
        log.warning("Refused by the database: %s", error)
        return _say(409, "conflict", _("Cette valeur existe déjà, ou ce qui en dépend s'y oppose : rien n'a changé."))
    if isinstance(error, RequestDataTooBig):
        return _say(400, "too_large", _("La demande est trop grande : coupez-la en plusieurs."))
    if isinstance(error, UnicodeDecodeError):  # of the header: a body's is a ParseError
        error = AuthenticationFailed(_("Jeton illisible : demandez-en un autre."))
    if isinstance(error, DataError | DecimalException):
        return _say(400, "out_of_range", _("Un nombre est trop grand pour être enregistré."))
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {_everywhere(): error.detail}
        rule = getattr(error, "rule", "invalid")
        response.data = _body(rule, _("La demande n'est pas complète ou pas lisible : voyez « fields »."), fields)
        return response
    response.data = _body(*_code_and_text(error, response.status_code))
    return response


def _refused(error: Exception, request: Any) -> Response:
    """Return 409 for a rule; 503, to be sent again, for a database that is busy or away."""
    if not isinstance(error, BusinessError):
        log.warning("The database is busy or away: %s", error)
        error = Unavailable(_("La base de données est occupée ou ne répond pas : réessayez dans quelques secondes."))
    fields: dict[str, list[str]] = {}
    for fault in error.faults:
        if fault.field:
            fields.setdefault(fault.field, []).append(str(fault))
    is_away = isinstance(error, Unavailable)
    headers = {"Retry-After": "5"} if is_away else None
    named = {"documents": documents_of(error, request), "step": step_of(error, request)}
    body = _body(error.code, str(error), fields) | named
    return Response(body, status=503 if is_away else 409, headers=headers)


def _code_and_text(error: Exception, status: int) -> tuple[str, str]:
    """Return (code, sentence) of a refusal of Django REST framework, or of a service's PermissionDenied."""
    if status == 403:
        own = isinstance(error, PermissionDenied) and error.args  # a service says which part of it
        code = getattr(error, "code", "permission_denied") if own else "permission_denied"
        return code, str(error.args[0]) if own else _("Votre rôle ne permet pas cette action.")
    if isinstance(error, ParseError):
        return str(error.default_code), _unreadable(error)
    if isinstance(error, APIException) and status != 404:
        return str(error.default_code), str(error.detail)
    return "not_found", _("Cet objet n'existe pas, ou n'est pas d'une de vos sociétés.")


def _unreadable(error: ParseError) -> str:
    """Return the sentence for a body that cannot be read, with the place, which the framework gives in English."""
    if isinstance(error.__context__, JSONDecodeError):
        place = {"line": error.__context__.lineno, "column": error.__context__.colno}
        return _("Le corps de la demande n'est pas du JSON : voyez ligne %(line)s, colonne %(column)s.") % place
    return _("Le corps de la demande n'est pas lisible : vérifiez sa forme et son encodage (UTF-8).")


def _everywhere() -> str:
    return str(api_settings.NON_FIELD_ERRORS_KEY)


def _fields_of(error: DjangoValidationError) -> dict[str, Any]:
    """Return {field: sentences} of what a model refuses."""
    found = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    return {_everywhere() if name == NON_FIELD_ERRORS else name: sentences for name, sentences in found.items()}


def _body(code: str, detail: str, fields: Any = None) -> dict[str, Any]:
    return {"code": code, "detail": str(detail), "fields": fields or {}, "documents": [], "step": None}


def _say(status: int, code: str, detail: str) -> Response:
    return Response(_body(code, detail), status=status)
