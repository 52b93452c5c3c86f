"""What a document prints of its parties and terms as they are now: on a draft or a quote, frozen on a posted invoice."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from invoicing.choices import ProductKind
from invoicing.models import Address, BillableLine, Company, FiscalPosition, Invoice, Partner

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


def seller(company: Company) -> dict[str, object]:
    """The seller's identity and mentions."""
    return {name: getattr(company, name) for name in _SELLER}


def buyer(customer: Partner, address: Address | None) -> dict[str, object]:
    """The buyer's identity and billing address."""
    return {
        "name": customer.name,
        "kind": customer.kind,
        "siren": customer.siren,
        "vat_number": customer.vat_number,
        "lines": address.lines if address else [],
    }


def delivery(invoice: Invoice) -> dict[str, object]:
    """Where the work is done."""
    return {"lines": invoice.site.lines} if invoice.site else {}


def category_of(lines: Iterable[BillableLine]) -> str:
    """The category of the operation: goods, services, or both. Lines need their `product` loaded."""
    kinds = {line.product.kind if line.product else ProductKind.SERVICE for line in lines if line.is_article}
    if kinds == {ProductKind.GOODS}:
        return _("Livraison de biens")
    if kinds == {ProductKind.SERVICE}:
        return _("Prestation de services")
    return _("Livraison de biens et prestation de services")


def mentions_of(lines: Iterable[BillableLine], position: FiscalPosition | None) -> list[str]:
    """The mentions of the fiscal position and of the taxes, each once. Lines need their `tax` loaded."""
    found = [position.mention] if position and position.mention else []
    found += [line.tax.mention for line in lines if line.tax and line.tax.mention]
    return list(dict.fromkeys(found))


def texts(invoice: Invoice) -> dict[str, object]:
    """What an invoice prints besides its parties and its lines.

    `category`: of the operation; `mentions`; `payment`: the payment term in words; `credited`: number and ISO date of
    issue of the invoice that a credit note credits; `logo`: SHA-256 of the company's.
    """
    lines, term, source = list(invoice.lines.all()), invoice.payment_term, invoice.credits
    return {
        "category": category_of(lines),
        "mentions": mentions_of(lines, invoice.fiscal_position),
        "payment": (term.text or term.name) if term else "",
        "credited": {"number": source.number, "issued_on": str(source.issued_on)} if source else {},
        "logo": invoice.company.printed_logo_id or "",
    }
