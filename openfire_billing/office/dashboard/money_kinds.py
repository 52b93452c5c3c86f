"""What waits to be billed, posted, collected, for « À traiter ». Each kind asks as many queries for one record as for fifty."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db.models import Count, Min, Sum
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contracts.models import Contract
from interventions.choices import InterventionState
from invoicing.choices import LineKind, QuoteState
from invoicing.models import Invoice, Partner, QuoteLine
from invoicing.querysets import signed
from openfire_billing.office.dashboard.amounts import Document, Stock, documents_of, sums_of, sums_text
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
    late = _by_customer(stock.late(reader.today))
    ending = _ending_quotes(reader) if reader.does(Work.BILLING, permission="invoicing.change_quote") else []
    lists = ([theirs[0] for theirs in late], ending, stock.quotes, stock.requests, stock.appointments)
    names = _names_of(one for documents in lists for one in documents[:MOST_OF_A_KIND])
    yield from _contracts(reader)
    yield from _late_invoices(late, names)
    yield _without_answer(reader, ending, names)
    yield _to_bill(stock.quotes, names, QUOTE, _("Devis à facturer"), _("%s devis à facturer"), view="to-bill")
    done = {"view": "to-bill", "state__exact": InterventionState.DONE.value}
    yield _to_bill(stock.requests, names, DI, _("DI à facturer"), _("%s DI réalisées à facturer"), **done)
    own = {"view": "own-lines"}
    labels = _("RDV à facturer"), _("%s RDV à facturer, lignes hors DI")
    yield _to_bill(stock.appointments, names, RDV, *labels, **own)
    yield from _drafts(reader)


def _names_of(documents: Iterable[Document]) -> dict[int, str]:
    """Return {id: name} of the customers of these documents; no query for none."""
    ids = {one.customer for one in documents}
    return dict(Partner.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


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
                why=capfirst(contract.without_own_number(contract.set_aside_reason)),
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


def _by_customer(documents: Iterable[Document]) -> list[list[Document]]:
    """Return the documents of each customer, in the order of the first ones."""
    found: dict[int, list[Document]] = defaultdict(list)
    for one in documents:
        found[one.customer].append(one)
    return list(found.values())


def _late_invoices(late: Sequence[Sequence[Document]], names: Mapping[int, str]) -> Iterator[Kind]:
    """Invoices whose due day is over, a row for each customer, the one with the oldest first."""
    if not late:
        return
    every = [one for theirs in late for one in theirs]
    count = len(every)
    yield Kind(
        len(late),
        [
            Waiting(
                Urgency.LATE,
                ngettext("%s facture en retard", "%s factures en retard", len(theirs)) % len(theirs),
                _("Relancer"),
                list_url(INVOICE, view="late", customer__id__exact=theirs[0].customer),
                who=names[theirs[0].customer],
                amount=_("%s TTC") % sums_text(sums_of(theirs)),
                since=theirs[0].day,
            )
            for theirs in late[:MOST_OF_A_KIND]
        ],
        Waiting(
            Urgency.LATE,
            ngettext("%s facture en retard", "%s factures en retard", count) % count,
            _("Relancer"),
            list_url(INVOICE, view="late"),
            who=_("%s clients") % len(late),
            amount=_("%s TTC") % sums_text(sums_of(every)),
            since=late[0][0].day,
        ),
    )


def _without_answer(reader: Reader, ending: Sequence[Document], names: Mapping[int, str]) -> Kind:
    """Quotes sent whose validity ends or has ended."""
    return Kind(
        len(ending),
        [
            Waiting(
                Urgency.WAITS,
                _("Devis sans réponse, expiré") if one.day and one.day < reader.today else _("Devis bientôt expiré"),
                _("Relancer"),
                page_url(QUOTE, one.pk),
                who=names[one.customer],
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


def _ending_quotes(reader: Reader) -> list[Document]:
    """Return the quotes sent whose validity ends within SOON or has ended, with their net, the oldest first."""
    lines = QuoteLine.objects.filter(
        quote__company__in=reader.companies,
        quote__state=QuoteState.SENT,
        quote__valid_until__lte=reader.today + SOON,
        kind=LineKind.ARTICLE,
    )
    return documents_of(lines, "quote", day="valid_until", left="quantity", currency="currency")


def _to_bill(
    documents: Sequence[Document], names: Mapping[int, str], name: str, label: str, labels: str, **asked: str
) -> Kind:
    return Kind(
        len(documents),
        [
            Waiting(
                Urgency.WAITS,
                label,
                _("Facturer"),
                act_url(name, one.pk, "invoice"),
                who=names[one.customer],
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
            _("%s brouillons de facture à valider") % count,
            _("Valider"),
            list_url(INVOICE, view="drafts"),
            amount=_("%s TTC") % sums_text({row["currency"]: row["gross"] for row in sums}),
            since=min((row["oldest"] for row in sums), default=None),
        ),
    )
