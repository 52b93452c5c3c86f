"""The Action menu and the state buttons of an appointment."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.admin.forms import DoneForm, NextForm, UnfinishedForm
from appointments.admin.tours import ASSIGN_SECTORS
from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.services import states as services
from appointments.services.billing import invoice_appointment, invoice_appointments
from appointments.services.letters import APPOINTMENT_LETTER
from appointments.services.moving import put_all_back, put_back, take_off
from appointments.services.saving import save_appointment
from appointments.services.texts import APPOINTMENT_TEXT
from invoicing.admin.documents.mailing import mail_action
from invoicing.admin.forms import GroupedInvoiceForm, InvoiceForm, ReasonForm
from invoicing.admin.records.texts import text_action
from invoicing.services.records.acts import perform_each
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.undo import Undo
from openfire_billing.web.users import user_of

S = AppointmentState
CHANGE, BILL = "appointments.change_appointment", "invoicing.bill"


def _next(request: HttpRequest, appointment: Appointment, data: dict[str, Any]) -> Appointment:
    values = {
        "company": appointment.company,
        "partner": data["partner"],
        "task": data["task"],
        "starts_at": data["starts_at"],
        "override": data["override"],
        "lead": appointment.lead,
        "team": appointment.team,
    }
    people = list(appointment.technicians.all())
    return save_appointment(None, values, technicians=people, on=timezone.localdate(), by=user_of(request))


_UNDO_MOVE = Undo(
    fields=("state", "done_at", "reason", "report"),
    run=lambda request, rdv, data: services.undo_move(rdv, **data, by=user_of(request)),
    offered=services.is_move_undoable,
)
# Drops of the planning board, which are no entries of a menu: their undoing stands in their message.
_DROPS = (
    DocumentAction(
        name="move",
        label=_("Déplacer"),
        permission=CHANGE,
        undo=Undo(
            fields=(
                "starts_at",
                "ends_at",
                "is_end_forced",
                "duration",
                "override",
                "lead",
                "technicians",
            ),
            run=lambda request, rdv, data: put_back(rdv, **data, on=timezone.localdate(), by=user_of(request)),
            run_many=lambda request, moves: put_all_back(moves, on=timezone.localdate(), by=user_of(request)),
        ),
    ),
    DocumentAction(
        name="place",
        label=_("Placer"),
        permission="appointments.add_appointment",
        undo=Undo(
            fields=(),
            run=lambda request, rdv, data: take_off(rdv, seen=data["seen"], by=user_of(request)),
            back=lambda rdv: reverse_change(rdv.intervention) if rdv.intervention else reverse("planning:board"),
        ),
    ),
)
APPOINTMENT_ACTIONS = (
    *_DROPS,
    # The menu that users know, in its order; what is ours stands below the rule.
    DocumentAction(
        name="delete",
        section=0,
        order=10,
        label=_("Supprimer"),
        icon="delete",
        permission="appointments.delete_appointment",
        states=frozenset({S.DRAFT, S.CANCELLED}),
        explain=_("Ce RDV disparaît."),
        is_danger=True,
        leave=True,
        run=lambda request, rdv, data: services.delete_appointments([rdv], by=user_of(request)) and None,
        run_many=lambda request, rdvs, data: perform_each(
            rdvs, lambda a: services.delete_appointments([a], by=user_of(request)) and None, once=data["once"]
        ),
        done=_("supprimé"),
    ),
    DocumentAction(
        name="duplicate",
        section=0,
        order=20,
        opens=True,
        label=_("Dupliquer"),
        icon="content_copy",
        permission="appointments.add_appointment",
        explain=_(
            "Une copie en brouillon, à placer : mêmes client, travail et lignes, sans DI, numéro ni facturation."
        ),
        run=lambda request, rdv, data: services.duplicate_appointment(rdv, by=user_of(request)),
        done=_("Copie créée"),
    ),
    DocumentAction(
        name="fill",
        section=0,
        order=30,
        label=_("Remplir un créneau"),
        icon="playlist_add",
        permission="appointments.add_appointment",
        offered=lambda rdv: rdv.starts_at is not None and rdv.lead_id is not None,
        page=lambda rdv: f"{reverse('planning:fill')}?appointment={rdv.pk}",
    ),
    DocumentAction(
        name="next",
        section=0,
        order=40,
        opens=True,
        label=_("Créer intervention"),
        icon="add_circle",
        permission="appointments.add_appointment",
        explain=_("Un nouveau RDV en brouillon à la suite de celui-ci, avec les mêmes intervenants."),
        form=NextForm,
        run=_next,
        done=_("RDV créé"),
    ),
    ASSIGN_SECTORS,
    DocumentAction(
        name="invoice",
        section=0,
        order=60,
        opens=True,
        label=_("Générer les factures"),
        icon="receipt_long",
        permission=BILL,
        primary_in=frozenset({S.DONE}),
        explain=_("Une facture en brouillon reprend les lignes du RDV qui restent à facturer."),
        form=InvoiceForm,
        run=lambda request, rdv, data: invoice_appointment(rdv, on=data["on"], seen=data["seen"], by=user_of(request)),
        done=_("Créée"),
    ),
    DocumentAction(
        name="invoice-many",
        label=_("Générer les factures"),
        permission=BILL,
        form=GroupedInvoiceForm,
        run_many=lambda request, rdvs, data: invoice_appointments(
            rdvs, on=data["on"], group_by_customer=data["group_by_customer"], by=user_of(request), once=data["once"]
        ),
    ),
    DocumentAction(
        name="confirm",
        order=40,
        label=_("Confirmer"),
        icon="event_available",
        permission=CHANGE,
        is_direct=True,
        states=frozenset({S.DRAFT}),
        primary_in=frozenset({S.DRAFT}),
        explain=_(
            "Le RDV reçoit son numéro et ses intervenants sont pris. Prévenez ensuite le client par « Envoyer par e-mail »."
        ),
        run=lambda request, rdv, data: services.confirm_appointment(rdv, seen=data["seen"], by=user_of(request)),
        run_many=lambda request, rdvs, data: perform_each(
            rdvs, lambda a: services.confirm_appointment(a, by=user_of(request)), once=data["once"]
        ),
        done=_("confirmé"),
        undo=_UNDO_MOVE,
    ),
    DocumentAction(
        name="done",
        order=40,
        label=_("Marquer réalisé"),
        icon="task_alt",
        permission=CHANGE,
        states=frozenset({S.CONFIRMED}),
        primary_in=frozenset({S.CONFIRMED}),
        explain=_(
            "Le travail est fait : le RDV ne se déplace plus, et sa DI est réalisée si rien d'autre n'est prévu."
        ),
        form=DoneForm,
        run=lambda request, rdv, data: services.finish_appointment(
            rdv, at=data["at"], report=data["report"], seen=data["seen"], by=user_of(request)
        ),
        done=_("réalisé"),
        undo=_UNDO_MOVE,
    ),
    DocumentAction(
        name="unfinished",
        order=40,
        label=_("Marquer inachevé"),
        icon="pending",
        permission=CHANGE,
        states=frozenset({S.CONFIRMED}),
        explain=_("L'intervenant est venu, le travail n'est pas fini : la DI est à replanifier."),
        form=UnfinishedForm,
        run=lambda request, rdv, data: services.leave_unfinished(
            rdv, reason=data["reason"], seen=data["seen"], by=user_of(request)
        ),
        done=_("inachevé"),
        undo=_UNDO_MOVE,
    ),
    DocumentAction(
        name="postpone",
        order=40,
        label=_("Reporter"),
        icon="event_repeat",
        permission=CHANGE,
        states=frozenset({S.CONFIRMED}),
        explain=_("Les intervenants sont libres de nouveau ; la DI est à replanifier."),
        form=ReasonForm,
        run=lambda request, rdv, data: services.postpone_appointment(
            rdv, reason=data["reason"], seen=data["seen"], by=user_of(request)
        ),
        done=_("reporté"),
        undo=_UNDO_MOVE,
    ),
    DocumentAction(
        name="reset",
        order=40,
        label=_("Remettre en brouillon"),
        icon="undo",
        permission=CHANGE,
        is_direct=True,
        states=frozenset({S.CONFIRMED, S.DONE, S.UNFINISHED, S.POSTPONED, S.CANCELLED}),
        explain=_(
            "Le RDV se modifie et se déplace de nouveau ; il garde son numéro et reprend le temps de ses intervenants."
        ),
        run=lambda request, rdv, data: services.reset_appointment(rdv, seen=data["seen"], by=user_of(request)),
        done=_("remis en brouillon"),
        undo=_UNDO_MOVE,
    ),
    mail_action(APPOINTMENT_LETTER, permission=CHANGE),
    text_action(Appointment, APPOINTMENT_TEXT, section=0, order=70),
    DocumentAction(
        name="cancel",
        label=_("Annuler"),
        icon="block",
        permission=CHANGE,
        states=frozenset({S.DRAFT, S.CONFIRMED, S.POSTPONED}),
        explain=_("Les intervenants sont libres de nouveau."),
        form=ReasonForm,
        is_danger=True,
        run=lambda request, rdv, data: services.cancel_appointment(
            rdv, reason=data["reason"], seen=data["seen"], by=user_of(request)
        ),
        run_many=lambda request, rdvs, data: perform_each(
            rdvs,
            lambda a: services.cancel_appointment(a, reason=data["reason"], by=user_of(request)),
            once=data["once"],
        ),
        done=_("annulé"),
        undo=_UNDO_MOVE,
    ),
)
