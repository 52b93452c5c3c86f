"""The kinds of work of « À traiter »: all of them in one list, and those of planning and of the user himself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth import get_permission_codename
from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from appointments.choices import AppointmentState
from appointments.models import Appointment
from interventions.choices import InterventionState
from interventions.models import InterventionRequest
from invoicing.models import FollowUp
from openfire_billing.db.scope import visible
from openfire_billing.office.dashboard.alarms import messages, night, papers
from openfire_billing.office.dashboard.amounts import Stock
from openfire_billing.office.dashboard.money_kinds import of_money
from openfire_billing.office.dashboard.reader import DI, RDV, SOON, Reader, Work, act_url, first_of, list_url, page_url
from openfire_billing.office.dashboard.waiting import Kind, Urgency, Waiting, in_order
from openfire_billing.web.record_links import reverse_change

MOST_FOLLOW_UPS = 6
FOLLOW_UPS = "follow_ups"  # of the address: the first page shows all the follow-ups of the user
MANY_FOLLOW_UPS = 60  # beyond which one row stands for all of them


@dataclass(frozen=True)
class ToPlan:
    """The DIs that wait for an appointment, counted in one query: all of them, those late, those soon late."""

    count: int
    late: int
    oldest: date | None
    soon: int
    next: date | None


def waiting_of(reader: Reader, stock: Stock, to_plan: ToPlan | None) -> list[Waiting]:
    """Return the list of what waits for the reader."""
    return in_order(
        [
            *night(reader),
            *papers(reader),
            *messages(reader),
            *of_money(reader, stock),
            *_requests_to_plan(reader, to_plan),
            *_appointments(reader),
            *_follow_ups(reader),
        ]
    )


def to_plan_of(reader: Reader) -> ToPlan | None:
    """Return how many DIs wait to be planned; None when it is not the reader's work."""
    if not reader.does(Work.PLANNING, permission="interventions.view_interventionrequest"):
        return None
    late, soon = _late_and_soon(reader)
    return ToPlan(
        **_to_plan(reader).aggregate(
            count=Count("pk"),
            late=Count("pk", filter=late),
            oldest=Min("to_on", filter=late),
            soon=Count("pk", filter=soon),
            next=Min("to_on", filter=soon),
        )
    )


def _to_plan(reader: Reader) -> QuerySet[InterventionRequest]:
    requests = InterventionRequest.objects.active().filter(company__in=reader.companies).order_by()
    return requests.filter(state__in=[InterventionState.TO_PLAN, InterventionState.PARTLY_PLANNED])


def _late_and_soon(reader: Reader) -> tuple[Q, Q]:
    """Return the conditions that the period of a DI is over, and that it is over within SOON."""
    return Q(to_on__lt=reader.today), Q(to_on__gte=reader.today, to_on__lte=reader.today + SOON)


def _requests_to_plan(reader: Reader, found: ToPlan | None) -> Iterator[Kind]:
    """DIs to plan whose period is over, then those whose period is over soon."""
    if found is None:
        return
    late, soon = _late_and_soon(reader)
    asked = {"view": "to-plan", "to_on__gte": reader.today.isoformat()}
    asked["to_on__lte"] = (reader.today + SOON).isoformat()
    texts = _("DI en retard"), _("%s DI en retard") % found.late
    yield Kind(
        found.late,
        _rows_to_plan(reader, late, Urgency.LATE, texts[0]),
        Waiting(Urgency.LATE, texts[1], _("Planifier"), list_url(DI, view="late"), since=found.oldest),
    )
    texts = _("DI à planifier"), _("%s DI à planifier sous 7 jours") % found.soon
    yield Kind(
        found.soon,
        _rows_to_plan(reader, soon, Urgency.WAITS, texts[0]),
        Waiting(Urgency.WAITS, texts[1], _("Planifier"), list_url(DI, **asked), since=found.next),
    )


def _rows_to_plan(reader: Reader, narrow: Q, urgency: Urgency, what: str) -> list[Waiting]:
    may_plan = reader.user.has_perm("appointments.add_appointment")
    requests = first_of(_to_plan(reader).filter(narrow), "to_on", "pk").select_related("partner", "address")
    return [
        Waiting(
            urgency,
            what,
            _("Planifier") if may_plan else _("Ouvrir"),
            act_url(DI, one.pk, "appointment") if may_plan else page_url(DI, one.pk),
            who=_of(one.partner.name, one.address.city),
            document=str(one),
            page=page_url(DI, one.pk),
            since=one.to_on,
            is_dialog=may_plan,
        )
        for one in requests
    ]


