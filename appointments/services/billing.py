"""From an RDV that is confirmed or done to a draft invoice of what is left to bill of it."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLine, AppointmentLineClaim
from appointments.services.deductions import refuse_too_deducted
from appointments.services.locks import lock_appointment, lock_appointments
from appointments.services.planned import invoices_of
from interventions.models import RequestLine, RequestLineClaim
from invoicing.services.documents.batches import Billable, bill_in_groups, bill_one
from invoicing.services.documents.intents import DraftIntent, line_intent
from invoicing.services.records.acts import Once
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, NothingToBill, Step, WrongState
from openfire_billing.kernel.outcome import Outcome


def billable_of(appointment: Appointment, *, on: date, spent: dict[int, Decimal]) -> Billable:
    """Return the draft of what is left to bill of a locked RDV, proposed at `on`.

    `spent`: what RDVs before it in the same batch took of each DI line; what this one takes is added.

    Raises NothingToBill or BusinessError, saying where the lines are billed.
    """
    if appointment.state not in AppointmentState.billable:
        raise WrongState(
            _("%(rdv)s : aucune ligne facturable à l'état « %(state)s ». Confirmez-le ou marquez-le réalisé.")
            % {"rdv": appointment, "state": appointment.get_state_display()},
            step=Step(_("Confirmer le RDV"), appointment, act="confirm")
            if appointment.state == AppointmentState.DRAFT
            else None,
        )
    lines = list(
        appointment.lines.left_to_bill(on).select_related(
            "product", "tax", "unit", "request_line__product", "request_line__tax", "request_line__unit"
        )
    )
    if not any(line.terms.is_article and line.quantity > 0 for line in lines):
        raise BusinessError(
            _("%s : aucune ligne facturable. Ajoutez-en une dans l'onglet Facturation.") % appointment,
            step=Step(_("Ajouter une ligne"), appointment, tab="billing"),
        )
    pairs = [(line, _left(line, spent)) for line in lines]
    note = _left_out(pairs, on)
    if not any(left > 0 for _line, left in pairs):
        sentence = _("%(rdv)s : %(note)s") % {"rdv": appointment, "note": note} if note else ""
        raise NothingToBill(
            sentence or _("%s : tout est déjà facturé. Voyez ses factures.") % appointment,
            documents=invoices_of(appointment),
        )
    kept = _with_titles(pairs)
    name = _("%s, pour ce qui reste à facturer") % appointment
    refuse_too_deducted(appointment, kept, name=name)
    for line, left in kept:
        if line.request_line_id and left > 0:
            spent[line.request_line_id] = spent.get(line.request_line_id, Decimal(0)) + left
    intent = DraftIntent(
        company=appointment.company_id,
        customer=appointment.payer.pk,
        lines=[
            line_intent(line.terms, left, supplied_on=appointment.day)
            if line.terms.is_article
            else line_intent(line.terms)
            for line, left in kept
        ],
        proposed_on=on,
        origin=_origin(appointment),
        name=str(appointment),
        fiscal_position=appointment.fiscal_position_id,
        site=appointment.address_id,
    )
    return Billable(
        appointment,
        intent,
        [line if line.terms.is_article else None for line, _left_of in kept],
        title=f"{appointment} {appointment.title}".strip(),
        notes=(note,) if note else (),
    )


def _left(line: AppointmentLine, spent: dict[int, Decimal]) -> Decimal:
    """Return what is left to bill of a line; of a linked one, never more than what its DI line has left."""
    if not line.terms.is_article:
        return Decimal(0)
    if line.request_line_id is None:
        return line.own_left
    return max(Decimal(0), min(line.own_left, line.request_left - spent.get(line.request_line_id, Decimal(0))))


def _left_out(pairs: Sequence[tuple[AppointmentLine, Decimal]], on: date) -> str:
    """Return, in one sentence, which lines a quote or a contract bills; "" when there are none."""
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


def _with_titles(pairs: Sequence[tuple[AppointmentLine, Decimal]]) -> list[tuple[AppointmentLine, Decimal]]:
    """Return the article lines with a quantity left to bill, and the sections and notes above them, in document order.

    A section is dropped when no such article follows it before the next section; a note, when no such article follows it
    in its section.
    """
    kept: list[tuple[AppointmentLine, Decimal]] = []
    pending: list[tuple[AppointmentLine, Decimal]] = []
    for line, left in pairs:
        if not line.terms.is_article:
            pending = [(line, left)] if line.terms.kind == "section" else [*pending, (line, left)]
        elif left > 0:
            kept += [*pending, (line, left)]
            pending = []
    return kept


def invoice_appointment(appointment: Appointment, *, seen: int | None = None, on: date, by: By) -> Outcome:
    """Bill one RDV. The outcome's `made` is the draft, its notes say which lines a quote or a contract bills.

    Raises what `billable_of` raises.
    """
    with atomic():
        appointment = lock_appointment(appointment, seen=seen)
        billable = billable_of(appointment, on=on, spent={})
        invoice = bill_one(billable, claim=_claim, by=by)
        _write_journals([billable], by=by)
    return Outcome(appointment, made=invoice, notes=billable.notes)


def invoice_appointments(
    appointments: Iterable[Appointment], *, on: date, by: By, group_by_customer: bool = False, once: Once | None = None
) -> list[Outcome]:
    """Bill many RDVs, one draft each or one per payer, in the order given. One refusal never stops the others."""
    spent: dict[int, Decimal] = {}  # by the RDVs of one group

    def lock(members: Sequence[Appointment]) -> list[Appointment]:
        spent.clear()  # a group begins, or begins again after a conflict
        return lock_appointments(members)

    return bill_in_groups(
        appointments,
        key=lambda a: (a.company_id, a.payer.pk, a.fiscal_position_id) if group_by_customer else a.pk,
        lock=lock,
        billable=lambda a: billable_of(a, on=on, spent=spent if group_by_customer else {}),
        claim=_claim,
        billed=lambda billed: _write_journals(billed, by=by),
        by=by,
        once=once,
    )


def _claim(billed: Sequence[tuple[int, AppointmentLine]]) -> None:
    """Write the claims of these lines: on the RDV line, and on the DI line it was taken over from."""
    AppointmentLineClaim.objects.bulk_create(
        AppointmentLineClaim(invoice_line_id=pk, appointment_line=line) for pk, line in billed
    )
    RequestLineClaim.objects.bulk_create(
        RequestLineClaim(invoice_line_id=pk, request_line=line.request_line)
        for pk, line in billed
        if line.request_line_id
    )


def _write_journals(billed: Sequence[Billable], *, by: By) -> None:
    for billable in billed:
        appointment = billable.document
        record(appointment, "invoiced", by=by, text=_("Facture en brouillon générée"))
        if appointment.intervention is not None:
            record(
                appointment.intervention,
                "invoiced",
                by=by,
                text=_("Facture en brouillon générée depuis %s") % appointment,
            )


def _origin(appointment: Appointment) -> str:
    return f"{appointment} ({appointment.intervention})" if appointment.intervention else str(appointment)
