"""Querysets of quotes, invoices and their lines: computed amounts and states, as annotations and filters."""

from datetime import date, datetime
from typing import Self, TypeAlias, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.expressions import Combinable

from invoicing.choices import InvoiceKind, InvoiceState, MessageState, PaymentState, QuoteState
from openfire_billing.db.functions import Balance, sum_of
from openfire_billing.db.narrowing import asked_once
from openfire_billing.db.stamps import Moments, StampedQuerySet, latest, written_after

Row = TypeVar("Row", bound=models.Model)
Terms: TypeAlias = tuple[
    str | Combinable | models.QuerySet[models.Model], ...
]  # arguments of a Balance: sign, term, sign, term…


def claimed(claim: type[models.Model], path: str) -> Terms:
    """Return the terms that subtract what is billed of the outer row and add what posted credit notes released of it.

    `claim`: the model of the claims. `path`: lookup from the claim to the outer row, its source.
    """
    claims = claim._default_manager.filter(**{path: OuterRef("pk")})
    released = claims.filter(
        invoice_line__credit_lines__rebill=True, invoice_line__credit_lines__invoice__state=InvoiceState.POSTED
    )
    return (
        "-",
        sum_of(claims, "invoice_line__quantity", path),
        "+",
        sum_of(released, "invoice_line__credit_lines__quantity", path),
    )


def opposite(terms: Terms) -> Terms:
    """Return the same terms with the opposite signs."""
    return tuple({"+": "-", "-": "+"}.get(term, term) if isinstance(term, str) else term for term in terms)


def signed(column: str) -> Case:
    """Return the amount of an invoice in a column, negative on a credit note."""
    return Case(
        When(kind=InvoiceKind.CREDIT_NOTE, then=-F(column)),
        default=F(column),
        output_field=models.DecimalField(max_digits=14, decimal_places=2),
    )


class QuoteLineQuerySet(models.QuerySet[Row]):
    def left_to_bill(self) -> Self:
        """Annotate `billed`, the quantity that claims bill of each line: its property `left` reads it."""
        return self.annotate(billed=Balance(*opposite(self._claims()), places=3))

    @staticmethod
    def _claims() -> Terms:
        return claimed(apps.get_model("invoicing", "QuoteLineClaim"), "quote_line")

    def open(self) -> Self:
        """Keep the lines with a quantity left to bill, annotated as `remaining`; titles and notes have none."""
        remaining = Balance("+", F("quantity"), *self._claims(), places=3, floor=True)
        return self.annotate(remaining=remaining).filter(remaining__gt=0)


class QuoteQuerySet(StampedQuerySet[Row]):
    def with_lines(self) -> Self:
        """Load what `totals` reads, in a constant number of queries."""
        return self.select_related("company").prefetch_related(
            models.Prefetch("lines", apps.get_model("invoicing", "QuoteLine").objects.select_related("tax", "product"))
        )

    def live(self, on: date) -> Self:
        """Keep the quotes that hold their lines on that day: draft or sent and not expired, or accepted and not fully billed."""
        return self.filter(is_live(on))

    def to_bill(self) -> Self:
        """Keep the accepted quotes that have lines left to bill."""
        lines = apps.get_model("invoicing", "QuoteLine").objects.filter(quote=OuterRef("pk"))
        return self.filter(Exists(lines.open()), state=QuoteState.ACCEPTED)

    def expired(self, on: date) -> Self:
        """Keep the quotes without an answer whose validity ended before that day."""
        return self.filter(state__in=QuoteState.expiring, valid_until__lt=on)


def is_live(on: date, prefix: str = "") -> Q:
    """Return the condition that a quote is live on that day. `prefix`: lookup to the quote ("quote_line__quote__")."""
    lines = apps.get_model("invoicing", "QuoteLine").objects.filter(quote=OuterRef(f"{prefix}pk"))
    waiting = Q(**{f"{prefix}state__in": sorted(QuoteState.expiring), f"{prefix}valid_until__gte": on})
    return waiting | (Q(**{f"{prefix}state": QuoteState.ACCEPTED}) & Q(Exists(lines.open())))


