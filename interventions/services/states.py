"""Moves of a DI from state to state."""

from datetime import date

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from interventions.services.documents import invoices_of, live_quotes_of
from interventions.services.locks import lock_intervention, promises_of
from interventions.services.promises import check_promises
from invoicing.services.catalogue import take_number
from invoicing.services.records.history import move, record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import save_columns
from openfire_billing.kernel.errors import BusinessError, Step, WrongState


def validate_intervention(intervention: InterventionRequest, *, seen: int | None = None, by: By) -> InterventionRequest:
    """Give the DI its number; it can be planned and billed from now on."""
    with atomic():
        intervention = lock_intervention(intervention, seen=seen)
        if intervention.state != InterventionState.DRAFT:
            raise WrongState(_("%s est déjà validée ou annulée.") % intervention)
        if not intervention.number:
            intervention.number = take_number(intervention.company, "DI")
        move(
            intervention,
            InterventionState.TO_PLAN,
            by=by,
            act="validated",
            text=_("DI validée sous le numéro %s") % intervention.number,
            save=("number",),
        )
    return intervention


def validation_of(intervention: InterventionRequest) -> Step | None:
    """Return the step of a refusal that asks for a validated DI; None for a DI that cannot be validated."""
    if intervention.state == InterventionState.DRAFT:
        return Step(_("Valider la DI"), intervention, act="validate")
    if intervention.state == InterventionState.CANCELLED:
        return Step(_("Remettre la DI en brouillon"), intervention, act="reset")
    return None


def refuse_to_come(document: object, on: date) -> None:
    """Refuse a day after today as the day on which the work of a DI or an RDV was done."""
    if on > timezone.localdate():
        raise BusinessError(
            _("%(document)s : le %(day)s n'est pas encore venu. Donnez le jour où le travail a été fait.")
            % {"document": document, "day": on.strftime("%d/%m/%Y")},
            code="date_in_future",
        )


def finish_intervention(
    intervention: InterventionRequest, *, seen: int | None = None, on: date, by: By
) -> InterventionRequest:
    """« Terminer »: record that the work was done on `on`, today at the latest. Raise BusinessError for a later day."""
    refuse_to_come(intervention, on)
    with atomic():
        intervention = lock_intervention(intervention, seen=seen, promises=True)
        check_promises([intervention], "finish", by=by)
        intervention.done_on = on
        move(
            intervention,
            InterventionState.DONE,
            by=by,
            act="finished",
            text=_("Travail terminé le %s") % on.strftime("%d/%m/%Y"),
            save=("done_on",),
        )
    return intervention


def cancel_intervention(
    intervention: InterventionRequest, *, seen: int | None = None, on: date, by: By
) -> InterventionRequest:
    """Cancel a DI with nothing open and nothing billed or quoted."""
    with atomic():
        intervention = lock_intervention(intervention, seen=seen, promises=True)
        check_promises([intervention], "cancel", by=by)
        if intervention.planned_duration > 0 and intervention.state != InterventionState.DONE:
            raise WrongState(_("%s a un RDV ouvert : annulez-le d'abord.") % intervention)
        _refuse_billed_or_quoted(intervention, on=on)
        move(intervention, InterventionState.CANCELLED, by=by, act="cancelled", text=_("DI annulée"))
    return intervention


def _refuse_billed_or_quoted(intervention: InterventionRequest, *, on: date) -> None:
    lines = list(intervention.lines.left_to_bill(on))
    if any(line.billed for line in lines):
        raise WrongState(
            _("%s est facturée, au moins en partie : supprimez la facture en brouillon ou faites un avoir d'abord.")
            % intervention,
            documents=invoices_of(intervention),
        )
    if any(line.is_quoted for line in lines):
        raise WrongState(
            _("%s a un devis en cours : annulez-le ou refusez-le d'abord.") % intervention,
            documents=live_quotes_of(intervention, on=on),
        )


def reset_intervention(intervention: InterventionRequest, *, seen: int | None = None, by: By) -> InterventionRequest:
    """Put a cancelled DI back to draft; it keeps its number."""
    with atomic():
        intervention = lock_intervention(intervention, seen=seen, promises=True)
        check_promises([intervention], "reset", by=by)
        move(intervention, InterventionState.DRAFT, by=by, act="reset", text=_("Remise en brouillon"))
    return intervention


def is_move_undoable(intervention: InterventionRequest) -> bool:
    """Return whether a move of this DI may be undone: a contract follows the moves of the visits that it promised."""
    return not promises_of([intervention.pk])


def undo_move(
    intervention: InterventionRequest, *, state: InterventionState, done_on: date | None, seen: int, by: By
) -> InterventionRequest:
    """Give a DI back the state and the day done that it had before its last move. It keeps a number given by that move.

    `seen`: its version after that move. Raises StaleForm when it changed since; WrongState when it has since been planned,
    billed or quoted and would no longer be validated, or when a contract promised it.
    """
    with atomic():
        intervention = lock_intervention(intervention, seen=seen)
        if not is_move_undoable(intervention):
            raise WrongState(
                _("%s est une visite promise par un contrat : ses états se changent un à un.") % intervention
            )
        if state not in InterventionState.validated:
            if intervention.planned_duration > 0:
                raise WrongState(_("%s a un RDV ouvert : annulez-le d'abord.") % intervention)
            _refuse_billed_or_quoted(intervention, on=timezone.localdate())
        undone = intervention.get_state_display()
        intervention.done_on = done_on
        text = _("« %s » annulé") % undone
        move(intervention, state, by=by, act="undone", text=text, save=("done_on",), is_undo=True)
    return intervention


def set_active(
    intervention: InterventionRequest, *, active: bool, seen: int | None = None, by: By
) -> InterventionRequest:
    """Archive a DI (it leaves the lists), or bring it back."""
    with atomic():
        intervention = lock_intervention(intervention, seen=seen)
        intervention.is_active = active
        save_columns(intervention, ["is_active"])
        record(intervention, "archived", by=by, text=_("Remise en service") if active else _("Archivée"))
    return intervention
