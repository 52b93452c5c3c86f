"""Moves of an RDV from state to state; its copy, its deletion, its report."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLine
from appointments.services.booking import occupy
from appointments.services.deductions import put_off_deductions
from appointments.services.locks import lock_appointment, lock_appointments
from appointments.services.notices import follow_changes
from appointments.services.planned import invoices_of, is_billed, tell_intervention
from interventions.services.states import refuse_to_come
from invoicing.services.catalogue import take_number
from invoicing.services.documents.lines import COPIED
from invoicing.services.records.attachments import copy_attachments
from invoicing.services.records.history import move, record
from openfire_billing.db.people import By
from openfire_billing.db.texts import Text
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import save_columns
from openfire_billing.kernel.errors import BusinessError, WrongState

S = AppointmentState


def confirm_appointment(appointment: Appointment, *, seen: int | None = None, by: By) -> Appointment:
    """Confirm to the customer and give the RDV its number. Refuse it without technicians or a date."""
    with atomic():
        appointment = lock_appointment(appointment, seen=seen)
        if appointment.state != S.DRAFT:
            raise WrongState(_("%s n'est pas en brouillon : il n'y a rien à confirmer.") % appointment)
        faults = []
        if appointment.starts_at is None:
            text = _("%s : choisissez une date avant de confirmer.") % appointment
            faults.append(BusinessError(text, field="starts_at", code="missing_field"))
        if not appointment.technicians.exists():
            text = _("%s : choisissez un intervenant avant de confirmer.") % appointment
            faults.append(BusinessError(text, field="technicians", code="missing_field"))
        if faults:
            raise BusinessError.all(faults)
        occupy(appointment, list(appointment.technicians.all()), by=by)
        if not appointment.number:
            appointment.number = take_number(appointment.company, "RDV")
        appointment.confirmed_at = timezone.now()
        _move(
            appointment,
            S.CONFIRMED,
            by=by,
            act="confirmed",
            text=_("RDV confirmé"),
            save=("number", "confirmed_at"),
        )
        follow_changes(appointment, by=by)
    return appointment


def finish_appointment(
    appointment: Appointment, *, at: datetime, seen: int | None = None, by: By, report: str = ""
) -> Appointment:
    """Réalisé: record that the work was done, today at the latest.

    Raises BusinessError when its day is yet to come, or when its own deductions exceed its lines; those of the DI are
    put off.
    """
    refuse_to_come(appointment, timezone.localdate(at))
    with atomic():
        appointment = lock_appointment(appointment, seen=seen)
        put_off_deductions(appointment, on=timezone.localdate(at), by=by)
        appointment.done_at = at
        appointment.report = report or appointment.report
        _move(appointment, S.DONE, by=by, act="done", text=_("RDV réalisé"), save=("done_at", "report"))
        follow_changes(appointment, by=by)
    return appointment


def leave_unfinished(
    appointment: Appointment, *, reason: str, seen: int | None = None, by: By, report: str = ""
) -> Appointment:
    """Inachevé: record that the technician went and the work is not done. Refuse an empty reason."""
    if not reason.strip():
        raise BusinessError(_("%s : dites pourquoi le travail n'est pas fini.") % appointment)
    with atomic():
        appointment = lock_appointment(appointment, seen=seen)
        appointment.reason = reason[:200]
        appointment.report = report or appointment.report
        text = _("RDV inachevé : %s") % reason
        _move(appointment, S.UNFINISHED, by=by, act="unfinished", text=text, save=("reason", "report"))
        follow_changes(appointment, by=by)
    return appointment


def postpone_appointment(appointment: Appointment, *, reason: str = "", seen: int | None = None, by: By) -> Appointment:
    """Reporté: free the technicians. A billed RDV is refused."""
    return _give_up(
        appointment, S.POSTPONED, act="postponed", text=_("RDV reporté. %s"), reason=reason, seen=seen, by=by
    )


def cancel_appointment(appointment: Appointment, *, reason: str = "", seen: int | None = None, by: By) -> Appointment:
    """Annulé: free the technicians. A billed RDV is refused."""
    return _give_up(
        appointment, S.CANCELLED, act="cancelled", text=_("RDV annulé. %s"), reason=reason, seen=seen, by=by
    )


def _give_up(
    appointment: Appointment,
    state: AppointmentState,
    *,
    act: str,
    text: Text,
    reason: str,
    seen: int | None,
    by: By,
) -> Appointment:
    with atomic():
        appointment = lock_appointment(appointment, seen=seen)
        _refuse_billed(appointment)
        appointment.reason = reason[:200]
        _move(appointment, state, by=by, act=act, text=str(text % reason).strip(), save=("reason",))
        occupy(appointment, (), by=by)
        follow_changes(appointment, by=by)
    return appointment


def reset_appointment(appointment: Appointment, *, seen: int | None = None, by: By) -> Appointment:
    """Put back to draft, at the same time when it is still free. A billed RDV is refused."""
    with atomic():
        appointment = lock_appointment(appointment, seen=seen)
        _refuse_billed(appointment)
        appointment.done_at, appointment.reason = None, ""
        _move(appointment, S.DRAFT, by=by, act="reset", text=_("Remis en brouillon"), save=("done_at", "reason"))
        occupy(appointment, list(appointment.technicians.all()), by=by)
        follow_changes(appointment, by=by)
    return appointment


def is_move_undoable(appointment: Appointment) -> bool:
    """Return whether a move of this RDV may be undone: « Réalisé » may put off deductions, which stay put off."""
    return not any(line.is_deduction for line in appointment.lines.select_related("request_line"))


def undo_move(
    appointment: Appointment,
    *,
    state: AppointmentState,
    done_at: datetime | None,
    reason: str,
    report: str,
    seen: int,
    by: By,
) -> Appointment:
    """Give an RDV back the state, the hour done, the reason and the report that it had before its last move.

    It keeps a number given by that move, and takes its technicians' time again. `seen`: its version after that move.
    Raises StaleForm when it changed since, WrongState when it is billed, BusinessError when the time is taken.
    """
    with atomic():
        appointment = lock_appointment(appointment, seen=seen)
        _refuse_billed(appointment)
        appointment.done_at, appointment.reason, appointment.report = done_at, reason, report
        text = _("« %s » annulé") % appointment.get_state_display()
        move(appointment, state, by=by, act="undone", text=text, save=("done_at", "reason", "report"), is_undo=True)
        tell_intervention(appointment.intervention, by=by)
        is_free = state in (S.POSTPONED, S.CANCELLED)
        occupy(appointment, () if is_free else list(appointment.technicians.all()), by=by)
        follow_changes(appointment, by=by)
    return appointment


def _refuse_billed(appointment: Appointment) -> None:
    if is_billed(appointment):
        raise WrongState(
            _("%s est facturé, au moins en partie : supprimez le brouillon de facture ou faites un avoir d'abord.")
            % appointment,
            documents=invoices_of(appointment),
        )


def _move(
    appointment: Appointment, state: AppointmentState, *, by: By, act: str, text: Text, save: tuple[str, ...] = ()
) -> None:
    move(appointment, state, by=by, act=act, text=text, save=save)
    tell_intervention(appointment.intervention, by=by)


_DUPLICATED = (
    "company",
    "title",
    "team",
    "lead",
    "partner",
    "bill_to",
    "address",
    "type",
    "task",
    "template",
    "duration",
    "equipment",
    "description",
    "fiscal_position",
)


def duplicate_appointment(appointment: Appointment, *, by: By) -> Appointment:
    """Make a draft copy without a time: same customer, work and lines; no DI, number, answers nor billing."""
    with atomic():
        copy = Appointment(**{name: getattr(appointment, name) for name in _DUPLICATED})
        copy.save()
        copy.technicians.set(appointment.technicians.all())
        copy.tags.set(appointment.tags.all())
        lines = appointment.lines.select_related("request_line__product", "request_line__tax", "product", "tax")
        AppointmentLine.objects.bulk_create(
            AppointmentLine(
                appointment=copy,
                position=line.position,
                **{name: getattr(line.terms, name) for name in COPIED if name != "quantity"},
                quantity=line.quantity,
            )
            for line in lines
            if not line.covered
        )
        copy_attachments(appointment, copy, by=by)
        record(copy, "created", by=by, text=_("Copie de %s") % appointment)
    return copy


def delete_appointments(appointments: Iterable[Appointment], *, by: By) -> int:
    """Delete RDVs that are drafts or cancelled, never billed. All or none."""
    with atomic():
        locked = lock_appointments(appointments)
        for appointment in locked:
            if appointment.state not in (S.DRAFT, S.CANCELLED):
                raise WrongState(
                    _("%(rdv)s est à l'état « %(state)s » : seul un RDV en brouillon ou annulé se supprime.")
                    % {"rdv": appointment, "state": appointment.get_state_display()}
                )
            _refuse_billed(appointment)
            if AppointmentLine.objects.filter(appointment=appointment, claims__isnull=False).exists():
                raise WrongState(
                    _("%s a été facturé puis crédité : il se garde pour mémoire. Annulez-le.") % appointment
                )
            record(appointment, "deleted", by=by, text=_("RDV supprimé"))
        interventions = {a.intervention_id: a.intervention for a in locked if a.intervention}
        Appointment.objects.filter(pk__in=[a.pk for a in locked]).delete()
        for intervention in interventions.values():
            tell_intervention(intervention, by=by)
    return len(locked)


def write_report(appointment: Appointment, *, report: str, seen: int | None = None, by: By) -> Appointment:
    """Write the technician's report of the visit."""
    with atomic():
        appointment = lock_appointment(appointment, seen=seen)
        before, appointment.report = appointment.report, report
        if before != report:
            save_columns(appointment, ["report"])
            record(appointment, "reported", by=by, text=_("Compte rendu modifié"))
    return appointment
