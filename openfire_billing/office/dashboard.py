"""The first page: today's work and what waits for this user; each number links to its list."""

import json
from collections.abc import Callable
from typing import Any

from django.db.models import Case, DecimalField, F, Sum, When
from django.db.models.functions import TruncMonth
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from contracts.models import BillingRun, Contract
from contracts.services.night import night_alarm
from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from invoicing.choices import InvoiceKind, MessageState
from invoicing.models import Company, FollowUp, Invoice, Message, Quote
from invoicing.services.documents.jobs import LATE_AFTER, late_documents
from openfire_billing.db.scope import visible
from openfire_billing.kernel.periods import day_of_month
from openfire_billing.office.first_steps import first_steps
from openfire_billing.web.users import user_of


def _cards(request: HttpRequest, alarm: str) -> list[tuple[str, str, str, str, bool, Callable[[], int]]]:
    """Return (permission, label, list, chip, is an alarm, count) of each card. `alarm`: the sentence on the last night."""
    today, user = timezone.localdate(), user_of(request)
    companies = Company.objects.visible_to(user)
    messages = visible(Message.objects.readable_by(user), user)
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
            "to-plan",
            False,
            requests.filter(state__in=to_plan).count,
        ),
        ("interventions.view_interventionrequest", "DI en retard", di, "late", True, requests.late(today).count),
        ("invoicing.bill", "DI à facturer", di, "to-bill", False, requests.to_bill(today).count),
        ("invoicing.view_quote", "Devis sans réponse", devis, "waiting", False, quotes.filter(state="sent").count),
        ("invoicing.bill", "Devis à facturer", devis, "to-bill", False, quotes.to_bill().count),
        ("invoicing.view_invoice", "Brouillons à valider", factures, "drafts", False, invoices.drafts().count),
        (
            "invoicing.post_invoice",
            "Factures à encaisser",
            factures,
            "unpaid",
            False,
            lambda: invoices.owed().filter(kind=InvoiceKind.INVOICE).count(),
        ),
        (
            "invoicing.post_invoice",
            "Factures en retard",
            factures,
            "late",
            True,
            lambda: invoices.overdue().count(),
        ),
        (
            "contracts.bill_contract",
            "Contrats mis de côté",
            "contracts_contract",
            "set-aside",
            True,
            Contract.objects.filter(company__in=companies).set_aside().count,
        ),
        (
            "contracts.bill_contract",
            "Nuit sans facturation",
            "contracts_billingrun",
            "nights",
            True,
            lambda: int(bool(alarm)),
        ),
        (
            "invoicing.view_message",
            "Messages en échec",
            "invoicing_message",
            "failed",
            True,
            messages.filter(state=MessageState.FAILED).count,
        ),
    ]


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the first page: the cards this user may open."""
    cards = []
    alarm = night_alarm(timezone.now())[1] if request.user.has_perm("contracts.bill_contract") else ""
    for permission, label, name, chip, is_alarm, count in _cards(request, alarm):
        if request.user.has_perm(permission):
            url = f"{reverse(f'admin:{name}_changelist')}?view={chip}"
            cards.append({"label": label, "url": url, "count": count(), "is_alarm": is_alarm})
    context["office_cards"] = cards
    context["office_follow_ups"] = _follow_ups(request)
    context["office_night"] = alarm
    context |= _late_documents(request)
    context |= _late_messages(request)
    context["office_steps"] = first_steps(request)
    context |= _last_run(request)
    if request.user.has_perm("invoicing.view_invoice"):
        chart = _billed_by_month(request)
        context["office_chart"] = json.dumps(chart)
        context["office_chart_options"] = json.dumps(_options_of(chart))
    context["office_new_intervention"] = request.user.has_perm("interventions.add_interventionrequest")
    return context


def _late_documents(request: HttpRequest) -> dict[str, Any]:
    """Return the PDFs of posted invoices that failed or wait for too long, with the reason; mails with them wait too."""
    if not request.user.has_perm("invoicing.view_invoice"):
        return {}
    count, reason = late_documents(Company.objects.visible_to(request.user))
    return {"office_late_documents": count, "office_late_reason": reason}


def _late_messages(request: HttpRequest) -> dict[str, Any]:
    """Return how many messages wait since more than ten minutes."""
    if not request.user.has_perm("invoicing.view_message"):
        return {}
    user = user_of(request)
    waiting = visible(Message.objects.readable_by(user), user).filter(state=MessageState.WAITING)
    return {"office_late_messages": waiting.filter(created_at__lt=timezone.now() - LATE_AFTER).count()}


def _follow_ups(request: HttpRequest) -> list[dict[str, Any]]:
    """Return what this user planned to do, for today or before."""
    due = FollowUp.objects.due(timezone.localdate()).filter(user=request.user.pk).prefetch_related("object")[:20]
    return [{"entry": entry, "document": entry.object} for entry in due if entry.object is not None]


def _last_run(request: HttpRequest) -> dict[str, Any]:
    """Return the latest billing run and what it set aside, for users who may bill; None before the first one."""
    if not request.user.has_perm("contracts.bill_contract"):
        return {}
    run = BillingRun.objects.visible_to(user_of(request)).filter(is_dry=False).order_by("-pk").first()
    if run is None:
        return {"office_run": None, "office_refused": ()}
    refused = run.outcomes.visible_to(user_of(request)).refused().select_related("contract").order_by("pk")
    return {"office_run": run, "office_refused": refused[:5]}


def _options_of(chart: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the chart: one currency is shown beside the scale, several in a legend."""
    labels = [dataset["label"] for dataset in chart["datasets"]]
    text = labels[0] if len(labels) == 1 else str(_("Facturé HT"))
    scale = {**_SCALE, "title": {"display": True, "text": text, "color": "#6b7280"}}
    scales = {"x": {"grid": {"display": False}, "ticks": {"color": "#6b7280"}}, "y": scale}
    return {**_CHART, "scales": scales, "plugins": {"legend": {"display": len(labels) > 1}}}


