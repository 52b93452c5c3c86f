"""Acts that several documents share: mailed to the customer, shown on his page, their journal."""

from typing import Any
from uuid import uuid4

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from invoicing.api.base import act
from invoicing.models import FollowUp, HistoryLine, PublicLink
from invoicing.services.documents.mailing import Letter, mail_document
from invoicing.services.parties.links import publish, token_of
from invoicing.services.parties.notes import (
    add_follow_up,
    add_note,
    colleagues_of,
    finish_follow_up,
    follow_up_of,
    follow_ups_of,
)
from openfire_billing.api.fields import DayField, id_field
from openfire_billing.errors import BusinessError

MOST = 200  # lines of a journal in one answer


class LetterSerializer(serializers.Serializer):
    """What is left out is written for you."""

    to = serializers.EmailField(required=False, default="", allow_blank=True)
    subject = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)
    body = serializers.CharField(required=False, default="", allow_blank=True, max_length=10_000)


class LetterWithPaperSerializer(LetterSerializer):
    """What is left out is written for you. `with_paper`: its PDF goes along."""

    with_paper = serializers.BooleanField(required=False, default=True)


def mail_act(letter: Letter, permission: str, **options: Any) -> Any:
    """POST …/mail/: the document to its customer, by its letter."""

    def mail(view: Any, document: Any, asked: dict[str, Any]) -> Any:
        """Met à l'envoi un e-mail au client."""
        mail_document(document, letter, key=f"mail-{uuid4().hex}", by=view.request.user, **asked)
        return document

    mail.__name__ = options.get("path", "mail")
    return act(permission, asks=LetterWithPaperSerializer if letter.has_paper else LetterSerializer, **options)(mail)


class PublicationSerializer(serializers.Serializer):
    """Whether the customer sees it. `renew`: at a new address; the old one answers no more."""

    published = serializers.BooleanField()
    renew = serializers.BooleanField(required=False, default=False)


class LinkSerializer(serializers.ModelSerializer):
    """The customer's page of a document."""

    published = serializers.BooleanField(source="is_published", read_only=True)
    address = serializers.SerializerMethodField()

    class Meta:
        model = PublicLink
        fields = ("published", "address")

    def get_address(self, link: PublicLink) -> str:
        return str(self.context["request"].build_absolute_uri(f"/p/{token_of(link)}/"))


def publish_act(permission: str) -> Any:
    """POST …/publish/: the document on its customer's page, or no longer.

    The page of an invoice opens once it is posted, that of an RDV once it is confirmed.
    """

    def publish_document(view: Any, document: Any, asked: dict[str, Any]) -> PublicLink:
        """Montre le document sur la page du client, ou l'en retire."""
        return publish(document, by=view.request.user, **asked)

    publish_document.__name__ = "publish"
    return act(permission, asks=PublicationSerializer, answers=LinkSerializer)(publish_document)


class HistoryLineSerializer(serializers.ModelSerializer):
    """What was done, when and by whom (null: by the product itself)."""

    by = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = HistoryLine
        fields = ("id", "at", "act", "text", "by")
        read_only_fields = fields


class FollowUpSerializer(serializers.ModelSerializer):
    """Something to do about a record. `user`: who does it."""

    class Meta:
        model = FollowUp
        fields = ("id", "text", "due_on", "user", "done_at")
        read_only_fields = fields


class JournalSerializer(serializers.Serializer):
    """The latest of it first; what is still to do, the nearest first."""

    lines = HistoryLineSerializer(many=True, read_only=True)
    follow_ups = FollowUpSerializer(many=True, read_only=True)


class NoteSerializer(serializers.Serializer):
    text = serializers.CharField(max_length=4000)


class NewFollowUpSerializer(serializers.Serializer):
    """What is to do, on which day, by whom (yourself unless told)."""

    text = serializers.CharField(max_length=200)
    due_on = DayField()
    user = serializers.IntegerField(required=False, min_value=1)

    def validate_user(self, pk: int) -> Any:
        found = colleagues_of(self.context["request"].user).filter(pk=pk).first()
        if found is None:
            raise serializers.ValidationError(_("Pas un utilisateur du bureau d'une de vos sociétés."))
        return found


class DoneFollowUpSerializer(serializers.Serializer):
    follow_up = id_field()


class JournalMixin:
    """A record's journal, notes and follow-ups, for those who may see the record."""

    @extend_schema(responses=JournalSerializer, filters=False)
    @action(detail=True, methods=["get"])
    def journal(self, request: Any, pk: str) -> Response:
        """Son journal et ce qu'il y a à y faire."""
        document = self.get_object()  # type: ignore[attr-defined]
        shown = {"lines": HistoryLine.objects.of(document)[:MOST], "follow_ups": follow_ups_of(document)}
        return Response(JournalSerializer(shown).data)

    @act("", asks=NoteSerializer, answers=HistoryLineSerializer, status=201)
    def note(self, document: Any, asked: dict[str, Any]) -> HistoryLine:
        """Écrit une note dans son journal."""
        return add_note(document, asked["text"], by=self.request.user)  # type: ignore[attr-defined]

    @act("", asks=NewFollowUpSerializer, answers=FollowUpSerializer, status=201)
    def follow_up(self, document: Any, asked: dict[str, Any]) -> FollowUp:
        """Note quelque chose à y faire, un jour, par quelqu'un."""
        by = self.request.user  # type: ignore[attr-defined]
        return add_follow_up(document, text=asked["text"], due_on=asked["due_on"], user=asked.get("user", by), by=by)

    @act("", asks=DoneFollowUpSerializer, answers=FollowUpSerializer)
    def follow_up_done(self, document: Any, asked: dict[str, Any]) -> FollowUp:
        """C'est fait."""
        follow_up = follow_up_of(document, asked["follow_up"])
        if follow_up is None:
            raise BusinessError(_("Cette relance n'est pas de cette fiche : prenez-la dans son journal."))
        return finish_follow_up(follow_up, by=self.request.user)  # type: ignore[attr-defined]
