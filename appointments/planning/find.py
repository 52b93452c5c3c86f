"""« Chercher un créneau » of a DI: its best places, to be read out on the phone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from appointments.models import Appointment
from appointments.planning.acts import say_placed
from appointments.planning.dialogs import slots_dialog, spoken
from appointments.planning.reader import day_of
from appointments.services.calendars import local
from appointments.services.moves import FoundMove
from appointments.services.places import BEST, MOST, MOST_DAYS, find_places
from appointments.services.planning import people_for, propose_slot, refusal_of_no_slot
from appointments.services.saving import appoint, refusal_of_planned
from appointments.services.slots import Found
from interventions.models import InterventionRequest, Technician
from invoicing.services.records.acts import Once, perform
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.actions import already_done
from openfire_billing.web.fetched import go_to
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.tags import hours
from openfire_billing.web.users import user_of


@dataclass(frozen=True)
class Spot:
    """A place as the dialog shows it. `value`: what its button sends."""

    spoken: str
    who: str
    reasons: str
    value: str
    score: int | None = None


@slots_dialog
def find(request: HttpRequest) -> HttpResponse:
    """Show the best places of a DI, or make its RDV in one of them."""
    rows = InterventionRequest.objects.select_related("partner", "address", "task", "template", "company")
    intervention = get_object_or_404(visible(rows, user_of(request)), pk=read_id(request.GET.get("intervention")))
    refusal = None
    if "_choose" in request.POST:
        try:
            return _choose(request, intervention, request.POST["_choose"])
        except BusinessError as error:
            refusal = shown_refusal(error, request, intervention)
            intervention.refresh_from_db()
    spots, note = _spots(intervention)
    has_all = "all" in request.GET
    here = {"intervention": intervention.pk}
    context = {
        **admin.site.each_context(request),
        "title": _("Chercher un créneau"),
        "intervention": intervention,
        "length": hours(intervention.remaining_duration or intervention.duration),
        "spots": spots if has_all else spots[:BEST],
        "note": note,
        "others": ""
        if has_all or len(spots) <= BEST
        else f"{reverse('planning:find')}?{urlencode({**here, 'all': 1})}",
        "refusal": refusal,
        "once": uuid4(),
        "back": reverse_change(intervention),
    }
    return TemplateResponse(request, "appointments/planning/find.html", context, status=409 if refusal else 200)


def _spots(intervention: InterventionRequest) -> tuple[list[Spot], str]:
    """Return the best places, and a sentence where they are not what was hoped for."""
    if not intervention.is_validated:
        return [], _("%s n'est pas validée : validez-la, puis cherchez.") % intervention
    if intervention.remaining_duration <= 0:
        return [], str(refusal_of_planned(intervention))
    now = timezone.localtime()
    if found := find_places(intervention, people_for([intervention]), not_before=now, count=MOST):
        return [spot_of(one) for one in found], ""
    proposal = propose_slot(intervention, not_before=now)
    if proposal is None:
        return [], str(refusal_of_no_slot(intervention))
    start, end = local(proposal.starts_at), local(proposal.pieces[-1][1])
    value = f"{proposal.technician.pk}_{start.isoformat()}"
    note = _(
        "Aucun créneau des %d jours cherchés ne laisse le temps de la route : voici le premier temps libre, à vérifier "
        "avant de le promettre."
    )
    return [Spot(spoken(start), proposal.technician.name, _until(end), value)], note % MOST_DAYS


def spot_of(found: Found | FoundMove) -> Spot:
    """Return a place that was found as a dialog shows it."""
    start = local(found.starts_at)
    value = f"{found.technician.pk}_{start.isoformat()}"
    if found.ranked is None:
        return Spot(spoken(start), found.technician.name, _("premier créneau libre"), value)
    hole = found.ranked.hole
    if hole.leaves_base:
        way = _("aucun RDV avant")
    else:
        candidate = found.ranked.candidate
        way = _("%d min de route") % candidate.reach + (_(" (estimé)") if candidate.is_estimated else "")
    return Spot(
        spoken(start),
        found.technician.name,
        ", ".join(
            [
                *([_until(local(found.ends_at))] if hole.pause and isinstance(found, Found) else []),
                way,
                *found.ranked.reasons,
            ]
        ),
        value,
        found.ranked.score,
    )


def _until(end: datetime) -> str:
    return _("jusqu'au %s") % spoken(end)


def _choose(request: HttpRequest, intervention: InterventionRequest, choice: str) -> HttpResponse:
    """Make the draft RDV in a place, once, and go back to the DI."""
    key, _sign, text = choice.partition("_")
    people: Any = visible(Technician.objects.select_related("company"), user_of(request))
    technician = get_object_or_404(people, pk=read_id(key))
    try:
        starts_at = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise Http404 from wrong
    if timezone.is_naive(starts_at) or day_of(starts_at.date().isoformat()) is None:
        raise Http404

    def act() -> Appointment:
        return appoint(
            intervention,
            technicians=[technician],
            starts_at=starts_at,
            is_for_rest=True,
            seen=read_id(request.POST.get("_version")),
            on=timezone.localdate(),
            by=user_of(request),
        )

    once = Once(f"user:{request.user.pk}", f"find:{request.POST.get('_once', '')[:60]}")
    done = perform(act, once=once)
    if done.result is None:
        messages.info(request, already_done(intervention))
    else:
        say_placed(request, done.result)
    return go_to(request, reverse_change(intervention))
