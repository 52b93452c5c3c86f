"""What an answer of the API says of a refusal besides its sentence: the documents it names, the missing step."""

from typing import Any

from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from rest_framework import serializers

from openfire_billing.kernel.errors import BusinessError, Step


class NamedSerializer(serializers.Serializer):
    """A document that a refusal names. `url`: its address in the API; "" when it has none."""

    url = serializers.CharField()
    id = serializers.IntegerField()
    name = serializers.CharField()


class StepSerializer(serializers.Serializer):
    """The step that removes the cause of a refusal. `act`: the address to POST to; "" when `field` is to be filled."""

    label = serializers.CharField()
    document = NamedSerializer()
    act = serializers.CharField()
    field = serializers.CharField()


def documents_of(error: BusinessError | None) -> list[dict[str, Any]]:
    """Return the documents that a refusal names, as {url, id, name}."""
    return [_named(one) for one in (error.documents if error else ()) if isinstance(one, Model)]


def step_of(error: BusinessError | None) -> dict[str, Any] | None:
    """Return the missing step of a refusal; None when it has none."""
    step = error.step if error else None
    if step is None or not isinstance(step.document, Model):
        return None
    return {
        "label": str(step.label),
        "document": _named(step.document),
        "act": _act_address(step, step.document),
        "field": step.field,
    }


def _named(document: Model) -> dict[str, Any]:
    return {"url": _address(document, "detail"), "id": document.pk, "name": str(document)}


def _act_address(step: Step, document: Model) -> str:
    return _address(document, step.act) if step.act else ""


def _address(document: Model, name: str) -> str:
    """Return an address of a document in the API; "" when there is none."""
    try:
        return reverse(f"{document._meta.model_name}-{name}", args=[document.pk])
    except NoReverseMatch:
        return ""
