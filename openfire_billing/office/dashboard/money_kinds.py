"""What waits to be billed, posted, collected, for « À traiter ». Each kind asks as many queries for one record as for fifty."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from django.db.models import Count, Min, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contracts.models import Contract
from interventions.choices import InterventionState
from invoicing.choices import LineKind, QuoteState
from invoicing.models import Invoice, QuoteLine
from openfire_billing.office.dashboard.amounts import Document, Stock, documents_of, signed, sums_of, sums_text
from openfire_billing.office.dashboard.reader import (
    DI,
    INVOICE,
    MOST_OF_A_KIND,
    QUOTE,
    RDV,
    SOON,
    Reader,
    Work,
    act_url,
    first_of,
    list_url,
    page_url,
)
from openfire_billing.office.dashboard.waiting import Kind, Urgency, Waiting


def of_money(reader: Reader, stock: Stock) -> Iterator[Kind]:
    """Yield the kinds that billing and accounts wait for."""
    yield from _contracts(reader)
    yield from _late_invoices(reader, stock)
    yield from _quotes(reader, stock)
    done = {"view": "to-bill", "state__exact": InterventionState.DONE.value}
    yield _to_bill(stock.requests, DI, _("DI à facturer"), _("%s DI réalisées à facturer"), **done)
    own = {"view": "own-lines"}
    yield _to_bill(stock.appointments, RDV, _("RDV à facturer"), _("%s RDV à facturer, lignes hors DI"), **own)
    yield from _drafts(reader)


def _contracts(reader: Reader) -> Iterator[Kind]:
    """Contracts that the last run set aside, with the reason."""
    if not reader.does(Work.BILLING, permission="contracts.bill_contract"):
        return
    contracts = Contract.objects.filter(company__in=reader.companies).set_aside().order_by()
    found = contracts.aggregate(count=Count("pk"), oldest=Min("next_due_on"))
    rows = first_of(contracts, "next_due_on", "pk").select_related("payer")
    yield Kind(
        found["count"],
        [
            Waiting(
                Urgency.LATE,
                _("Contrat mis de côté"),
                _("Corriger"),
                page_url("contracts_contract", contract.pk),
                who=contract.payer.name,
                document=str(contract),
                since=contract.next_due_on,
                why=contract.set_aside_reason,
            )
            for contract in rows
        ],
        Waiting(
            Urgency.LATE,
            _("%s contrats mis de côté") % found["count"],
            _("Voir"),
            list_url("contracts_contract", view="set-aside"),
            since=found["oldest"],
        ),
    )


def _late_invoices(reader: Reader, stock: Stock) -> Iterator[Kind]:
    """Invoices whose due day is over, a row for each customer."""
    late = stock.late(reader.today)
    if not late:
        return
    by_customer: dict[int | None, list[Document]] = defaultdict(list)
    for one in late:
        by_customer[one.customer].append(one)
    first = list(by_customer.values())[:MOST_OF_A_KIND]  # the oldest come first
    count = len(late)
    yield Kind(
        len(by_customer),
        [
            Waiting(
                Urgency.LATE,
                ngettext("%s facture en retard", "%s factures en retard", len(theirs)) % len(theirs),
                _("Relancer"),
                list_url(INVOICE, view="late", customer__id__exact=theirs[0].customer),
                who=theirs[0].who,
                amount=_("%s TTC") % sums_text(sums_of(theirs)),
                since=theirs[0].day,
            )
            for theirs in first
        ],
        Waiting(
            Urgency.LATE,
            ngettext("%s facture en retard", "%s factures en retard", count) % count,
            _("Relancer"),
            list_url(INVOICE, view="late"),
            who=_("%s clients") % len(by_customer),
            amount=_("%s TTC") % sums_text(sums_of(late)),
            since=late[0].day,
        ),
    )


def _quotes(reader: Reader, stock: Stock) -> Iterator[Kind]:
    """Quotes sent whose validity ends or has ended; quotes accepted and not yet billed."""
    ending: list[Document] = []
    if reader.does(Work.BILLING, permission="invoicing.change_quote"):
        ending = _ending_quotes(reader)
    yield Kind(
        len(ending),
        [
            Waiting(
                Urgency.WAITS,
                _("Devis sans réponse, expiré") if one.day and one.day < reader.today else _("Devis bientôt expiré"),
                _("Relancer"),
                page_url(QUOTE, one.pk),
                who=one.who,
                document=one.name,
                amount=_("%s HT") % sums_text(sums_of([one])),
                since=one.day,
            )
            for one in ending[:MOST_OF_A_KIND]
        ],
        Waiting(
            Urgency.WAITS,
            _("%s devis expirés ou bientôt") % len(ending),
            _("Relancer"),
            list_url(QUOTE, view="waiting", valid_until__lte=(reader.today + SOON).isoformat()),
            amount=_("%s HT") % sums_text(sums_of(ending)),
            since=ending[0].day if ending else None,
        ),
    )
    yield _to_bill(stock.quotes, QUOTE, _("Devis à facturer"), _("%s devis à facturer"), view="to-bill")


def _ending_quotes(reader: Reader) -> list[Document]:
    """Return the quotes sent whose validity ends within SOON or has ended, with their net, the oldest first."""
    lines = QuoteLine.objects.filter(
        quote__company__in=reader.companies,
        quote__state=QuoteState.SENT,
        quote__valid_until__lte=reader.today + SOON,
        kind=LineKind.ARTICLE,
    )
    return documents_of(lines, "quote", day="valid_until", left="quantity", currency="currency")


def _to_bill(documents: Sequence[Document], name: str, label: str, labels: str, **asked: str) -> Kind:
    return Kind(
        len(documents),
        [
            Waiting(
                Urgency.WAITS,
                label,
                _("Facturer"),
                act_url(name, one.pk, "invoice"),
                who=one.who,
                document=one.name,
                page=page_url(name, one.pk),
                amount=_("%s HT") % sums_text(sums_of([one])),
                since=one.day,
                is_dialog=True,
            )
            for one in documents[:MOST_OF_A_KIND]
        ],
        Waiting(
            Urgency.WAITS,
            labels % len(documents),
            _("Facturer"),
            list_url(name, **asked),
            amount=_("%s HT") % sums_text(sums_of(documents)),
            since=documents[0].day if documents else None,
        ),
    )


def _drafts(reader: Reader) -> Iterator[Kind]:
    """Drafts of invoices, for those who post them."""
    if not reader.does(Work.ACCOUNTS, permission="invoicing.post_invoice"):
        return
    drafts = Invoice.objects.drafts().filter(company__in=reader.companies).order_by()
    sums = list(
        drafts.values("currency").annotate(n=Count("pk"), gross=Sum(signed("gross")), oldest=Min("proposed_on"))
    )
    count = sum(row["n"] for row in sums)
    rows = first_of(drafts, "proposed_on", "pk").select_related("customer")
    yield Kind(
        count,
        [
            Waiting(
                Urgency.WAITS,
                _("Brouillon à valider"),
                _("Valider"),
                act_url(INVOICE, one.pk, "post"),
                who=one.customer.name,
                document=_("n° %s") % one.pk,
                page=page_url(INVOICE, one.pk),
                amount=_("%s TTC")
                % sums_text({one.currency: -one.gross.amount if one.is_credit_note else one.gross.amount}),
                since=one.proposed_on,
                is_dialog=True,
            )
            for one in rows
        ],
        Waiting(
            Urgency.WAITS,
            _("%s brouillons à valider") % count,
            _("Valider"),
            list_url(INVOICE, view="drafts"),
            amount=_("%s TTC") % sums_text({row["currency"]: row["gross"] for row in sums}),
            since=min((row["oldest"] for row in sums), default=None),
        ),
    )
