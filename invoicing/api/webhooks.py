"""Webhooks in the API: endpoints, the log of what they were sent, sending again."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from invoicing.api.base import DeleteMixin, OfficeSerializer, OfficeView, ReadMixin, WriteMixin, act
from invoicing.models import WebhookDelivery, WebhookEndpoint
from invoicing.services.parties.companies import default_company
from invoicing.services.parties.webhooks import (
    delete_endpoint,
    renew_secret,
    replay,
    resume_endpoint,
    save_endpoint,
    secret_of,
    stop_endpoint,
)
from openfire_billing.db.areas import PROGRAMS, areas
from openfire_billing.db.people import By

CHANGE = "invoicing.change_webhookendpoint"


def _codes() -> list[str]:
    return [area.code for area in areas() if area.code != PROGRAMS]


class WebhookSerializer(OfficeSerializer):
    """An address that is told what happens in a company. `areas`: what it is told about; none: everything."""

    areas = serializers.ListField(child=serializers.ChoiceField(choices=_codes()), required=False)

    class Meta:
        model = WebhookEndpoint
        fields = ("id", "company", "name", "url", "areas", "stopped_at", "stop_reason")
        read_only_fields = ("stopped_at", "stop_reason")
        extra_kwargs = {"company": {"required": False}}

    def create(self, data: dict[str, Any]) -> WebhookEndpoint:
        company = data.pop("company", None) or default_company(self.user)
        return save_endpoint(None, {**data, "company": company}, by=self.user)

    def update(self, endpoint: WebhookEndpoint, data: dict[str, Any]) -> WebhookEndpoint:
        return save_endpoint(endpoint, data, seen=self.seen, by=self.user)


class WebhookSecretSerializer(serializers.Serializer):
    """The secret of the signature."""

    secret = serializers.CharField(read_only=True)


class WebhookView(ReadMixin, WriteMixin, DeleteMixin, OfficeView):
    """Webhooks."""

    queryset = WebhookEndpoint.objects.all()
    serializer_class = WebhookSerializer
    filterset_fields = ("company",)
    search_fields = ("name", "url")
    ordering_fields = ("name", "id")

    def delete_document(self, document: WebhookEndpoint, by: By) -> None:
        delete_endpoint(document, by=by)

    @extend_schema(responses=WebhookSecretSerializer, filters=False)
    @action(detail=True, methods=["get"], permission=CHANGE)
    def secret(self, request: Any, pk: str) -> Response:
        """Le secret qui signe ce qui y est envoyé."""
        answer = {"secret": secret_of(self.get_object())}
        return Response(WebhookSecretSerializer(answer).data, headers={"Cache-Control": "no-store"})

    @act(CHANGE)
    def renew_secret(self, document: WebhookEndpoint, body: dict[str, Any]) -> WebhookEndpoint:
        """Lui donne un nouveau secret."""
        return renew_secret(document, seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def stop(self, document: WebhookEndpoint, body: dict[str, Any]) -> WebhookEndpoint:
        """N'y envoie plus rien."""
        return stop_endpoint(document, seen=self.seen, by=self.request.user)

    @act(CHANGE)
    def resume(self, document: WebhookEndpoint, body: dict[str, Any]) -> WebhookEndpoint:
        """Y envoie à nouveau, ce qui attendait d'abord."""
        return resume_endpoint(document, seen=self.seen, by=self.request.user)


class WebhookDeliverySerializer(OfficeSerializer):
    """One event for one endpoint. `status`: of the last answer; null when there was none."""

    event = serializers.UUIDField(source="event.key", read_only=True)
    kind = serializers.CharField(source="event.kind", read_only=True)
    document = serializers.IntegerField(source="object_id", read_only=True)
    happened_at = serializers.DateTimeField(source="event.at", read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = (
            "id", "endpoint", "event", "kind", "document", "happened_at", "state", "attempts", "next_try_at", "status",
            "error", "sent_at",
        )  # fmt: skip
        read_only_fields = fields

    @classmethod
    def rows(cls, queryset: Any, request: Any) -> Any:
        return queryset.select_related("event")


class DeliveryView(ReadMixin, OfficeView):
    """Envois aux webhooks."""

    queryset = WebhookDelivery.objects.all()
    serializer_class = WebhookDeliverySerializer
    filterset_fields = ("endpoint", "state")
    search_fields = ("event__kind", "error")
    ordering_fields = ("id", "next_try_at", "sent_at")

    @act(CHANGE)
    def replay(self, delivery: WebhookDelivery, body: dict[str, Any]) -> WebhookDelivery:
        """Renvoie le même événement, sous le même identifiant."""
        return replay(delivery)
