"""Whatever the contract, the days of the runs and the drafts taken back: no period twice, none missed, no overlap.

What is expected comes from the pure planner asked once, with nothing claimed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.models import Contract, PeriodClaim
from contracts.planner.billing import next_due_on, plan
from contracts.planner.facts import NOTHING_CLAIMED
from contracts.services.billing import bill_contracts
from contracts.services.facts import read_facts
from contracts.services.termination import terminate_contract
from invoicing.models import Invoice
from invoicing.services.documents.drafts import cancel_draft, delete_drafts
from tests.contracts.contract_builders import article, make_contract
from tests.factories import World

# So that the latest run of the latest contract is past, whatever today is: far days are refused.
FIRST = date(2023, 1, 1)
starts = st.integers(0, 420).map(lambda n: FIRST + timedelta(n)) | st.sampled_from(
    [date(2023, 1, 31), date(2024, 2, 29), date(2023, 11, 30)]
)
terms = st.fixed_dictionaries(
    {
        "frequency": st.sampled_from(["monthly", "quarterly", "half_yearly", "yearly", "every"]),
        "timing": st.sampled_from(["in_advance", "in_arrears"]),
        "alignment": st.sampled_from(["calendar", "anniversary"]),
        "anchor_day": st.none() | st.integers(1, 31),
        "proration": st.sampled_from(["none", "full", "days"]),
        "late_billing": st.sampled_from(["one_per_period", "one_invoice", "on_date"]),
        "grouped": st.booleans(),
    }
)
prices = st.lists(st.integers(1, 500_000).map(lambda cents: str(Decimal(cents) / 100)), min_size=1, max_size=3)
runs = st.lists(st.tuples(st.integers(-30, 700), st.integers(0, 3), st.booleans()), min_size=1, max_size=5)
fifty = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@contextmanager
def taken_back() -> Iterator[None]:
    """Each example leaves the firm as it was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def expected(contract: Contract, on: date) -> list[tuple[int, date, date, Decimal]]:
    """(article, start, end, net) of all that is due, as if nothing had ever been billed."""
    facts = read_facts([contract.pk], lock=False, settled=False)
    made = plan(facts.contracts, NOTHING_CLAIMED, on=on, force=True)
    return sorted((c.article, c.period.start, c.period.end, c.amount) for g in made.groups for c in g.charges)


def live(contract: Contract) -> list[tuple[int, date, date, Decimal]]:
    claims = PeriodClaim.objects.filter(article__line__contract=contract, released_by__isnull=True)
    rows = claims.values_list("article", "start", "end", "invoice_line__net", "without_document")
    return sorted((a, start, end, Decimal(0) if without else net) for a, start, end, net, without in rows)


@given(starts, terms, prices, runs, st.none() | st.integers(30, 500))
@fifty
def test_each_period_is_billed_once_whatever_happens(
    world: World, start: date, terms: dict[str, Any], prices: list[str], runs: Any, ends: int | None
) -> None:
    if terms["frequency"] == "every":
        terms = {**terms, "every": 40, "unit": "day", "alignment": "anniversary"}
    with taken_back():
        contract = make_contract(
            world, f"{start:%d/%m/%y}", *(article(price, position=n) for n, price in enumerate(prices, 1)), **terms
        )
        if ends is not None:
            last_day = start + timedelta(ends)
            contract = terminate_contract(contract, last_day=last_day, reason="", on=start, by=world.manager)
        last = start
        for after, undone, is_deleted in runs:
            on = start + timedelta(max(after, 0))
            last = max(last, on)
            bill_contracts([contract], on=on, by=None, force=True)
            for invoice in Invoice.objects.drafts().order_by("pk")[:undone]:
                if is_deleted:
                    delete_drafts([invoice], by=world.biller)
                else:
                    cancel_draft(invoice, by=world.biller)

        bill_contracts([contract], on=last, by=None, force=True)
        once = live(contract)
        again = bill_contracts([contract], on=last, by=None, force=True)

        assert once == expected(contract, last)
        assert live(contract) == once
        assert again.billed == 0
        for (one, _start, end, _net), (other, start_of_next, _end, _other_net) in pairwise(once):
            assert one != other or end <= start_of_next
        contract.refresh_from_db()
        facts = read_facts([contract.pk], lock=False, settled=False)
        assert contract.next_due_on == next_due_on(facts.contracts[0], facts.claimed)
        for invoice in Invoice.objects.filter(state="draft"):
            assert invoice.gross == invoice.net + invoice.tax
            assert invoice.net.amount == sum(line.net for line in invoice.lines.all())
