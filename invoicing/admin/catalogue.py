"""Pages of the catalogue: articles, taxes, fiscal positions, terms, units, journals."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Case, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.creation import CreationMixin
from invoicing.admin.notebook import NotebookMixin
from invoicing.models import FiscalPosition, FiscalPositionTax, Journal, Partner, PaymentTerm, Product, Tax, Unit
from invoicing.services.catalogue import usual_unit
from invoicing.services.parties.companies import default_company
from openfire_billing.web.asked import ASKED_TO_BILL
from openfire_billing.web.columns import column
from openfire_billing.web.number_fields import PriceTextInput
from openfire_billing.web.tags import on_right, price


@admin.register(Product)
class ProductAdmin(CreationMixin, NotebookMixin, OfficeAdmin):
    new_title = _("Nouvel article")
    creation_fields = ("code", "name", "kind", "unit", "unit_price", "tax", "income_account")
    asks: ClassVar = {"income_account": ASKED_TO_BILL}
    list_lead = "name"
    list_card = ("price_text", "code", "tax", "kind", "is_active")
    list_display = ("code", "name", "kind", "price_text", "tax", "income_account", "is_active")
    list_filter = ("is_active", "kind", "tax")
    search_fields = ("code", "name")
    autocomplete_fields = ("supplier",)
    list_select_related = ("tax",)
    empty_text = _("Ce que vous vendez : prestations et fournitures, avec leur prix et leur TVA.")
    fieldsets = (
        (None, {"fields": (("code", "name"), ("kind", "unit"), ("unit_price", "tax"), "income_account")}),
        (_("Achat"), {"fields": (("supplier", "purchase_price"),)}),
        (_("État"), {"fields": ("is_active",)}),
        (_("Description"), {"fields": ("description",), "classes": ("notebook", "wide")}),
    )
    notebook = (("description", _("Description sur les documents"), (_("Description"),)),)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name in ("unit_price", "purchase_price"):
            options["widget"] = PriceTextInput()
        return super().formfield_for_dbfield(db_field, request, **options)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Search articles. A choice box leaves out archived ones."""
        queryset, duplicates = super().get_search_results(request, queryset, search_term)
        if request.path.endswith("/autocomplete/"):
            queryset = queryset.filter(is_active=True)
        return queryset, duplicates

    def choice_queryset(self, found: Any, term: str) -> Any:
        """Put the article whose code is typed first, since Enter takes it."""
        is_other = Case(When(code__iexact=term.strip(), then=0), default=1)
        return found.select_related("unit", "tax").order_by(is_other, "code")

    def choice_details(self, product: Product) -> dict[str, Any]:
        details = [f"{price(product.unit_price)} €", product.unit.symbol or product.unit.name, product.tax.short]
        return {"code": product.code, "name": product.name, "details": details}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose the usual income account of the user's company."""
        company = default_company(request.user)
        account = company.income_account if company else ""
        return {"income_account": account, **super().get_changeform_initial_data(request)}

    def first_values(self, request: HttpRequest, customer: Partner | None) -> dict[str, Any]:
        """Take one word for a code, several for a name. The unit is the piece."""
        term = request.GET.get("term", "").strip()
        return {
            **self.get_changeform_initial_data(request),
            "name" if " " in term else "code": term,
            "unit": usual_unit(),
            "unit_price": None,
        }

    @column(_("Prix unitaire HT"), export=lambda product: product.unit_price, ordering="unit_price")
    def price_text(self, product: Product) -> Any:
        return on_right(f"{price(product.unit_price)} €")


@admin.register(Tax)
class TaxAdmin(OfficeAdmin):
    new_title = _("Nouvelle taxe")
    list_display = ("name", "rate", "category", "account", "replaces", "valid_from", "is_active")
    list_filter = ("is_active", "category")
    search_fields = ("name",)
    list_select_related = ("replaces",)


class MappingInline(TabularInline):
    model = FiscalPositionTax
    extra = 0
    add_label = _("Ajouter une correspondance")


@admin.register(FiscalPosition)
class FiscalPositionAdmin(OfficeAdmin):
    new_title = _("Nouvelle position fiscale")
    list_display = ("code", "name", "company", "is_active")
    search_fields = ("code", "name")
    list_select_related = ("company",)
    inlines = (MappingInline,)


@admin.register(PaymentTerm)
class PaymentTermAdmin(OfficeAdmin):
    new_title = _("Nouvelles conditions de règlement")
    list_display = ("name", "days", "counted", "example")
    search_fields = ("name",)
    fields = ("name", "days", "counted", "example", "text")
    readonly_fields = ("example",)

    @admin.display(description=_("Exemple"))
    def example(self, term: PaymentTerm) -> str:
        """Return when an invoice of today would be due."""
        if not term.pk:
            return ""
        days = {"today": timezone.localdate(), "due": term.due_on(timezone.localdate())}
        texts = {name: date_format(day, "d/m/Y") for name, day in days.items()}
        return str(_("une facture du %(today)s est due le %(due)s") % texts)


@admin.register(Unit)
class UnitAdmin(OfficeAdmin):
    new_title = _("Nouvelle unité")
    list_display = ("name", "symbol", "code")
    search_fields = ("name", "code")


@admin.register(Journal)
class JournalAdmin(OfficeAdmin):
    new_title = _("Nouveau journal")
    list_display = ("code", "name", "company", "kind", "prefix", "account")
    list_select_related = ("company",)
    search_fields = ("code", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Lock company, kind and prefix of a journal that has given a number."""
        return ("company", "kind", "prefix") if obj and obj.counters.filter(last_number__gt=0).exists() else ()
