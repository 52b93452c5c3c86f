"""Claims of RDV lines by invoice lines."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from appointments.models.appointments import AppointmentLine
from invoicing.models import Claim
from invoicing.models.documents.claims import guard_claim, refuse_more_than_left


class AppointmentLineClaim(Claim):
    """Records that an invoice line bills an RDV line.

    When the RDV line was copied from a DI line (`request_line`), the same invoice line also has a RequestLineClaim on that
    DI line.
    """

    SOURCE = "appointment_line__appointment"
    company_path = f"{SOURCE}__company"

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
    def check_changes(cls, claims: Sequence["AppointmentLineClaim"], changes: Mapping[int, Decimal]) -> None:
        lines = AppointmentLine.objects.with_billed().in_bulk([claim.appointment_line_id for claim in claims])
        for claim in claims:
            line = lines[claim.appointment_line_id]
            refuse_more_than_left(
                str(line), changes[claim.invoice_line_id], line.own_left + claim.invoice_line.quantity
            )


guard_claim(AppointmentLineClaim)
