"""Journal, notes, follow-ups and messages of records."""

from typing import Any

import django_filters
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from invoicing.api.base import OfficeSerializer, OfficeView, ReadMixin, act
from invoicing.api.files import FilesMixin
from invoicing.models import FollowUp, HistoryLine, Message
from invoicing.services.records.follow_ups import (
    add_follow_up,
    colleagues_of,
    finish_follow_up,
    follow_up_of,
    follow_ups_of,
)
from invoicing.services.records.history import journal_shown
from invoicing.services.records.messages import retry_message
from invoicing.services.records.notes import add_note
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.api.fields import DayField, IdFilter, id_field
from openfire_billing.web.users import user_of

MOST = 200  # journal lines in one answer


class HistoryLineSerializer(serializers.ModelSerializer):
    """An act: what, when and by whom (null: the product itself)."""

    by = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = HistoryLine
        fields = ("id", "at", "act", "text", "by")
        read_only_fields = fields


class FollowUpSerializer(serializers.ModelSerializer):
    """A follow-up on a record. `user`: who does it."""

    class Meta:
        model = FollowUp
        fields = ("id", "text", "due_on", "user", "done_at")
        read_only_fields = fields


class JournalSerializer(serializers.Serializer):
    """The journal, latest first, and the open follow-ups, nearest first."""

    lines = HistoryLineSerializer(many=True, read_only=True)
    follow_ups = FollowUpSerializer(many=True, read_only=True)


class NoteSerializer(serializers.Serializer):
    example = {"text": "A rappelé : préfère le matin"}
    text = serializers.CharField(max_length=4000)


class NewFollowUpSerializer(serializers.Serializer):
    """What to do, by which day and by whom (by default yourself)."""

    example = {"text": "Rappeler", "due_on": "2026-12-01"}

    text = serializers.CharField(max_length=200)
    due_on = DayField()
    user = id_field(required=False)

    def validate_user(self, pk: int) -> Any:
        colleague = colleagues_of(self.context["request"].user).filter(pk=pk).first()
        if colleague is None:
            raise serializers.ValidationError(_("Pas un utilisateur du bureau d'une de vos sociétés."))
        return colleague


class DoneFollowUpSerializer(serializers.Serializer):
    example = {"follow_up": 5}
    follow_up = id_field()


class JournalMixin(FilesMixin):
    """Addresses of a record's journal, notes, follow-ups and files, for users who may see the record."""

    @extend_schema(responses=JournalSerializer, filters=False)
    @action(detail=True, methods=["get"])
    def journal(self, request: Any, pk: str) -> Response:
        """Son journal et ce qu'il y a à y faire."""
        document = self.get_object()  # type: ignore[attr-defined]
        user = user_of(self.request)  # type: ignore[attr-defined]
        shown = {"lines": journal_shown(document, user=user)[:MOST], "follow_ups": follow_ups_of(document, user=user)}
        return Response(JournalSerializer(shown).data)

    @act("", asks=NoteSerializer, answers=HistoryLineSerializer, status=201)
    def note(self, document: Any, body: dict[str, Any]) -> HistoryLine:
        """Écrit une note dans son journal."""
        return add_note(document, body["text"], by=self.request.user)  # type: ignore[attr-defined]

    @act("", asks=NewFollowUpSerializer, answers=FollowUpSerializer, status=201)
    def follow_up(self, document: Any, body: dict[str, Any]) -> FollowUp:
        """Note quelque chose à y faire, un jour, par quelqu'un."""
        by = self.request.user  # type: ignore[attr-defined]
        return add_follow_up(document, text=body["text"], due_on=body["due_on"], user=body.get("user", by), by=by)

    @act("", asks=DoneFollowUpSerializer, answers=FollowUpSerializer)
    def follow_up_done(self, document: Any, body: dict[str, Any]) -> FollowUp:
        """C'est fait."""
        follow_up = follow_up_of(document, body["follow_up"], user=self.request.user)  # type: ignore[attr-defined]
        if follow_up is None:
            raise BusinessError(
                _("Cette relance n'est pas de cette fiche : prenez-la dans son journal."), code="not_found"
            )
        return finish_follow_up(follow_up, by=self.request.user)  # type: ignore[attr-defined]


class MessageSerializer(OfficeSerializer):
    """An e-mail or SMS of the outbox. `about`, `about_id`: the record it is about, « appointments.appointment », 12."""

    about = serializers.SerializerMethodField()
    about_id = serializers.IntegerField(source="object_id", read_only=True, allow_null=True)

    def get_about(self, message: Message) -> str:
        kind = message.content_type_id and ContentType.objects.get_for_id(message.content_type_id)
        return f"{kind.app_label}.{kind.model}" if kind else ""

    class Meta:
        model = Message
        fields = (
            "id",
            "about",
            "about_id",
            "kind",
            "to",
            "cc",
            "subject",
            "body",
            "state",
            "attempts",
            "error",
            "created_at",
            "send_at",
            "expires_at",
            "sent_at",
            "delivered_at",
            "is_commercial",
        )
        read_only_fields = fields


class MessageFilter(django_filters.FilterSet):
    """Messages about one kind of record, or one record: `about=appointments.appointment&about_id=12`."""

    about = django_filters.CharFilter(method="of_kind", max_length=100)
    about_id = IdFilter(field_name="object_id")

    def of_kind(self, queryset: Any, name: str, value: str) -> Any:
        app, _dot, model = value.partition(".")
        return queryset.filter(content_type__app_label=app, content_type__model=model)

    class Meta:
        model = Message
        fields = ("state", "kind", "to")


class MessageView(ReadMixin, OfficeView):
    """Messages à envoyer et envoyés."""

    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    search_fields = ("to", "subject")
    ordering_fields = ("id", "created_at", "sent_at")

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        return queryset.readable_by(self.request.user) if self.request else queryset

    @act("")
    def resend(self, message: Message, body: dict[str, Any]) -> Message:
        """Remet à l'envoi un message en échec."""
        return retry_message(message, by=self.request.user)