def _appointments(reader: Reader) -> Iterator[Kind]:
    """RDVs to come of absent customers, then RDVs from today to within SOON that nobody has confirmed: two queries."""
    if not reader.does(Work.PLANNING, permission="appointments.change_appointment"):
        return
    now = timezone.localtime()
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    appointments = Appointment.objects.filter(company__in=reader.companies).order_by()
    refused = appointments.refused_by_customer(now)
    drafts = appointments.filter(state=AppointmentState.DRAFT, starts_at__gte=start, starts_at__lt=start + SOON)
    is_draft = Q(state=AppointmentState.DRAFT)
    found = (refused | drafts).aggregate(
        refused=Count("pk", filter=~is_draft),
        answered=Min("answered_at", filter=~is_draft),
        drafts=Count("pk", filter=is_draft),
        starts=Min("starts_at", filter=is_draft),
    )
    few = first_of(refused, "starts_at", "pk") | first_of(drafts, "starts_at", "pk")
    rows = list(few.order_by("starts_at", "pk").select_related("partner", "address"))
    yield Kind(
        found["refused"],
        [_refused(one) for one in rows if one.state != AppointmentState.DRAFT],
        Waiting(
            Urgency.LATE,
            _("%s clients absents à leur RDV") % found["refused"],
            _("Voir"),
            list_url(RDV, view="absent"),
            since=_day(found["answered"]),
        ),
    )
    yield Kind(
        found["drafts"],
        [_to_confirm(one) for one in rows if one.state == AppointmentState.DRAFT],
        Waiting(
            Urgency.WAITS,
            _("%s RDV à confirmer") % found["drafts"],
            _("Confirmer"),
            list_url(RDV, view="to-confirm"),
            since=_day(found["starts"]),
        ),
    )


def _refused(one: Appointment) -> Waiting:
    """Return the row of an RDV whose customer answered that he is not there, with the half day he wishes."""
    return Waiting(
        Urgency.LATE,
        _("Client absent"),
        _("Déplacer"),
        page_url(RDV, one.pk),
        who=_of(one.partner.name, one.address.city),
        document=str(one),
        page=page_url(RDV, one.pk),
        since=_day(one.answered_at),
        why=_("Souhaite : %s") % one.wish if one.wish else "",
    )


def _to_confirm(one: Appointment) -> Waiting:
    return Waiting(
        Urgency.WAITS,
        _("RDV à confirmer"),
        _("Confirmer"),
        act_url(RDV, one.pk, "confirm"),
        who=_of(one.partner.name, one.address.city),
        document=str(one),
        page=page_url(RDV, one.pk),
        since=one.day,
        is_dialog=True,
    )


def _day(instant: datetime | None) -> date | None:
    return timezone.localtime(instant).date() if instant else None


def follow_ups_of(reader: Reader) -> list[Waiting]:
    """Return what this user planned to do, or was asked to, for today or before, the oldest first."""
    due = visible(FollowUp.objects.due(reader.today).filter(user=reader.user.pk), reader.user)
    return [
        Waiting(
            Urgency.LATE if one.due_on < reader.today else Urgency.WAITS,
            one.text,
            _("Ouvrir"),
            reverse_change(one.object),
            who=_("relance : %s") % one.object,
            since=one.due_on,
        )
        for one in due.prefetch_related("object")
        if _may_see(reader, one)
    ]


def _follow_ups(reader: Reader) -> Iterator[Kind]:
    """The first follow-ups of this user, then how many others there are, with the page of them all."""
    found = follow_ups_of(reader)
    left = len(found) - MOST_FOLLOW_UPS
    url = f"{reverse('admin:index')}?{FOLLOW_UPS}=all"
    rows = found[:MOST_FOLLOW_UPS]
    if left > 0:
        following = found[MOST_FOLLOW_UPS]
        text = ngettext("et %s autre relance", "et %s autres relances", left) % left
        rows.append(Waiting(following.urgency, text, _("Voir"), url, since=following.since))
    together = (
        Waiting(found[0].urgency, _("%s relances") % len(found), _("Voir"), url, since=found[0].since)
        if found
        else None
    )
    yield Kind(len(found), rows, together, most=MANY_FOLLOW_UPS)


def _may_see(reader: Reader, follow_up: FollowUp) -> bool:
    """Return whether the record of a follow-up is still there, and the reader may open it."""
    if follow_up.object is None:
        return False
    meta = follow_up.object._meta
    return reader.user.has_perm(f"{meta.app_label}.{get_permission_codename('view', meta)}")


def _of(*parts: str) -> str:
    return " · ".join(filter(None, parts))
