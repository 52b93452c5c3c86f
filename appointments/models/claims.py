"""What invoice lines bill of an RDV."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.models.appointments import Appointment, AppointmentLine
from interventions.models import InterventionRequest
from interventions.models.claims import lock_interventions, lock_quotes_of
from invoicing.models import Claim
from invoicing.models.documents.claims import refuse_more_than_left


class AppointmentLineClaim(Claim):
    """An invoice line that bills an RDV line. A linked line is claimed twice: here, and on its DI line."""

    LOCK_ORDER = 30

    appointment_line = models.ForeignKey(
        AppointmentLine, models.PROTECT, related_name="claims", verbose_name=_("ligne de RDV")
    )

    class Meta:
        verbose_name = _("ligne de RDV facturée")
        verbose_name_plural = _("lignes de RDV facturées")
        constraints = [models.UniqueConstraint(fields=["invoice_line"], name="appointments_claim_line_once")]

    def __str__(self) -> str:
        return f"{self.appointment_line} → {self.invoice_line}"

    @classmethod
    def lock(cls, claims: Sequence["AppointmentLineClaim"]) -> None:
        ids = [claim.pk for claim in claims]
        lock_appointments(Appointment.objects.filter(lines__claims__in=ids).distinct())

    @classmethod
    def check_changes(cls, claims: Sequence["AppointmentLineClaim"], changes: Mapping[int, Decimal]) -> None:
        lines = AppointmentLine.objects.left_to_bill(timezone.localdate()).in_bulk(
            [claim.appointment_line_id for claim in claims]
        )
        for claim in claims:
            line = lines[claim.appointment_line_id]
            refuse_more_than_left(
                str(line), changes[claim.invoice_line_id], line.own_left + claim.invoice_line.quantity
            )


def lock_appointments(appointments: Any) -> list[Appointment]:
    """Lock RDVs for billing: their DIs first, then the DIs' quotes, then the RDVs, each by primary key."""
    ids = sorted(appointment.pk for appointment in appointments)
    interventions = lock_interventions(InterventionRequest.objects.filter(appointments__in=ids).distinct())
    lock_quotes_of(interventions)
    return list(
        Appointment.objects.select_for_update(of=("self",))
        .filter(pk__in=ids)
        .select_related(
            "company",
            "partner__bill_to",
            "bill_to",
            "address",
            "task",
            "template",
            "fiscal_position",
            "intervention",
            "lead",
        )
        .order_by("pk")
    )
