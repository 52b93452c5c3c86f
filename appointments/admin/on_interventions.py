"""What appointments add to the page of a DI: RDVs Tech, Générer le RDV, Historique, invoices of RDV lines."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Case, F, Q, QuerySet, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from appointments.admin.forms import AppointForm
from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLineClaim, CalendarLink
from appointments.services.feeds import make_feed, revoke_feed
from appointments.services.planning import plan_interventions
from appointments.services.saving import appoint
from interventions.choices import InterventionState
from interventions.models import InstalledProduct, InterventionRequest, Technician
from openfire_billing.db.scope import visible
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.contributions import SmartButton, Tab, contribute
from openfire_billing.web.users import user_of

_CHANGE_TECHNICIAN = "interventions.change_technician"


def _appoint(request: HttpRequest, intervention: InterventionRequest, data: dict[str, Any]) -> Appointment:
    return appoint(
        intervention,
        technicians=list(data["technicians"]),
        starts_at=data["starts_at"],
        override=data["override"],
        on=timezone.localdate(),
        seen=data["seen"],
        by=user_of(request),
    )


def _history(intervention: InterventionRequest, user: Any) -> dict[str, Any]:
    """RDVs of the equipment, or of the address when there is none, those of this DI included."""
    about = Q(equipment=intervention.equipment_id) if intervention.equipment_id else Q(address=intervention.address_id)
    found = Appointment.objects.filter(about, company=intervention.company_id)
    return {"appointments": _visits(found), "equipment": intervention.equipment}


def _history_of_equipment(equipment: InstalledProduct, user: Any) -> dict[str, Any]:
    """Return the RDVs of an appliance that the user may see."""
    may_see = user.has_perm("appointments.view_appointment")
    seen = visible(Appointment.objects.filter(equipment=equipment), user) if may_see else Appointment.objects.none()
    return {"appointments": _visits(seen), "equipment": equipment}


def _visits(appointments: QuerySet[Appointment]) -> QuerySet[Appointment]:
    """Keep the latest 50 that are planned or took place, with what a row shows: those planned first, by their hour, then
    the others, the latest first.
    """
    planned = Q(state__in=[AppointmentState.DRAFT, AppointmentState.CONFIRMED])
    ended = Q(state__in=[AppointmentState.DONE, AppointmentState.UNFINISHED])
    return (
        appointments.filter(planned | ended)
        .select_related("task", "intervention")
        .prefetch_related("technicians")
        .order_by(
            Case(When(planned, then=0), default=1),
            Case(When(planned, then=F("starts_at"))).asc(nulls_last=True),
            F("starts_at").desc(nulls_last=True),
            "-pk",
        )[:50]
    )


def _make_feed(request: HttpRequest, technician: Technician, data: dict[str, Any]) -> None:
    """Make the address of a calendar feed, and show it in a message: nothing stored holds it."""
    key = make_feed(technician, seen=data["seen"], by=user_of(request))
    messages.warning(
        request,
        format_html(
            '{} <code class="of-code">{}</code>',
            _("Adresse de l'agenda de %s, montrée une seule fois, à copier maintenant :") % technician,
            settings.SITE_URL + reverse("calendar_feed", args=[key]),
        ),
    )


def _has_feed(technician: Technician) -> bool:
    return CalendarLink.objects.filter(technician=technician).exists()


contribute(
    Technician,
    actions=[
        DocumentAction(
            name="make-feed",
            label=_("Agenda en ligne"),
            icon="calendar_add_on",
            permission=_CHANGE_TECHNICIAN,
            offered=lambda technician: technician.is_active,
            explain=_(
                "Une adresse à donner à l'agenda de son téléphone : il y lit ses RDV, sans les prix. Quiconque l'a les lit : "
                "elle n'est montrée qu'une fois. Une adresse donnée avant ne répond plus."
            ),
            confirm=_("Créer l'adresse"),
            run=_make_feed,
            done=_("adresse créée"),
        ),
        DocumentAction(
            name="revoke-feed",
            label=_("Révoquer l'agenda en ligne"),
            icon="event_busy",
            permission=_CHANGE_TECHNICIAN,
            offered=_has_feed,
            explain=_("L'agenda de son téléphone ne reçoit plus ses RDV."),
            confirm=_("Révoquer"),
            is_danger=True,
            run=lambda request, technician, data: revoke_feed(technician, seen=data["seen"], by=user_of(request)),
            done=_("agenda révoqué"),
        ),
    ],
)
contribute(
    InstalledProduct,
    tabs=[Tab("history", _("Historique"), "appointments/history_tab.html", _history_of_equipment, order=5)],
)
contribute(
    InterventionRequest,
    smart_buttons=[SmartButton("appointments", _("RDVs Tech"), "event", "appointments.Appointment", order=30)],
    actions=[
        DocumentAction(
            name="appointment",
            opens=True,
            order=30,
            label=_("Générer le RDV"),
            icon="event",
            permission="appointments.add_appointment",
            states=InterventionState.validated,
            primary_in=frozenset({InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED}),
            button=_("Planifier"),
            button_rank=10,
            explain=_("Un RDV en brouillon reprend toutes les lignes, les fichiers et le reste de la DI."),
            form=AppointForm,
            run=_appoint,
            done=_("RDV créé"),
        ),
        DocumentAction(
            name="find",
            order=31,
            label=_("Chercher un créneau"),
            icon="search",
            permission="appointments.add_appointment",
            states=frozenset({InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED}),
            page=lambda intervention: f"{reverse('planning:find')}?intervention={intervention.pk}",
        ),
        DocumentAction(
            name="place",
            is_of_whole=False,
            label=_("Générer les RDV (premiers créneaux libres)"),
            permission="appointments.add_appointment",
            explain=_(
                "Chaque DI prend le premier créneau libre d'un intervenant qui sait faire sa tâche, dans sa période."
            ),
            run_many=lambda request, interventions, data: plan_interventions(
                interventions, not_before=timezone.localtime(), by=user_of(request), once=data["once"]
            ),
        ),
    ],
    tabs=[Tab("history", _("Historique"), "appointments/history_tab.html", _history, order=25)],
    origins={
        "appointments": lambda di: Appointment.objects.filter(intervention=di).values("pk"),
        "invoices": lambda di: AppointmentLineClaim.objects.filter(
            appointment_line__appointment__intervention=di
        ).values("invoice_line__invoice"),
    },
)
