"""Questions asked of the database about documents, in the trade's words."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest, Round

from invoicing.choices import InvoiceKind, InvoiceState, LineKind, PaymentState, QuoteState
from openfire_billing.fields import exact_sum

_QUANTITY = models.DecimalField(max_digits=18, decimal_places=3)
_AMOUNT = models.DecimalField(max_digits=18, decimal_places=2)


def _sum_of(queryset: Any, column: str, group: str, places: int) -> Coalesce:
    """Scalar subquery: the sum of `column` over a correlated queryset (grouped by the correlated column), or 0."""
    field = models.DecimalField(max_digits=18, decimal_places=places)
    sums = queryset.order_by().values(group).annotate(total=exact_sum(column, places=places)).values("total")
    return Coalesce(Subquery(sums, output_field=field), Value(Decimal(0)), output_field=field)


def claimed_quantity(claim: type[models.Model], path: str, ref: str = "pk") -> Any:
    """Quantity that the claims of `path` bill, less what posted credits gave back to be billed again.

    `path`: lookup from the claim to its source. The source row is the outer query's `ref`.
    """
    claims = claim._default_manager.filter(**{path: OuterRef(ref)})
    given_back = claims.filter(
        invoice_line__credit_lines__rebill=True, invoice_line__credit_lines__invoice__state=InvoiceState.POSTED
    )
    billed = _sum_of(claims, "invoice_line__quantity", path, 3)
    freed = _sum_of(given_back, "invoice_line__credit_lines__quantity", path, 3)
    return Round(billed - freed, 3, output_field=_QUANTITY)


def at_least_zero(expression: Any) -> Any:
    """max(0, expression) as a quantity."""
    return Greatest(Round(expression, 3, output_field=_QUANTITY), Value(Decimal(0), output_field=_QUANTITY))


def zero_quantity() -> Value:
    return Value(Decimal(0), output_field=_QUANTITY)


class QuoteLineQuerySet(models.QuerySet[Any]):
    def left_to_bill(self) -> "QuoteLineQuerySet":
        """Annotate `billed` and `left`: what live claims bill of each line, and what is left."""
        claim = apps.get_model("invoicing", "QuoteLineClaim")
        return self.annotate(billed=claimed_quantity(claim, "quote_line")).annotate(
            left=Case(
                When(kind=LineKind.ARTICLE, then=at_least_zero(F("quantity") - F("billed"))),
                default=zero_quantity(),
                output_field=_QUANTITY,
            )
        )


class QuoteQuerySet(models.QuerySet[Any]):
    def with_lines(self) -> "QuoteQuerySet":
        """Load what totals need, in a constant number of queries."""
        return self.select_related("company").prefetch_related(
            models.Prefetch("lines", apps.get_model("invoicing", "QuoteLine").objects.select_related("tax", "product"))
        )

    def open_lines(self, quote: str) -> Any:
        """Lines left to bill of the outer query's quote."""
        return (
            apps.get_model("invoicing", "QuoteLine")
            .objects.filter(quote=OuterRef(quote))
            .left_to_bill()
            .filter(left__gt=0)
        )

    def live(self, on: date) -> "QuoteQuerySet":
        """Draft, sent or accepted, not expired, not billed in full: it holds its lines."""
        return self.filter(
            Q(state__in=QuoteState.expiring, valid_until__gte=on)
            | (Q(state=QuoteState.ACCEPTED) & Exists(self.open_lines("pk")))
        )

    def to_bill(self) -> "QuoteQuerySet":
        """Accepted with lines left to bill."""
        return self.filter(Exists(self.open_lines("pk")), state=QuoteState.ACCEPTED)

    def expired(self, on: date) -> "QuoteQuerySet":
        return self.filter(state__in=QuoteState.expiring, valid_until__lt=on)


class InvoiceQuerySet(models.QuerySet[Any]):
    def with_payment_state(self, on: date) -> "InvoiceQuerySet":
        """Annotate `allocated`, `residual`, `payment_state` and `is_overdue` (posted documents only)."""
        allocation = apps.get_model("invoicing", "Allocation")
        to_it = _sum_of(allocation.objects.filter(invoice=OuterRef("pk")), "amount", "invoice", 2)
        from_it = _sum_of(allocation.objects.filter(credit_note=OuterRef("pk")), "amount", "credit_note", 2)
        return (
            self.annotate(allocated=Round(to_it + from_it, 2, output_field=_AMOUNT))
            .annotate(residual=Round(F("gross") - F("allocated"), 2, output_field=_AMOUNT))
            .annotate(
                payment_state=Case(
                    When(~Q(state=InvoiceState.POSTED), then=Value("")),
                    When(residual__lte=0, then=Value(PaymentState.PAID)),
                    When(allocated__gt=0, then=Value(PaymentState.PARTIAL)),
                    default=Value(PaymentState.UNPAID),
                    output_field=models.CharField(),
                ),
                is_overdue=Case(
                    When(
                        state=InvoiceState.POSTED,
                        residual__gt=0,
                        due_on__lt=on,
                        kind__in=[InvoiceKind.INVOICE, InvoiceKind.DEPOSIT],
                        then=Value(True),
                    ),
                    default=Value(False),
                    output_field=models.BooleanField(),
                ),
            )
        )

    def drafts(self) -> "InvoiceQuerySet":
        return self.filter(state=InvoiceState.DRAFT)

    def posted(self) -> "InvoiceQuerySet":
        return self.filter(state=InvoiceState.POSTED)


class InvoiceLineQuerySet(models.QuerySet[Any]):
    def left_to_credit(self) -> "InvoiceLineQuerySet":
        """Annotate what posted credits took of each line: `credited`, `credited_net`."""
        credit = apps.get_model("invoicing", "InvoiceLine").objects.filter(
            credits=OuterRef("pk"), invoice__state=InvoiceState.POSTED
        )
        return self.annotate(
            credited=_sum_of(credit, "quantity", "credits", 3), credited_net=_sum_of(credit, "net", "credits", 2)
        )
