"""Private files at the foot of every record's page, served by views that check the right to see the record."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext_lazy as _

from invoicing.models import Attachment
from invoicing.services.records.attachments import attach, attachments_of, detach
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.refusals import refusals_shown
from openfire_billing.web.users import user_of


class FilesMixin:
    """Adds to a ModelAdmin: attach, open and delete files."""

    def get_urls(self) -> list[Any]:
        meta = self.model._meta  # type: ignore[attr-defined]
        name = f"{meta.app_label}_{meta.model_name}"
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("<path:object_id>/attach/", view(self.attach_view), name=f"{name}_attach"),
            path("<path:object_id>/files/<int:file_id>/detach/", view(self.detach_view), name=f"{name}_detach"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def _visible(self, request: HttpRequest, object_id: str) -> Any:
        document = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if document is None:
            raise Http404
        if not self.has_view_permission(request, document):  # type: ignore[attr-defined]
            raise PermissionDenied
        return document

    def attach_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        document = self._visible(request, object_id)
        if not request.user.has_perm("invoicing.add_attachment"):
            raise PermissionDenied
        if request.method == "POST":
            uploads = request.FILES.getlist("files")
            if not uploads:
                messages.error(request, _("Choisissez au moins un fichier à joindre."))
            for upload in uploads:
                with refusals_shown(request):
                    attachment = attach(document, upload, by=user_of(request))
                    messages.success(request, _("Fichier joint : %s") % attachment.name)
        return HttpResponseRedirect(reverse_change(document) + "#files")

    def _file(self, request: HttpRequest, object_id: str, file_id: int) -> Attachment:
        document = self._visible(request, object_id)
        attachment = attachments_of(document, user=user_of(request)).filter(pk=file_id).first()
        if attachment is None:
            raise Http404
        return attachment

    def detach_view(self, request: HttpRequest, object_id: str, file_id: int) -> HttpResponse:
        attachment = self._file(request, object_id, file_id)
        if not request.user.has_perm("invoicing.delete_attachment"):
            raise PermissionDenied
        document = attachment.object
        if request.method == "POST":
            detach(attachment, by=user_of(request))
            messages.success(request, _("Fichier retiré : %s") % attachment.name)
        return HttpResponseRedirect(reverse_change(document) + "#files")
