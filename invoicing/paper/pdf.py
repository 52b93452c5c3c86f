"""PDFs by WeasyPrint: on demand while a document may change, made once when it is posted."""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from typing import Any

from django.db import IntegrityError
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from pypdf import PdfWriter

from invoicing.choices import PartnerKind, ProductKind
from invoicing.models import Company, Invoice, InvoiceDocument, Quote
from invoicing.services.documents import snapshots
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError


@cache
def _fonts() -> Any:
    from weasyprint.text.fonts import FontConfiguration

    return FontConfiguration()


def to_pdf(template: str, context: dict[str, Any]) -> bytes:
    """Render a template to PDF bytes. Raises BusinessError, saying what to install, when Pango is missing."""
    try:
        from weasyprint import HTML
    except OSError as missing:
        raise BusinessError(
            _(
                "Les PDF demandent la bibliothèque Pango : installez libpango-1.0-0 et libpangoft2-1.0-0, puis réessayez."
            )
        ) from missing
    html = render_to_string(template, context)
    pdf = HTML(string=html, base_url=None, url_fetcher=_nothing_from_outside).write_pdf(font_config=_fonts())
    assert pdf is not None
    return pdf


def _nothing_from_outside(url: str, *args: Any, **options: Any) -> Any:
    """Documents hold all they need (the logo is inlined): nothing is fetched while rendering."""
    if url.startswith("data:"):
        from weasyprint import default_url_fetcher

        return default_url_fetcher(url, *args, **options)
    raise ValueError(f"Not fetched while rendering: {url}")


def _logo(company: Company) -> str:
    if not company.logo:
        return ""
    try:
        with company.logo.open("rb") as image:
            content = base64.b64encode(image.read()).decode()
    except OSError:
        return ""
    ending = company.logo.name.rsplit(".", 1)[-1].lower().replace("jpg", "jpeg")
    return f"data:image/{ending};base64,{content}"


def _category(lines: list[Any]) -> Any:
    """The operation category to print: goods, services, or both."""
    kinds = {line.product.kind if line.product else ProductKind.SERVICE for line in lines if line.is_article}
    if kinds == {ProductKind.GOODS}:
        return _("Livraison de biens")
    if kinds == {ProductKind.SERVICE}:
        return _("Prestation de services")
    return _("Livraison de biens et prestation de services")


def _mentions(lines: list[Any], position: Any) -> list[str]:
    found = [position.mention] if position and position.mention else []
    found += [line.tax.mention for line in lines if line.tax and line.tax.mention]
    return list(dict.fromkeys(found))


def invoice_context(invoice: Invoice) -> dict[str, Any]:
    """What an invoice's paper says: the frozen parties of a posted one, today's on a draft."""
    lines = list(invoice.lines.select_related("product", "tax", "unit"))
    buyer = invoice.buyer or snapshots.buyer(invoice.customer, invoice.billing_address)
    site = (invoice.delivery or snapshots.delivery(invoice)).get("lines", [])
    return {
        "document": invoice,
        "title": invoice.get_kind_display(),
        "number": invoice.number or _("BROUILLON"),
        "is_draft": not invoice.is_posted,
        "dated": invoice.issued_on or invoice.proposed_on,
        "seller": invoice.seller or snapshots.seller(invoice.company),
        "buyer": buyer,
        "is_professional": buyer.get("kind") in PartnerKind.professionals,
        "site": site if site != buyer.get("lines") else [],
        "lines": [(line, line.net) for line in lines],
        "totals": invoice.totals,
        "category": _category(lines),
        "mentions": _mentions(lines, invoice.fiscal_position),
        "has_discount": any(line.discount for line in lines),
        "logo": _logo(invoice.company),
        "is_invoice": True,
    }


def quote_context(quote: Quote) -> dict[str, Any]:
    """What a quote's paper says."""
    lines = list(quote.lines.select_related("product", "tax", "unit"))
    return {
        "document": quote,
        "title": _("Devis"),
        "number": quote.number,
        "is_draft": False,
        "dated": quote.issued_on,
        "seller": snapshots.seller(quote.company),
        "buyer": snapshots.buyer(quote.payer, quote.payer.billing_address()),
        "is_professional": quote.payer.is_professional,
        "site": quote.site.lines if quote.site else [],
        "lines": [(line, line.net_amount(quote.company.rounding)) for line in lines],
        "totals": quote.totals,
        "category": _category(lines),
        "mentions": _mentions(lines, quote.fiscal_position),
        "has_discount": any(line.discount for line in lines),
        "logo": _logo(quote.company),
        "is_invoice": False,
    }


def quote_pdf(quote: Quote) -> bytes:
    """The quote's PDF, made anew each time."""
    return to_pdf("invoicing/pdf/document.html", quote_context(quote))


def invoice_pdf(invoice: Invoice) -> bytes:
    """The invoice's PDF: a posted one's is made once and the same bytes are served for ever; a draft's is a preview."""
    if not invoice.is_posted:
        return to_pdf("invoicing/pdf/document.html", invoice_context(invoice))
    stored = InvoiceDocument.objects.filter(invoice=invoice).first() or _store(invoice)
    return bytes(stored.content)


def _store(invoice: Invoice) -> InvoiceDocument:
    content = to_pdf("invoicing/pdf/document.html", invoice_context(invoice))
    try:
        with atomic():
            return InvoiceDocument.objects.create(
                invoice=invoice, content=content, sha256=hashlib.sha256(content).hexdigest()
            )
    except IntegrityError:  # another worker was quicker: its bytes are the document
        return InvoiceDocument.objects.get(invoice=invoice)


def documents_missing(limit: int = 500) -> list[Invoice]:
    """Posted invoices whose PDF is not made yet, oldest first."""
    return list(
        Invoice.objects.posted()
        .filter(document__isnull=True)
        .select_related("company", "customer", "billing_address", "site", "fiscal_position", "payment_term")
        .order_by("pk")[:limit]
    )


def paper_of(document: Any) -> tuple[str, bytes, str]:
    """(file name, bytes, MIME type) of the paper of a quote or an invoice, to go along with a message."""
    if isinstance(document, Quote):
        return f"Devis {document.number.replace('/', '-')}.pdf", quote_pdf(document), "application/pdf"
    if isinstance(document, Invoice):
        return f"{document.number or document.pk}.pdf", invoice_pdf(document), "application/pdf"
    raise BusinessError(_("%s n'a pas de PDF à joindre.") % document)


def one_file(papers: Iterable[bytes]) -> bytes:
    """Many PDFs in one file, in the order given."""
    writer = PdfWriter()
    for content in papers:
        writer.append(BytesIO(content))
    joined = BytesIO()
    writer.write(joined)
    return joined.getvalue()
