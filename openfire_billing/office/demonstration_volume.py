"""Many contracts at once, for `load_demo --scale N` and for the bench: of each kind, started on awkward days.

Deterministic. The customers are invented; nothing is random.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

from contracts.choices import ContractLineState, ContractState
from contracts.models import Article, Contract, ContractLine
from contracts.services.next_dates import rewrite_due
from interventions.models import Task
from invoicing.choices import JournalKind
from invoicing.models import Address, Company, Counter, FiscalPosition, Journal, Partner, PaymentTerm, Product
from invoicing.services.catalogue import tax_for
from openfire_billing.db.transactions import atomic

BATCH = 1_000
PRICES = [Decimal(price) for price in ("175.00", "145.00", "95.00", "185.00", "62.50", "38.00", "210.10", "99.99")]
ARTICLES = ("ram_granules", "ram_buches", "ent_chaudiere")


@dataclass(frozen=True)
class Kind:
    """The terms of some of the contracts."""

    start_on: date
    frequency: str
    timing: str
    alignment: str = "calendar"
    proration: str = "none"
    late_billing: str = "one_per_period"
    every: int | None = None
    unit: str = ""
    anchor_day: int | None = None
    months: tuple[int, ...] = ()


def awkward_kinds(on: date) -> list[Kind]:
    """Each frequency, type, alignment and proration, from days on which naive calendars stumble."""
    year = on.year
    leap = year - year % 4 if year % 4 else year - 4
    starts = [date(year, 1, 31), date(leap, 2, 29), date(year, 1, 15), date(year - 1, 11, 30), date(year, 1, 1)]
    kinds: list[Kind] = []
    for frequency in ("monthly", "quarterly", "half_yearly", "yearly"):
        for timing in ("in_advance", "in_arrears"):
            for alignment in ("calendar", "anniversary"):
                for proration in ("none", "full", "days"):
                    start = starts[len(kinds) % len(starts)]
                    late = ("one_per_period", "one_invoice", "on_date")[len(kinds) % 3]
                    kinds.append(Kind(start, frequency, timing, alignment, proration, late, months=(3, 10)))
    kinds.append(Kind(date(year, 1, 31), "every", "in_advance", "anniversary", every=45, unit="day"))
    kinds.append(Kind(date(year, 1, 15), "every", "in_arrears", "anniversary", every=6, unit="week"))
    kinds.append(Kind(date(year, 1, 15), "per_visit", "on_visit", months=(4, 9)))
    return kinds


def load_contracts(
    count: int,
    *,
    company: Company,
    on: date,
    kinds: Sequence[Kind],
    articles: Sequence[str] = ARTICLES,
    own_prices: bool = False,
) -> int:
    """Make `count` active contracts, one customer and one line of these articles (codes) each. Returns how many.

    `own_prices`: no two articles of ten thousand contracts have the same, as measures want it.

    Those already made by an earlier call are counted: a second call with the same number makes none.
    """
    existing = Contract.objects.filter(company=company, notes=MARK).count()
    todo = iter(range(existing, count))
    while numbers := list(islice(todo, BATCH)):
        with atomic():
            _batch(numbers, articles, own_prices, company=company, on=on, kinds=kinds)
    return max(0, count - existing)


MARK = "Volume de démonstration"


def _batch(
    numbers: Sequence[int],
    codes: Sequence[str],
    own_prices: bool,
    *,
    company: Company,
    on: date,
    kinds: Sequence[Kind],
) -> None:
    positions = list(FiscalPosition.objects.filter(code__in=("VEN-5.5", "VEN-10", "VEN-20")).order_by("pk"))
    task = Task.objects.filter(product__isnull=False).order_by("pk").first()
    addresses = _customers(numbers)
    chosen = [kinds[number % len(kinds)] for number in numbers]
    contracts = _contracts(numbers, addresses, chosen, positions, company=company, on=on)
    lines = ContractLine.objects.bulk_create(
        ContractLine(
            contract=contract,
            state=ContractLineState.VALIDATED,
            title="Entretien annuel",
            address=address,
            task=task,
            repeat=len(kind.months),
            visit_months=list(kind.months),
            validated_on=on,
        )
        for contract, address, kind in zip(contracts, addresses, chosen, strict=True)
    )
    articles = _articles(numbers, lines, positions, codes, on)
    if own_prices:
        articles = (
            _with_own_price(number, article) for number, article in enumerate(articles, numbers[0] * len(codes))
        )
    Article.objects.bulk_create(articles, batch_size=2_000)
    rewrite_due([contract.pk for contract in contracts], on=on)


def _customers(numbers: Sequence[int]) -> list[Address]:
    """A customer for each number, at one address."""
    partners = Partner.objects.bulk_create(
        Partner(name=f"Client {number + 1:06d}", email=f"client{number + 1}@volume.example") for number in numbers
    )
    return Address.objects.bulk_create(
        Address(
            partner=partner,
            street=f"{number % 97 + 1} rue des Essais",
            zip=f"35{number % 90 + 100:03d}",
            city="Rennes",
            is_default=True,
            is_billing=True,
        )
        for number, partner in zip(numbers, partners, strict=True)
    )


def _contracts(
    numbers: Sequence[int],
    addresses: Sequence[Address],
    chosen: Sequence[Kind],
    positions: Sequence[FiscalPosition],
    *,
    company: Company,
    on: date,
) -> list[Contract]:
    counter = Counter.objects.get(company=company, series="CONT")
    term = PaymentTerm.objects.get(name="30 jours")
    journal = Journal.objects.get(company=company, kind=JournalKind.INVOICE)
    made = []
    for number, address, kind in zip(numbers, addresses, chosen, strict=True):
        terms = asdict(kind)
        terms.pop("months")
        counter.last_number += 1
        made.append(
            Contract(
                company=company,
                reference=f"CONT/{counter.last_number:06d}",
                state=ContractState.VALIDATED,
                payer=address.partner,
                billing_address=address,
                subscribed_on=kind.start_on,
                fiscal_position=positions[number % len(positions)],
                payment_term=term,
                journal=journal,
                notes=MARK,
                validated_on=on,
                **terms,
            )
        )
    counter.save(update_fields=["last_number"])
    return Contract.objects.bulk_create(made)


def _with_own_price(number: int, article: Article) -> Article:
    article.unit_price = 10 + Decimal(number) / 100
    return article


def _articles(
    numbers: Sequence[int],
    lines: Sequence[ContractLine],
    positions: Sequence[FiscalPosition],
    codes: Sequence[str],
    on: date,
) -> Iterator[Article]:
    products = list(Product.objects.filter(code__in=codes).select_related("tax").order_by("pk"))
    taxes = {(p.pk, position.pk): tax_for(p, position, on) for p in products for position in positions}
    for number, line in zip(numbers, lines, strict=True):
        position = positions[number % len(positions)]
        for rank, product in enumerate(products):
            yield Article(
                line=line,
                position=rank + 1,
                product=product,
                label=product.label,
                quantity=Decimal(1),
                unit_price=PRICES[(number + 3 * rank) % len(PRICES)],
                discount=Decimal(10 if number % 7 == 0 else 0),
                tax=taxes[product.pk, position.pk],
            )
