"""A firm after five years, for the measure of the doors: customers, equipment, invoices and what paid them.

Deterministic: `spread` deals each row its lot. Everything is invented. What is under way (DI, quotes, RDV) is in
`volume_work`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models.expressions import DatabaseDefault
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

from interventions.models import InstalledProduct
from invoicing.choices import InvoiceKind, InvoiceState, JournalKind, PartnerKind
from invoicing.models import (
    Address,
    Allocation,
    Company,
    HistoryLine,
    Invoice,
    InvoiceLine,
    InvoiceTax,
    Journal,
    Partner,
    Payment,
    Product,
    Tax,
)
from invoicing.services.documents import snapshots
from openfire_billing.db import bulk
from openfire_billing.db.guards import without_guards
from openfire_billing.db.searchable import derived_fields
from openfire_billing.kernel import money

YEARS = 5
BATCH = 5_000
STARTS = "Le Ker Pen Tré Gué Cor Mor Bel Ros Lan Bar Cal Dan Fal Gal Hel Jé Lou Mad Nic Oll Per Qué Rio Sal Tan".split()
ENDS = "goff madec bihan drec mel rin vel gat loc nan bert quin das men rec sou lin ven tal dou mec pan ric zel".split()
FIRSTS = "Maëlle Ronan Soizic Erwan Katell Gildas Nolwenn Yvon Azilis Malo Enora Briac Anne Paul Marie Luc".split()
FIRMS = ("SARL", "SAS", "Copropriété", "Mairie de", "Syndic", "Garage", "Boulangerie", "Agence")
TOWNS = (
    "Rennes:35000 Brest:29200 Nantes:44000 Quimper:29000 Lorient:56100 Vannes:56000 Saint-Malo:35400 Fougères:35300 "
    "Lannion:22300 Vitré:35500 Morlaix:29600 Pontivy:56300 Redon:35600 Dinan:22100 Auray:56400 Liffré:35340 "
    "Guingamp:22200 Bruz:35170 Carhaix:29270 Loudéac:22600 Ploërmel:56800 Cancale:35260 Concarneau:29900 Pacé:35740"
).split()
CODES = ("ram_granules", "ram_buches", "ent_chaudiere", "mo_depannage", "deplacement", "joint_porte", "bougie")
RATES = ("TVA 20 % travaux", "TVA collectée (vente) 10%", "TVA collectée (vente) 5,5%")


def spread(number: int, salt: int, below: int) -> int:
    """A lot from 0 to `below` - 1, always the same for the same number and salt, evenly spread."""
    mixed = (number * 2654435761 + salt * 40503 + 12345) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 2246822519) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 13)) % below


def write(model: type[models.Model], rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows given by attribute; what they leave out has the model's default."""
    fields = [f for f in model._meta.concrete_fields if not (f.primary_key and f.auto_created)]
    usual = {f.attname: _usual(f) for f in fields}
    derived = derived_fields(model)
    given = iter(rows)
    first = next(given, None)
    if first is None:
        return
    columns = [*(["id"] if "id" in first else []), *usual]

    def whole() -> Iterator[list[Any]]:
        for row in (first, *given):
            filled = {**usual, **row}
            if derived:
                record = model(**filled)
                filled |= {f.attname: f.derive(record) for f in derived}
            yield [filled[name] for name in columns]

    with without_guards():  # lines of invoices that are posted already
        bulk.insert(model, columns, whole())


def _usual(of: Any) -> Any:
    if getattr(of, "auto_now", False):  # it has a default in the database
        return timezone.now()
    if of.default is NOT_PROVIDED and not getattr(of, "empty_strings_allowed", False):
        return timezone.now() if getattr(of, "auto_now_add", False) else None
    value = of.get_default()
    if isinstance(value, DatabaseDefault):  # rows are written whole: nothing is left to the database
        value = value.expression.value
    return getattr(value, "amount", value)


