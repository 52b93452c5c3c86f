"""Search from anywhere (Ctrl+K): by number, amount, name, telephone, town, serial number. A few bounded queries."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from django.contrib import admin
from django.core.cache import cache
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.dataclasses import SearchResult

from appointments.models import Appointment
from contracts.models import Contract
from interventions.models import InstalledProduct, InterventionRequest
from invoicing.models import Company, Invoice, Partner, Product, PurchaseOrder, Quote, SupplierBill
from openfire_billing.db.search import holding, words_of
from openfire_billing.web.actions import reverse_change

MOST = 6
_TITLED = ("number", "title")
_PAID = ("number", "gross")


def _searches(text: str, companies: Any) -> Iterator[tuple[str, str, "QuerySet[Any]", Any]]:
    """Yield (permission, icon, queryset, function that describes a row) for each kind of record."""
    words = words_of(text)
    di = InterventionRequest.objects.filter(company__in=companies).select_related("partner")
    rdv = Appointment.objects.filter(company__in=companies).select_related("partner")
    quotes = Quote.objects.filter(company__in=companies).select_related("partner")
    invoices = Invoice.objects.filter(company__in=companies).select_related("customer")
    orders = PurchaseOrder.objects.filter(company__in=companies).select_related("supplier")
    bills = SupplierBill.objects.filter(company__in=companies).select_related("supplier")
    contracts = Contract.objects.filter(company__in=companies).select_related("payer")
    partners = holding(Partner.objects.prefetch_related("addresses"), Partner.SEARCHED, words)
    equipment = holding(InstalledProduct.objects.select_related("partner"), InstalledProduct.OWN_WORDS, words)
    products = holding(Product.objects.all(), ("code", "name"), words)

    def town(partner: Partner) -> str:
        address = partner.default_address()
        return " · ".join(filter(None, [partner.mobile or partner.phone, address.city if address else ""]))

    yield "invoicing.view_partner", "group", partners, town
    if any(letter.isdigit() for letter in text):
        yield "interventions.view_interventionrequest", "home_repair_service", holding(di, _TITLED, words), _of_partner
        yield "appointments.view_appointment", "event", holding(rdv, ("number",), words), _of_partner
        yield "invoicing.view_quote", "request_quote", holding(quotes, _TITLED, words), _of_partner
        yield "invoicing.view_invoice", "receipt_long", holding(invoices, _PAID, words), lambda i: str(i.customer)
        yield "contracts.view_contract", "contract", holding(contracts, ("reference",), words), lambda c: str(c.payer)
        yield "invoicing.view_purchaseorder", "shopping_cart", holding(orders, ("number",), words), _of_supplier
        yield "invoicing.view_supplierbill", "receipt", holding(bills, _PAID, words), lambda b: b.get_state_display()
        yield "interventions.view_installedproduct", "local_fire_department", equipment, _of_partner
    yield "invoicing.view_product", "inventory_2", products, lambda p: p.get_kind_display()


def _of_supplier(order: Any) -> str:
    return str(order.supplier)


def _of_partner(document: Any) -> str:
    return str(document.partner)


def search_now(request: HttpRequest) -> HttpResponse:
    """Return the answer of the search box, all on its first page, without Unfold's cache of five minutes.

    Unfold keeps one for five minutes: what was made or closed since would be missed.
    """
    query = request.GET.copy()
    query.pop("page", None)
    request.GET = query  # type: ignore[assignment]  # Django declares the one it makes, which cannot be changed
    search_key = f"{request.user.pk}_{request.GET.get('s', '').lower()}"
    cache.delete(f"unfold_search_{sha256(search_key.encode()).hexdigest()}")
    return admin.site.search(request)  # type: ignore[attr-defined]  # of Unfold


def search(request: HttpRequest, words: str) -> list[SearchResult]:
    """Return what the search box shows for these words, for this user."""
    words = words.strip()
    if len(words) < 2:
        return []
    companies = Company.objects.visible_to(request.user)
    results = []
    for permission, icon, queryset, say in _searches(words, companies):
        if request.user.has_perm(permission):
            results += [
                SearchResult(title=str(row), description=say(row), link=reverse_change(row), icon=icon)
                for row in queryset.order_by("-pk")[:MOST]
            ]
    return results