def _billed_by_month(request: HttpRequest) -> dict[str, Any]:
    """Return the net billed (credit notes deducted) in each of the last twelve months, for the chart."""
    this_month = timezone.localdate().replace(day=1)
    months = [day_of_month(this_month, -n, 1) for n in range(11, -1, -1)]
    net = Case(When(kind=InvoiceKind.CREDIT_NOTE, then=-F("net")), default=F("net"), output_field=DecimalField())
    rows = (
        Invoice.objects.posted()
        .filter(company__in=Company.objects.visible_to(request.user), issued_on__gte=months[0])
        .order_by()
        .annotate(month=TruncMonth("issued_on"))
        .values("month", "currency")
        .annotate(total=Sum(net))
    )
    totals = {(row["currency"], row["month"]): row["total"] for row in rows}
    currencies = sorted({currency for currency, _month in totals} or {"EUR"}, key=lambda code: (code != "EUR", code))
    return {
        "labels": [date_format(month, "m/Y") for month in months],
        "datasets": [
            {
                "label": str(_("Facturé HT (%s)") % ("€" if currency == "EUR" else currency)),
                "data": [float(totals.get((currency, month), 0)) for month in months],
                "backgroundColor": f"var(--color-primary-{600 - 200 * (place % 3)})",
                "maxBarThickness": 36,
            }
            for place, currency in enumerate(currencies)
        ],
    }


# The scale is shown, so that amounts can be read without pointing at each bar.
_CHART = {
    "animation": False,
    "responsive": True,
    "maintainAspectRatio": False,
    "locale": "fr-FR",
}
_SCALE = {
    "beginAtZero": True,
    "suggestedMax": 1000,
    "grid": {},
    "ticks": {"color": "#6b7280", "maxTicksLimit": 6},
}
