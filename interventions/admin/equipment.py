"""The page of an installed product."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from interventions.models import InstalledProduct
from invoicing.admin.base import OfficeAdmin
from invoicing.admin.creation import CreationMixin
from invoicing.admin.filters import FromFilter
from invoicing.admin.notebook import NotebookMixin
from invoicing.models import Partner
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.summary import Heading, heading_of


@admin.register(InstalledProduct)
class InstalledProductAdmin(CreationMixin, NotebookMixin, OfficeAdmin):
    new_title = _("Nouvel appareil")
    creation_fields = ("name", "brand", "serial_number", "address")
    is_of_customer = True
    list_display = ("name", "brand", "serial_number", "partner", "town", "installed_on", "is_active")
    list_lead = "partner"
    list_card = ("", "name", "brand", "town", "serial_number")
    list_filter = (FromFilter, "is_active", "brand")
    search_fields = InstalledProduct.SEARCHED
    autocomplete_fields = ("partner", "address", "product")
    list_select_related = ("partner", "address")
    empty_text = _("Les appareils posés chez vos clients, ce qui se ramone et s'entretient.")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "brand"),
                    ("serial_number", "product"),
                    ("partner", "address"),
                    ("installed_on", "warranty_until"),
                )
            },
        ),
        (_("État"), {"fields": ("is_active",)}),
        (_("Note"), {"fields": ("note",), "classes": ("notebook", "wide")}),
    )

    notebook = (("note", _("Note"), (_("Note"),)),)

    opened_tab = "history"

    def creation_forms(self, request: HttpRequest, customer: Partner | None) -> list[Any]:
        """Offer the addresses of the customer in a list."""
        (form,) = super().creation_forms(request, customer)
        address = form.fields["address"]
        address.queryset = address.queryset.filter(partner=customer)
        address.widget = UnfoldAdminSelectWidget(attrs=address.widget.attrs)
        address.widget.choices = address.choices
        return [form]

    def first_values(self, request: HttpRequest, customer: Partner | None) -> dict[str, Any]:
        chosen = read_id(request.GET.get("address"))
        return {
            **super().first_values(request, customer),
            "address": chosen or (customer and customer.default_address()),
        }

    def heading(self, document: InstalledProduct) -> Heading:
        return replace(heading_of(document), title=document.name)

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        equipment = self.get_object(request, object_id) if object_id else None
        if equipment is None or not request.user.has_perm("interventions.add_interventionrequest"):
            return context
        filled = urlencode(
            {"partner": equipment.partner_id, "address": equipment.address_id, "equipment": equipment.pk}
        )
        url = f"{reverse('admin:interventions_interventionrequest_add')}?{filled}"
        return context | {"office_primary": [{"label": _("Nouvelle DI"), "icon": "add", "url": url, "is_page": True}]}

    @admin.display(description=_("Ville"))
    def town(self, equipment: InstalledProduct) -> str:
        return equipment.address.city
