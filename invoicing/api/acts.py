"""Acts shared by several kinds of documents: send by e-mail, publish on the public page."""

from typing import Any
from uuid import uuid4

from rest_framework import serializers

from invoicing.api.base import act
from invoicing.models import PublicLink
from invoicing.services.documents.mailing import Letter, mail_document
from invoicing.services.records.links import publish, token_of
from openfire_billing.web.site import site_address


class LetterSerializer(serializers.Serializer):
    """Values left out are written for you."""

    to = serializers.EmailField(required=False, default="", allow_blank=True)
    subject = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)
    body = serializers.CharField(required=False, default="", allow_blank=True, max_length=10_000)


class LetterWithPaperSerializer(LetterSerializer):
    """Values left out are written for you. `with_paper`: attach the PDF."""

    with_paper = serializers.BooleanField(required=False, default=True)


def mail_act(letter: Letter, permission: str, **options: Any) -> Any:
    """Return the act POST …/mail/, which sends a document to its customer with `letter`."""

    def mail(view: Any, document: Any, body: dict[str, Any]) -> Any:
        """Met à l'envoi un e-mail au client."""
        mail_document(document, letter, key=f"mail-{uuid4().hex}", by=view.request.user, **body)
        return document

    mail.__name__ = options.get("path", "mail")
    return act(permission, asks=LetterWithPaperSerializer if letter.has_paper else LetterSerializer, **options)(mail)


class PublicationSerializer(serializers.Serializer):
    """Whether the customer sees the page. `renew`: give it a new address and revoke the old one."""

    published = serializers.BooleanField()
    renew = serializers.BooleanField(required=False, default=False)


class LinkSerializer(serializers.ModelSerializer):
    """The public page of a document."""

    published = serializers.BooleanField(source="is_published", read_only=True)
    address = serializers.SerializerMethodField()

    class Meta:
        model = PublicLink
        fields = ("published", "address")

    def get_address(self, link: PublicLink) -> str:
        return site_address(f"/p/{token_of(link)}/")


def publish_act(permission: str) -> Any:
    """Return the act POST …/publish/, which publishes a document on its public page or withdraws it.

    The page of an invoice opens once it is posted, that of an RDV once it is confirmed.
    """

    def publish_document(view: Any, document: Any, body: dict[str, Any]) -> PublicLink:
        """Montre le document sur la page du client, ou l'en retire."""
        return publish(document, by=view.request.user, **body)

    publish_document.__name__ = "publish"
    return act(permission, asks=PublicationSerializer, answers=LinkSerializer)(publish_document)