class InvoiceQuerySet(StampedQuerySet[Row]):
    def with_payment_state(self, on: date) -> Self:
        """Annotate `allocated`, `residual`, `payment_state` ("" of a document that is not posted) and `is_overdue` on that day."""
        allocation = apps.get_model("invoicing", "Allocation")
        to_it = sum_of(allocation.objects.filter(document=OuterRef("pk")), "amount", "document")
        from_it = sum_of(allocation.objects.filter(credit_note=OuterRef("pk")), "amount", "credit_note")
        money = allocation.objects.in_force().filter(document=OuterRef("pk"), payment__isnull=False).order_by()
        return self.annotate(
            allocated=Balance("+", to_it, "+", from_it, places=2),
            residual=Balance("+", F("gross"), "-", to_it, "-", from_it, places=2),
        ).annotate(
            payment_state=Case(
                When(~Q(state=InvoiceState.POSTED), then=Value("")),
                When(
                    Q(residual__lte=0, gross__gt=0) & ~Q(kind=InvoiceKind.CREDIT_NOTE) & ~Exists(money),
                    then=Value(PaymentState.CREDITED),
                ),
                When(residual__lte=0, then=Value(PaymentState.PAID)),
                When(allocated__gt=0, then=Value(PaymentState.PARTIAL)),
                default=Value(PaymentState.UNPAID),
                output_field=models.CharField(),
            ),
            is_overdue=Case(
                When(
                    state=InvoiceState.POSTED,
                    due_on__lt=on,
                    kind__in=[InvoiceKind.INVOICE, InvoiceKind.DEPOSIT],
                    residual__gt=0,  # the expensive condition last
                    then=Value(True),
                ),
                default=Value(False),
                output_field=models.BooleanField(),
            ),
        )

    def with_changed_at(self) -> Self:
        """As `StampedQuerySet`; what settles a document is in allocations: its own row stays as it was posted."""
        return self.annotate(changed_at=latest("updated_at", *self._settling()))

    def changed_after(self, at: datetime) -> Self:
        """As `StampedQuerySet`."""
        return self.filter(written_after(at, *self._settling()))

    def _settling(self) -> list[Moments]:
        allocations = apps.get_model("invoicing", "Allocation").objects.order_by()
        return [(allocations, "document", "at"), (allocations, "credit_note", "at")]

    def owed(self) -> Self:
        """Keep the posted documents with a residual. Needs with_payment_state()."""
        return self._unsettled(residual__gt=0)

    def overdue(self) -> Self:
        """Keep the invoices with a residual whose due day is over. Needs with_payment_state()."""
        return self._unsettled(is_overdue=True)

    def in_payment_state(self, state: str) -> Self:
        """Keep the posted documents in a PaymentState. Needs with_payment_state()."""
        if state in (PaymentState.PAID, PaymentState.CREDITED):
            return self.filter(payment_state=state)
        return self._unsettled(payment_state=state)

    def _unsettled(self, **condition: object) -> Self:
        return self.not_settled_at_once().filter(**condition)

    def not_settled_at_once(self) -> Self:
        """Keep the posted documents that no single allocation, not reversed, settles. Excludes most rows cheaply.

        One payment settles nearly every document. One pass over both tables excludes those first; adding up the
        allocations of each document takes four times as long, and a page runs several such queries.
        """
        whole = apps.get_model("invoicing", "Allocation").objects.not_reversed().filter(amount__gte=OuterRef("gross"))
        candidates = self.model._base_manager.filter(
            ~Exists(whole.filter(document=OuterRef("pk"))),
            ~Exists(whole.filter(credit_note=OuterRef("pk"))),
            state=InvoiceState.POSTED,
        )
        narrowed: Self = asked_once(candidates, of=self.posted())
        return narrowed

    def with_refunded(self) -> Self:
        """Annotate `refunded`: the amount paid back for a credit note; null when none was."""
        refunds = apps.get_model("invoicing", "Allocation").objects.filter(
            document=OuterRef("pk"), payment__is_refund=True
        )
        return self.annotate(refunded=sum_of(refunds, "amount", "document"))

    def not_sent(self) -> Self:
        """Keep the documents without a message that is sent or waiting."""
        message = apps.get_model("invoicing", "Message").objects.filter(
            object_id=OuterRef("pk"),
            content_type__app_label="invoicing",
            content_type__model="invoice",
            state__in=MessageState.left | MessageState.pending,
        )
        return self.filter(~Exists(message))

    def drafts(self) -> Self:
        return self.filter(state=InvoiceState.DRAFT)

    def posted(self) -> Self:
        return self.filter(state=InvoiceState.POSTED)


class InvoiceLineQuerySet(models.QuerySet[Row]):
    def left_to_credit(self) -> Self:
        """Annotate `credited` (quantity) and `credited_net` (amount): what posted credit notes credit of each line."""
        credit = apps.get_model("invoicing", "InvoiceLine").objects.filter(
            credits=OuterRef("pk"), invoice__state=InvoiceState.POSTED
        )
        return self.annotate(
            credited=Balance("+", sum_of(credit, "quantity", "credits"), places=3),
            credited_net=Balance("+", sum_of(credit, "net", "credits"), places=2),
        )
