"""Road B: from an RDV that is confirmed or done to a draft invoice of what is left to bill of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLine, AppointmentLineClaim
from appointments.models.claims import lock_appointments
from appointments.services.appointments import lock_appointment
from interventions.models import RequestLine, RequestLineClaim
from invoicing.models import Invoice
from invoicing.services.documents.batches import bill_in_groups
from invoicing.services.documents.drafts import draft_invoice
from invoicing.services.documents.lines import Item, item_of, refuse_unbillable, section
from invoicing.services.records.history import record
from openfire_billing.kernel.errors import BusinessError, NothingToBill, WrongState
from openfire_billing.kernel.outcome import Outcome


@dataclass(frozen=True)
class Billable:
    """What an RDV has to bill: (line, quantity) pairs in order, titles with zero; and what was left out, said."""

    lines: list[tuple[AppointmentLine, Decimal]]
    note: str = ""


def billable_of(appointment: Appointment, *, on: date, spent: dict[int, Decimal]) -> Billable:
    """What is left to bill of a locked RDV. `spent`: what RDVs before it in the same batch took of each DI line.

    Raises NothingToBill or BusinessError, saying where the lines are billed.
    """
    if appointment.state not in AppointmentState.billable:
        raise WrongState(
            _("%(rdv)s : aucune ligne facturable à l'état « %(state)s ». Confirmez-le ou marquez-le réalisé.")
            % {"rdv": appointment, "state": appointment.get_state_display()}
        )
    lines = list(
        appointment.lines.left_to_bill(on).select_related(
            "product", "tax", "unit", "request_line__product", "request_line__tax", "request_line__unit"
        )
    )
    if not any(line.terms.is_article and line.quantity > 0 for line in lines):
        raise BusinessError(_("%s : aucune ligne facturable. Ajoutez-en une dans l'onglet Facturation.") % appointment)
    pairs = [(line, _left(line, spent)) for line in lines]
    note = _left_out(pairs, on)
    if not any(left > 0 for _line, left in pairs):
        raise NothingToBill(
            (note and _("%(rdv)s : %(note)s") % {"rdv": appointment, "note": note})
            or _("%s : tout est déjà facturé. Voyez ses factures.") % appointment
        )
    kept = _with_titles(pairs)
    refuse_unbillable(
        [item_of(line.terms) for line, left in kept if left > 0],
        company=appointment.company,
        position=appointment.fiscal_position,
        name=appointment,
    )
    for line, left in kept:
        if line.request_line_id and left > 0:
            spent[line.request_line_id] = spent.get(line.request_line_id, Decimal(0)) + left
    return Billable(kept, note)


def _left(line: Any, spent: dict[int, Decimal]) -> Decimal:
    """Left to bill of a line: for a linked one never more than what its DI line has left."""
    if not line.terms.is_article:
        return Decimal(0)
    if line.request_line_id is None:
        return line.own_left
    return max(Decimal(0), min(line.own_left, line.request_left - spent.get(line.request_line_id, Decimal(0))))


def _left_out(pairs: Sequence[tuple[Any, Decimal]], on: date) -> str:
    """Which lines are billed by a quote or a contract, in one sentence; "" when there are none."""
    linked = [line.request_line_id for line, left in pairs if line.request_line_id and left <= 0 and line.own_left > 0]
    requests = RequestLine.objects.left_to_bill(on).in_bulk(linked)
    quoted = [str(r) for r in requests.values() if r.is_quoted]
    covered = [str(r) for r in requests.values() if r.covered]
    parts = []
    if quoted:
        parts.append(_("« %s » se facture depuis la commande (devis)") % " », « ".join(quoted))
    if covered:
        parts.append(_("« %s » se facture depuis le contrat") % " », « ".join(covered))
    return str(" ; ".join(str(part) for part in parts) + ".") if parts else ""


def _with_titles(pairs: Sequence[tuple[Any, Decimal]]) -> list[tuple[Any, Decimal]]:
    """Articles left to bill; a title stays when an article left to bill follows it before the next section."""
    kept: list[tuple[Any, Decimal]] = []
    pending: list[tuple[Any, Decimal]] = []
    for line, left in pairs:
        if not line.terms.is_article:
            pending = [(line, left)] if line.terms.kind == "section" else [*pending, (line, left)]
        elif left > 0:
            kept += [*pending, (line, left)]
            pending = []
    return kept


def invoice_appointment(appointment: Appointment, *, on: date, by: Any) -> Outcome:
    """Bill one RDV. The outcome's `made` is the draft, its `note` says which lines a quote or a contract bills.

    Raises what `billable_of` raises.
    """
    with transaction.atomic():
        appointment = lock_appointment(appointment)
        billable = billable_of(appointment, on=on, spent={})
        invoice = _invoice_group([(appointment, billable)], on=on, by=by)
    return Outcome(appointment, made=invoice, note=billable.note)


def invoice_appointments(
    appointments: Iterable[Appointment], *, on: date, by: Any, group_by_customer: bool = False
) -> list[Outcome]:
    """Bill many RDVs, one draft each or one per payer, in the order given. One refusal never stops the others."""
    spent: dict[int, Decimal] = {}
    return bill_in_groups(
        appointments,
        key=lambda a: (a.company_id, a.payer.pk, a.fiscal_position_id) if group_by_customer else a.pk,
        lock=lock_appointments,
        billable=lambda a: billable_of(a, on=on, spent=spent if group_by_customer else {}),
        make=lambda group: _invoice_group(group, on=on, by=by),
    )


def _invoice_group(group: Sequence[tuple[Appointment, Billable]], *, on: date, by: Any) -> Invoice:
    first = group[0][0]
    items: list[Item] = []
    sources: list[AppointmentLine | None] = []
    for appointment, billable in group:
        if len(group) > 1:
            items.append(section(f"{appointment} {appointment.title}".strip()))
            sources.append(None)
        for line, left in billable.lines:
            is_article = line.terms.is_article
            items.append(
                item_of(line.terms, left if is_article else None, supplied_on=appointment.day if is_article else None)
            )
            sources.append(line if is_article else None)
    sites = {appointment.address_id for appointment, _billable in group}
    draft = draft_invoice(
        company=first.company,
        customer=first.payer,
        items=items,
        on=on,
        by=by,
        origin=", ".join(_origin(appointment) for appointment, _billable in group),
        fiscal_position=first.fiscal_position,
        site=first.address if len(sites) == 1 else None,
    )
    claimed = [(made, line) for made, line in zip(draft.lines, sources, strict=True) if line is not None]
    AppointmentLineClaim.objects.bulk_create(
        AppointmentLineClaim(invoice_line=made, appointment_line=line) for made, line in claimed
    )
    RequestLineClaim.objects.bulk_create(
        RequestLineClaim(invoice_line=made, request_line=line.request_line)
        for made, line in claimed
        if line.request_line_id
    )
    for appointment, _billable in group:
        record(appointment, "invoiced", by=by, text=_("Facture en brouillon générée"))
        if appointment.intervention is not None:
            record(
                appointment.intervention,
                "invoiced",
                by=by,
                text=_("Facture en brouillon générée depuis %s") % appointment,
            )
    return draft.invoice


def _origin(appointment: Appointment) -> str:
    return f"{appointment} ({appointment.intervention})" if appointment.intervention else str(appointment)
