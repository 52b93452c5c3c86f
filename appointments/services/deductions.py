"""Fixed deductions on RDVs: refused above what they reduce; put off when less is used on site than was planned."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment, AppointmentLine
from invoicing.services.documents.deductions import Part, refusal_of_deductions
from invoicing.services.records.changes import line_change
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.kernel.errors import BusinessError, Step
from openfire_billing.kernel.formats import number_text

Quantities = Iterable[tuple[AppointmentLine, Decimal]]


def _parts(quantities: Quantities, rounding: str) -> list[Part]:
    return [
        Part(line.terms.label, line.net_amount(rounding, quantity), line.terms.tax, line.is_deduction)
        for line, quantity in quantities
        if line.terms.is_article and line.terms.tax is not None and not line.covered
    ]


def _named(appointment: Appointment) -> object:
    """Return what a refusal calls an RDV: a new one, without number, may be about to go."""
    return appointment if appointment.number else _("Ce RDV")


def _fault(appointment: Appointment, quantities: Quantities, name: object) -> BusinessError | None:
    company, kept = appointment.company, list(quantities)
    is_of_request = any(line.is_deduction and line.request_line_id for line, _quantity in kept)
    return refusal_of_deductions(
        _parts(kept, company.rounding),
        name=name,
        rounding=company.rounding,
        currency=company.currency,
        step=Step(_("Corriger les lignes"), appointment, tab="billing") if appointment.number else None,
        advice=_("Baissez la remise, ou mettez sa quantité à 0 sur ce RDV : elle restera à facturer avec la DI.")
        if is_of_request
        else "",
    )


def refuse_too_deducted(appointment: Appointment, quantities: Quantities, *, name: object) -> None:
    """Raise BusinessError when the deductions among these quantities of lines exceed what they reduce."""
    if fault := _fault(appointment, quantities, name):
        raise fault


def check_deductions(appointment: Appointment) -> None:
    """Raise BusinessError when the deductions of a locked RDV exceed its lines."""
    lines = appointment.lines.select_related("tax", "request_line__tax")
    refuse_too_deducted(appointment, [(line, line.quantity) for line in lines], name=_named(appointment))


def put_off_deductions(appointment: Appointment, *, on: date, by: By) -> bool:
    """Set to zero the deductions of the DI that a locked RDV can no longer bear, the largest first.

    They stay to be billed with the DI, by its next RDV for instance. Nothing changes when the RDV bears them, and a
    deduction that is billed stays. Returns whether one was put off. Raises BusinessError when the RDV's own deductions
    exceed its lines.
    """
    lines = list(
        appointment.lines.left_to_bill(on).select_related("tax", "request_line__tax", "request_line__intervention")
    )
    if not any(line.is_deduction and line.quantity for line in lines):
        return False
    movable = sorted(
        (line for line in lines if line.is_deduction and line.request_line_id and line.quantity and line.billed <= 0),
        key=lambda line: line.net_amount(appointment.company.rounding),
    )
    put_off: list[tuple[AppointmentLine, Decimal]] = []
    while fault := _fault(appointment, [(line, line.quantity) for line in lines], _named(appointment)):
        if not movable:
            raise fault
        line = movable.pop(0)
        put_off.append((line, line.quantity))
        line.quantity = Decimal(0)
    for line, _before in put_off:
        line.save(update_fields=["quantity"])
    if put_off:
        record(
            appointment,
            "edited",
            by=by,
            text=_("Remise fixe reportée : elle dépasse ce qui a servi, et reste à facturer sur la DI"),
            changes={
                "lines": [
                    line_change(line, "changed", {"quantity": [number_text(before, 0), number_text(line.quantity, 0)]})
                    for line, before in put_off
                ]
            },
        )
    return bool(put_off)
