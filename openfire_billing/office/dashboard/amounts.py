"""What is to bill and to collect, by age; each amount opens its list."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from appointments.choices import AppointmentState
from appointments.models import AppointmentLine
from interventions.choices import InterventionState
from interventions.models import RequestLine
from invoicing.choices import InvoiceKind, QuoteState
from invoicing.models import Invoice, QuoteLine
from openfire_billing.kernel.ages import AGES, NOT_LATE, age_of
from openfire_billing.kernel.money import line_net
from openfire_billing.office.dashboard.reader import Reader, Work, list_url
from openfire_billing.web.tags import euros

Sums = dict[str, Decimal]  # by currency
_COMPANY = ("company__currency", "company__rounding")
_OF_LINE = (
    "unit_price",
    "discount",
    "intervention_id",
    *(f"intervention__{name}" for name in ("done_on", "state", "number", "partner_id", *_COMPANY)),
)


class Document(NamedTuple):
    """A document with an amount that waits since a day. `name`: its number; `customer`: the id of its customer.

    A tuple is made faster than a dataclass, and the first page of a busy firm makes thousands. The names of customers are
    read of those shown alone: PostgreSQL reads the whole table of customers to join thousands.
    """

    pk: int
    day: date | None
    amount: Decimal
    currency: str
    name: str
    customer: int
    is_done: bool = True


@dataclass(frozen=True)
class Stock:
    """What waits to be billed and to be collected; each of them empty when it is not the reader's work."""

    requests: Sequence[Document] = ()  # done
    planned: Sequence[Document] = ()  # validated, not done yet
    quotes: Sequence[Document] = ()
    appointments: Sequence[Document] = ()
    owed: Sequence[Document] = ()

    def late(self, today: date) -> list[Document]:
        """Return the invoices whose due day is over, the oldest first."""
        return [one for one in self.owed if one.day and one.day < today]


def sums_of(documents: Iterable[Document]) -> Sums:
    """Return the sum of each currency."""
    sums: Sums = defaultdict(Decimal)
    for one in documents:
        sums[one.currency] += one.amount
    return dict(sums)


def sums_text(sums: Sums) -> str:
    """Return « 1 234,56 € », « 1 234,56 € + 80,00 CHF »: euros first; "" for none."""
    return " + ".join(euros(sums[code], code) for code in sorted(sums, key=lambda code: (code != "EUR", code)))


def stock_of(reader: Reader) -> Stock:
    """Read what waits, in one query or two a kind of document: lists and sums are made of these rows."""
    bills = reader.does(Work.BILLING, permission="invoicing.bill")
    collects = reader.does(Work.ACCOUNTS, permission="invoicing.post_invoice")
    requests = _requests(reader) if bills else []
    return Stock(
        requests=[one for one in requests if one.is_done],
        planned=[one for one in requests if not one.is_done],
        quotes=_quotes(reader) if bills else (),
        appointments=_appointments(reader) if bills else (),
        owed=_owed(reader) if collects else (),
    )


def _requests(reader: Reader) -> list[Document]:
    """Return the DIs with lines left to bill: those of the list « À facturer »."""
    lines = RequestLine.objects.filter(
        intervention__is_active=True,
        intervention__state__in=sorted(InterventionState.validated),
        intervention__company__in=reader.companies,
    )
    rows = lines.order_by()
    # what is left takes long to compute: the database does it for the lines that something touches alone, and does not
    # filter by it
    left = rows.touched().not_billed_whole().with_remaining(reader.today).values_list("remaining", *_OF_LINE)
    net_of = cache(line_net)  # many lines have the quantity and the price of another
    found: dict[int, Document] = {}
    for quantity, price, discount, pk, done_on, state, number, customer, currency, rounding in chain(
        rows.untouched().values_list("quantity", *_OF_LINE), left
    ):
        if quantity > 0:
            net, known = net_of(quantity, price, discount, rounding), found.get(pk)
            is_done = state == InterventionState.DONE
            amount = known.amount + net if known else net
            found[pk] = Document(pk, done_on, amount, currency, number, customer, is_done)
    return sorted(found.values(), key=_oldest)


def _quotes(reader: Reader) -> list[Document]:
    """Return the accepted quotes with lines left to bill."""
    lines = QuoteLine.objects.filter(quote__company__in=reader.companies, quote__state=QuoteState.ACCEPTED)
    return documents_of(lines.open(), "quote", day="accepted_on", left="remaining", currency="currency")


def _appointments(reader: Reader) -> list[Document]:
    """Return the appointments done with lines of their own left to bill. Those of a DI are billed with it."""
    lines = AppointmentLine.objects.filter(
        appointment__company__in=reader.companies, appointment__state=AppointmentState.DONE
    )
    return documents_of(lines.own_open(), "appointment", day="done_at", left="remaining")


