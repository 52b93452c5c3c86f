"""The parties of a document as they are now: printed on a draft or a quote, frozen on a posted invoice."""

from typing import Any

from invoicing.models import Address, Company, Invoice, Partner

_SELLER = (
    "name",
    "legal_form",
    "street",
    "zip",
    "city",
    "country",
    "phone",
    "email",
    "website",
    "siren",
    "siret",
    "trade_register",
    "vat_number",
    "vat_on_debits",
    "iban",
    "bic",
    "late_penalty",
    "discount_terms",
    "insurance",
    "mediator",
)


def seller(company: Company) -> dict[str, Any]:
    """The seller's identity and mentions."""
    return {name: getattr(company, name) for name in _SELLER}


def buyer(customer: Partner, address: Address | None) -> dict[str, Any]:
    """The buyer's identity and billing address."""
    return {
        "name": customer.name,
        "kind": customer.kind,
        "siren": customer.siren,
        "vat_number": customer.vat_number,
        "lines": address.lines if address else [],
    }


def delivery(invoice: Invoice) -> dict[str, Any]:
    """Where the work is done."""
    return {"lines": invoice.site.lines} if invoice.site else {}
