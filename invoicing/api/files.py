"""Files attached to records, in the API: the same service, bounds and answers as on the pages."""

from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.reverse import reverse

from invoicing.models import Attachment
from invoicing.services.records.acts import perform
from invoicing.services.records.attachments import attach, attachments_of, detach
from openfire_billing.web.api.fields import LARGEST_ID
from openfire_billing.web.api.parsers import TextParser
from openfire_billing.web.api.permissions import permission_of
from openfire_billing.web.api.strict import checked
from openfire_billing.web.files import file_response
from openfire_billing.web.users import user_of

NEEDED = {
    "files": "",
    "file": "",
    "attach_file": "invoicing.add_attachment",
    "detach_file": "invoicing.delete_attachment",
}
FILE = OpenApiParameter("file", OpenApiTypes.INT64, OpenApiParameter.PATH)


class AttachedFileSerializer(serializers.ModelSerializer):
    """A file of a record. `url`: where its bytes are read."""

    by = serializers.CharField(read_only=True, allow_null=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Attachment
        fields = ("id", "name", "size", "by", "at", "url")
        read_only_fields = fields

    def get_url(self, attachment: Attachment) -> str:
        view = self.context["view"]
        url: str = reverse(f"{view.basename}-file", args=[attachment.object_id, attachment.pk])
        return url


class UploadSerializer(serializers.Serializer):
    """One file, as multipart/form-data."""

    file = serializers.FileField(allow_empty_file=True)


class FilesMixin:
    """Addresses of the files of a record, for users who may see the record."""

    def permissions_needed(self) -> list[str]:
        if self.action not in NEEDED:  # type: ignore[attr-defined]
            return super().permissions_needed()  # type: ignore[misc]
        needed = NEEDED[self.action]  # type: ignore[attr-defined]
        view = permission_of(self.queryset.model, "list")  # type: ignore[attr-defined]
        return [view, *([needed] if needed else [])]

    def _file(self, file: str) -> Attachment:
        document = self.get_object()  # type: ignore[attr-defined]
        found = attachments_of(document, user=user_of(self.request))  # type: ignore[attr-defined]
        attachment = found.filter(pk=file).first() if int(file) <= LARGEST_ID else None
        if attachment is None:
            raise Http404
        return attachment

    @extend_schema(responses=AttachedFileSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], parser_classes=[MultiPartParser, TextParser], pagination_class=None)
    def files(self, request: Any, pk: str) -> Response:
        """Ses fichiers."""
        files = attachments_of(self.get_object(), user=user_of(request))  # type: ignore[attr-defined]
        context = self.get_serializer_context()  # type: ignore[attr-defined]
        return Response(AttachedFileSerializer(files, many=True, context=context).data)

    @extend_schema(
        request={"multipart/form-data": UploadSerializer}, responses={201: AttachedFileSerializer}, filters=False
    )
    @files.mapping.post
    def attach_file(self, request: Any, pk: str) -> Response:
        """Y joint un fichier (20 Mo au plus)."""
        document = self.get_object()  # type: ignore[attr-defined]
        serializer = UploadSerializer(data=request.data)
        checked(serializer, request.data)
        upload = serializer.validated_data["file"]
        attachment = perform(
            lambda: attach(document, upload, by=user_of(request)), restore=lambda: upload.seek(0)
        ).result
        shown = AttachedFileSerializer(attachment, context=self.get_serializer_context()).data  # type: ignore[attr-defined]
        return Response(shown, status=201)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}, parameters=[FILE], filters=False)
    @action(detail=True, methods=["get"], url_path="files/(?P<file>[0-9]+)")
    def file(self, request: Any, pk: str, file: str) -> Any:
        """Les octets d'un fichier, comme les sert le bureau."""
        attachment = self._file(file)
        try:
            content = attachment.file.open("rb")
        except FileNotFoundError:
            raise Http404 from None
        return file_response(content, attachment.name)

    @extend_schema(responses={204: None}, parameters=[FILE], filters=False)
    @file.mapping.delete
    def detach_file(self, request: Any, pk: str, file: str) -> Response:
        """Retire un fichier."""
        checked(serializers.Serializer(data=request.data), request.data)
        attachment = self._file(file)
        perform(lambda: detach(attachment, by=user_of(request)))
        return Response(status=204)
