"""`/p/<token>/`: the page of a published document for its customer. Read only; 404 when not published, revoked or
forged.
"""

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from appointments.choices import AppointmentState
from appointments.models import Appointment
from interventions.models import InterventionRequest
from invoicing.admin.documents.paper import paper_response
from invoicing.models import Invoice, Quote
from invoicing.paper.pdf import invoice_pdf, quote_pdf
from invoicing.services.records.links import document_at

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
    """Show the page of a DI, a quote or an invoice."""
    document = _document(token)
    templates = {InterventionRequest: "intervention", Quote: "quote", Invoice: "invoice", Appointment: "appointment"}
    name = templates.get(type(document))
    if name is None:
        raise Http404
    context = {"document": document, "company": document.company, "token": token, "kind": name}
    if name == "intervention":
        context["appointments"] = document.appointments.filter(state__in=_SHOWN).order_by("starts_at")
    return render(request, "office/customer_page.html", context)


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
