"""The state of billing of each line on the page of an RDV, and the document it leads to."""

from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointments.services.billing import invoice_appointment
from appointments.services.lines import add_part
from appointments.services.states import confirm_appointment
from openfire_billing.office.roles import ACCOUNTANT, PLANNER
from tests.factories import ProductFactory, World, item, position
from tests.factories.appointments import alone, book
from tests.factories.pages import address, line_states


def test_line_of_the_di_leads_where_it_does_there(world: World) -> None:
    intervention = world.intervention()
    rdv = book(world, intervention)
    quote = world.quote(intervention=intervention)
    office = world.office()
    assert line_states(office.get(address(rdv))) == [("sur devis", [(address(quote), "sur devis")])]


def test_line_of_the_di_billed_there_leads_to_its_invoice(world: World) -> None:
    intervention = world.intervention()
    rdv = book(world, intervention)
    invoice = world.draft(intervention=intervention)
    assert line_states(world.office().get(address(rdv))) == [("facturée", [(address(invoice), "facturée")])]


def test_line_of_its_own_leads_to_its_invoice(world: World) -> None:
    rdv = confirm_appointment(alone(world, fiscal_position=position("VEN-5.5")), by=world.planner)
    joint = ProductFactory(code="joint", name="Joint")
    for _time in range(2):
        add_part(rdv, product=joint, quantity=Decimal(1), on=world.today, by=world.planner)
    invoice = invoice_appointment(rdv, on=world.today, by=world.biller).made
    assert (
        line_states(world.office(ACCOUNTANT).get(address(rdv))) == [("facturée", [(address(invoice), "facturée")])] * 2
    )
    assert line_states(world.office(PLANNER).get(address(rdv))) == [("facturée", [])] * 2


def test_fifty_lines_billed_ask_as_much_as_one(world: World) -> None:
    office, counts = world.office(), []
    for lines in (1, 50):
        rdv = book(world, world.intervention(*[item() for _line in range(lines)]), state="confirmed")
        add_part(rdv, product=ProductFactory(code="joint"), quantity=Decimal(1), on=world.today, by=world.planner)
        invoice_appointment(rdv, on=world.today, by=world.biller)
        office.get(address(rdv))
        with CaptureQueriesContext(connection) as asked:
            assert [state for state, _links in line_states(office.get(address(rdv)))] == ["facturée"] * (lines + 1)
        counts.append(len(asked))
    assert (counts[1], counts[1] < 40) == (counts[0], True)
