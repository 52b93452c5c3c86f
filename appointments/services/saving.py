"""RDVs: made, from a DI or alone; saved with technicians, time and lines; moved."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from django.utils.translation import gettext_lazy as _

from appointments.announced import holds, hour_text
from appointments.availability import Stretch
from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.services.booking import occupy
from appointments.services.calendars import local
from appointments.services.lines import copy_request_lines, write_lines
from appointments.services.locks import lock_appointment
from appointments.services.notices import follow_changes
from appointments.services.planned import is_billed, tell_intervention
from interventions.models import InterventionRequest, Technician
from interventions.services.locks import lock_intervention
from interventions.services.requests import refusal_of_no_address
from interventions.services.states import validation_of
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents.lines import LineEdit
from invoicing.services.records.attachments import copy_attachments
from invoicing.services.records.history import record
from invoicing.services.records.saving import assign, describe_changes, set_many
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import columns_of, raise_version, save_changed
from openfire_billing.kernel.errors import BusinessError, Step, WrongState

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
            raise refusal_of_no_address(partner)
        appointment.address = address
    appointment.bill_to = appointment.bill_to or partner.bill_to
    appointment.type = appointment.type or task.type
    appointment.duration = appointment.duration or task.duration
    appointment.fiscal_position = (
        appointment.fiscal_position or usual_terms(partner).fiscal_position or task.fiscal_position
    )


def save_appointment(
    pk: int | None,
    values: Mapping[str, object],
    *,
    technicians: Sequence[Technician] | None = None,
    edits: Sequence[LineEdit] = (),
    seen: int | None = None,
    on: date,
    by: By,
    place: Sequence[Stretch] | None = None,
    despite_absences: bool = False,
) -> Appointment:
    """Save an RDV from its form, with its technicians, time and lines: a new one when `pk` is None.

    `values`: {field: wanted value}; the columns it does not name are left as they are. `technicians`: None = those it
    has. A new one of a DI takes all its lines over. `place`: the time it takes, when it was found free under the
    technicians' lock. `despite_absences`: see `occupy`. Raises BusinessError, ValidationError (Django's) or StaleForm, and saves nothing.
    """
    with atomic():
        request = cast("InterventionRequest | None", values.get("intervention"))
        if pk is None:
            if request is not None:
                values = {**values, "intervention": lock_intervention(request, promises=True)}
            return _create(values, technicians or (), edits, on=on, by=by, place=place)
        appointment = lock_appointment(Appointment(pk=pk), seen=seen, interventions=[request.pk] if request else ())
        before, before_in = columns_of(appointment), appointment.intervention
        many = assign(appointment, values)
        if appointment.ends_at is None and not appointment.is_end_forced:
            appointment.ends_at = cast("datetime | None", before["ends_at"])  # computed again when the RDV moves
        fill_defaults(appointment)
        people = list(appointment.technicians.all())
        wanted = _with_lead(appointment, people if technicians is None else technicians)
        is_of_others = {t.pk for t in people} != {t.pk for t in wanted}
        _refuse_move(appointment, before, is_of_others=is_of_others)
        _refuse_other_request(appointment, before)
        _refuse_nonsense(appointment)
        _check_announced(appointment, before)
        is_moved = _differs(appointment, before, _PLACE) or is_of_others
        changes = describe_changes(
            appointment, before, values.keys() - ({} if appointment.is_end_forced else {"ends_at"})
        )
        changes |= set_many(appointment, many | ({"technicians": wanted} if technicians is not None else {}))
        written = save_changed(appointment, before)
        if is_moved:
            occupy(appointment, wanted, by=by, place=place, despite_absences=despite_absences)
        lines = write_lines(appointment, edits, on=on, by=by)
        if (changes or lines or is_moved) and not written:
            raise_version(appointment)
        if changes:
            record(appointment, "changed", by=by, text=_("Fiche modifiée"), changes=changes)
        if is_moved or _differs(appointment, before, _ANNOUNCED):
            follow_changes(appointment, by=by)
        if is_moved or before_in != appointment.intervention:
            tell_intervention(appointment.intervention, by=by)
        if before_in is not None and before_in != appointment.intervention:
            tell_intervention(before_in, by=by)
    return appointment


def move_appointment(
    appointment: Appointment,
    *,
    starts_at: datetime | None,
    technicians: Sequence[Technician] | None = None,
    ends_at: datetime | None = None,
    lead: Technician | None = None,
    override: str | None = None,
    seen: int | None = None,
    on: date,
    by: By,
) -> Appointment:
    """Give an RDV another time or other technicians, as the board and the form do. `ends_at`: an end that is forced.

    `technicians`, `lead`, `override` None = those it has. Raises what `save_appointment` raises.
    """
    values: dict[str, object] = {"starts_at": starts_at, "ends_at": ends_at, "is_end_forced": ends_at is not None}
    if lead is not None:
        values["lead"] = lead
    if override is not None:
        values["override"] = override
    return save_appointment(appointment.pk, values, technicians=technicians, seen=seen, on=on, by=by)


def _create(
    values: Mapping[str, object],
    technicians: Sequence[Technician],
    edits: Sequence[LineEdit],
    *,
    on: date,
    by: By,
    place: Sequence[Stretch] | None,
) -> Appointment:
    appointment = Appointment()
    many = assign(appointment, values)
    if appointment.intervention is not None:
        _refuse_closed(appointment.intervention)
    fill_defaults(appointment)
    people = _with_lead(appointment, technicians)
    _refuse_nonsense(appointment)
    _check_announced(appointment, {"starts_at": None, "announced_from": None, "announced_to": None})
    appointment.save()
    appointment.technicians.set(people)
    occupy(appointment, people, by=by, place=place)
    record(appointment, "created", by=by, text=_("RDV créé"))
    if appointment.intervention is not None:
        _carry_over(appointment, by=by)
    set_many(appointment, {name: {*getattr(appointment, name).all(), *wanted} for name, wanted in many.items()})
    write_lines(appointment, edits, on=on, by=by)
    tell_intervention(appointment.intervention, by=by)
    return appointment


def _with_lead(appointment: Appointment, technicians: Sequence[Technician]) -> list[Technician]:
    """Return the technicians of an RDV, its lead among them; without a lead, the first becomes it."""
    if appointment.lead is None and technicians:
        appointment.lead = technicians[0]
    if appointment.lead is not None and appointment.lead not in technicians:
        return [*technicians, appointment.lead]
    return list(technicians)


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


def _carry_over(appointment: Appointment, *, by: By) -> None:
    assert appointment.intervention is not None
    copy_request_lines(appointment)
    appointment.tags.set(appointment.intervention.tags.all())
    copy_attachments(appointment.intervention, appointment, by=by)
    record(appointment.intervention, "planned", by=by, text=_("%s créé") % appointment)


_ANNOUNCED = ("announced_from", "announced_to")


def _check_announced(appointment: Appointment, before: Mapping[str, object]) -> None:
    """Refuse hours that an RDV announces itself and that do not fit it, when they change. An RDV that begins outside them
    is announced as its company sets, and they count again when it comes back. The customer's answer falls with another
    start.
    """
    start, first, last = appointment.starts_at, appointment.announced_from, appointment.announced_to
    if _differs(appointment, before, _ANNOUNCED):
        if last is not None and (first is None or first >= last):
            raise BusinessError(
                _("%s : la plage annoncée a un début, avant sa fin. Corrigez l'une des deux heures.") % appointment,
                field="announced_to",
            )
        if start is not None and not holds(first, last, local(start)):
            raise BusinessError(
                _("%(rdv)s commence à %(hour)s, hors de la plage annoncée : corrigez l'une des deux.")
                % {"rdv": appointment, "hour": hour_text(local(start))},
                field="announced_from",
            )
    if before["starts_at"] != start:
        appointment.customer_answer, appointment.answered_at, appointment.wish = "", None, ""


_TIME = ("starts_at", "ends_at", "is_end_forced", "is_all_day", "duration", "lead_id", "task_id")


_PLACE = (*_TIME, "override")


def _differs(appointment: Appointment, before: Mapping[str, object], names: Sequence[str]) -> bool:
    return any(before[name] != getattr(appointment, name) for name in names)


def _refuse_move(appointment: Appointment, before: Mapping[str, object], *, is_of_others: bool) -> None:
    """Refuse to move an RDV that is over, given up or billed. It holds the wanted values, `before` those it has.

    `is_of_others`: its technicians change.
    """
    if appointment.state not in AppointmentState.open:
        if is_of_others or _differs(
            appointment, before, _TIME
        ):  # a reason to override may be written: going back to draft may need it
            raise WrongState(
                _("%(rdv)s est à l'état « %(state)s » : remettez-le en brouillon pour le déplacer.")
                % {"rdv": appointment, "state": appointment.get_state_display()},
                step=Step(_("Remettre en brouillon"), appointment, act="reset"),
            )
        return
    is_changed = is_of_others or _differs(appointment, before, (*_PLACE, "partner_id"))
    if is_changed and is_billed(appointment):
        raise BusinessError(
            _(
                "%s est facturé, au moins en partie : il ne se déplace plus. Supprimez le brouillon de facture, ou faites un avoir."
            )
            % appointment,
            code="already_billed",
        )


def _refuse_other_request(appointment: Appointment, before: Mapping[str, object]) -> None:
    """Refuse another DI for an RDV with lines of its DI: they would be billed for one and counted on another."""
    if not _differs(appointment, before, ["intervention_id"]):
        return
    if appointment.lines.filter(request_line__isnull=False).exists():
        owner = InterventionRequest.objects.filter(pk=before["intervention_id"]).first()
        raise BusinessError(
            _("%(rdv)s porte les lignes de %(di)s : il ne change pas de DI. Générez un RDV depuis l'autre DI.")
            % {"rdv": appointment, "di": owner},
            documents=[owner],
        )


def _refuse_closed(intervention: InterventionRequest) -> None:
    if not intervention.is_validated:
        raise WrongState(
            _("%(di)s est à l'état « %(state)s » : seule une DI validée se planifie.")
            % {"di": intervention, "state": intervention.get_state_display()},
            documents=[intervention],
            step=validation_of(intervention),
        )


def refusal_of_planned(intervention: InterventionRequest) -> BusinessError:
    """Return the refusal to plan a DI whose hours are all planned."""
    return BusinessError(
        _("%s est déjà entièrement planifiée : voyez ses RDV.") % intervention,
        code="already_planned",
        documents=intervention.appointments.filter(state__in=sorted(AppointmentState.open)).order_by("pk")[:3],
    )


def appoint(
    intervention: InterventionRequest,
    *,
    technicians: Sequence[Technician],
    starts_at: datetime | None,
    on: date,
    by: By,
    override: str = "",
    duration: Decimal | None = None,
    place: Sequence[Stretch] | None = None,
    is_for_rest: bool = False,
    seen: int | None = None,
) -> Appointment:
    """Make the RDV of a DI, with its lines, files, tags and terms. `starts_at` None: to be placed later.

    `is_for_rest`: for the hours that no RDV plans yet; refused when none are left. The version of a DI does not rise when
    it is planned, so `seen` does not notice a colleague who placed it. Raises WrongState (draft or cancelled DI),
    BusinessError (taken, away, unable).
    """
    with atomic():
        intervention = lock_intervention(intervention, seen=seen, promises=True)
        if is_for_rest and intervention.remaining_duration <= 0:
            raise refusal_of_planned(intervention)
        values = {name: getattr(intervention, name) for name in _FROM_INTERVENTION}
        values |= {
            "intervention": intervention,
            "duration": duration or intervention.remaining_duration or intervention.duration,
            "starts_at": starts_at,
            "override": override,
        }
        return _create(values, technicians, (), on=on, by=by, place=place)
