"""The life of an appointment: made from a DI or alone, moved, confirmed, done, unfinished, postponed, cancelled, copied."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.availability import Stretch
from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLine
from appointments.models.claims import lock_appointments
from appointments.services.booking import occupy
from appointments.services.calendars import local
from appointments.services.lines import copy_request_lines, write_lines
from interventions.models import InterventionRequest, Technician
from interventions.services.planning import record_planning
from interventions.services.promises import lock_promises
from interventions.services.requests import lock_intervention, refuse_to_come
from invoicing.services.catalogue import take_number, usual_terms
from invoicing.services.documents.lines import COPIED, LineEdit
from invoicing.services.records.attachments import copy_attachments
from invoicing.services.records.history import move, record
from openfire_billing.kernel.errors import BusinessError, WrongState

S = AppointmentState
_FROM_INTERVENTION = (
    "company",
    "title",
    "partner",
    "bill_to",
    "address",
    "type",
    "task",
    "template",
    "equipment",
    "description",
    "fiscal_position",
)


def lock_appointment(appointment: Appointment) -> Appointment:
    """Lock one RDV after what promised its DI, the DI and its quotes. Raises BusinessError when it is gone."""
    lock_promises(
        InterventionRequest.objects.filter(appointments=appointment.pk).order_by().values_list("pk", flat=True)
    )
    locked = lock_appointments([appointment])
    if not locked:
        raise BusinessError(_("Ce RDV n'existe plus : il a été supprimé entre-temps. Revenez à la liste."))
    return locked[0]


def tell_intervention(intervention: InterventionRequest | None, *, by: Any) -> None:
    """Tell the DI how many hours are open, how its last RDV ended and when it was done."""
    if intervention is None:
        return
    appointments = list(Appointment.objects.filter(intervention=intervention).order_by("starts_at", "pk"))
    planned = [a for a in appointments if a.is_open and a.starts_at]
    ended = [a for a in appointments if a.state in (S.DONE, S.UNFINISHED)]
    last = ended[-1] if ended else None
    done_at = last and (last.done_at or last.ends_at)
    record_planning(
        intervention,
        open=sum((a.duration for a in planned), Decimal(0)),
        last=None if last is None else "done" if last.state == S.DONE else "unfinished",
        done_on=local(done_at).date() if done_at else None,
        by=by,
    )


def fill_defaults(appointment: Appointment) -> None:
    """Fill what was left empty from the DI, the customer and the task. Saves nothing."""
    if appointment.intervention is not None:
        for name in _FROM_INTERVENTION:
            if getattr(appointment, f"{name}_id", None) is None and not getattr(appointment, name, None):
                setattr(appointment, name, getattr(appointment.intervention, name))
    partner, task = appointment.partner, appointment.task
    if not appointment.address_id:
        address = partner.default_address()
        if address is None:
            raise BusinessError(
                _("« %s » n'a pas d'adresse : ajoutez-la sur sa fiche, ou choisissez-en une.") % partner
            )
        appointment.address = address
    appointment.bill_to = appointment.bill_to or partner.bill_to
    appointment.type = appointment.type or task.type
    appointment.duration = appointment.duration or task.duration
    appointment.fiscal_position = (
        appointment.fiscal_position or usual_terms(partner).fiscal_position or task.fiscal_position
    )


def save_appointment(
    appointment: Appointment,
    *,
    technicians: Sequence[Technician],
    edits: Sequence[LineEdit],
    on: date,
    by: Any,
    place: Sequence[Stretch] | None = None,
) -> Appointment:
    """Save an RDV from its form, with its technicians, time and lines. A new one of a DI takes all its lines over.

    `place`: the time it takes, when it was found free under the technicians' lock. Raises BusinessError.
    """
    with transaction.atomic():
        before = lock_appointment(appointment) if appointment.pk else None
        if before is None and appointment.intervention_id:
            lock_promises([appointment.intervention_id])
        fill_defaults(appointment)
        if appointment.lead is None and technicians:
            appointment.lead = technicians[0]
        if appointment.lead is not None and appointment.lead not in technicians:
            technicians = [*technicians, appointment.lead]
        if before is not None:
            _refuse_move(before, appointment, technicians)
            _refuse_other_request(before, appointment)
        elif appointment.intervention is not None:
            _refuse_closed(appointment.intervention)
        _refuse_nonsense(appointment)
        appointment.save()
        was = set(appointment.technicians.values_list("pk", flat=True)) if before else set()
        appointment.technicians.set(technicians)
        if before is None or _is_moved(before, appointment) or was != {t.pk for t in technicians}:
            occupy(appointment, technicians, by=by, place=place)
        if before is None:
            record(appointment, "created", by=by, text=_("RDV créé"))
            if appointment.intervention is not None:
                _carry_over(appointment, by=by)
        write_lines(appointment, edits, on=on, by=by)
        tell_intervention(appointment.intervention, by=by)
        if before is not None and before.intervention_id != appointment.intervention_id:
            tell_intervention(before.intervention, by=by)
    return appointment


def _refuse_nonsense(appointment: Appointment) -> None:
    if appointment.duration <= 0:
        raise BusinessError(_("%s : la durée est supérieure à zéro.") % appointment)
    if appointment.starts_at is None:
        appointment.ends_at = None
    elif appointment.ends_at is not None and appointment.ends_at <= appointment.starts_at:
        if appointment.is_end_forced:
            raise BusinessError(
                _("%s : la fin du RDV n'est pas après son début. Corrigez l'heure de fin.") % appointment
            )
        appointment.ends_at = None  # computed again from the working hours


def _carry_over(appointment: Appointment, *, by: Any) -> None:
    assert appointment.intervention is not None
    copy_request_lines(appointment)
    appointment.tags.set(appointment.intervention.tags.all())
    copy_attachments(appointment.intervention, appointment, by=by)
    record(appointment.intervention, "planned", by=by, text=_("%s créé") % appointment)


_TIME = ("starts_at", "ends_at", "is_end_forced", "is_all_day", "duration", "lead_id", "task_id")
_PLACE = (*_TIME, "override")


def _is_moved(before: Appointment, after: Appointment, names: Sequence[str] = _PLACE) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in names)


def _refuse_move(before: Appointment, after: Appointment, technicians: Sequence[Technician]) -> None:
    if before.state not in S.open:
        if _is_moved(before, after, _TIME):  # a reason to override may be written: going back to draft may need it
            raise WrongState(
                _("%(rdv)s est à l'état « %(state)s » : remettez-le en brouillon pour le déplacer.")
                % {"rdv": before, "state": before.get_state_display()}
            )
        return
    changed = _is_moved(before, after) or before.partner_id != after.partner_id
    if changed and is_billed(before):
        raise BusinessError(
            _(
                "%s est facturé, au moins en partie : il ne se déplace plus. Supprimez le brouillon de facture, ou faites un avoir."
            )
            % before
        )


def _refuse_other_request(before: Appointment, after: Appointment) -> None:
    """Its lines are those of its DI: they would be billed for one and counted on another."""
    moved = before.intervention_id != after.intervention_id
    if moved and before.lines.filter(request_line__isnull=False).exists():
        raise BusinessError(
            _("%(rdv)s porte les lignes de %(di)s : il ne change pas de DI. Générez un RDV depuis l'autre DI.")
            % {"rdv": before, "di": before.intervention}
        )


def is_billed(appointment: Appointment) -> bool:
    """Whether an invoice line bills something of it."""
    return any(line.billed for line in appointment.lines.left_to_bill(timezone.localdate()))


def _refuse_closed(intervention: InterventionRequest) -> None:
    if not intervention.is_validated:
        raise WrongState(
            _("%(di)s est à l'état « %(state)s » : seule une DI validée se planifie.")
            % {"di": intervention, "state": intervention.get_state_display()}
        )


def appoint(
    intervention: InterventionRequest,
    *,
    technicians: Sequence[Technician],
    starts_at: datetime | None,
    on: date,
    by: Any,
    override: str = "",
    duration: Decimal | None = None,
    place: Sequence[Stretch] | None = None,
) -> Appointment:
    """Make the RDV of a DI: lines, files, tags and the rest come along. `starts_at` None: to be placed later.

    Raises WrongState (draft or cancelled DI), BusinessError (taken, away, unable).
    """
    with transaction.atomic():
        lock_promises([intervention.pk])
        intervention = lock_intervention(intervention)
        _refuse_closed(intervention)
        values = {name: getattr(intervention, name) for name in _FROM_INTERVENTION}
        appointment = Appointment(
            **values,
            intervention=intervention,
            duration=duration or intervention.remaining_duration or intervention.duration,
            starts_at=starts_at,
            override=override,
        )
        return save_appointment(appointment, technicians=technicians, edits=(), on=on, by=by, place=place)


def confirm_appointment(appointment: Appointment, *, by: Any) -> Appointment:
    """The customer knows: the RDV gets its number. Needs technicians and a date."""
    with transaction.atomic():
        appointment = lock_appointment(appointment)
        if appointment.state != S.DRAFT:
            raise WrongState(_("%s n'est pas en brouillon : il n'y a rien à confirmer.") % appointment)
        if appointment.starts_at is None or not appointment.technicians.exists():
            raise BusinessError(_("%s : choisissez une date et un intervenant avant de confirmer.") % appointment)
        occupy(appointment, list(appointment.technicians.all()), by=by)
        if not appointment.number:
            appointment.number = take_number(appointment.company, "RDV")
        _move(appointment, S.CONFIRMED, by=by, act="confirmed", text=_("RDV confirmé"), save=("number",))
    return appointment


def finish_appointment(appointment: Appointment, *, at: datetime, by: Any, report: str = "") -> Appointment:
    """Réalisé: the work was done, today at the latest. Raises BusinessError when its day is yet to come."""
    refuse_to_come(appointment, timezone.localdate(at))
    with transaction.atomic():
        appointment = lock_appointment(appointment)
        appointment.done_at = at
        appointment.report = report or appointment.report
        _move(appointment, S.DONE, by=by, act="done", text=_("RDV réalisé"), save=("done_at", "report"))
    return appointment


def leave_unfinished(appointment: Appointment, *, reason: str, by: Any, report: str = "") -> Appointment:
    """Inachevé: the technician went, the work is not done. A reason is needed."""
    if not reason.strip():
        raise BusinessError(_("%s : dites pourquoi le travail n'est pas fini.") % appointment)
    with transaction.atomic():
        appointment = lock_appointment(appointment)
        appointment.reason = reason[:200]
        appointment.report = report or appointment.report
        text = _("RDV inachevé : %s") % reason
        _move(appointment, S.UNFINISHED, by=by, act="unfinished", text=text, save=("reason", "report"))
    return appointment


def postpone_appointment(appointment: Appointment, *, reason: str = "", by: Any) -> Appointment:
    """Reporté: the technicians are free again. A billed RDV is not postponed."""
    return _give_up(appointment, S.POSTPONED, act="postponed", text=_("RDV reporté. %s"), reason=reason, by=by)


def cancel_appointment(appointment: Appointment, *, reason: str = "", by: Any) -> Appointment:
    """Annulé: the technicians are free again. A billed RDV is not cancelled."""
    return _give_up(appointment, S.CANCELLED, act="cancelled", text=_("RDV annulé. %s"), reason=reason, by=by)


def _give_up(
    appointment: Appointment, state: AppointmentState, *, act: str, text: Any, reason: str, by: Any
) -> Appointment:
    with transaction.atomic():
        appointment = lock_appointment(appointment)
        _refuse_billed(appointment)
        appointment.reason = reason[:200]
        _move(appointment, state, by=by, act=act, text=str(text % reason).strip(), save=("reason",))
        occupy(appointment, (), by=by)
    return appointment


def reset_appointment(appointment: Appointment, *, by: Any) -> Appointment:
    """Back to draft, at the same time when it is still free. A billed RDV does not go back."""
    with transaction.atomic():
        appointment = lock_appointment(appointment)
        _refuse_billed(appointment)
        appointment.done_at, appointment.reason = None, ""
        _move(appointment, S.DRAFT, by=by, act="reset", text=_("Remis en brouillon"), save=("done_at", "reason"))
        occupy(appointment, list(appointment.technicians.all()), by=by)
    return appointment


def _refuse_billed(appointment: Appointment) -> None:
    if is_billed(appointment):
        raise WrongState(
            _("%s est facturé, au moins en partie : supprimez le brouillon de facture ou faites un avoir d'abord.")
            % appointment
        )


def _move(appointment: Appointment, state: Any, *, by: Any, act: str, text: Any, save: tuple[str, ...] = ()) -> None:
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


def duplicate_appointment(appointment: Appointment, *, by: Any) -> Appointment:
    """A draft copy, to be placed: same customer, work and lines; no DI, number, answers nor billing."""
    with transaction.atomic():
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


def delete_appointments(appointments: Iterable[Appointment], *, by: Any) -> int:
    """Delete RDVs that are drafts or cancelled, never billed. All or none."""
    with transaction.atomic():
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
        interventions = [appointment.intervention for appointment in locked]
        Appointment.objects.filter(pk__in=[a.pk for a in locked]).delete()
        for intervention in interventions:
            tell_intervention(intervention, by=by)
    return len(locked)


def write_report(appointment: Appointment, *, report: str, by: Any) -> Appointment:
    """What the technician says of the visit."""
    with transaction.atomic():
        appointment = lock_appointment(appointment)
        before, appointment.report = appointment.report, report
        appointment.save(update_fields=["report"])
        if before != report:
            record(appointment, "reported", by=by, text=_("Compte rendu modifié"))
    return appointment
