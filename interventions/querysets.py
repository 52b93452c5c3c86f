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


def _claims() -> tuple[Term, ...]:
    """Return what the claims of a line bill, those of all its quotes' lines included, as terms of a Balance."""
    return (
        *claimed(apps.get_model("interventions", "RequestLineClaim"), "request_line"),
        *claimed(apps.get_model("invoicing", "QuoteLineClaim"), "quote_line__quotedlines__request_line"),
    )


def _unbilled() -> Balance:
    return Balance("+", F("quantity"), *_claims(), places=3, floor=True)


class RequestLineQuerySet(models.QuerySet[Row]):
    def with_unbilled(self) -> Self:
        """Annotate `unbilled`: quantity − what its claims bill, whether a quote holds the line or not."""
        return self.annotate(unbilled=_unbilled())

    def left_to_bill(self, on: date, *, without_quote: models.Model | None = None) -> Self:
        """Annotate `billed`, `is_quoted` and `left`.

        Left = quantity − what its claims bill, those of all its quotes' lines counted in; zero while a live quote
        holds it, or when a contract covers it. `without_quote`: as if that quote did not exist.
        """
        holds = apps.get_model("interventions", "QuotedLine").objects.filter(request_line=OuterRef("pk"))
        if without_quote is not None:
            holds = holds.exclude(quote_line__quote=without_quote.pk)
        held = Exists(holds.filter(is_live(on, "quote_line__quote__")))
        return self.annotate(billed=Balance(*opposite(_claims()), places=3), is_quoted=held).annotate(
            left=Case(
                When(
                    Q(covered=False, is_quoted=False),
                    then=_unbilled(),
                ),
                default=Value(Decimal(0)),
                output_field=models.DecimalField(max_digits=18, decimal_places=3),
            )
        )


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
        """Narrow to validated DIs with lines left to bill directly."""
        lines = apps.get_model("interventions", "RequestLine").objects.filter(intervention=OuterRef("pk"))
        return self.filter(
            Exists(lines.left_to_bill(on).filter(Q(left__gt=0))), state__in=sorted(InterventionState.validated)
        )

    def with_lines(self) -> Self:
        """Load what totals need, in a constant number of queries."""
        line = apps.get_model("interventions", "RequestLine")
        return self.select_related("company").prefetch_related(
            models.Prefetch("lines", line.objects.select_related("tax", "product"))
        )
