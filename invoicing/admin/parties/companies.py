"""The page of companies."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext_lazy as _

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.notebook import NotebookMixin
from invoicing.models import Company, CompanyAccess
from invoicing.services.catalogue import open_journals
from invoicing.services.parties.logos import UNREADABLE, keep_logo
from openfire_billing.web.asked import ASKED_TO_BILL
from openfire_billing.web.files import file_response
from openfire_billing.web.summary import Heading, map_url
from openfire_billing.web.users import user_of


@admin.register(Company)
class CompanyAdmin(NotebookMixin, OfficeAdmin):
    new_title = _("Nouvelle société")
    asks: ClassVar = dict.fromkeys(("street", "city", "siret"), ASKED_TO_BILL)
    field_labels: ClassVar = {
        "insurance": _("Assurance (phrase imprimée)"),
        "mediator": _("Médiation (phrase imprimée)"),
    }
    list_display = ("name", "city", "siret", "vat_number")
    search_fields = ("name",)
    fieldsets = (
        (
            _("Identité"),
            {"fields": (("name", "legal_form"), ("siren", "siret"), ("trade_register", "vat_number"), "logo")},
        ),
        (
            _("Coordonnées"),
            {"fields": ("street", ("zip", "city"), ("phone", "email"), "website", ("latitude", "longitude"))},
        ),
        (
            _("Mentions"),
            {
                "fields": ("late_penalty", "discount_terms", "insurance", "mediator", "vat_on_debits"),
                "classes": ("notebook", "wide"),
            },
        ),
        (
            _("Comptabilité"),
            {
                "fields": (
                    ("iban", "bic"),
                    ("income_account", "receivable_account"),
                    ("rounding", "currency"),
                    "quote_validity_days",
                ),
                "classes": ("notebook",),
            },
        ),
        (
            _("Messages des RDV"),
            {
                "fields": (
                    ("announce", "window_minutes"),
                    ("sends_reminders", "reminder_hour"),
                    "tells_moves",
                ),
                "classes": ("notebook",),
            },
        ),
    )
    notebook = (
        ("mentions", _("Mentions des factures"), (_("Mentions"),)),
        ("accounting", _("Comptabilité"), (_("Comptabilité"),)),
        ("messages", _("Messages des RDV"), (_("Messages des RDV"),)),
    )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.logo_view)
        return [path("logo/<path:name>", view, name="company_logo"), *super().get_urls()]

    def logo_view(self, request: HttpRequest, name: str) -> FileResponse:
        """Answer the uploaded logo of a company."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        company = get_object_or_404(self.get_queryset(request), logo=name)
        try:
            return file_response(company.logo.open("rb"), company.logo.name)
        except FileNotFoundError:
            raise Http404 from None

    def heading(self, document: Company) -> Heading:
        where = ", ".join(filter(None, [document.street, f"{document.zip} {document.city}".strip()]))
        return Heading(str(document), town=document.city, telephone=document.phone, map_url=where and map_url(where))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        if "logo" in form.base_fields:
            form.base_fields["logo"].error_messages["invalid_image"] = UNREADABLE
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if "logo" in form.changed_data:
            keep_logo(obj)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            CompanyAccess.objects.get_or_create(user=user_of(request), company=form.instance)
            open_journals(form.instance)
