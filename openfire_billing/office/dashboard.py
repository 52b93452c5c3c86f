"""The first page: the day's work, what waits for this user, each number a link to its list."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from contracts.models import Contract
from contracts.services.night import night_alarm
from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from invoicing.choices import InvoiceKind
from invoicing.models import Company, Invoice, Quote


def _cards(request: HttpRequest) -> list[tuple[str, str, str, str, bool, Callable[[], int]]]:
    """(permission, label, list, chip, is an alarm, count) of each card."""
    today = timezone.localdate()
    companies = Company.objects.visible_to(request.user)
    requests = InterventionRequest.objects.active().filter(company__in=companies)
    quotes = Quote.objects.filter(company__in=companies)
    invoices = Invoice.objects.with_payment_state(today).filter(company__in=companies)
    di, devis, factures = "interventions_interventionrequest", "invoicing_quote", "invoicing_invoice"
    to_plan = [InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED]
    return [
        (
            "interventions.view_interventionrequest",
            "DI à planifier",
            di,
            "planifier",
            False,
            requests.filter(state__in=to_plan).count,
        ),
        ("interventions.view_interventionrequest", "DI en retard", di, "retard", True, requests.late(today).count),
        ("invoicing.bill", "DI à facturer", di, "facturer", False, requests.to_bill(today).count),
        ("invoicing.view_quote", "Devis sans réponse", devis, "attente", False, quotes.filter(state="sent").count),
        ("invoicing.bill", "Devis à facturer", devis, "facturer", False, quotes.to_bill().count),
        ("invoicing.view_invoice", "Brouillons à valider", factures, "brouillons", False, invoices.drafts().count),
        (
            "invoicing.post_invoice",
            "Factures à encaisser",
            factures,
            "impayees",
            False,
            invoices.posted().filter(kind=InvoiceKind.INVOICE, residual__gt=0).count,
        ),
        (
            "invoicing.post_invoice",
            "Factures en retard",
            factures,
            "retard",
            True,
            invoices.filter(is_overdue=True).count,
        ),
        (
            "contracts.bill_contract",
            "Contrats mis de côté",
            "contracts_contract",
            "mis-de-cote",
            True,
            Contract.objects.filter(company__in=companies).set_aside().count,
        ),
        ("contracts.view_billingrun", "Nuit sans facturation", "contracts_billingrun", "nuits", True, _bad_nights),
    ]


def _bad_nights() -> int:
    """1 when the last night's billing did not happen or ended short."""
    return int(bool(night_alarm(timezone.now())[0]))


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Context of the first page: the cards this user may open."""
    cards = []
    for permission, label, name, chip, is_alarm, count in _cards(request):
        if request.user.has_perm(permission):  # type: ignore[union-attr]
            url = f"{reverse(f'admin:{name}_changelist')}?vue={chip}"
            cards.append({"label": label, "url": url, "count": count(), "is_alarm": is_alarm})
    context["office_cards"] = cards
    context["office_new_intervention"] = request.user.has_perm("interventions.add_interventionrequest")  # type: ignore[union-attr]
    return context