def documents_of(lines: Any, source: str, *, day: str, left: str, currency: str = _COMPANY[0]) -> list[Document]:
    """Return the documents of these lines, the oldest first, each with the net of what is left of its lines.

    Each line is rounded as the invoice that bills it will round it.
    """
    paths = [f"{source}__{name}" for name in (day, "number", "partner_id", currency, _COMPANY[1])]
    found: dict[int, Document] = {}
    for pk, quantity, price, discount, since, name, customer, code, rounding in lines.order_by().values_list(
        f"{source}_id", left, "unit_price", "discount", *paths
    ):
        waiting = timezone.localtime(since).date() if isinstance(since, datetime) else since
        net = line_net(quantity, price, discount, rounding) + (found[pk].amount if pk in found else Decimal(0))
        found[pk] = Document(pk, waiting, net, code, name, customer)
    return sorted(found.values(), key=_oldest)


def _owed(reader: Reader) -> list[Document]:
    """Return the invoices with a residual, the oldest due day first: those of the list « À encaisser »."""
    invoices = Invoice.objects.with_payment_state(reader.today).filter(company__in=reader.companies)
    rows = invoices.not_settled_at_once().filter(kind=InvoiceKind.INVOICE).order_by()
    values = rows.values_list("pk", "due_on", "residual", "currency", "number", "customer_id")
    # what is left to pay takes long to compute: the database does it once a row, and does not filter by it
    return sorted((document for row in values if (document := Document(*row)).amount > 0), key=_oldest)


def _oldest(document: Document) -> tuple[date, int]:
    return document.day or date.max, document.pk


def to_bill(stock: Stock, today: date) -> dict[str, Any] | None:
    """Return the part « À facturer » of the page; None when nothing waits."""
    planned = list_url("interventions_interventionrequest", view="to-bill", age="not-done")
    return _part(
        [
            _line(_("À venir : DI pas réalisées"), stock.planned, planned, "blue"),
            *_by_age(
                stock.requests,
                today,
                "interventions_interventionrequest",
                "to-bill",
                (
                    _("DI réalisées aujourd'hui"),
                    _("DI réalisées, 1 à 30 j"),
                    _("DI réalisées, 31 à 60 j"),
                    _("DI réalisées, plus de 60 j"),
                ),
            ),
            _line(_("Devis acceptés"), stock.quotes, list_url("invoicing_quote", view="to-bill"), "amber"),
            _line(
                _("RDV, lignes hors DI"),
                stock.appointments,
                list_url("appointments_appointment", view="own-lines"),
                "amber",
            ),
        ],
        [*stock.planned, *stock.requests, *stock.quotes, *stock.appointments],
    )


def to_collect(stock: Stock, today: date) -> dict[str, Any] | None:
    """Return the part « À encaisser » of the page; None when nothing is owed."""
    labels = (_("Pas échues"), _("Échues, 1 à 30 j"), _("Échues, 31 à 60 j"), _("Échues, plus de 60 j"))
    return _part(_by_age(stock.owed, today, "invoicing_invoice", "unpaid", labels), stock.owed)


def _by_age(
    documents: Sequence[Document], today: date, name: str, view: str, labels: Sequence[str]
) -> list[dict[str, Any] | None]:
    found: dict[str, list[Document]] = defaultdict(list)
    for one in documents:
        found[age_of(one.day, today).slug].append(one)
    return [
        _line(
            label,
            found[age.slug],
            list_url(name, view=view, age=age.slug),
            "blue" if age is NOT_LATE else "amber" if age.most is not None and age.most <= 30 else "red",
        )
        for age, label in zip(AGES, labels, strict=True)
    ]


def _line(label: str, documents: Sequence[Document], url: str, colour: str) -> dict[str, Any] | None:
    """Return a line of a part; None without a document."""
    if not documents:
        return None
    sums = sums_of(documents)
    return {
        "label": label,
        "count": len(documents),
        "sums": sums,
        "text": sums_text(sums),
        "url": url,
        "colour": colour,
    }


def _part(lines: Iterable[dict[str, Any] | None], documents: Sequence[Document]) -> dict[str, Any] | None:
    """Return the lines with something in them, the total, and the share of each line in it."""
    shown = [line for line in lines if line]
    whole = sum((one.amount for one in documents), Decimal(0))
    for line in shown:
        part = sum(line["sums"].values(), Decimal(0))
        line["share"] = f"{max(0, min(100, part * 100 / whole)):.0f}" if whole > 0 else "0"
    return {"lines": shown, "count": len(documents), "text": sums_text(sums_of(documents))} if shown else None
