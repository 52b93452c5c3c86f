"""PDFs by WeasyPrint: rendered on demand for drafts and quotes, once for a posted invoice."""

import base64
import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from io import BytesIO

from django.db import IntegrityError, InterfaceError, OperationalError
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from pypdf import PdfWriter

from invoicing.choices import LineKind, OrderState, PartnerKind, VatCategory
from invoicing.models import DocumentJob, Invoice, InvoiceDocument, Logo, PurchaseOrder, Quote
from invoicing.models.documents.lines import BillableLine
from invoicing.services.documents import snapshots
from invoicing.services.documents.jobs import put_back
from invoicing.services.documents.lines import copy_printed
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import number_text

log = logging.getLogger(__name__)


@cache
def _fonts() -> object:
    from weasyprint.text.fonts import FontConfiguration

    return FontConfiguration()


def to_pdf(template: str, context: dict[str, object]) -> bytes:
    """Render a template to PDF bytes. Fetches nothing: the page contains its logo.

    Raises BusinessError, which names the packages to install, when Pango is missing.
    """
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except OSError as missing:
        raise BusinessError(
            _(
                "Les PDF demandent la bibliothèque Pango : installez libpango-1.0-0 et libpangoft2-1.0-0, puis réessayez."
            )
        ) from missing
    html = render_to_string(template, context)
    fetcher = URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
    pdf = HTML(string=html, base_url=None, url_fetcher=fetcher).write_pdf(font_config=_fonts())
    assert isinstance(pdf, bytes)
    return pdf


def _logo(sha256: str | None) -> str:
    """Return a logo as a data URL; "" without one."""
    logo = Logo.objects.filter(pk=sha256).first() if sha256 else None
    return f"data:{logo.media_type};base64,{base64.b64encode(logo.content).decode()}" if logo else ""


LONG_LABEL = 2000  # letters of a description that may not fit on one page


@dataclass(frozen=True)
class PaperLine:
    """A printed line. `unit`: « h ». `rate`: « 10 % ». `net`: in the document's currency. `category`: of its tax."""

    kind: str
    label: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount: Decimal
    rate: str
    net: Decimal
    period_start: date | None = None
    supply_day: date | None = None
    supplied_on: date | None = None
    category: str = ""

    @property
    def is_article(self) -> bool:
        return self.kind == LineKind.ARTICLE

    @property
    def deduction(self) -> str:
        """What is printed under a line with a negative price; "" under another."""
        if self.unit_price >= 0:
            return ""
        return str(_("Déduction, sans TVA") if self.category in VatCategory.untaxed else _("Remise fixe"))

    @property
    def is_long(self) -> bool:
        """Whether the line may be taller than a page: it breaks then."""
        return len(self.label) > LONG_LABEL or self.label.count("\n") > LONG_LABEL // 100


def _rate_text(rate: Decimal) -> str:
    return f"{number_text(rate, 0)} %"


def invoice_context(invoice: Invoice) -> dict[str, object]:
    """Return what the template prints of an invoice: the frozen columns of a posted one, current values of a draft."""
    if invoice.is_posted:
        lines = list(invoice.lines.all())
        seller, buyer, delivery, texts = invoice.seller, invoice.buyer, invoice.delivery, invoice.texts
    else:
        lines = list(invoice.lines.select_related("product", "tax", "unit"))
        for line in lines:
            copy_printed(line)
        seller, country = snapshots.seller(invoice.company), invoice.company.country
        buyer = snapshots.buyer(invoice.customer, invoice.billing_address, country=country)
        delivery, texts = snapshots.delivery(invoice), snapshots.texts(invoice)
    site, credited = delivery.get("lines", []), texts["credited"]
    return {
        "document": invoice,
        "title": invoice.get_kind_display(),
        "number": invoice.number or _("BROUILLON"),
        "is_draft": not invoice.is_posted,
        "dated": invoice.issued_on or invoice.proposed_on,
        "seller": seller,
        "buyer": buyer,
        "is_professional": buyer.get("kind") in PartnerKind.professionals,
        "site": site if site != buyer.get("lines") else [],
        "lines": [
            PaperLine(
                line.kind,
                line.label,
                line.quantity,
                line.unit_name,
                line.unit_price,
                line.discount,
                _rate_text(line.tax_rate),
                line.net,
                line.period_start,
                line.supply_day,
                line.supplied_on,
                line.tax_category,
            )
            for line in lines
        ],
        "totals": invoice.totals,
        "category": texts["category"],
        "mentions": texts["mentions"],
        "payment": texts["payment"],
        "credited": {**credited, "issued_on": date.fromisoformat(credited["issued_on"])} if credited else {},
        "has_discount": any(line.discount for line in lines),
        "logo": _logo(texts["logo"]),
        "is_invoice": True,
    }


