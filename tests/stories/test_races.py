"""The same races on both databases: SQLite's writers queue, PostgreSQL's wait for a row."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from interventions.services.billing import invoice_intervention
from invoicing.models import Invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError
from tests.factories import World

Threads = Callable[..., list[Any]]


def test_posts_at_once_are_consecutive(in_threads: Threads, world: World) -> None:
    drafts, today = [world.draft() for _n in range(6)], world.today

    numbers = in_threads(6, lambda n: post_invoice(drafts[n], on=today, by=world.accountant).number)

    assert sorted(numbers) == [f"FA2026-{n:05d}" for n in range(1, 7)]


def test_two_clerks_make_one_invoice(in_threads: Threads, world: World) -> None:
    intervention, today = world.intervention(), world.today

    outcomes = in_threads(3, lambda n: invoice_intervention(intervention, on=today, by=world.biller))

    assert sum(isinstance(outcome, BusinessError) for outcome in outcomes) == 2
    assert Invoice.objects.get().gross.amount == Decimal("184.62")
