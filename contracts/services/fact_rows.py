"""Make the planner's facts of rows of contracts and lines: frequencies, amendment chains, limits of a line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from contracts.choices import frequency_of
from contracts.planner import facts as f
from openfire_billing.db.locks import Values
from openfire_billing.kernel.periods import ONE_DAY

# Articles, exceptions and visits by line id.
Parts: TypeAlias = tuple[
    Mapping[int, list[f.ArticleFacts]], Mapping[int, list[f.ExceptionFacts]], Mapping[int, list[f.VisitFacts]]
]


def line_facts(rows: list[Values], parts: Parts, due: date | None) -> tuple[f.LineFacts, ...]:
    """Return the lines of a contract, each with the limits of its amendment chain."""
    articles, exceptions, visits = parts
    return tuple(
        _line(row, chain, articles[row["id"]], exceptions[row["id"]], visits[row["id"]], settled_before=due)
        for row, chain in _chains(rows)
    )


@dataclass(frozen=True, slots=True)
class _Chain:
    """The place of a line in its amendment chain: the chain's first line and limits, and the start of the next line."""

    head: int
    chain_start: date | None
    chain_end: date | None
    next_start: date | None
    is_head: bool


def _chains(rows: Iterable[Values]) -> list[tuple[Values, _Chain]]:
    by_id = {row["id"]: row for row in rows}
    after = {row["replaces_id"]: row for row in by_id.values() if row["replaces_id"] in by_id}
    found = []
    for row in by_id.values():
        head, tail = row, row
        while head["replaces_id"] in by_id:
            head = by_id[head["replaces_id"]]
        while tail["id"] in after:
            tail = after[tail["id"]]
        following = after.get(row["id"])
        found.append(
            (
                row,
                _Chain(
                    head=head["id"],
                    chain_start=head["starts_on"],
                    chain_end=tail["ends_on"] + ONE_DAY if tail["ends_on"] else None,
                    next_start=following["starts_on"] if following else None,
                    is_head=head is row,
                ),
            )
        )
    return found


def _line(
    row: Values,
    chain: _Chain,
    articles: list[f.ArticleFacts],
    exceptions: list[f.ExceptionFacts],
    visits: list[f.VisitFacts],
    *,
    settled_before: date | None,
) -> f.LineFacts:
    months = tuple(row["visit_months"])
    return f.LineFacts(
        id=row["id"],
        chain=chain.head,
        articles=tuple(articles),
        exceptions=tuple(exceptions),
        visits=tuple(visits),
        label=row["title"],
        frequency=frequency_of(row["frequency"], row["every"], row["unit"]) if row["frequency"] else None,
        timing=row["timing"] or None,
        chain_start=chain.chain_start,
        chain_end=chain.chain_end,
        start=None if chain.is_head else row["starts_on"],
        end=chain.next_start,
        grid_from=row["grid_from"],
        billed_elsewhere_until=row["billed_elsewhere_until"],
        settled_before=settled_before,
        visit_plan=f.VisitPlan(row["repeat"], row["repeat_unit"], months) if row["repeat"] and months else None,
    )


def name_in_sentences(contract: int, reference: str | None) -> str:
    """Return what a sentence calls a contract: its reference; before activation « provisoire n° 12 »."""
    return reference or f"provisoire n° {contract}"


def contract_facts(
    row: Values,
    company: Values,
    addresses: dict[int, int],
    lines: tuple[f.LineFacts, ...],
    creditable: tuple[f.CreditableInvoice, ...],
) -> f.ContractFacts:
    return f.ContractFacts(
        id=row["id"],
        reference=name_in_sentences(row["id"], row["reference"]),
        payer=row["payer_id"],
        billing_address=row["billing_address_id"] or addresses.get(row["payer_id"]),
        company=row["company_id"],
        fiscal_position=row["fiscal_position_id"],
        payment_term=row["payment_term_id"],
        journal=row["journal_id"],
        start_on=row["start_on"],
        lines=lines,
        frequency=frequency_of(row["frequency"], row["every"], row["unit"]),
        timing=row["timing"],
        currency=company["currency"],
        end_on=row["end_on"],
        auto_renew=row["auto_renew"],
        terminated_on=row["terminated_on"],
        alignment=row["alignment"],
        anchor_day=row["anchor_day"],
        proration=row["proration"],
        late_billing=row["late_billing"],
        grouped=row["grouped"],
        group_by_payer=row["group_by_payer"],
        auto_post=row["auto_post"],
        purchase_order=row["purchase_order"],
        rounding=company["rounding"],
        creditable=creditable,
    )
