"""The only writer of draft invoices: it inserts drafts, lines, taxes and journals from intents, in a few statements.

The caller decides lines and prices, opens the transaction, and writes its claims with the ids returned. Each call reads
what its checks need in a constant number of queries.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypedDict

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from invoicing.choices import InvoiceKind, InvoiceState, JournalKind, ProductKind, VatCategory
from invoicing.models import (
    Address,
    Company,
    FiscalPosition,
    FiscalPositionTax,
    Invoice,
    InvoiceLine,
    InvoiceTax,
    Journal,
    PartnerTerms,
    Product,
    Unit,
)
from invoicing.services.catalogue import TaxBook, default_term
from invoicing.services.documents.deductions import Part, refusal_of_deductions
from invoicing.services.documents.intents import DraftIntent, LineIntent
from invoicing.services.documents.lines import refusal_of_article, refusal_of_goods_tax
from invoicing.services.records.history import write_lines
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.kernel import money
from openfire_billing.kernel.errors import BusinessError

DRAFT = InvoiceState.DRAFT.value
PROPOSED_AHEAD = timedelta(days=366)
INVOICE_COLUMNS = (
    "id company_id kind state journal_id customer_id billing_address_id site_id fiscal_position_id payment_term_id "
    "proposed_on purchase_order origin credits_id reason notes net tax gross currency rounding seller buyer delivery texts"
).split()
LINE_COLUMNS = (
    "id kind position product_id label quantity unit_id unit_price discount tax_id tax_is_manual invoice_id net "
    "period_start period_end supplied_on credits_id rebill unit_name unit_code tax_rate tax_category exemption"
).split()
TAX_COLUMNS = ("invoice_id", "category", "rate", "base", "amount")
_JOURNALS = {
    InvoiceKind.INVOICE.value: JournalKind.INVOICE.value,
    InvoiceKind.CREDIT_NOTE.value: JournalKind.CREDIT_NOTE.value,
    InvoiceKind.DEPOSIT.value: JournalKind.DEPOSIT.value,
}


def refusal_of_day(name: object, day: date) -> BusinessError | None:
    """Return why a draft may not propose this day: it is more than a year ahead. None when it may."""
    if day <= timezone.localdate() + PROPOSED_AHEAD:
        return None
    return BusinessError(
        _("%(name)s : le %(day)s est trop loin pour une facture. Donnez une date dans les douze mois.")
        % {"name": name, "day": date_format(day, "d/m/Y")},
        field="proposed_on",
    )


@dataclass(frozen=True, slots=True)
class Written:
    """The ids of a draft and of its lines, in the order of the intent."""

    invoice: int
    lines: Sequence[int]


class CompanyRow(TypedDict):
    """The columns of a company that drafts need."""

    id: int
    name: str
    currency: str
    rounding: str


@dataclass(slots=True)
class Rows:
    """The rows that one call inserts, by table."""

    invoices: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[tuple[object, ...]] = field(default_factory=list)
    taxes: list[tuple[object, ...]] = field(default_factory=list)
    history: list[tuple[object, ...]] = field(default_factory=list)

    def write(self) -> None:
        """Insert the rows, parents first."""
        bulk.insert(Invoice, INVOICE_COLUMNS, self.invoices)
        bulk.insert(InvoiceLine, LINE_COLUMNS, self.lines)
        bulk.insert(InvoiceTax, TAX_COLUMNS, self.taxes)
        write_lines(self.history)


def write_drafts(
    intents: Sequence[DraftIntent], *, by: By, at: datetime, books: "Books | None" = None
) -> list[Written | BusinessError]:
    """Write the drafts of these intents. Returns for each, in order, its ids, or why it could never be posted.

    `books`: given by a caller that has checked the intents.
    """
    rows, written = rows_of(intents, by=by, at=at, books=books)
    rows.write()
    return written


def write_draft(intent: DraftIntent, *, by: By, at: datetime) -> Written:
    """Write one draft. Raises BusinessError when it could never be posted."""
    (written,) = write_drafts([intent], by=by, at=at)
    if isinstance(written, BusinessError):
        raise written
    return written


def rows_of(
    intents: Sequence[DraftIntent], *, by: By, at: datetime, books: "Books | None" = None
) -> tuple[Rows, list[Written | BusinessError]]:
    """Return the rows to insert, with their ids, and for each intent what `write_drafts` returns."""
    is_checked, books = books is not None, books or Books(intents)
    refusals = [None if is_checked else books.refusal_of(intent) for intent in intents]
    sound = [intent for intent, refusal in zip(intents, refusals, strict=True) if refusal is None]
    ids = iter(bulk.take_ids(Invoice, len(sound)))
    line_ids = iter(bulk.take_ids(InvoiceLine, sum(len(intent.lines) for intent in sound)))
    rows = Rows()
    writer = _Writer(rows, books, by.pk if by else None, at)
    written: list[Written | BusinessError] = [
        refusal if refusal is not None else writer.draft(next(ids), [next(line_ids) for _line in intent.lines], intent)
        for intent, refusal in zip(intents, refusals, strict=True)
    ]
    return rows, written


class Books:
    """The rows that check and complete drafts, read in a constant number of queries.

    `taxes`: given by a caller that checks its intents itself; the rows that only the checks need are then not read.
    """

    def __init__(self, intents: Sequence[DraftIntent], *, taxes: TaxBook | None = None) -> None:
        companies = {intent.company for intent in intents}
        self.taxes = TaxBook() if taxes is None else taxes
        self.units: dict[int | None, tuple[str, str]] = {None: ("", "")}
        for unit in Unit.objects.order_by():
            self.units[unit.pk] = str(unit), unit.code
        self.companies: dict[int, CompanyRow] = {
            row["id"]: row
            for row in Company.objects.filter(pk__in=companies).order_by().values("id", "name", "currency", "rounding")
        }
        self.journals: dict[tuple[int, str], int] = {}
        for pk, company, kind in (
            Journal.objects.filter(company__in=companies).order_by("-pk").values_list("id", "company_id", "kind")
        ):
            self.journals[company, kind] = pk
        self.addresses = _billing_addresses({i.customer for i in intents if i.billing_address is None})
        self.terms = _payment_terms({i.customer for i in intents if i.payment_term is None and i.credits is None})
        if taxes is None:
            self.positions: dict[int, tuple[int | None, str]] = {
                pk: (company, code)
                for pk, company, code in FiscalPosition.objects.values_list("id", "company_id", "code")
            }
            products = {line.product for intent in intents for line in intent.lines if line.product}
            self.unsold: dict[int, Product] = {
                product.pk: product for product in Product.objects.filter(pk__among=sorted(products), income_account="")
            }
            self.exempted: set[int] = self._services(intents)
            rows = FiscalPositionTax.objects.select_related("position").order_by() if self.exempted else ()
            self.given = {(row.position_id, row.target_id): row.position for row in rows}

    def _services(self, intents: Sequence[DraftIntent]) -> set[int]:
        """Return the ids of the services that lines exempt as goods. No query without such a tax."""
        exempted = {
            line.product
            for intent in intents
            for line in intent.lines
            if line.product and line.tax and line.credits is None and self.taxes[line.tax].category in VatCategory.goods
        }
        if not exempted:
            return set()
        found = Product.objects.filter(pk__among=sorted(exempted), kind=ProductKind.SERVICE)
        return set(found.order_by().values_list("pk", flat=True))

    def refusal_of(self, intent: DraftIntent) -> BusinessError | None:
        """Return all that keeps an invoice of this intent from ever being posted; None when nothing does."""
        company = self.companies[intent.company]
        faults = [*self._header(intent, company)]
        for line in intent.lines:
            faults += self._line(line, intent, company)
        if intent.credits is None and any(line.is_deduction for line in intent.lines):
            faults += self._deductions(intent, company)
        return BusinessError.all(faults) if faults else None

    def _deductions(self, intent: DraftIntent, company: CompanyRow) -> Iterator[BusinessError]:
        """Yield why deductions exceed what they reduce. A credit note is checked against its invoice instead."""
        parts = []
        for line in intent.lines:
            if line.tax is not None:
                tax = self.taxes.on(line.tax, line.supply_day or intent.proposed_on)
                net = money.line_net(line.quantity, line.unit_price, line.discount, company["rounding"])
                parts.append(Part(line.label, net if line.net is None else line.net, tax, line.is_deduction))
        name = intent.name or intent.origin
        if fault := refusal_of_deductions(parts, name=name, rounding=company["rounding"], currency=company["currency"]):
            yield fault

    def _header(self, intent: DraftIntent, company: CompanyRow) -> Iterator[BusinessError]:
        name = intent.name or intent.origin
        if far := refusal_of_day(name, intent.proposed_on):
            yield far
        if not any(line.is_article for line in intent.lines):
            yield BusinessError(_("%s : aucune ligne d'article. Ajoutez-en une.") % name, code="no_lines")
        owner, code = self.positions[intent.fiscal_position] if intent.fiscal_position else (None, "")
        if intent.fiscal_position is None:
            yield BusinessError(
                _("%s : pas de position fiscale. Remplissez le champ « Position fiscale ».") % name,
                field="fiscal_position",
                code="missing_field",
            )
        elif owner and owner != intent.company:
            yield BusinessError(
                _(
                    "%(name)s : la position fiscale « %(position)s » est celle d'une autre société. "
                    "Choisissez-en une de %(company)s."
                )
                % {"name": name, "position": code, "company": company["name"]},
                field="fiscal_position",
                code="other_company",
            )
        if intent.currency and intent.currency != company["currency"]:
            yield BusinessError(
                _("%(name)s est en %(its)s et %(company)s compte en %(ours)s : un document ne mêle pas deux devises.")
                % {"name": name, "its": intent.currency, "company": company["name"], "ours": company["currency"]}
            )
        if intent.journal is None and (intent.company, _JOURNALS[intent.kind]) not in self.journals:
            yield BusinessError(
                _("%(company)s n'a pas de journal « %(kind)s » : ajoutez-le dans Réglages › Journaux.")
                % {"company": company["name"], "kind": JournalKind(_JOURNALS[intent.kind]).label}
            )

    def _line(self, line: LineIntent, intent: DraftIntent, company: CompanyRow) -> Iterator[BusinessError]:
        name = intent.name or intent.origin
        if product := self.unsold.get(line.product or 0):
            yield refusal_of_article(name, product)
        if line.product in self.exempted and line.tax and self.taxes[line.tax].category in VatCategory.goods:
            cause = None if line.tax_is_manual else self.given.get((intent.fiscal_position or 0, line.tax))
            yield refusal_of_goods_tax(name, line.label, self.taxes[line.tax].name, position=cause)
        owner = self.taxes[line.tax].company if line.tax else None
        if owner and owner != intent.company:
            yield BusinessError(
                _(
                    "%(name)s : la taxe « %(tax)s » de « %(line)s » est celle d'une autre société. "
                    "Choisissez-en une de %(company)s."
                )
                % {
                    "name": name,
                    "tax": self.taxes[line.tax].name,  # type: ignore[index]  # an article has a tax
                    "line": line.label,
                    "company": company["name"],
                },
                code="other_company",
            )


def _billing_addresses(customers: set[int]) -> dict[int, int]:
    """Return {customer: address} of their invoices: the billing address, else the default one, else the first."""
    best: dict[int, tuple[tuple[bool, bool, int], int]] = {}
    if not customers:
        return {}
    rows = Address.objects.filter(partner__among=sorted(customers)).order_by()
    for pk, partner, is_billing, is_default in rows.values_list("id", "partner_id", "is_billing", "is_default"):
        rank = (not is_billing, not is_default, pk)
        if partner not in best or rank < best[partner][0]:
            best[partner] = (rank, pk)
    return {partner: pk for partner, (_rank, pk) in best.items()}


def _payment_terms(customers: set[int]) -> dict[int, int | None]:
    """Return {customer: payment term}: the usual one, else the default one."""
    if not customers:
        return {}
    usual = default_term()
    terms = PartnerTerms.objects.filter(partner__among=sorted(customers), payment_term__isnull=False)
    own = dict(terms.values_list("partner_id", "payment_term_id"))
    return {customer: own.get(customer, usual.pk if usual else None) for customer in customers}


_UNTAXED = (money.ZERO, "", "")  # rate, category and mention of a title


class _Writer:
    def __init__(self, rows: Rows, books: Books, by: int | None, at: datetime) -> None:
        self.rows, self.books, self.by, self.at = rows, books, by, at
        self.content_type = ContentType.objects.get_for_model(Invoice).pk
        self.created_from = _("Brouillon créé depuis %s")

    def draft(self, pk: int, line_ids: Sequence[int], intent: DraftIntent) -> Written:
        books, company = self.books, self.books.companies[intent.company]
        rounding = company["rounding"]
        bases: dict[tuple[str, Decimal], Decimal] = {}
        for position, (line_id, line) in enumerate(zip(line_ids, intent.lines, strict=True), 1):
            self._line(pk, line_id, position, line, intent, rounding, bases)
        totals = (
            money.totals_of_bases(bases, rounding) if intent.taxes is None else money.with_taxes(tuple(intent.taxes))
        )
        self.rows.taxes += [(pk, t.category, t.rate, t.base, t.amount) for t in totals.taxes]
        origin = intent.origin[:160]
        self.rows.invoices.append(
            (
                pk,
                intent.company,
                intent.kind,
                DRAFT,
                intent.journal or books.journals[intent.company, _JOURNALS[intent.kind]],
                intent.customer,
                intent.billing_address or books.addresses.get(intent.customer),
                intent.site,
                intent.fiscal_position,
                intent.payment_term or (books.terms.get(intent.customer) if intent.credits is None else None),
                intent.proposed_on,
                intent.purchase_order,
                origin,
                intent.credits,
                intent.reason,
                intent.notes,
                totals.net,
                totals.tax,
                totals.gross,
                company["currency"],
                rounding,
                {},
                {},
                {},
                {},
            )
        )
        text = self.created_from % origin
        self.rows.history.append((self.content_type, pk, intent.company, "created", text, {}, self.by, self.at))
        return Written(pk, line_ids)

    def _line(
        self,
        invoice: int,
        pk: int,
        position: int,
        line: LineIntent,
        intent: DraftIntent,
        rounding: str,
        bases: dict[tuple[str, Decimal], Decimal],
    ) -> None:
        tax, net, printed = line.tax, line.net, _UNTAXED
        if net is None:
            net = money.line_net(line.quantity, line.unit_price, line.discount, rounding)
        if tax is not None:
            row = self.books.taxes[tax]
            if line.credits is None:  # a credit note keeps the rate of the credited line
                row = self.books.taxes.on(tax, line.supply_day or intent.proposed_on)
            tax, printed = row.id, (row.rate, row.category, row.mention)
            bases[row.category, row.rate] = bases.get((row.category, row.rate), money.ZERO) + net
        self.rows.lines.append(
            (
                pk,
                line.kind,
                position,
                line.product,
                line.label,
                line.quantity,
                line.unit,
                line.unit_price,
                line.discount,
                tax,
                line.tax_is_manual,
                invoice,
                net,
                line.period_start,
                line.period_end,
                line.supplied_on,
                line.credits,
                line.rebill,
                *self.books.units[line.unit],
                *printed,
            )
        )
