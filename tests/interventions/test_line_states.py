"""The state of billing of each line on the page of a DI, and the document it leads to."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from interventions.choices import LineState, state_of_line
from interventions.models import RequestLine
from interventions.services.purchases import order_supplies
from invoicing.services.documents.drafts import edit_draft
from invoicing.services.documents.lines import LineEdit
from invoicing.services.documents.quotes import accept_quote, invoice_quote, send_quote
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.office.roles import ACCOUNTANT, PLANNER
from tests.factories import PartnerFactory, ProductFactory, World, item
from tests.factories.pages import address, line_states


def states(world: World, document: Any, role: str = ACCOUNTANT) -> list[tuple[str, list[tuple[str, str]]]]:
    return line_states(world.office(role).get(address(document)))


def accepted(world: World, intervention: Any) -> Any:
    quote = send_quote(world.quote(intervention=intervention), by=world.biller)
    return accept_quote(quote, on=world.today, by=world.biller)


def first_line_billed(world: World, quote: Any) -> Any:
    """The draft of a quote's first line alone."""
    invoice = invoice_quote(quote, on=world.today, by=world.biller)
    second = LineEdit(pk=invoice.lines.last().pk, delete=True)
    return edit_draft(invoice, edits=[second], by=world.biller)


def test_line_to_bill_leads_nowhere(world: World) -> None:
    assert states(world, world.intervention()) == [("à facturer", [])]


def test_line_on_a_quote_leads_to_it(world: World) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    assert states(world, intervention) == [("sur devis", [(address(quote), "sur devis")])]


def test_line_billed_leads_to_its_invoice(world: World) -> None:
    intervention = world.intervention(item(2))
    invoice = world.draft(intervention=intervention)
    assert states(world, intervention) == [("facturée", [(address(invoice), "facturée")])]


def test_line_billed_twice_leads_to_the_last_invoice_and_names_the_other(world: World) -> None:
    intervention = world.intervention(item(2))
    first = world.posted(intervention=intervention)
    RequestLine.objects.filter(intervention=intervention).update(quantity=5)
    second = world.draft(intervention=intervention)
    assert states(world, intervention) == [
        ("facturée", [(address(second), "facturée"), (address(first), str(first))]),
    ]


def test_line_billed_by_a_quote_still_alive_is_billed(world: World) -> None:
    """The quote lives on for its other line: what it has billed says so."""
    intervention = world.intervention(item(2), item(1))
    quote = accepted(world, intervention)
    invoice = first_line_billed(world, quote)
    assert states(world, intervention) == [
        ("facturée", [(address(invoice), "facturée"), (address(quote), str(quote))]),
        ("sur devis", [(address(quote), "sur devis")]),
    ]


def test_line_credited_as_a_gesture_stays_billed(world: World) -> None:
    intervention = world.intervention(item(2), item(1))
    quote = accepted(world, intervention)
    invoice = first_line_billed(world, quote)
    posted = post_invoice(invoice, on=world.today, by=world.accountant)
    credit_invoice(posted, on=world.today, by=world.accountant, reason="Geste", rebill=False)
    assert [state for state, _links in states(world, intervention)] == ["facturée", "sur devis"]


def test_line_credited_to_be_billed_again_leads_nowhere(world: World) -> None:
    intervention = world.intervention()
    posted = world.posted(intervention=intervention)
    credit_invoice(posted, on=world.today, by=world.accountant, reason="Erreur", rebill=True)
    assert states(world, intervention) == [("à facturer", [])]


def test_order_of_a_line_is_named_below_its_state(world: World) -> None:
    supplier = PartnerFactory(name="Fonderie Fictive")
    ProductFactory(code="poele", name="Poêle", kind="goods", supplier=supplier, purchase_price=Decimal(2100))
    intervention = world.intervention(item(1, code="poele"))
    (order,) = order_supplies(intervention, on=world.today, by=world.accountant).orders
    assert states(world, intervention) == [("à facturer", [(address(order), str(order))])]


def test_who_may_not_see_invoices_reads_the_state_alone(world: World) -> None:
    intervention = world.intervention()
    world.draft(intervention=intervention)
    assert states(world, intervention, PLANNER) == [("facturée", [])]


def test_fifty_lines_on_all_kinds_of_documents_ask_as_much_as_one(world: World) -> None:
    supplier = PartnerFactory(name="Fonderie Fictive")
    ProductFactory(code="poele", name="Poêle", kind="goods", supplier=supplier, purchase_price=Decimal(2100))
    office, counts = world.office(), []
    for lines in (1, 50):
        intervention = world.intervention(*[item(1, code="poele") for _line in range(lines)])
        order_supplies(intervention, on=world.today, by=world.accountant)
        invoice_quote(accepted(world, intervention), on=world.today, by=world.biller)
        office.get(address(intervention))
        with CaptureQueriesContext(connection) as asked:
            assert len(line_states(office.get(address(intervention)))) == lines
        counts.append(len(asked))
    assert (counts[1], counts[1] < 45) == (counts[0], True)


@pytest.mark.parametrize(
    ("covered", "is_quoted", "quantity", "billed", "unbilled", "state"),
    [
        (True, True, 2, 2, 0, LineState.COVERED),
        (False, True, 2, 0, 2, LineState.QUOTED),
        (False, True, 2, 1, 1, LineState.PARTLY),
        (False, True, 2, 2, 0, LineState.BILLED),
        (False, False, 0, 0, 0, LineState.NOTHING),
        (False, False, 0, 1, 0, LineState.BILLED),  # lowered once billed
        (False, False, 2, 0, 2, LineState.TO_BILL),
        (False, False, 2, 1, 1, LineState.PARTLY),
        (False, False, 2, 3, 0, LineState.BILLED),
        (False, False, 2, 0, 0, LineState.BILLED),  # of an RDV: its DI was billed from elsewhere
    ],
)
def test_state_of_a_line(
    covered: bool, is_quoted: bool, quantity: int, billed: int, unbilled: int, state: LineState
) -> None:
    found = state_of_line(
        covered=covered,
        is_quoted=is_quoted,
        quantity=Decimal(quantity),
        billed=Decimal(billed),
        unbilled=Decimal(unbilled),
    )
    assert found == state


def test_what_a_quote_holds_is_not_left_but_is_unbilled(world: World) -> None:
    intervention = world.intervention(item(2), item(1))
    first_line_billed(world, accepted(world, intervention))

    lines = intervention.lines.left_to_bill(world.today)

    assert [(line.billed, line.left, line.unbilled) for line in lines] == [(2, 0, 0), (0, 0, 1)]
