"""Models of invoicing, by shelf; a shelf imports only those before it."""

from django.utils.translation import gettext_lazy as _

from invoicing.models.access import LoginFailure, PasswordRequest, RecoveryCode, UserSession
from invoicing.models.accounts import Entry, EntryLine, JournalCounter
from invoicing.models.catalogue import (
    Counter,
    FiscalPosition,
    FiscalPositionTax,
    Journal,
    PartnerTerms,
    PaymentTerm,
    Product,
    Tax,
    Unit,
)
from invoicing.models.documents import (
    BillableLine,
    Claim,
    DeductibleLine,
    DocumentJob,
    Hold,
    Invoice,
    InvoiceDocument,
    InvoiceLine,
    InvoiceTax,
    PrintJob,
    PurchaseOrder,
    PurchaseOrderLine,
    Quote,
    QuoteLine,
    QuoteLineClaim,
    Receipt,
    ReceivedLine,
    SupplierBill,
)
from invoicing.models.parties import Address, Company, CompanyAccess, Logo, Partner, Tag
from invoicing.models.parties.programs import ServiceAccount, ServiceKey
from invoicing.models.records import (
    Attachment,
    FollowUp,
    HistoryLine,
    IdempotencyKey,
    ImportTurn,
    Message,
    PublicLink,
    SavedFilter,
    SmsStop,
    SmsTemplate,
)
from invoicing.models.records.webhooks import WebhookDelivery, WebhookEndpoint, WebhookEvent
from invoicing.models.settlement import Allocation, Payment, SupplierPayment
from openfire_billing.db.areas import PROGRAMS, declare_area

__all__ = [
    "Address",
    "Allocation",
    "Attachment",
    "BillableLine",
    "Claim",
    "Company",
    "CompanyAccess",
    "Counter",
    "DeductibleLine",
    "DocumentJob",
    "Entry",
    "EntryLine",
    "FiscalPosition",
    "FiscalPositionTax",
    "FollowUp",
    "HistoryLine",
    "Hold",
    "IdempotencyKey",
    "ImportTurn",
    "Invoice",
    "InvoiceDocument",
    "InvoiceLine",
    "InvoiceTax",
    "Journal",
    "JournalCounter",
    "LoginFailure",
    "Logo",
    "Message",
    "Partner",
    "PartnerTerms",
    "PasswordRequest",
    "Payment",
    "PaymentTerm",
    "PrintJob",
    "Product",
    "PublicLink",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "Quote",
    "QuoteLine",
    "QuoteLineClaim",
    "Receipt",
    "ReceivedLine",
    "RecoveryCode",
    "SavedFilter",
    "ServiceAccount",
    "ServiceKey",
    "SmsStop",
    "SmsTemplate",
    "SupplierBill",
    "SupplierPayment",
    "Tag",
    "Tax",
    "Unit",
    "UserSession",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
]

declare_area("customers", _("Clients et adresses"), Partner, PartnerTerms, Address, Tag)
declare_area("catalogue", _("Articles, taxes et règlements"), Product, Unit, Tax, FiscalPosition, PaymentTerm)
declare_area("quotes", _("Devis"), Quote, QuoteLine)
declare_area("invoices", _("Factures et paiements"), Invoice, InvoiceLine, Payment, Entry, Journal)
declare_area("purchases", _("Achats"), PurchaseOrder, PurchaseOrderLine, SupplierBill)
declare_area("records", _("Journal, fichiers et messages"), HistoryLine, Attachment, Message, SmsTemplate)
declare_area(PROGRAMS, _("Webhooks"), WebhookEndpoint, WebhookDelivery)
