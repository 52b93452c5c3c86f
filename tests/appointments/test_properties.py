"""Random stories of billing by DI, quote and RDV: what is billed never exceeds what is owed, and in the end it is all billed, once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appointments.models import Appointment, AppointmentLine
from appointments.services.billing import invoice_appointment, invoice_appointments
from appointments.services.lines import write_lines
from appointments.services.saving import appoint
from interventions.models import InterventionRequest, RequestLine
from interventions.services.billing import invoice_intervention, quote_intervention
from interventions.services.requests import save_intervention
from invoicing.choices import InvoiceKind, InvoiceState, QuoteState
from invoicing.models import Invoice, InvoiceLine, Quote
from invoicing.services.documents.drafts import cancel_draft, delete_drafts, edit_draft
from invoicing.services.documents.lines import LineEdit
from invoicing.services.documents.quotes import accept_quote, invoice_quote, refuse_quote, settle_quote
from invoicing.services.posting.credit import credit_invoice
from invoicing.services.posting.post import post_invoice
from openfire_billing.kernel.errors import BusinessError
from tests.factories import ProductFactory, World, item

ZERO = Decimal(0)
ACTS = [
    "line",
    "raise_request",
    "rdv",
    "raise_rdv",
    "invoice_di",
    "invoice_rdv",
    "invoice_rdvs",
    "quote",
    "accept",
    "refuse",
    "settle",
    "invoice_quote",
    "delete",
    "cancel",
    "lower",
    "post",
    "credit",
]
story = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 7), st.integers(1, 6)), min_size=4, max_size=18)


class Story:
    """One DI and what people do to it. Each act picks its document by a number; a refusal is an answer like another."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.intervention: InterventionRequest = world.intervention(item("2", price="175.00"))

    def pick(self, queryset: Any, which: int) -> Any:
        found = list(queryset.order_by("pk"))
        return found[which % len(found)] if found else None

    def run(self, act: str, which: int, quantity: int) -> None:
        try:
            with transaction.atomic():
                getattr(self, act)(which, Decimal(quantity))
        except BusinessError:
            pass

    def _edit(self, *edits: LineEdit) -> None:
        save_intervention(self.intervention.pk, {}, edits=edits, on=self.world.today, by=self.world.planner)

    def line(self, which: int, quantity: Decimal) -> None:
        product = ProductFactory(code="pose_2", unit_price=Decimal("33.33"))
        values = {
            "kind": "article",
            "product": product,
            "label": "",
            "quantity": quantity,
            "unit_price": Decimal("33.33"),
        }
        self._edit(LineEdit(values=values))

    def raise_request(self, which: int, quantity: Decimal) -> None:
        line = self.pick(self.intervention.lines, which)
        self._edit(LineEdit(pk=line.pk, values={"quantity": quantity}))

    def rdv(self, which: int, quantity: Decimal) -> None:
        made = appoint(self.intervention, technicians=[], starts_at=None, on=self.world.today, by=self.world.planner)
        Appointment.objects.filter(pk=made.pk).update(state="confirmed", number=f"RDV/{made.pk:06d}")

    def raise_rdv(self, which: int, quantity: Decimal) -> None:
        line = self.pick(AppointmentLine.objects, which)
        if line:
            edit = LineEdit(pk=line.pk, values={"quantity": quantity})
            write_lines(line.appointment, [edit], on=self.world.today, by=self.world.planner)

    def invoice_di(self, which: int, quantity: Decimal) -> None:
        invoice_intervention(self.intervention, on=self.world.today, by=self.world.biller)

    def invoice_rdv(self, which: int, quantity: Decimal) -> None:
        rdv = self.pick(Appointment.objects, which)
        if rdv:
            invoice_appointment(rdv, on=self.world.today, by=self.world.biller)

    def invoice_rdvs(self, which: int, quantity: Decimal) -> None:
        rdvs = Appointment.objects.order_by("pk")
        invoice_appointments(rdvs, on=self.world.today, by=self.world.biller, group_by_customer=which % 2 == 0)

    def quote(self, which: int, quantity: Decimal) -> None:
        quote_intervention(self.intervention, on=self.world.today, by=self.world.biller)

    def _quote_act(self, act: Callable[..., Any], which: int, **more: Any) -> None:
        quote = self.pick(Quote.objects, which)
        if quote:
            act(quote, by=self.world.biller, **more)

    def accept(self, which: int, quantity: Decimal) -> None:
        self._quote_act(accept_quote, which, on=self.world.today)

    def refuse(self, which: int, quantity: Decimal) -> None:
        self._quote_act(refuse_quote, which)

    def settle(self, which: int, quantity: Decimal) -> None:
        self._quote_act(settle_quote, which)

    def invoice_quote(self, which: int, quantity: Decimal) -> None:
        self._quote_act(invoice_quote, which, on=self.world.today)

    def _drafts(self) -> Any:
        return Invoice.objects.filter(state=InvoiceState.DRAFT)

    def delete(self, which: int, quantity: Decimal) -> None:
        draft = self.pick(self._drafts(), which)
        if draft:
            delete_drafts([draft], by=self.world.biller)

    def cancel(self, which: int, quantity: Decimal) -> None:
        draft = self.pick(self._drafts(), which)
        if draft:
            cancel_draft(draft, by=self.world.biller)

    def lower(self, which: int, quantity: Decimal) -> None:
        line = self.pick(InvoiceLine.objects.filter(invoice__in=self._drafts(), kind="article"), which)
        if line:
            edit = LineEdit(pk=line.pk, values={"quantity": quantity})
            edit_draft(line.invoice, edits=[edit], by=self.world.biller)

    def post(self, which: int, quantity: Decimal) -> None:
        draft = self.pick(self._drafts(), which)
        if draft:
            post_invoice(draft, on=self.world.today, by=self.world.accountant)

    def credit(self, which: int, quantity: Decimal) -> None:
        invoice = self.pick(Invoice.objects.filter(state=InvoiceState.POSTED, kind=InvoiceKind.INVOICE), which)
        if invoice:
            line = self.pick(invoice.lines.filter(kind="article"), which)
            credit_invoice(
                invoice,
                on=self.world.today,
                by=self.world.accountant,
                quantities={line.pk: quantity},
                rebill=which % 2 == 0,
            )

    # What is owed and billed ---------------------------------------------------------------------------------------

    def _billed(self, line_filter: dict[str, Any]) -> Decimal:
        """Billed by the lines of a source, less what was given back to be billed again."""
        lines = InvoiceLine.objects.filter(**line_filter).distinct()
        billed = sum((line.quantity for line in lines), ZERO)
        back = InvoiceLine.objects.filter(credits__in=lines, rebill=True, invoice__state=InvoiceState.POSTED)
        return billed - (back.aggregate(total=Sum("quantity"))["total"] or ZERO)

    def request_billed(self, line: RequestLine) -> Decimal:
        direct = self._billed({"requestlineclaims__request_line": line})
        return direct + self._billed({"quotelineclaims__quote_line__quotedlines__request_line": line})

    def check_never_more_than_owed(self) -> None:
        for line in self.intervention.lines.all():
            quoted = Quote.objects.filter(lines__quotedlines__request_line=line).exclude(state=QuoteState.REFUSED)
            most = max([line.quantity, *(q.lines.get(quotedlines__request_line=line).quantity for q in quoted)])
            assert ZERO <= self.request_billed(line) <= most
        for own in AppointmentLine.objects.all():
            billed = self._billed({"appointmentlineclaims__appointment_line": own})
            assert ZERO <= billed <= own.quantity

    def bill_everything(self) -> None:
        """Settle the quotes, bill by DI, quote and RDV, then say: billed equals owed."""
        for quote in Quote.objects.filter(state__in=["draft", "sent"]):
            refuse_quote(quote, by=self.world.biller)
        for quote in Quote.objects.filter(state="accepted"):
            settle_quote(quote, by=self.world.biller)
        for which in range(Appointment.objects.count()):
            self.run("invoice_rdv", which, 1)
        self.run("invoice_di", 0, 1)
        for line in self.intervention.lines.all():
            assert self.request_billed(line) == line.quantity
        for own in AppointmentLine.objects.filter(request_line__isnull=True):
            assert self._billed({"appointmentlineclaims__appointment_line": own}) == own.quantity

    def check_money(self) -> None:
        """Each invoice line is its quantity at the DI's price, to the cent; net + tax = gross."""
        for invoice in Invoice.objects.filter(kind=InvoiceKind.INVOICE):
            assert invoice.net.amount == sum((line.net for line in invoice.lines.all()), ZERO)
            assert invoice.gross.amount == invoice.net.amount + invoice.tax.amount
        for line in InvoiceLine.objects.filter(kind="article", invoice__kind=InvoiceKind.INVOICE):
            assert abs(line.net - line.quantity * line.unit_price) <= Decimal("0.01")


@pytest.mark.timeout(240)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=story)
def test_billed_never_exceeds_owed_and_in_the_end_equals_it(world: World, acts: list[tuple[str, int, int]]) -> None:
    with transaction.atomic():
        told = Story(world)
        for act, which, quantity in acts:
            told.run(act, which, quantity)
            told.check_never_more_than_owed()
        told.bill_everything()
        told.check_never_more_than_owed()
        told.check_money()
        transaction.set_rollback(True)
