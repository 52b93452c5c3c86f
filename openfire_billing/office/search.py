"""Search from anywhere (Ctrl+K): by number, name, telephone, town, serial number. A few queries, each bounded."""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from django.contrib import admin
from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.dataclasses import SearchResult

from appointments.models import Appointment
from contracts.models import Contract
from interventions.models import InstalledProduct, InterventionRequest
from invoicing.models import Address, Company, Invoice, Partner, Product, PurchaseOrder, Quote, SupplierBill
from openfire_billing.db.search import holding, words_of
from openfire_billing.web.actions import reverse_change

MOST = 6
WHO = ("name", "store_code", "email", "addresses__city", "addresses__zip")


def telephone(words: str) -> str:
    """A French telephone number as it is usually written, « 06 39 98 40 10 », or "" when the words are not one."""
    digits = re.sub(r"[\s.\-()]", "", words)
    if digits.startswith("+33"):
        digits = "0" + digits[3:]
    if not digits.isdigit() or not 4 <= len(digits) <= 10:
        return ""
    return " ".join(digits[i : i + 2] for i in range(0, len(digits), 2))


def _partners(words: str) -> "QuerySet[Partner]":
    number = telephone(words)
    if number:
        zipped = Address.objects.filter(zip__istartswith=words).values("partner")
        called = Partner.objects.filter(Q(phone__icontains=number) | Q(mobile__icontains=number)).values("pk")
        return Partner.objects.filter(pk__in=called.order_by().union(zipped.order_by()))
    return holding(Partner.objects.all(), WHO, words_of(words))  # type: ignore[no-any-return]


def _searches(words: str, companies: Any) -> Iterator[tuple[str, str, "QuerySet[Any]", Any]]:
    """(permission, icon, queryset, what to say of a row)."""
    di = InterventionRequest.objects.filter(company__in=companies).select_related("partner")
    rdv = Appointment.objects.filter(company__in=companies).select_related("partner")
    quotes = Quote.objects.filter(company__in=companies).select_related("partner")
    invoices = Invoice.objects.filter(company__in=companies).select_related("customer")
    orders = PurchaseOrder.objects.filter(company__in=companies).select_related("supplier")
    bills = SupplierBill.objects.filter(company__in=companies).select_related("supplier")
    contracts = Contract.objects.filter(company__in=companies, reference__icontains=words).select_related("payer")
    partners = _partners(words).prefetch_related("addresses")
    equipment = InstalledProduct.objects.filter(serial_number__icontains=words).select_related("partner")
    products = Product.objects.filter(Q(code__istartswith=words) | Q(name__icontains=words))

    def town(partner: Partner) -> str:
        address = partner.default_address()
        return " · ".join(filter(None, [partner.mobile or partner.phone, address.city if address else ""]))

    yield "invoicing.view_partner", "group", partners, town
    if any(letter.isdigit() for letter in words):
        number = Q(number__icontains=words)
        titled = number | Q(title__icontains=words)
        yield "interventions.view_interventionrequest", "home_repair_service", di.filter(titled), _of_partner
        yield "appointments.view_appointment", "event", rdv.filter(number), _of_partner
        yield "invoicing.view_quote", "request_quote", quotes.filter(titled), _of_partner
        yield "invoicing.view_invoice", "receipt_long", invoices.filter(number), lambda i: str(i.customer)
        yield "contracts.view_contract", "contract", contracts, lambda c: str(c.payer)
        yield "invoicing.view_purchaseorder", "shopping_cart", orders.filter(number), lambda o: str(o.supplier)
        yield "invoicing.view_supplierbill", "receipt", bills.filter(number), lambda b: b.get_state_display()
        yield "interventions.view_installedproduct", "local_fire_department", equipment, _of_partner
    yield "invoicing.view_product", "inventory_2", products, lambda p: p.get_kind_display()


def _of_partner(document: Any) -> str:
    return str(document.partner)


def search_now(request: HttpRequest) -> HttpResponse:
    """The search box's answer, all on its first page.

    Unfold keeps one for five minutes: what was made or closed since would be missed.
    """
    request.GET = request.GET.copy()  # type: ignore[assignment]
    request.GET.pop("page", None)
    asked = f"{request.user.pk}_{request.GET.get('s', '').lower()}"
    cache.delete(f"unfold_search_{sha256(asked.encode()).hexdigest()}")
    return admin.site.search(request)  # type: ignore[attr-defined, no-any-return]


def search(request: HttpRequest, words: str) -> list[SearchResult]:
    """What the search box shows for these words, for this user."""
    words = words.strip()
    if len(words) < 2:
        return []
    companies = Company.objects.visible_to(request.user)
    results = []
    for permission, icon, queryset, say in _searches(words, companies):
        if request.user.has_perm(permission):  # type: ignore[union-attr]
            results += [
                SearchResult(title=str(row), description=say(row), link=reverse_change(row), icon=icon)
                for row in queryset.order_by("-pk")[:MOST]
            ]
    return results