def quote_context(quote: Quote) -> dict[str, object]:
    """Return what the template prints of a quote."""
    lines = list(quote.lines.select_related("product", "tax", "unit"))
    return {
        "document": quote,
        "title": _("Devis"),
        "number": quote.number,
        "is_draft": False,
        "dated": quote.issued_on,
        "seller": snapshots.seller(quote.company),
        "buyer": snapshots.buyer(quote.payer, quote.payer.billing_address(), country=quote.company.country),
        "is_professional": quote.payer.is_professional,
        "site": quote.site.lines_from(quote.company.country) if quote.site else [],
        "lines": [_paper_line(line, quote.company.rounding) for line in lines],
        "totals": quote.totals,
        "category": snapshots.category_of(lines),
        "mentions": snapshots.mentions_of(lines, quote.fiscal_position),
        "has_discount": any(line.discount for line in lines),
        "logo": _logo(quote.company.printed_logo_id),
        "is_quote": True,
    }


def _paper_line(line: BillableLine, rounding: str) -> PaperLine:
    """Return what is printed of a line with its present unit and tax; `rounding`: the company's."""
    return PaperLine(
        line.kind,
        line.label,
        line.quantity,
        str(line.unit or ""),
        line.unit_price,
        line.discount,
        _rate_text(line.tax.rate) if line.tax else "",
        line.net_amount(rounding),
        category=line.tax.category if line.tax else "",
    )


def order_context(order: PurchaseOrder) -> dict[str, object]:
    """Return what the template prints of a purchase order, at purchase prices."""
    lines = list(order.lines.select_related("product", "tax", "unit"))
    return {
        "document": order,
        "title": _("Commande"),
        "number": order.number,
        "is_draft": order.state == OrderState.DRAFT,
        "dated": order.ordered_on,
        "seller": snapshots.seller(order.company),
        "buyer": snapshots.buyer(order.supplier, order.supplier.billing_address(), country=order.company.country),
        "is_professional": True,
        "deliver_to": order.deliver_to.lines_from(order.company.country)
        if order.deliver_to
        else [_("à notre adresse")],
        "lines": [_paper_line(line, order.company.rounding) for line in lines],
        "totals": order.totals,
        "has_discount": any(line.discount for line in lines),
        "logo": _logo(order.company.printed_logo_id),
        "is_order": True,
    }


def order_pdf(order: PurchaseOrder) -> bytes:
    """Render the PDF of a purchase order."""
    return to_pdf("invoicing/pdf/document.html", order_context(order))


def quote_pdf(quote: Quote) -> bytes:
    """Render the PDF of a quote."""
    return to_pdf("invoicing/pdf/document.html", quote_context(quote))


def invoice_pdf(invoice: Invoice) -> bytes:
    """Return the PDF of an invoice: the stored bytes of a posted one, rendered when missing; a preview of a draft."""
    if not invoice.is_posted:
        return to_pdf("invoicing/pdf/document.html", invoice_context(invoice))
    stored = InvoiceDocument.objects.filter(invoice=invoice).first() or _store(invoice)
    return bytes(stored.content)


def _store(invoice: Invoice) -> InvoiceDocument:
    content = to_pdf("invoicing/pdf/document.html", invoice_context(invoice))
    try:
        with atomic():
            stored = InvoiceDocument.objects.create(
                invoice=invoice, content=content, sha256=hashlib.sha256(content).hexdigest()
            )
            DocumentJob.objects.filter(invoice=invoice).delete()
            return stored
    except IntegrityError:  # another worker has stored the document
        return InvoiceDocument.objects.get(invoice=invoice)


def make_document(job: DocumentJob) -> bool:
    """Render the PDF of a taken job, and return whether it is done. Stores a failure on the job, for the next attempt."""
    try:
        invoice_pdf(job.invoice)
    except BusinessError as refusal:
        put_back(job, error=str(refusal))
    except (OperationalError, InterfaceError):
        raise  # the database is busy or away: the document has no fault
    except Exception as failure:
        log.exception("No PDF for %s", job.invoice)
        text = str(failure).splitlines()[0][:200] if str(failure) else ""
        what = f"{type(failure).__name__}: {text}" if text else type(failure).__name__
        put_back(job, error=_("la mise en page a échoué (%s).") % what)
    else:
        return True
    return False


def paper_of(document: Model) -> tuple[str, bytes, str]:
    """Return (file name, bytes, MIME type) of the PDF of a quote, an invoice or an order, to attach to a message.

    Raises BusinessError for another document.
    """
    if isinstance(document, Quote):
        return f"Devis {document.number.replace('/', '-')}.pdf", quote_pdf(document), "application/pdf"
    if isinstance(document, Invoice):
        return f"{document.number or document.pk}.pdf", invoice_pdf(document), "application/pdf"
    if isinstance(document, PurchaseOrder):
        return f"Commande {document.number.replace('/', '-')}.pdf", order_pdf(document), "application/pdf"
    raise BusinessError(_("%s n'a pas de PDF à joindre.") % document)


def one_file(papers: Iterable[bytes]) -> bytes:
    """Join PDFs in one file, in the order given."""
    writer = PdfWriter()
    for content in papers:
        writer.append(BytesIO(content))
    joined = BytesIO()
    writer.write(joined)
    return joined.getvalue()
