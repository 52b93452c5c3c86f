"""What an answer of the API says of a refusal besides its sentence: the documents it names, the missing step."""

from typing import Any

from django.db.models import Model
from django.urls import NoReverseMatch, resolve, reverse
from rest_framework import serializers

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.access import may_see


class NamedDocumentSerializer(serializers.Serializer):
    """A document that a refusal names. `url`: its address in the API; "" when it has none."""

    url = serializers.CharField()
    id = serializers.IntegerField()
    name = serializers.CharField()


class MissingStepSerializer(serializers.Serializer):
    """The step that removes the cause of a refusal. `act`: the address to POST to; "" when `field` is to be filled."""

    label = serializers.CharField()
    document = NamedDocumentSerializer()
    act = serializers.CharField()
    field = serializers.CharField()


def documents_of(error: BusinessError | None, request: Any) -> list[dict[str, Any]]:
    """Return the documents that a refusal names and that the user of the request may see, as {url, id, name}."""
    named = [one for one in (error.documents if error else ()) if isinstance(one, Model)]
    return [_named(one) for one in named if may_see(request.user, one)]


def step_of(error: BusinessError | None, request: Any) -> dict[str, Any] | None:
    """Return the missing step of a refusal; None when it has none, or one that the user of the request may not take."""
    step = error.step if error else None
    if step is None or not isinstance(step.document, Model) or not may_see(request.user, step.document):
        return None
    address = _address(step.document, step.act) if step.act else ""
    if address and not _may_send(request.user, address):
        return None
    return {"label": str(step.label), "document": _named(step.document), "act": address, "field": step.field}


def _may_send(user: Any, address: str) -> bool:
    """Return whether the user has the permissions that the act at this address needs."""
    act = resolve(address).func
    view = act.cls(**act.initkwargs)  # type: ignore[attr-defined]
    view.action = act.actions["post"]  # type: ignore[attr-defined]
    return bool(user.has_perms(view.permissions_needed()))


def _named(document: Model) -> dict[str, Any]:
    return {"url": _address(document, "detail"), "id": document.pk, "name": str(document)}


def _address(document: Model, name: str) -> str:
    """Return an address of a document in the API; "" when there is none."""
    try:
        return reverse(f"{document._meta.model_name}-{name}", args=[document.pk])
    except NoReverseMatch:
        return ""
