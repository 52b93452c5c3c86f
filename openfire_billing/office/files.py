"""Attached files at `/files/<id>/<name>`, for the office and for the phone: whoever may see the record opens its files."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from appointments.models import Appointment
from interventions.models import Technician
from invoicing.models import Attachment
from invoicing.services.records.attachments import attachments_of
from openfire_billing.office.sessions import is_office_open
from openfire_billing.web.files import file_response


@require_safe
def attached_file(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """Answer a file. One of a record that the user may not see, or that is gone, is not found."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.path, reverse("admin:login"))
    attachment = Attachment.objects.filter(pk=pk).select_related("content_type").first()
    if attachment is None or not may_open(request, attachment):
        raise Http404
    try:
        content = attachment.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return file_response(content, attachment.name)


def may_open(request: HttpRequest, attachment: Attachment) -> bool:
    """Return whether the user may see the record of a file: in the office by its page, on the phone by his own RDVs."""
    model = attachment.content_type.model_class()
    user: Any = request.user
    if (
        model is not None
        and admin.site.is_registered(model)
        and user.is_active
        and user.is_staff
        and is_office_open(request)
    ):
        page: Any = admin.site.get_model_admin(model)
        record = page.get_queryset(request).filter(pk=attachment.object_id).first()
        if record is not None and page.has_view_permission(request, record):
            return attachments_of(record, user=user).filter(pk=attachment.pk).exists()
    technician = Technician.objects.filter(user=user.pk, is_active=True).first() if model is Appointment else None
    return technician is not None and Appointment.objects.shown_to(technician).filter(pk=attachment.object_id).exists()
