"""Numbers of documents, taxes, terms and journals."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from invoicing.choices import DueCount, JournalKind
from invoicing.models import Company, FiscalPosition, Journal, Partner, PartnerTerms, PaymentTerm, Product, Tax, Unit
from invoicing.services.locks import lock_counter
from openfire_billing.kernel.errors import BusinessError


def take_number(company: Company, series: str, *, is_taken: Callable[[str], bool] = lambda number: False) -> str:
    """Take the next number of a company's series, « DI/000001 ». Call it last in a transaction: the counter stays locked.

    `is_taken(number)`: whether a record has this number already, typed by hand; such numbers are skipped.
    """
    counter = lock_counter(company, series)
    number = ""
    while not number or is_taken(number):
        counter.last_number += 1
        number = f"{series}/{counter.last_number:06d}"
    counter.save(update_fields=["last_number"])
    return number


def take_numbers(company: Company, series: str, count: int) -> list[str]:
    """Take the next `count` numbers of a company's series, in the form of `take_number`."""
    counter = lock_counter(company, series)
    first = counter.last_number + 1
    counter.last_number += count
    counter.save(update_fields=["last_number"])
    return [f"{series}/{number:06d}" for number in range(first, first + count)]


def is_number(text: str, series: str) -> bool:
    """Return whether `text` has the form of the numbers of `take_number`."""
    return re.fullmatch(rf"{series}/\d{{6,}}", text) is not None


def tax_for(product: Product, position: FiscalPosition | None, on: date) -> Tax:
    """Return the tax of an article under a fiscal position on a day of supply."""
    return (position.map(product.tax) if position else product.tax).on(on)


def usual_terms(partner: Partner) -> PartnerTerms:
    """Return the partner's usual fiscal position and payment term; an unsaved empty row when none is set."""
    return PartnerTerms.objects.filter(partner=partner).select_related(
        "fiscal_position", "payment_term"
    ).first() or PartnerTerms(partner=partner)


def usual_unit() -> Unit | None:
    """Return the unit of an article that names none: the piece."""
    return Unit.objects.filter(code="C62").first()


def default_term() -> PaymentTerm | None:
    """Return the longest payment term of at most 30 days that is not end-of-month (C. com. L441-10), for a customer
    without terms of his own. Return None when there is none.
    """
    return PaymentTerm.objects.filter(counted=DueCount.NET, days__lte=30).order_by("-days").first()


def journal_of(company: Company, kind: str) -> Journal:
    """Return the company's journal of a kind. Raises BusinessError when it has none."""
    journal = Journal.objects.filter(company=company, kind=kind).order_by("pk").first()
    if journal is None:
        raise BusinessError(
            _("%(company)s n'a pas de journal « %(kind)s » : ajoutez-le dans Réglages › Journaux.")
            % {"company": company, "kind": JournalKind(kind).label}
        )
    return journal


def open_journals(company: Company) -> None:
    """Create the usual journals that a company lacks, by their codes."""
    present = set(Journal.objects.filter(company=company).values_list("code", flat=True))
    Journal.objects.bulk_create(
        [
            Journal(company=company, code=code, kind=kind, name=name, prefix=prefix, account=account)
            for kind, code, name, prefix, account in (
                (JournalKind.INVOICE, "VE", "Ventes", "FA", ""),
                (JournalKind.CREDIT_NOTE, "AV", "Avoirs", "AV", ""),
                (JournalKind.DEPOSIT, "AC", "Acomptes", "DE", ""),
                (JournalKind.BANK, "BQ", "Banque", "BQ", "512000"),
                (JournalKind.CASH, "CA", "Caisse", "CA", "530000"),
            )
            if code not in present
        ],
        ignore_conflicts=True,
    )


@dataclass(frozen=True, slots=True)
class TaxRow:
    """The columns of a tax that totals and checks read."""

    id: int
    category: str
    rate: Decimal
    company: int | None
    name: str
    mention: str


class TaxBook:
    """All taxes, read in one query, and which one is valid on a day."""

    def __init__(self) -> None:
        self._next: dict[int, tuple[date, int]] = {}
        self._rows: dict[int, TaxRow] = {}
        for pk, category, rate, company, name, mention, replaces, valid_from in Tax.objects.order_by().values_list(
            "id", "category", "rate", "company_id", "name", "mention", "replaces_id", "valid_from"
        ):
            self._rows[pk] = TaxRow(pk, category, rate, company, name, mention)
            if replaces and valid_from:
                self._next[replaces] = (valid_from, pk)

    def __getitem__(self, pk: int) -> TaxRow:
        return self._rows[pk]

    def on(self, pk: int, day: date) -> TaxRow:
        """Return the tax valid on that day, as `Tax.on`."""
        while pk in self._next and self._next[pk][0] <= day:
            pk = self._next[pk][1]
        return self._rows[pk]
