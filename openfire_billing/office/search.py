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
from invoicing.models import Company, Invoice, Partner, Payment, Product, PurchaseOrder, Quote, SupplierBill
from invoicing.services.documents.suppliers import find_suppliers
from openfire_billing.db.search import LONGEST, narrowed, words_of
from openfire_billing.kernel.formats import read_amount
from openfire_billing.kernel.telephones import searched_digits
from openfire_billing.office.commands import commands_for
from openfire_billing.web.first_acts import first_acts_of
from openfire_billing.web.open_items import open_items_of
from openfire_billing.web.record_links import reverse_change

MOST = 6
OPENED = 3  # customers at most whose open documents are shown
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
        payments = of(Payment, ("number", "reference", "amount"), "customer")
        yield "invoicing.view_payment", "payments", payments, lambda payment: str(payment.customer)
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
    """Return what the search box shows for these words, for this user.

    Customers come first; of three at most, what they have open and what may be created for them. The owner of an
    appliance found by its serial number is found too. Commands come last.
    """
    words = words.strip()[:LONGEST]
    if len(words) < 2:
        return []
    user: Any = request.user
    companies = Company.objects.visible_to(user)
    partners: dict[int, Any] = {}
    others = []
    for permission, icon, queryset, say in _searches(words, companies):
        rows = list(queryset.order_by("-pk")[:MOST]) if user.has_perm(permission) else []
        if queryset.model is Partner:
            partners |= {row.pk: row for row in rows}
            continue
        if queryset.model is InstalledProduct and user.has_perm("invoicing.view_partner"):
            partners |= {row.partner_id: row.partner for row in rows}
        others += [
            SearchResult(title=str(row), description=say(row), link=reverse_change(row), icon=icon) for row in rows
        ]
    return [*_customers(list(partners.values()), user), *others, *commands_for(request, words)]


def _customers(partners: Sequence[Partner], user: Any) -> Iterator[SearchResult]:
    """Yield the customers found. Of a few, each is followed by what waits at his."""
    are_few = len(partners) <= OPENED
    waiting = open_items_of(partners, user, for_search=True) if are_few else {}
    if are_few:
        find_suppliers(partners)
    for partner in partners:
        yield SearchResult(
            title=str(partner), description=_place_of(partner), link=reverse_change(partner), icon="group"
        )
        for kind, rows in waiting.get(partner.pk, ()):
            for row in rows:
                yield SearchResult(
                    title=f"↳ {row}", description=kind.say(row), link=reverse_change(row), icon=kind.icon
                )
        for act, url in first_acts_of(partner, user) if are_few else ():
            yield SearchResult(title=f"↳ {act.label}", description=str(partner), link=url, icon=act.icon)
