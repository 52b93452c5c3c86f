"""Questions asked of the database about intervention requests, in the trade's words."""

from datetime import date
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Round

from interventions.choices import InterventionState
from invoicing.choices import LineKind
from invoicing.querysets import at_least_zero, claimed_quantity, zero_quantity

_QUANTITY = models.DecimalField(max_digits=18, decimal_places=3)


class RequestLineQuerySet(models.QuerySet[Any]):
    def left_to_bill(self, on: date, *, without_quote: Any = None) -> "RequestLineQuerySet":
        """Annotate `billed`, `is_quoted` and `left`.

        Left = quantity − what its claims bill, those of all its quotes' lines counted in; zero while a live quote
        holds it, or when a contract covers it. `without_quote`: as if that quote did not exist.
        """
        claim = apps.get_model("interventions", "RequestLineClaim")
        quote_claim = apps.get_model("invoicing", "QuoteLineClaim")
        quote = apps.get_model("invoicing", "Quote")
        live = quote.objects.live(on)
        if without_quote is not None:
            live = live.exclude(pk=without_quote.pk)
        held = apps.get_model("interventions", "QuotedLine").objects.filter(
            request_line=OuterRef("pk"), quote_line__quote__in=live
        )
        return (
            self.annotate(
                billed_directly=claimed_quantity(claim, "request_line"),
                billed_by_quotes=claimed_quantity(quote_claim, "quote_line__quotedlines__request_line"),
                is_quoted=Exists(held),
            )
            .annotate(billed=Round(F("billed_directly") + F("billed_by_quotes"), 3, output_field=_QUANTITY))
            .annotate(
                left=Case(
                    When(
                        Q(kind=LineKind.ARTICLE, covered=False, is_quoted=False),
                        then=at_least_zero(F("quantity") - F("billed")),
                    ),
                    default=zero_quantity(),
                    output_field=_QUANTITY,
                )
            )
        )


class InterventionQuerySet(models.QuerySet[Any]):
    def active(self) -> "InterventionQuerySet":
        return self.filter(is_active=True)

    def with_lateness(self, on: date) -> "InterventionQuerySet":
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

    def late(self, on: date) -> "InterventionQuerySet":
        return self.with_lateness(on).filter(late=True)

    def to_bill(self, on: date) -> "InterventionQuerySet":
        """Validated with lines left to bill directly."""
        lines = apps.get_model("interventions", "RequestLine").objects.filter(intervention=OuterRef("pk"))
        return self.filter(
            Exists(lines.left_to_bill(on).filter(left__gt=0)), state__in=sorted(InterventionState.validated)
        )

    def with_lines(self) -> "InterventionQuerySet":
        """Load what totals need, in a constant number of queries."""
        line = apps.get_model("interventions", "RequestLine")
        return self.select_related("company").prefetch_related(
            models.Prefetch("lines", line.objects.select_related("tax", "product"))
        )
