"""The day of a technician on the road, and « Optimiser la tournée »."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from appointments.models import Appointment
from appointments.planning.acts import CHANGE, move_undo
from appointments.planning.reader import day_of
from appointments.planning.shown import planner_page
from appointments.services.tour_orders import Proposal, apply_order, propose_order, tour_of
from interventions.models import Technician
from invoicing.services.records.acts import Once, perform
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.undo import undo_tag_of_many, values_before
from openfire_billing.web.users import user_of

_MOST = 60  # RDVs of a day that the page takes


@planner_page
@require_http_methods(["GET", "POST"])
def tour(request: HttpRequest) -> HttpResponse:
    """Show the day `?day=` of `?technician=` in its order; `?optimise=1`: beside it a better one, which a POST applies."""
    people = visible(Technician.objects.select_related("company"), user_of(request))
    person = get_object_or_404(people, pk=read_id(request.GET.get("technician")))
    day = day_of(request.GET.get("day", ""))
    if day is None:
        raise Http404
    may_change, refusal = request.user.has_perm(CHANGE), None
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        try:
            return _apply(request, person, day)
        except BusinessError as error:
            refusal = shown_refusal(error, request)
    now, proposal = timezone.localtime(), None
    if may_change and request.GET.get("optimise") == "1" and refusal is None:
        proposal = propose_order(person, day, now=now)
    shown = proposal.before if proposal else tour_of(person, day, now=now)
    context = {
        **admin.site.each_context(request),
        "title": _("Tournée de %s") % person,
        "technician": person,
        "day": day,
        "tour": shown,
        "proposal": proposal,
        "may_optimise": may_change and len(shown.stops) > 1 and any(not stop.fixed for stop in shown.stops),
        "told": [stop for stop in shown.stops if str(stop.appointment.pk) in _told(request)],
        "may_tell": request.user.has_perm("invoicing.send_sms"),
        "refusal": refusal,
        "once": uuid4(),
        "here": address_of(person, day),
        "back": f"{reverse('planning:board')}?{urlencode({'view': 'day', 'from': day.isoformat()})}",
    }
    return TemplateResponse(request, "appointments/planning/tour.html", context, status=409 if refusal else 200)


def address_of(person: Technician, day: date, **more: str) -> str:
    """Return the address of the day of a technician."""
    values = {"technician": str(person.pk), "day": day.isoformat(), **more}
    return f"{reverse('planning:tour')}?{urlencode(values)}"


def _told(request: HttpRequest) -> Sequence[str]:
    return request.GET.get("moved", "").split("-")[:_MOST]


def _apply(request: HttpRequest, person: Technician, day: date) -> HttpResponse:
    """Give the day the order that the preview showed, once, and name the customers whose hour changed."""
    sent = [text.partition("_") for text in request.POST.getlist("stop")[:_MOST]]
    versions = {read_id(pk) or 0: read_id(version) or 0 for pk, _sign, version in sent}
    user = user_of(request)
    known = {rdv.pk: rdv for rdv in visible(Appointment.objects.filter(pk__in=list(versions)), user)}
    if known.keys() != versions.keys():
        raise Http404
    before = {pk: values_before(move_undo(), rdv) or {} for pk, rdv in known.items()}

    def act() -> Proposal:
        return apply_order(person, day, order=list(versions), versions=versions, now=timezone.localtime(), by=user)

    def moved(proposal: Proposal) -> list[int]:
        return [one.appointment.pk for one in proposal.moved]

    once = Once(f"user:{user.pk}", f"tour:{request.POST.get('_once', '')[:60]}")
    done = perform(act, once=once, answer=lambda made: (0, moved(made)))
    if done.result is None:
        messages.info(request, _("C'était déjà fait, rien de plus."))
        ids: Any = done.answer
    else:
        ids = moved(done.result)
        rows = Appointment.objects.in_bulk(ids)
        tag = undo_tag_of_many(request, [(rows[pk], before[pk]) for pk in ids], "move") if ids else ""
        messages.success(request, _sentence(done.result), extra_tags=tag)
    return HttpResponseRedirect(address_of(person, day, moved="-".join(map(str, ids))))


def _sentence(proposal: Proposal) -> str:
    assert proposal.after is not None
    count = len(proposal.moved)
    text = ngettext(
        "Tournée optimisée : %(n)d RDV change d'heure, %(less)d min de route en moins.",
        "Tournée optimisée : %(n)d RDV changent d'heure, %(less)d min de route en moins.",
        count,
    )
    return text % {"n": count, "less": proposal.before.minutes - proposal.after.minutes}
