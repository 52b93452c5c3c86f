"""The state of billing of a line of a DI or an RDV, and the documents that hold it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from django.db.models import F, Q
from django.utils.html import format_html, format_html_join

from interventions.choices import LineState, state_of_line
from interventions.models import PurchasedLine, QuotedLine, RequestLineClaim
from invoicing.choices import OrderState
from invoicing.models import Invoice, Quote, QuoteLineClaim
from invoicing.querysets import is_live
from openfire_billing.web.record_links import link_to, reverse_change
from openfire_billing.web.tags import badge

Held = Iterable[tuple[int, Any]]  # (line, document)
VIEW_QUOTE, VIEW_INVOICE, VIEW_ORDER = "invoicing.view_quote", "invoicing.view_invoice", "invoicing.view_purchaseorder"

# What a state speaks of: its badge leads there.
_HOLDERS: dict[LineState, type] = {LineState.QUOTED: Quote, LineState.PARTLY: Invoice, LineState.BILLED: Invoice}


def state_of_request_line(line: Any) -> LineState | None:
    """Of a DI's line, annotated by left_to_bill(). None of a heading or a note."""
    if not line.is_article:
        return None
    return state_of_line(
        covered=line.covered,
        is_quoted=line.is_quoted,
        quantity=line.quantity,
        billed=line.billed,
        unbilled=line.unbilled,
    )


def badge_of_line(state: LineState | None, documents: Collection[Any] = ()) -> Any:
    """Return a line's billing state as an HTML badge; "" when `state` is None.

    The badge links to the first of `documents` of the type the state refers to: a quote for QUOTED, an invoice for PARTLY
    or BILLED. Links to the other documents follow below the badge.
    """
    if state is None:
        return ""
    holder = next((d for d in documents if isinstance(d, _HOLDERS.get(state, ()))), None)
    others = [(link_to(document),) for document in documents if document is not holder]
    return format_html(
        '{}<small class="of-holders">{}</small>' if others else "{}",
        badge(LineState.colours[state], state.label, reverse_change(holder) if holder else None, str(holder or "")),
        format_html_join(" · ", "{}", others),
    )


def locked_lines(states: Mapping[int, LineState | None]) -> set[int]:
    """Return the ids of the lines that are read, not typed: those billed. `states`: {line id: its state}."""
    return {pk for pk, state in states.items() if state is LineState.BILLED}


def kept_lines(states: Mapping[int, LineState | None], *held: LineState) -> set[int]:
    """Return the ids of the lines that may not be deleted: those billed in part, and those in one of the states `held`."""
    return {pk for pk, state in states.items() if state is LineState.PARTLY or state in held}


def documents_of(lines: Iterable[Any], *, on: date, user: Any) -> dict[int, list[Any]]:
    """{DI line: its quotes, invoices and orders}, each newest first: those the user may see.

    `lines` are annotated by left_to_bill(): a line that nothing holds or bills has no quote and no invoice. As many
    queries for fifty as for one.
    """
    lines = list(lines)
    ids, billed = [line.pk for line in lines], [line.pk for line in lines if line.billed > 0]
    held = [line.pk for line in lines if line.is_quoted or line.billed > 0]
    return gather(
        _quotes(held, on) if user.has_perm(VIEW_QUOTE) and held else (),
        _invoices(billed) if user.has_perm(VIEW_INVOICE) and billed else (),
        _orders(ids) if user.has_perm(VIEW_ORDER) else (),
    )


def gather(*kinds: Held) -> dict[int, list[Any]]:
    """{line: its documents}, each once; within a kind the newest first."""
    found: dict[int, dict[Any, None]] = defaultdict(dict)
    for held in kinds:
        for line, document in sorted(held, key=lambda pair: -pair[1].pk):
            found[line][document] = None
    return {line: list(documents) for line, documents in found.items()}


def _quotes(lines: Collection[int], on: date) -> Iterator[tuple[int, Any]]:
    """The live quotes that hold these lines, and those by which they were billed."""
    held = is_live(on, "quote_line__quote__") | Q(quote_line__claims__isnull=False)
    for hold in QuotedLine.objects.filter(held, request_line__in=lines).select_related("quote_line__quote"):
        yield hold.request_line_id, hold.quote_line.quote


def _invoices(lines: Collection[int]) -> Iterator[tuple[int, Any]]:
    direct = RequestLineClaim.objects.filter(request_line__in=lines).annotate(line=F("request_line"))
    quoted = QuoteLineClaim.objects.filter(quote_line__quotedlines__request_line__in=lines).annotate(
        line=F("quote_line__quotedlines__request_line")
    )
    for claims in (direct, quoted):
        for claim in claims.select_related("invoice_line__invoice"):
            yield claim.line, claim.invoice_line.invoice


def _orders(lines: Collection[int]) -> Iterator[tuple[int, Any]]:
    bought = PurchasedLine.objects.filter(request_line__in=lines)
    bought = bought.exclude(order_line__order__state=OrderState.CANCELLED)
    for purchase in bought.select_related("order_line__order"):
        yield purchase.request_line_id, purchase.order_line.order
