"""Querysets of appointments and their lines."""

from datetime import date, datetime, time, timedelta
from typing import Self, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone

from appointments.choices import AppointmentState, CustomerAnswer
from interventions.models.work import Technician
from invoicing.querysets import Terms, claimed, opposite
from openfire_billing.db.functions import Balance
from openfire_billing.db.stamps import StampedQuerySet

Row = TypeVar("Row", bound=models.Model)

_QUANTITY = models.DecimalField(max_digits=18, decimal_places=3)


def day_bounds(day: date, days: int = 1) -> tuple[datetime, datetime]:
    """Return the first instant of a day in France, and that of the day `days` later."""
    zone = timezone.get_default_timezone()
    return (
        datetime.combine(day, time(), tzinfo=zone),
        datetime.combine(day + timedelta(days=days), time(), tzinfo=zone),
    )


class AppointmentLineQuerySet(models.QuerySet[Row]):
    def left_to_bill(self, on: date) -> Self:
        """Annotate what the properties `own_left` and `left` of a line read: `billed` and, of the DI's line, `request_left`."""
        return self.with_billed().with_request_left(on)

    def with_request_left(self, on: date) -> Self:
        """Annotate `request_left`: what is left of the DI's line; null without one."""
        request_line = apps.get_model("interventions", "RequestLine")
        requested = request_line.objects.filter(pk=OuterRef("request_line")).with_remaining(on)
        of_request = requested.values("remaining")[:1]  # type: ignore[misc]  # annotated by with_remaining
        return self.annotate(request_left=Subquery(of_request, output_field=_QUANTITY))

    def with_billed(self) -> Self:
        """Annotate `billed`: what the claims of each line bill."""
        return self.annotate(billed=Balance(*opposite(self._claims()), places=3))

    def with_remaining(self) -> Self:
        """Annotate `remaining`: the property `own_left`, for the database to filter by it."""
        return self.annotate(remaining=Balance("+", F("quantity"), *self._claims(), places=3, floor=True))

    @staticmethod
    def _claims() -> Terms:
        return claimed(apps.get_model("appointments", "AppointmentLineClaim"), "appointment_line")

    def open(self, on: date) -> Self:
        """Narrow to lines with something left to bill: of their own, and of the DI's line when they have one."""
        rows = self.with_remaining().with_request_left(on)
        return rows.filter(Q(request_line=None) | Q(request_left__gt=0), remaining__gt=0)

    def own_open(self) -> Self:
        """Narrow to lines without a DI line that have something left to bill."""
        return self.filter(request_line=None).with_remaining().filter(remaining__gt=0)


class AppointmentQuerySet(StampedQuerySet[Row]):
    def refused_by_customer(self, now: datetime) -> Self:
        """Narrow to confirmed RDVs to come whose customer answered that he is not there."""
        refused = self.filter(state=AppointmentState.CONFIRMED, customer_answer=CustomerAnswer.NO)
        return refused.filter(starts_at__gt=now)

    def with_lines(self) -> Self:
        """Load what totals need, in a constant number of queries."""
        line = apps.get_model("appointments", "AppointmentLine")
        lines = line.objects.select_related("tax", "product", "request_line__tax", "request_line__product")
        return self.select_related("company").prefetch_related(models.Prefetch("lines", lines))

    def on_day(self, day: date, days: int = 1, *, technician: Technician | None = None) -> Self:
        """Narrow to RDVs that take time of their technicians, or of `technician`, within `days` days from `day`.

        Of an RDV that takes no time of them, the day it begins counts.
        """
        start, end = day_bounds(day, days)
        slots = apps.get_model("appointments", "Slot").objects.filter(appointment=OuterRef("pk"))
        if technician is not None:
            slots = slots.filter(technician=technician)
        return self.filter(
            Q(ends_at__gt=start) | Q(ends_at=None, starts_at__gte=start),  # before the slots, which are slower to read
            Exists(slots.filter(starts_at__lt=end, ends_at__gt=start)) | Q(~Exists(slots), starts_at__gte=start),
            starts_at__lt=end,
        )

    def shown_to(self, technician: Technician | None) -> Self:
        """Narrow to what a technician sees, on the phone and by the API: his own RDVs that are dated, confirmed or
        over.
        """
        return self.filter(technicians=technician, starts_at__isnull=False, state__in=sorted(AppointmentState.on_phone))

    def to_bill(self, on: date) -> Self:
        """Narrow to RDVs confirmed or done with lines left to bill."""
        lines = apps.get_model("appointments", "AppointmentLine").objects.filter(appointment=OuterRef("pk"))
        return self.filter(Exists(lines.open(on)), state__in=sorted(AppointmentState.billable))

    def with_own_lines_to_bill(self) -> Self:
        """Narrow to RDVs done with lines of their own left to bill: no DI line stands behind them, only the RDV bills them."""
        lines = apps.get_model("appointments", "AppointmentLine").objects.filter(appointment=OuterRef("pk"))
        return self.filter(Exists(lines.own_open()), state=AppointmentState.DONE)
