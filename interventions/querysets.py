"""Querysets of intervention requests and their lines."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Self, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from interventions.choices import InterventionState
from invoicing.querysets import claimed, is_live, opposite
from openfire_billing.db.functions import Balance, Term
from openfire_billing.db.stamps import StampedQuerySet

Row = TypeVar("Row", bound=models.Model)

_QUANTITY = models.DecimalField(max_digits=18, decimal_places=3)
_NONE = Value(Decimal(0))


def _claims() -> tuple[Term, ...]:
    """Return what the claims of a line bill, those of all its quotes' lines included, as terms of a Balance."""
    return (
        *claimed(apps.get_model("interventions", "RequestLineClaim"), "request_line"),
        *claimed(apps.get_model("invoicing", "QuoteLineClaim"), "quote_line__quotedlines__request_line"),
    )


class RequestLineQuerySet(models.QuerySet[Row]):
    def untouched(self) -> Self:
        """Narrow to the lines that no contract covers, no invoice bills and no quote holds: all of them is left to bill."""
        return self.filter(covered=False).exclude(self._is_touched())

    def touched(self) -> Self:
        """Narrow to the lines that no contract covers, and that an invoice bills or a quote holds, or did."""
        return self.filter(self._is_touched(), covered=False)

    @staticmethod
    def _is_touched() -> Q:
        """Return the condition that a claim or a quote names a line: two tables read once, not once a line."""
        claims = apps.get_model("interventions", "RequestLineClaim").objects.order_by().values("request_line")
        holds = apps.get_model("interventions", "QuotedLine").objects.order_by().values("request_line")
        return Q(pk__in=claims) | Q(pk__in=holds)

    def not_billed_whole(self) -> Self:
        """Narrow to the lines that a single claim without credit note does not bill whole. Excludes most rows cheaply.

        One invoice bills nearly every line. Computing what is left of all lines ever billed takes far longer.
        """
        claims = apps.get_model("interventions", "RequestLineClaim").objects.filter(
            request_line=OuterRef("pk"), invoice_line__quantity__gte=OuterRef("quantity")
        )
        credited = apps.get_model("invoicing", "InvoiceLine").objects.filter(credits=OuterRef("invoice_line"))
        return self.exclude(Exists(claims.exclude(Exists(credited))), quantity__gt=0)

    def left_to_bill(self, on: date, *, without_quote: models.Model | None = None) -> Self:
        """Annotate what the properties `unbilled` and `left` of a line read: `billed`, what its claims and those of its
        quotes' lines bill, and `is_quoted`. `without_quote`: as if that quote did not exist.
        """
        return self.annotate(
            billed=Balance(*opposite(_claims()), places=3), is_quoted=self._held(on, without_quote=without_quote)
        )

    def with_remaining(self, on: date) -> Self:
        """Annotate `remaining`: the property `left`, for the database to filter by it."""
        is_free = Q(~self._held(on), covered=False)
        remaining = Balance("+", F("quantity"), *_claims(), places=3, floor=True)
        return self.annotate(remaining=Case(When(is_free, then=remaining), default=_NONE, output_field=_QUANTITY))

    @staticmethod
    def _held(on: date, *, without_quote: models.Model | None = None) -> Exists:
        """Return whether a live quote holds a line."""
        holds = apps.get_model("interventions", "QuotedLine").objects.filter(request_line=OuterRef("pk"))
        if without_quote is not None:
            holds = holds.exclude(quote_line__quote=without_quote.pk)
        return Exists(holds.filter(is_live(on, "quote_line__quote__")))


class InterventionQuerySet(StampedQuerySet[Row]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def with_lateness(self, on: date) -> Self:
        """Annotate `late`: the period is over, and it is neither planned nor done."""
        return self.annotate(
            late=Case(
                When(
                    state__in=[InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED],
                    to_on__lt=on,
                    then=Value(True),
                ),
                default=Value(False),
                output_field=models.BooleanField(),
            )
        )

    def late(self, on: date) -> Self:
        return self.with_lateness(on).filter(late=True)

    def soon(self, on: date, days: int = 30) -> Self:
        """Narrow to what is not done and whose period opens within `days` days, or has opened: the late ones too."""
        over = [InterventionState.DONE, InterventionState.CANCELLED]
        return self.exclude(state__in=over).filter(from_on__lte=on + timedelta(days=days))

    def to_bill(self, on: date) -> Self:
        """Narrow to validated DIs with lines left to bill directly. For lists: the lines of all DIs are read."""
        lines = apps.get_model("interventions", "RequestLine").objects.order_by()
        whole = lines.untouched().filter(quantity__gt=0)
        rest = lines.touched().not_billed_whole().with_remaining(on).filter(Q(remaining__gt=0))
        return self.filter(
            Q(pk__in=whole.values("intervention")) | Q(pk__in=rest.values("intervention")),
            state__in=sorted(InterventionState.validated),
        )

    def with_lines(self) -> Self:
        """Load what totals need, in a constant number of queries."""
        line = apps.get_model("interventions", "RequestLine")
        return self.select_related("company").prefetch_related(
            models.Prefetch("lines", line.objects.select_related("tax", "product"))
        )
