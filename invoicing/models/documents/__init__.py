"""Quotes, invoices, purchases, their lines; claims and holds; papers."""

from invoicing.models.documents.claims import Claim, Hold, QuoteLineClaim
from invoicing.models.documents.invoices import Invoice, InvoiceLine, InvoiceTax
from invoicing.models.documents.lines import BillableLine, DeductibleLine
from invoicing.models.documents.papers import DocumentJob, InvoiceDocument
from invoicing.models.documents.prints import PrintJob
from invoicing.models.documents.purchases import PurchaseOrder, PurchaseOrderLine, SupplierBill
from invoicing.models.documents.quotes import Quote, QuoteLine
from invoicing.models.documents.receipts import Receipt, ReceivedLine

__all__ = [
    "BillableLine",
    "Claim",
    "DeductibleLine",
    "DocumentJob",
    "Hold",
    "Invoice",
    "InvoiceDocument",
    "InvoiceLine",
    "InvoiceTax",
    "PrintJob",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "Quote",
    "QuoteLine",
    "QuoteLineClaim",
    "Receipt",
    "ReceivedLine",
    "SupplierBill",
]
