"""Documents of the firm with all that hangs on them: each act then has the most to lock."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.utils import timezone

from appointments.models import Appointment
from appointments.services.billing import invoice_appointment
from contracts.models import Contract
from contracts.services.visits import plan_visits
from interventions.models import InterventionRequest
from interventions.services.requests import add_items
from invoicing.models import Invoice, Partner, Payment, PurchaseOrder, Quote, SupplierBill
from invoicing.services.documents.intents import DraftIntent, line_intent
from invoicing.services.documents.purchases import bill_order, check_bill
from invoicing.services.documents.quotes import accept_quote, refuse_quote
from invoicing.services.documents.writing import write_draft
from invoicing.services.posting.post import post_invoice
from invoicing.services.settlement.payments import pay_invoice
from tests.api.subjects import purchase_order
from tests.contracts.contract_builders import day, make_contract
from tests.factories import World, item
from tests.factories.appointments import at, book


def di(world: World, quantity: int = 5, **values: Any) -> InterventionRequest:
    """A DI with a quote that was refused: an act on the DI locks it too."""
    found = world.intervention(item(quantity), **values)
    if found.is_validated:
        refuse_quote(world.quote(intervention=found), by=world.biller)
        found.refresh_from_db()
    return found


def quote(world: World) -> Quote:
    """A draft quote of a DI."""
    return world.quote(intervention=di(world))


def accepted(world: World) -> Quote:
    return accept_quote(quote(world), on=world.today, by=world.biller)


def rdv(world: World, state: str = "confirmed", *, intervention: InterventionRequest | None = None) -> Appointment:
    """An RDV of a DI, with a technician of its own."""
    return book(world, intervention or di(world), state=state, starts_at=at(8, day=24) if state == "done" else at(9))


def draft(world: World) -> Invoice:
    """A draft that bills an RDV, and so its DI."""
    made: Invoice = invoice_appointment(rdv(world), on=world.today, by=world.biller).made
    return made


def posted(world: World) -> Invoice:
    return post_invoice(draft(world), on=world.today, by=world.accountant)


def paid(world: World, amount: int = 100) -> tuple[Invoice, Payment]:
    invoice = posted(world)
    return invoice, pay_invoice(invoice, amount=Decimal(amount), on=world.today, kind="card", by=world.accountant)


def avoir(world: World, invoice: Invoice, quantity: int = 1) -> Invoice:
    """A drafted credit note of an invoice, as contracts make them of what they take off: of no line in particular."""
    line = invoice.lines.filter(kind="article").first()
    intent = DraftIntent(
        company=invoice.company_id,
        kind="credit_note",
        customer=invoice.customer_id,
        billing_address=invoice.billing_address_id,
        site=invoice.site_id,
        fiscal_position=invoice.fiscal_position_id,
        proposed_on=world.today,
        credits=invoice.pk,
        origin=str(invoice.number),
        lines=[replace(line_intent(line, Decimal(quantity)), supplied_on=world.today)],
    )
    return Invoice.objects.get(pk=write_draft(intent, by=world.biller, at=timezone.now()).invoice)


def contract(world: World, *, is_quoted: bool = True, **terms: Any) -> Contract:
    """An active contract whose two visits to come have DIs, each with a quote that was refused."""
    line = {"uses_callouts": True, "included_callouts": 2, "task": world.task}
    made = make_contract(world, visits=(2, (3, 9)), line=line, **terms)
    outcomes = plan_visits([made], until=day("30/11/27"), on=world.today, by=world.planner)
    for outcome in outcomes if is_quoted else []:
        add_items(outcome.made, [item()], on=world.today)
        refuse_quote(world.quote(intervention=outcome.made), by=world.biller)
    return Contract.objects.get(pk=made.pk)


def order(world: World) -> PurchaseOrder:
    return purchase_order(world)


def bill(world: World, state: str = "draft") -> SupplierBill:
    made = bill_order(order(world), number=f"F-{timezone.now():%f}", on=world.today, by=world.biller)
    return check_bill(made, by=world.accountant) if state == "checked" else made


def person(world: World) -> Partner:
    """A customer with a document of each kind of his own."""
    from tests.factories import PartnerFactory

    found = PartnerFactory(name="Le Goff Yann")
    first = di(world, partner=found)
    rdv(world, intervention=first)
    world.quote(intervention=first)
    world.draft(intervention=di(world, partner=found))
    contract(world, payer=found)
    return found
