"""`/p/<token>/`: the page of a published document for its customer; 404 when not published, revoked or forged.

Of an RDV, he answers on it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from segno import helpers

from appointments.choices import AppointmentState, CustomerAnswer
from appointments.models import Appointment
from appointments.services.announced import announced
from appointments.services.answers import answer_appointment, awaits_answer, half_days
from appointments.services.days import DayOf, days_of
from interventions.models import InterventionRequest
from invoicing.admin.documents.paper import paper_response
from invoicing.models import Invoice, Quote
from invoicing.paper.pdf import invoice_context, invoice_pdf, quote_context, quote_pdf
from invoicing.services.access.guesses import TooManyAnswers, count_answer
from invoicing.services.documents.life import note_first_view
from invoicing.services.records.links import document_at
from invoicing.services.settlement.settled import parts_settled
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import day_text, read_id
from openfire_billing.web.proxies import client_address

# The customer sees an RDV once it is confirmed.
_SHOWN = [AppointmentState.CONFIRMED, AppointmentState.DONE, AppointmentState.UNFINISHED]


def _document(token: str) -> Any:
    document = document_at(token)
    if document is None or (isinstance(document, Invoice) and not document.is_posted):
        raise Http404
    if isinstance(document, Appointment) and document.state not in _SHOWN:
        raise Http404
    return document


@never_cache
@require_safe
def customer_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page of a DI, an RDV, a quote or an invoice."""
    return _page(request, token, _document(token))


def _page(request: HttpRequest, token: str, document: Any, *, refusal: str = "", status: int = 200) -> HttpResponse:
    templates = {InterventionRequest: "intervention", Quote: "quote", Invoice: "invoice", Appointment: "appointment"}
    name = templates.get(type(document))
    if name is None:
        raise Http404
    context = {"document": document, "company": document.company, "token": token, "kind": name}
    if isinstance(document, Invoice):
        context |= _invoice_context(document)
        if request.method == "GET" and not request.user.is_authenticated:
            note_first_view(document)
    if name == "quote":
        context |= {"lines": quote_context(document)["lines"], "totals": document.totals}
    if name == "intervention":
        rdvs = list(document.appointments.filter(state__in=_SHOWN).select_related("company").order_by("starts_at"))
        days = days_of(rdvs)
        context["appointments"] = [(rdv, _when(rdv, days[rdv.pk])) for rdv in rdvs]
    if name == "appointment":
        context |= _appointment_context(document) | {"refusal": refusal}
    return render(request, "office/customer_page.html", context, status=status)


def _appointment_context(rdv: Appointment) -> dict[str, Any]:
    """Return what the page shows of an RDV: when it is, and the question, while it is asked."""
    now = timezone.now()
    context = {
        "when": _when(rdv, days_of([rdv])[rdv.pk]),
        "people": [person.name.split()[0] for person in rdv.technicians.all()],
        "is_asked": awaits_answer(rdv, now),
    }
    if context["is_asked"]:
        context["half_days"] = half_days(rdv.company, timezone.localdate(now))
    return context


def _when(rdv: Appointment, days: Sequence[DayOf]) -> dict[str, Any]:
    """Return the days of an RDV as its customer reads them: the first at what is announced, never at a plain hour."""
    first, *others = days
    first_day = day_text(first.day, "l j F Y")
    return {"first": first, "first_day": first_day, "announced": announced(rdv), "others": others}


@never_cache
@require_POST
def customer_answer(request: HttpRequest, token: str) -> HttpResponse:
    """Store what the customer of an RDV answers, and show the page again; 409 with a sentence when it is refused."""
    document = _document(token)
    if not isinstance(document, Appointment):
        raise Http404
    answer, seen = request.POST.get("answer", ""), read_id(request.POST.get("seen", ""))
    if answer not in CustomerAnswer.values or seen is None:
        return _page(request, token, document, refusal=_("Réponse illisible : recommencez."), status=400)
    try:
        count_answer(page=f"rdv {document.pk}", address=client_address(request), at=timezone.now())
        answer_appointment(
            document,
            answer=CustomerAnswer(answer),
            half_day=request.POST.get("half_day", ""),
            note=request.POST.get("note", "")[:150],
            seen=seen,
            now=timezone.now(),
        )
    except TooManyAnswers as refused:
        return _page(request, token, _document(token), refusal=str(refused), status=429)
    except BusinessError as refused:
        return _page(request, token, _document(token), refusal=str(refused), status=409)
    return redirect("customer_page", token)


def _invoice_context(invoice: Invoice) -> dict[str, Any]:
    """Return what the page shows of a posted document: lines as printed, what is settled, what is left, how to pay."""
    with_state = Invoice.objects.with_payment_state(timezone.localdate()).select_related("company").get(pk=invoice.pk)
    paper = invoice_context(with_state)
    parts = parts_settled(with_state)
    is_owed = with_state.residual > 0 and not with_state.is_credit_note
    context = {
        "document": with_state,
        "lines": paper["lines"],
        "totals": paper["totals"],
        "seller": paper["seller"],
        "parts": parts,
        "paid": sum((part.amount for part in parts if part.means), Decimal(0)),
        "credited": sum((part.amount for part in parts if not part.means), Decimal(0)),
        "is_owed": is_owed,
    }
    if is_owed:
        context["transfer_code"] = _transfer_code(with_state, with_state.seller)
    return context


def _transfer_code(invoice: Invoice, seller: dict[str, Any]) -> str:
    """Return the drawing that a bank's application reads to fill in a transfer (EPC069-12, euros alone); "" for none."""
    iban = str(seller.get("iban", "")).replace(" ", "")
    if not iban or invoice.currency != "EUR":
        return ""
    try:
        code = helpers.make_epc_qr(
            name=str(seller["name"])[:70], iban=iban, amount=invoice.residual, text=invoice.number, encoding="utf-8"
        )
    except ValueError:  # an IBAN that is not one, an amount out of its bounds
        return ""
    return mark_safe(code.svg_inline(scale=3, border=4, light="#fff", omitsize=True))  # noqa: S308 segno's own


@never_cache
@require_safe
def customer_pdf(request: HttpRequest, token: str) -> FileResponse:
    """Return the PDF of a published quote or posted invoice."""
    document = _document(token)
    if isinstance(document, Invoice):
        return paper_response(invoice_pdf(document), str(document))
    if isinstance(document, Quote):
        return paper_response(quote_pdf(document), f"Devis {document}")
    raise Http404
