"""What documents print of their parties and terms. Posting an invoice freezes it."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from invoicing.choices import ProductKind
from invoicing.models import Address, BillableLine, Company, FiscalPosition, Invoice, Partner, Tax

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
    """Return the seller's identity and legal mentions."""
    return {name: getattr(company, name) for name in _SELLER}


def buyer(customer: Partner, address: Address | None, *, country: str) -> dict[str, object]:
    """Return the buyer's identity and the lines of his billing address. `country`: of the seller, which they leave out."""
    return {
        "name": customer.name,
        "kind": customer.kind,
        "siren": customer.siren,
        "vat_number": customer.vat_number,
        "country": address.country if address else "",
        "lines": address.lines_from(country) if address else [],
    }


def delivery(invoice: Invoice) -> dict[str, object]:
    """Return the country and the lines of the address where the work is done; {} without one."""
    site = invoice.site
    return {"country": site.country, "lines": site.lines_from(invoice.company.country)} if site else {}


def category_of(lines: Iterable[BillableLine]) -> str:
    """Return the category of the operation, as printed: goods, services, or both. Reads the `product` of each line."""
    kinds = {line.product.kind if line.product else ProductKind.SERVICE for line in lines if line.is_article}
    if kinds == {ProductKind.GOODS}:
        return _("Livraison de biens")
    if kinds == {ProductKind.SERVICE}:
        return _("Prestation de services")
    return _("Livraison de biens et prestation de services")


def mentions_of(lines: Iterable[BillableLine], position: FiscalPosition | None) -> list[str]:
    """Return the mentions of the fiscal position and of the taxes, each once. Reads the `tax` of each line.

    The mention of a position that maps taxes is printed when a line bears one of its target taxes.
    """
    taxes = [line.tax for line in lines if line.tax]
    mentions = [position.mention] if position and position.mention and _is_applied(position, taxes) else []
    mentions += [tax.mention for tax in taxes if tax.mention]
    return list(dict.fromkeys(mentions))


def _is_applied(position: FiscalPosition, taxes: Iterable[Tax]) -> bool:
    """Return whether one of these taxes has the category and rate of a target of the position, or of what replaced it."""
    targets = set()
    for mapping in position.mappings.all():
        target: Tax | None = mapping.target
        while target is not None:
            targets.add((target.category, target.rate))
            target = getattr(target, "replaced_by", None)
    return not targets or any((tax.category, tax.rate) in targets for tax in taxes)


def texts(invoice: Invoice) -> dict[str, object]:
    """Return what an invoice prints besides its parties and its lines.

    `category`: of the operation. `mentions`: a list. `payment`: text of the payment term. `credited`: {number,
    issued_on} (ISO date) of the invoice that a credit note credits. `logo`: SHA-256 of the company's logo.
    """
    lines, term, source = list(invoice.lines.all()), invoice.payment_term, invoice.credits
    return {
        "category": category_of(lines),
        "mentions": mentions_of(lines, invoice.fiscal_position),
        "payment": (term.text or term.name) if term else "",
        "credited": {"number": source.number, "issued_on": str(source.issued_on)} if source else {},
        "logo": invoice.company.printed_logo_id or "",
    }