@dataclass
class Firm:
    """What the rows point to. `customers`: id, first address of each; `billed`: id, customer, day, first line."""

    company: Company
    by: Any
    on: date
    customers: list[tuple[int, int]] = field(default_factory=list)
    billed: list[tuple[int, int, date, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seller = snapshots.seller(self.company)
        self.products = {p.code: p for p in Product.objects.filter(code__in=CODES).select_related("unit")}
        self.taxes = [Tax.objects.get(name=name, company=None) for name in RATES]
        self.journals = {j.kind: j for j in Journal.objects.filter(company=self.company)}

    def customer(self, number: int) -> tuple[int, int]:
        """A fifth of the work is for two customers in a thousand, the rest is for anybody."""
        count = len(self.customers)
        return self.customers[spread(number, 1, max(1, count // 500) if spread(number, 2, 5) == 0 else count)]

    def article(self, number: int) -> dict[str, Any]:
        """What a billing line of any document says."""
        product = self.products[CODES[spread(number, 3, len(CODES))]]
        return {
            "product_id": product.pk,
            "label": product.label,
            "quantity": Decimal(1),
            "unit_id": product.unit_id,
            "unit_price": product.unit_price,
            "discount": Decimal(10 if spread(number, 4, 8) == 0 else 0),
        }


def load_customers(firm: Firm, count: int) -> None:
    """Customers, private and firms, one address each, a second for one in ten, an appliance for one in two."""
    for start in range(0, count, BATCH):
        numbers = range(start, min(count, start + BATCH))
        with transaction.atomic():
            ids = bulk.take_ids(Partner, len(numbers))
            write(Partner, (_partner(n, pk) for n, pk in zip(numbers, ids, strict=True)))
            places = bulk.take_ids(Address, len(numbers))
            own = list(zip(numbers, ids, places, strict=True))
            write(Address, (_address(n, pk, place, 0) for n, pk, place in own))
            seconds = [(n, pk) for n, pk, _place in own if n % 10 == 0]
            more = bulk.take_ids(Address, len(seconds))
            write(Address, (_address(n, pk, place, 7) for (n, pk), place in zip(seconds, more, strict=True)))
            write(InstalledProduct, (_appliance(n, pk, place) for n, pk, place in own if n % 2 == 0))
            firm.customers += [(pk, place) for _n, pk, place in own]


def name_of(number: int) -> str:
    """The name of a customer, shared by a few."""
    surname = STARTS[spread(number, 10, len(STARTS))] + ENDS[spread(number, 11, len(ENDS))]
    if number % 10 == 3:
        return f"{FIRMS[spread(number, 12, len(FIRMS))]} {surname.capitalize()} {spread(number, 13, 400)}"
    return f"{surname.capitalize()} {FIRSTS[spread(number, 14, len(FIRSTS))]}"


def telephone_of(number: int, start: str) -> str:
    """« 06 12 34 56 78 », as it is written."""
    digits = f"{spread(number, len(start) + ord(start[-1]), 10**8):08d}"
    return f"{start} " + " ".join(digits[i : i + 2] for i in range(0, 8, 2))


def serial_of(number: int) -> str:
    return f"FF-{2015 + number % 11}-{100000 + number}"


def _partner(number: int, pk: int) -> dict[str, Any]:
    is_firm = number % 10 == 3
    return {
        "id": pk,
        "name": name_of(number),
        "kind": PartnerKind.BUSINESS if is_firm else PartnerKind.PRIVATE,
        "email": f"client{number}@volume.example" if number % 3 else "",
        "phone": telephone_of(number, "02") if number % 2 else "",
        "mobile": telephone_of(number, "06"),
        "store_code": f"MAG{number:06d}" if is_firm else "",
        "is_active": number % 50 != 49,
    }


def _address(number: int, partner: int, pk: int, salt: int) -> dict[str, Any]:
    # Squared, so that the first towns are the big ones.
    town, _colon, code = TOWNS[spread(number, 20 + salt, 1000) ** 2 * len(TOWNS) // 1000**2].partition(":")
    return {
        "id": pk,
        "partner_id": partner,
        "street": f"{spread(number, 21 + salt, 120) + 1} rue {ENDS[spread(number, 22 + salt, len(ENDS))]}",
        "zip": code,
        "city": town,
        "is_default": not salt,
        "is_billing": not salt,
    }


def _appliance(number: int, partner: int, place: int) -> dict[str, Any]:
    return {
        "partner_id": partner,
        "address_id": place,
        "name": "Poêle à granulés Armor 9",
        "brand": "Fonderie Fictive",
        "serial_number": serial_of(number),
        "installed_on": date(2015 + number % 11, 1 + number % 12, 15),
    }


# Invoices


@dataclass
class _Papers:
    """The rows of a batch of invoices, by table."""

    invoices: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    taxes: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    allocations: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    def write(self) -> None:
        for model, rows in (
            (Invoice, self.invoices),
            (InvoiceLine, self.lines),
            (InvoiceTax, self.taxes),
            (Payment, self.payments),
            (Allocation, self.allocations),
            (HistoryLine, self.history),
        ):
            write(model, rows)


def load_invoices(firm: Firm, count: int) -> None:
    """`count` posted invoices over five years, one in a hundred credited, and drafts, one for a hundred posted."""
    drafts = count // 100
    kind = ContentType.objects.get_for_model(Invoice).pk
    for start in range(0, count + drafts, BATCH):
        numbers = range(start, min(count + drafts, start + BATCH))
        with transaction.atomic():
            papers = _Papers()
            ids = bulk.take_ids(Invoice, 2 * len(numbers))
            line_ids = iter(bulk.take_ids(InvoiceLine, 4 * len(numbers)))
            payment_ids = iter(bulk.take_ids(Payment, len(numbers)))
            for number, pk, credit in zip(numbers, ids[::2], ids[1::2], strict=True):
                is_posted = number < count
                day = firm.on - timedelta(days=1 + (count - number) * 365 * YEARS // count if is_posted else 0)
                _invoice(papers, firm, number, pk, day, line_ids, is_posted=is_posted)
                papers.history.append(
                    {"content_type_id": kind, "object_id": pk, "act": "posted", "text": "Validée", "by_id": firm.by.pk}
                )
                if is_posted and number % 100 == 99:
                    _credit(papers, firm, number, credit, papers.invoices[-1])
                elif is_posted and (paid := _paid(number, papers.invoices[-1], (firm.on - day).days)):
                    _payment(papers, firm, number, next(payment_ids), papers.invoices[-1], paid)
            papers.write()


def _invoice(
    papers: _Papers, firm: Firm, number: int, pk: int, day: date, line_ids: Iterator[int], *, is_posted: bool
) -> None:
    """One invoice of one to four lines at one rate."""
    customer, place = firm.customer(number)
    tax = firm.taxes[spread(number, 30, len(firm.taxes))]
    first, net = 0, Decimal(0)
    for rank in range(1 + spread(number, 31, 4)):
        article = firm.article(number * 4 + rank)
        amount = money.line_net(article["quantity"], article["unit_price"], article["discount"], firm.company.rounding)
        line = next(line_ids)
        first, net = first or line, net + amount
        papers.lines.append(
            {**article, "id": line, "invoice_id": pk, "position": rank + 1, "tax_id": tax.pk, "net": amount}
        )
    vat = money.totals([(net, tax)], firm.company.rounding).tax
    papers.taxes.append({"invoice_id": pk, "category": tax.category, "rate": tax.rate, "base": net, "amount": vat})
    row = {
        "id": pk,
        "company_id": firm.company.pk,
        "journal_id": firm.journals[JournalKind.INVOICE].pk,
        "customer_id": customer,
        "billing_address_id": place,
        "site_id": place,
        "proposed_on": day,
        "origin": f"DI/{number:06d}" if number % 3 else "",
        "net": net,
        "tax": vat,
        "gross": net + vat,
        "currency": "EUR",
    }
    if is_posted:
        row |= {
            "state": InvoiceState.POSTED,
            "number": f"FA{day.year}-{number:06d}",
            "issued_on": day,
            "due_on": day + timedelta(days=30),
            "posted_at": timezone.now(),
            "posted_by_id": firm.by.pk,
            "seller": firm.seller,
            "texts": {"category": "", "mentions": [], "payment": "", "credited": {}, "logo": ""},
        }
        firm.billed.append((pk, customer, day, first))
    papers.invoices.append(row)


def _paid(number: int, invoice: dict[str, Any], age: int) -> Decimal:
    """What of it came in: half of this month's, nine in ten of the quarter's, all but one or two in a hundred before.

    Of the others one in three paid a part: all but the tax.
    """
    lot = spread(number, 40, 1000)
    if lot < (500 if age < 30 else 900 if age < 90 else 985):
        return Decimal(invoice["gross"])
    return Decimal(invoice["net"] if lot % 3 == 0 else 0)


def _payment(papers: _Papers, firm: Firm, number: int, pk: int, invoice: dict[str, Any], paid: Decimal) -> None:
    day = min(firm.on, invoice["issued_on"] + timedelta(days=spread(number, 41, 45)))
    papers.payments.append(
        {
            "id": pk,
            "company_id": firm.company.pk,
            "customer_id": invoice["customer_id"],
            "journal_id": firm.journals[JournalKind.BANK].pk,
            "number": f"BQ{day.year}-{number:06d}",
            "on": day,
            "amount": paid,
            "currency": "EUR",
            "by_id": firm.by.pk,
        }
    )
    papers.allocations.append({"document_id": invoice["id"], "payment_id": pk, "amount": paid, "on": day})


def _credit(papers: _Papers, firm: Firm, number: int, pk: int, invoice: dict[str, Any]) -> None:
    """A credit note of the whole invoice, which settles it."""
    day = invoice["issued_on"]
    papers.invoices.append(
        {
            **invoice,
            "id": pk,
            "kind": InvoiceKind.CREDIT_NOTE,
            "journal_id": firm.journals[JournalKind.CREDIT_NOTE].pk,
            "number": f"AV{day.year}-{number:06d}",
            "credits_id": invoice["id"],
        }
    )
    tax = papers.taxes[-1]
    papers.taxes.append({**tax, "invoice_id": pk})
    papers.allocations.append(
        {"document_id": invoice["id"], "credit_note_id": pk, "amount": invoice["gross"], "on": day}
    )
