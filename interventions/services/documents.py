"""The quotes and invoices that took the lines of a DI, which refusals name."""

from datetime import date

from django.db.models import Q

from interventions.models import InterventionRequest, RequestLineClaim
from invoicing.models import Invoice, Quote, QuoteLineClaim
from invoicing.querysets import is_live

MOST = 5  # links in one refusal


def invoices_of(intervention: InterventionRequest) -> list[Invoice]:
    """Return the first invoices that bill lines of a DI, itself or through its quotes."""
    own = RequestLineClaim.objects.filter(request_line__intervention=intervention)
    quoted = QuoteLineClaim.objects.filter(quote_line__quotedlines__request_line__intervention=intervention)
    lines = Q(lines__in=own.values("invoice_line")) | Q(lines__in=quoted.values("invoice_line"))
    return list(Invoice.objects.filter(lines).order_by("pk").distinct()[:MOST])


def live_quotes_of(intervention: InterventionRequest, *, on: date) -> list[Quote]:
    """Return the first live quotes that hold lines of a DI."""
    quotes = Quote.objects.filter(is_live(on), lines__quotedlines__request_line__intervention=intervention)
    return list(quotes.order_by("pk").distinct()[:MOST])
