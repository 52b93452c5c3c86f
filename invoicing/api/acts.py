"""Acts shared by several kinds of documents: send by e-mail, publish on the public page."""

from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from invoicing.api.base import act, checked_body
from invoicing.models import Message, PublicLink
from invoicing.services.documents.mailing import Letter, mail_document, mail_documents
from invoicing.services.documents.texts import Sending, TextSubject, send_text
from invoicing.services.parties.companies import default_company
from invoicing.services.records.links import publish, token_of
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.api.fields import MomentField, id_field
from openfire_billing.web.api.refusals import (
    MissingStepSerializer,
    NamedDocumentSerializer,
    code_of,
    documents_of,
    refusal_code,
    step_of,
)
from openfire_billing.web.mail_addresses import clean_addresses
from openfire_billing.web.site import site_address


class AddressesField(serializers.CharField):
    """E-mail addresses apart by commas, five at most."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=Message._meta.get_field("to").max_length, **options)

    def to_internal_value(self, data: Any) -> str:
        try:
            return clean_addresses(super().to_internal_value(data))
        except DjangoValidationError as wrong:
            raise serializers.ValidationError(wrong.messages) from None


class LetterSerializer(serializers.Serializer):
    """Values left out are written for you. `to` and `cc`: e-mail addresses apart by commas, five at most."""

    example = {"to": "client@exemple.example"}

    to = AddressesField(required=False, default="", allow_blank=True)
    cc = AddressesField(required=False, default="", allow_blank=True)
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


class TextSerializer(serializers.Serializer):
    """`text` may hold variables of the record: « {client} ». `at`: when it leaves, now by default. `is_commercial`: to who
    gave his consent, at the hours allowed; `to_customers`: also to who was billed.
    """

    example = {"text": "Bonjour {client}, nous arrivons."}

    text = serializers.CharField(max_length=1000)
    at = MomentField(required=False, allow_null=True, default=None)
    is_commercial = serializers.BooleanField(required=False, default=False)
    to_customers = serializers.BooleanField(required=False, default=False)


def sms_act(subject: TextSubject[Any]) -> Any:
    """Return the act POST …/sms/, which sends a text message to the customer of a record."""

    def sms(view: Any, document: Any, body: dict[str, Any]) -> Any:
        """Met à l'envoi un SMS au client."""
        user = view.request.user
        if body["is_commercial"] and not user.has_perm("invoicing.send_commercial"):
            raise PermissionDenied
        sending = Sending(
            body=body["text"],
            is_commercial=body["is_commercial"],
            to_customers=body["to_customers"],
            at=body["at"],
            company=default_company(user),
        )
        send_text(document, subject, sending, by=user)
        return document

    return act("invoicing.send_sms", asks=TextSerializer)(sms)


class ManyLettersSerializer(serializers.Serializer):
    """Several documents. `again`: also those whose e-mail is sent or waits. `cc`: a copy of each goes there."""

    example = {"ids": [12], "again": False}

    ids = serializers.ListField(child=id_field(), allow_empty=False, max_length=1000)
    cc = AddressesField(required=False, default="", allow_blank=True)
    with_paper = serializers.BooleanField(required=False, default=True)
    again = serializers.BooleanField(required=False, default=False)


class MailedSerializer(serializers.Serializer):
    """What became of one document: `is_mailed`, or the `refusal`."""

    id = serializers.IntegerField()
    is_mailed = serializers.BooleanField()
    refusal = serializers.CharField(allow_blank=True)
    code = refusal_code()
    documents = NamedDocumentSerializer(many=True)
    step = MissingStepSerializer(allow_null=True)


class MailingSerializer(serializers.Serializer):
    """One line for each id of the request, in its order."""

    results = MailedSerializer(many=True)
    done = serializers.IntegerField()
    refused = serializers.IntegerField()


def mail_many_act(letter: Letter, permission: str, *, path: str = "mail") -> Any:
    """Return the act POST /resource/mail/ {ids, cc, with_paper, again}, which sends each document to its customer."""

    def mail_many(view: Any, request: Any) -> Response:
        """Met à l'envoi un e-mail par document, à son client ; répond ce qu'il en est de chacun."""
        body = checked_body(view, request)
        ids = list(dict.fromkeys(body.pop("ids")))
        documents = view.get_queryset().in_bulk(ids)
        chosen = [documents[pk] for pk in ids if pk in documents]
        outcomes = {one.document.pk: one for one in mail_documents(chosen, letter, by=request.user, **body)}
        results = [_mailed_line(pk, outcomes.get(pk), request) for pk in ids]
        done = sum(line["is_mailed"] for line in results)
        return Response({"results": results, "done": done, "refused": len(results) - done})

    mail_many.__name__ = f"{path}_many"
    return action(
        detail=False,
        methods=["post"],
        url_path=path,
        permission=permission,
        asks=ManyLettersSerializer,
        answers=MailingSerializer,
        is_act=True,
    )(mail_many)


def _mailed_line(pk: int, outcome: Outcome | None, request: Any) -> dict[str, Any]:
    error = (
        outcome.error
        if outcome
        else BusinessError(_("N'existe pas, ou n'est pas d'une de vos sociétés."), code="not_found")
    )
    return {
        "id": pk,
        "is_mailed": error is None,
        "refusal": str(error or ""),
        "code": code_of(error),
        "documents": documents_of(error, request),
        "step": step_of(error, request),
    }


class PublicationSerializer(serializers.Serializer):
    """Whether the customer sees the page. `renew`: give it a new address and revoke the old one."""

    example = {"published": True}

    published = serializers.BooleanField()
    renew = serializers.BooleanField(required=False, default=False)


class PublicLinkSerializer(serializers.ModelSerializer):
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
    return act(permission, asks=PublicationSerializer, answers=PublicLinkSerializer)(publish_document)
