"""Search from anywhere (Ctrl+K): by number, amount, name, telephone, town, serial number. A few bounded queries."""

from collections.abc import Iterator, Sequence
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
from openfire_billing.db.search import LONGEST, narrowed, words_of
from openfire_billing.kernel.formats import read_amount
from openfire_billing.kernel.telephones import searched_digits
from openfire_billing.web.actions import reverse_change

MOST = 6
_PAID = ("number", "gross")


def _searches(text: str, companies: Any) -> Iterator[tuple[str, str, "QuerySet[Any]", Any]]:
    """Yield (permission, icon, queryset, function that describes a row) for each kind of record."""
    words = words_of(text)

    def of(model: Any, columns: Sequence[str], *related: str) -> Any:
        rows = model.objects.select_related(*related)
        return narrowed(rows.filter(company__in=companies) if hasattr(model, "company") else rows, columns, words)

    yield "invoicing.view_partner", "group", _partners(words), _place_of
    if any(letter.isdigit() for letter in text) and not _is_written_as_telephone(text):
        di, rdv, quotes = (of(model, ("number",), "partner") for model in (InterventionRequest, Appointment, Quote))
        yield "interventions.view_interventionrequest", "home_repair_service", di, _of_partner
        yield "appointments.view_appointment", "event", rdv, _of_partner
        yield "invoicing.view_quote", "request_quote", quotes, _of_partner
        yield "invoicing.view_invoice", "receipt_long", of(Invoice, _PAID, "customer"), lambda i: str(i.customer)
        yield "contracts.view_contract", "contract", of(Contract, ("reference",), "payer"), lambda c: str(c.payer)
        yield "invoicing.view_purchaseorder", "shopping_cart", of(PurchaseOrder, ("number",), "supplier"), _of_supplier
        yield "invoicing.view_supplierbill", "receipt", of(SupplierBill, _PAID, "supplier"), _state_of
        equipment = of(InstalledProduct, InstalledProduct.OWN_WORDS, "partner")
        yield "interventions.view_installedproduct", "local_fire_department", equipment, _of_partner
    yield "invoicing.view_product", "inventory_2", of(Product, ("code", "name")), lambda p: p.get_kind_display()


def _partners(words: Sequence[str]) -> "QuerySet[Partner]":
    return narrowed(Partner.objects.prefetch_related("addresses"), Partner.SEARCHED, words)  # type: ignore[no-any-return]


def _is_written_as_telephone(text: str) -> bool:
    """Digits with spaces, dots or a prefix: neither an amount nor the number of a document is written so."""
    return bool(searched_digits(text)) and any(mark in text for mark in " .+") and read_amount(text) is None


def _place_of(partner: Partner) -> str:
    address = partner.default_address()
    return " · ".join(filter(None, [partner.mobile or partner.phone, address.city if address else ""]))


def _state_of(bill: Any) -> str:
    return str(bill.get_state_display())


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
    words = words.strip()[:LONGEST]
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
