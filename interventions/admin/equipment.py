"""The page of an installed product."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from interventions.models import InstalledProduct
from invoicing.admin.base import OfficeAdmin
from invoicing.admin.filters import FromFilter


@admin.register(InstalledProduct)
class InstalledProductAdmin(OfficeAdmin):
    new_title = _("Nouvel appareil")
    list_display = ("name", "brand", "serial_number", "partner", "town", "installed_on", "is_active")
    list_lead = "partner"
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
        (_("Divers"), {"fields": ("note", "is_active")}),
    )

    @admin.display(description=_("Ville"))
    def town(self, equipment: InstalledProduct) -> str:
        return equipment.address.city
