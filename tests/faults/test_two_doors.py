"""Two people on one family of documents, through two doors, at the same moment: nothing is lost, nobody meets an error."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from invoicing.services.documents.drafts import edit_draft
from invoicing.services.documents.lines import LineEdit
from tests.factories import item, make_world
from tests.factories.api import Api
from tests.factories.fixtures import MORNING
from tests.factories.pages import typed
from tests.faults import kept
from tests.faults.family import NAMED, Act, Family, check, make_family, outcome, pairs

# They share one document, and what they do to it must add up.
ALONE = (
    ("draft_edit", "draft_post"),
    ("draft_post", "draft_delete"),
    ("credit", "avoir_post"),
    ("credit", "pay"),
    ("pay", "allocate"),
    ("pay", "reject"),
    ("pay", "pay"),
    ("refund", "refund"),
    ("credit", "credit"),
    ("di_invoice", "di_invoice"),
    ("quote_save", "quote_save"),
    ("contract_end", "visit_finish"),
    ("contract_end", "visit_cancel"),
    ("contract_bill", "bill_delete"),
    ("contract_bill", "contract_bill"),
)

Threads = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def kept_family(django_db_setup: None, django_db_blocker: Any) -> Iterator[Family]:
    """Made once for the module, and kept aside."""
    with django_db_blocker.unblock(), time_machine.travel(MORNING, tick=True):
        family = make_family()
        kept.keep()
        yield family
        kept.forget()


@pytest.fixture
def family(kept_family: Family, transactional_db: None) -> Iterator[Family]:
    """Its documents as they were made."""
    with time_machine.travel(MORNING, tick=True):
        kept.put_back()
        yield kept_family


# One round of those that share two documents, where two orders could meet; `make chaos` does all, many times.
TWINS = {"draft_save", "di_finish", "quote_accept", "rdv_invoice"}  # they lock what another act of the family locks
PAIRS = [
    (one, other)
    for one, other in pairs()
    if len(one.locks & other.locks) > 1 and one is not other and not TWINS & {one.name, other.name}
]
PAIRS += [(NAMED[one], NAMED[other]) for one, other in ALONE]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda act: act.name)
def test_two_acts_at_once_lose_nothing(in_threads: Threads, family: Family, first: Act, second: Act) -> None:
    presses = [first.office(family), second.api(family)]

    answers = in_threads(2, lambda number: presses[number]())

    outcomes = [outcome(answer) for answer in answers]
    check(family, (first, second), outcomes)


@pytest.mark.parametrize("turn", range(3))
def test_two_drafts_raised_at_once_never_bill_more_than_is_left(
    in_threads: Threads, transactional_db: None, turn: int
) -> None:
    """Seven, one on each of two drafts, five left: four more and five more are asked at the same moment."""
    with time_machine.travel(MORNING, tick=True):
        world = make_world()
        di = world.intervention(item(7))
        drafts = []
        for _draft in range(2):
            drafts.append(world.draft(intervention=di))
            edits = [LineEdit(drafts[-1].lines.get().pk, {"quantity": Decimal(1)})]
            edit_draft(drafts[-1], edits=edits, by=world.biller)
        assert world.left(di) == [Decimal(5)]
        office, api = world.office(), Api(world.biller)
        fields = typed(office.open(drafts[0]), lines__0__quantity=Decimal(5))
        body = {"lines": [{"id": drafts[1].lines.get().pk, "quantity": "6.000"}]}
        presses = [lambda: office.send(drafts[0], fields), lambda: api.patch(f"invoices/{drafts[1].pk}/", body)]

        outcomes = [outcome(answer) for answer in in_threads(2, lambda number: presses[number]())]

        quantities = [draft.lines.get().quantity for draft in drafts]
        label = drafts[0].lines.get().label
        refused = "« {} » : il ne reste que {} à facturer, la ligne en demande {}. Baissez la quantité."
        assert (outcomes, quantities, world.left(di)) in (
            (["done", refused.format(label, 2, 6)], [Decimal(5), Decimal(1)], [Decimal(1)]),
            ([refused.format(label, 1, 5), "done"], [Decimal(1), Decimal(6)], [Decimal(0)]),
        )
