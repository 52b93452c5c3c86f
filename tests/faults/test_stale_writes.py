"""A program writes while somebody acts: what the act did stays. Customers are merged while they are billed."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from contracts.services.termination import terminate_contract
from interventions.services.states import cancel_intervention
from invoicing.models import Partner
from invoicing.services.parties.duplicates import merge_partners
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError
from tests.api.subjects import contract
from tests.factories import PartnerFactory, World, make_world
from tests.factories.api import Api

Threads = Callable[..., list[Any]]


def terminated(world: World) -> tuple[str, Any, dict[str, Any], Callable[[], Any]]:
    made = contract(world)
    by, today = world.manager, world.today
    act = lambda: terminate_contract(made, last_day=today, reason="Vendu", on=today, by=by)  # noqa: E731
    return f"contracts/{made.pk}/", made, {"notes": "Rappelé"}, act


def cancelled(world: World) -> tuple[str, Any, dict[str, Any], Callable[[], Any]]:
    di = world.intervention()
    act = lambda: cancel_intervention(di, on=world.today, by=world.planner)  # noqa: E731
    return f"interventions/{di.pk}/", di, {"title": "Rappelé"}, act


def merged(world: World) -> tuple[str, Any, dict[str, Any], Callable[[], Any]]:
    into, loser = PartnerFactory(name="Gardé"), world.customer
    act = lambda: merge_partners(loser, into=into, by=world.manager)  # noqa: E731
    return f"partners/{loser.pk}/", loser, {"email": "a@exemple.example"}, act


@pytest.mark.parametrize(
    ("case", "columns"),
    [
        (terminated, {"state": "terminated", "notes": "Rappelé"}),
        (cancelled, {"state": "cancelled"}),
        (merged, {"is_active": False}),
    ],
)
def test_act_done_while_a_program_writes_stays(in_threads: Threads, case: Any, columns: dict[str, Any]) -> None:
    """The act holds the record; the PATCH comes meanwhile, and reads after it."""
    world = make_world()
    url, document, body, act = case(world)
    api = Api(world.manager)

    def run(number: int) -> Any:
        if number:
            time.sleep(0.5)
            return api.patch(url, body).status_code
        with transaction.atomic():
            act()
            time.sleep(1.5)
        return "acted"

    outcomes = in_threads(2, run)

    document.refresh_from_db()
    assert outcomes[0] == "acted", outcomes
    assert outcomes[1] in (200, 400, 409), outcomes
    assert {name: getattr(document, name) for name in columns} == columns


def test_customer_is_merged_while_his_invoices_are_posted(in_threads: Threads) -> None:
    world = make_world()
    for turn in range(6):
        loser, into = PartnerFactory(name=f"Deux {turn}"), PartnerFactory(name=f"Un {turn}")
        drafts = [world.draft(partner=loser) for _n in range(3)]
        acts = [lambda d=draft: post_invoice(d, on=world.today, by=world.accountant) for draft in drafts]
        acts.append(lambda a=loser, b=into: merge_partners(a, into=b, by=world.manager))

        outcomes = in_threads(4, lambda n, acts=acts: acts[n]())

        wrong = [o for o in outcomes if isinstance(o, Exception) and not isinstance(o, BusinessError)]
        assert wrong == []
        assert Partner.objects.get(pk=loser.pk).merged_into == into
