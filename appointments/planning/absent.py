"""« X est absent »: an absence recorded from the board, and the RDVs that it leaves alone given to others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from appointments.models import Absence, Appointment
from appointments.planning.acts import CHANGE, move_undo, say_placed
from appointments.planning.find import Spot, spot_of
from appointments.planning.reader import day_of
from appointments.planning.shown import planner_page
from appointments.services.absences import (
    left_alone,
    record_absence,
    refusal_of_no_place,
    replace_technician,
    take_move,
)
from appointments.services.calendars import local
from appointments.services.moves import FoundMove, find_moves
from appointments.services.planning import people_for
from interventions.models import Technician
from invoicing.services.records.acts import Once, perform, perform_each
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import day_text, read_id
from openfire_billing.web.actions import PREFIX, already_done
from openfire_billing.web.date_boxes import DayInput
from openfire_billing.web.days import limit_days
from openfire_billing.web.fetched import go_to
from openfire_billing.web.refusals import ShownRefusal, shown_refusal
from openfire_billing.web.undo import undo_tag, undo_tag_of_many, values_before
from openfire_billing.web.users import user_of

ABSENT = "appointments.add_absence"
_MOST_DAYS = 366
_MOST_SHOWN = 20  # RDVs whose places are searched at once


class AbsenceForm(forms.Form):
    """From when to when, both days included, and why."""

    first = forms.DateField(label=_("Du"), widget=DayInput)
    last = forms.DateField(label=_("au"), widget=DayInput, help_text=_("Compris."))
    reason = forms.CharField(
        label=_("Motif"), max_length=80, required=False, widget=forms.TextInput({"class": "of-input"})
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        first, last = data.get("first"), data.get("last")
        if first and last and last < first:
            self.add_error("last", _("Le dernier jour précède le premier : corrigez l'un des deux."))
        elif first and last and (last - first).days > _MOST_DAYS:
            self.add_error("last", _("Une année à la fois au plus : raccourcissez la période."))
        return data


@dataclass(frozen=True)
class Row:
    """An RDV that an absence leaves alone, with its best places. `why`: why it was not placed."""

    rdv: Appointment
    when: str
    spots: list[Spot]
    why: ShownRefusal | None = None

    @property
    def value(self) -> str:
        return f"{self.rdv.pk}_{self.rdv.version}"


@planner_page
@require_http_methods(["GET", "POST"])
def absent(request: HttpRequest) -> HttpResponse:
    """Ask the days of an absence and record it; of one that is recorded (`?absence=`), place its RDVs."""
    if not request.user.has_perms([ABSENT, CHANGE]):
        raise PermissionDenied
    if "absence" in request.GET:
        rows = visible(Absence.objects.select_related("technician__company"), user_of(request))
        return _rest(request, get_object_or_404(rows, pk=read_id(request.GET.get("absence"))))
    people = visible(Technician.objects.select_related("company"), user_of(request))
    person = get_object_or_404(people, pk=read_id(request.GET.get("technician")))
    first = day_of(request.GET.get("first", "")) or timezone.localdate()
    last = day_of(request.GET.get("last", "")) or first
    is_sent = "_confirmed" in request.POST
    form = AbsenceForm(request.POST if is_sent else None, prefix=PREFIX, initial={"first": first, "last": last})
    limit_days(form.fields.values())
    if is_sent and form.is_valid():
        return _record(request, person, form.cleaned_data)
    context = {
        **admin.site.each_context(request),
        "title": _("%s est absent") % person,
        "explain": _("L'absence est enregistrée, puis ses RDV de ces jours sont proposés à d'autres."),
        "confirm": _("Enregistrer l'absence"),
        "form": form,
        "known": [(period_text(absence), address_of(absence)) for absence in _known(person, first, last)],
        "once": uuid4(),
        "back": reverse("planning:board"),
    }
    return TemplateResponse(request, "appointments/planning/ask.html", context)


def _known(person: Technician, first: date, last: date) -> list[Absence]:
    """Return the absences of a technician that touch these days."""
    found = Absence.objects.filter(technician=person, starts_at__date__lte=last, ends_at__date__gt=first)
    return list(found.select_related("technician").order_by("starts_at", "pk")[:5])


def _record(request: HttpRequest, person: Technician, data: Mapping[str, Any]) -> HttpResponse:
    """Record the absence once, and go on to its RDVs; back to the board when there are none."""

    def act() -> Absence:
        return record_absence(person, **data, by=user_of(request))

    once = Once(f"user:{request.user.pk}", f"absent:{request.POST.get('_once', '')[:60]}")
    done = perform(act, once=once, answer=lambda made: (0, made.pk))
    if done.result is None:
        absence = get_object_or_404(Absence.objects.select_related("technician"), pk=read_id(done.answer))
        messages.info(request, already_done(absence))
    else:
        absence = done.result
        messages.success(request, period_text(absence), extra_tags=undo_tag(request, absence, "absent", {}))
    if not left_alone(absence).exists():
        return go_to(request, reverse("planning:board"))
    return HttpResponseRedirect(address_of(absence))


def _rest(request: HttpRequest, absence: Absence) -> HttpResponse:
    """Show the RDVs that an absence leaves alone with their best places; take one, or the first of each."""
    refusals: dict[int, ShownRefusal] = {}
    if "_choose" in request.POST:
        refusals = _place(request, absence, request.POST["_choose"])
    elif "_all" in request.POST:
        refusals = _place_all(request, absence)
    rdvs = list(visible(left_alone(absence), user_of(request)))
    if request.method == "POST" and not rdvs:
        return go_to(request, reverse("planning:board"))
    if request.method == "POST" and not refusals:
        return HttpResponseRedirect(address_of(absence))
    shown = rdvs[:_MOST_SHOWN]
    people, now = people_for(shown), timezone.localtime()
    rows = [_row(request, rdv, people, absence, now, refusals.get(rdv.pk)) for rdv in shown]
    context = {
        **admin.site.each_context(request),
        "title": period_text(absence),
        "rows": rows,
        "left_off": len(rdvs) - len(shown),
        "has_places": any(row.spots for row in rows),
        "once": uuid4(),
        "back": f"{reverse('planning:board')}?{urlencode({'from': local(absence.starts_at).date().isoformat()})}",
    }
    status = 409 if refusals else 200
    return TemplateResponse(request, "appointments/planning/absent_rest.html", context, status=status)


def _row(
    request: HttpRequest,
    rdv: Appointment,
    people: list[Technician],
    absence: Absence,
    now: datetime,
    why: ShownRefusal | None,
) -> Row:
    found = find_moves(rdv, people, leaving=absence.technician, not_before=now)
    if not found and why is None:
        why = shown_refusal(refusal_of_no_place(rdv), request, rdv)
    return Row(rdv, rdv.period, [spot_of(one) for one in found], why)


def _place(request: HttpRequest, absence: Absence, choice: str) -> dict[int, ShownRefusal]:
    """Move an RDV to the place that its button names, once. Returns why not, by its id."""
    pk, seen, person, moment = [*choice.split("_", 3), "", "", ""][:4]
    user = user_of(request)
    rdv = get_object_or_404(visible(Appointment.objects.select_related("lead", "template"), user), pk=read_id(pk))
    technician = get_object_or_404(visible(Technician.objects.select_related("company"), user), pk=read_id(person))
    try:
        starts_at = datetime.fromisoformat(moment)
    except ValueError as wrong:
        raise Http404 from wrong
    if timezone.is_naive(starts_at) or day_of(starts_at.date().isoformat()) is None:
        raise Http404
    before = values_before(move_undo(), rdv)

    def act() -> Appointment:
        found = FoundMove(rdv, technician, starts_at)
        return take_move(found, leaving=absence.technician, seen=read_id(seen) or 0, on=timezone.localdate(), by=user)

    try:
        once = Once(f"user:{user.pk}", f"absent:{request.POST.get('_once', '')[:60]}:{rdv.pk}")
        done = perform(act, once=once)
    except BusinessError as refusal:
        return {rdv.pk: shown_refusal(refusal, request, rdv)}
    if done.result is None:
        messages.info(request, already_done(rdv))
    else:
        say_placed(request, done.result, undo="move", before=before)
    return {}


def _place_all(request: HttpRequest, absence: Absence) -> dict[int, ShownRefusal]:
    """Move each RDV that the page showed to its best place, one after the other. Returns why not, by their ids."""
    user, now = user_of(request), timezone.localtime()
    sent = [text.partition("_") for text in request.POST.getlist("rdv")[:_MOST_SHOWN]]
    seen = {read_id(pk): read_id(version) or 0 for pk, _sign, version in sent}
    rdvs = list(visible(left_alone(absence), user).filter(pk__in=[pk for pk in seen if pk]))
    people, moved = people_for(rdvs), []

    def act(rdv: Appointment) -> Appointment:
        before = values_before(move_undo(), rdv) or {}
        made = replace_technician(rdv, people, leaving=absence.technician, seen=seen[rdv.pk], not_before=now, by=user)
        moved.append((made, before))
        return made

    once = Once(f"user:{user.pk}", f"absent:{request.POST.get('_once', '')[:60]}:all")
    outcomes = perform_each(rdvs, act, once=once)
    if moved:
        count = len(moved)
        text = ngettext("%(n)d RDV replacé : %(names)s.", "%(n)d RDV replacés : %(names)s.", count)
        names = ", ".join(_placed_text(rdv) for rdv, _before in moved)
        tag = undo_tag_of_many(request, moved, "move")
        messages.success(request, text % {"n": count, "names": names}, extra_tags=tag)
    return {outcome.document.pk: ShownRefusal((str(outcome.refusal),)) for outcome in outcomes if outcome.is_refused}


def _placed_text(rdv: Appointment) -> str:
    """Return « RDV/000012 (jeudi 26 novembre 08:00, Brieuc) »."""
    assert rdv.starts_at is not None
    begins = local(rdv.starts_at)
    names = ", ".join(person.name for person in rdv.technicians.all())
    return f"{rdv} ({day_text(begins)} {begins:%H:%M}, {names})"


def period_text(absence: Absence) -> str:
    """Return « Absence : Luc, le 25 novembre (Grippe) », « … du 25 novembre au 2 décembre »; with its hours when it takes a
    part of a day.
    """
    start, end = local(absence.starts_at), local(absence.ends_at)
    last = (end - timedelta(microseconds=1)).date()
    is_whole = (start.hour, start.minute, end.hour, end.minute) == (0, 0, 0, 0)
    if not is_whole:
        days = _("du %(first)s au %(last)s") % {
            "first": f"{day_text(start, 'j F')} {start:%H:%M}",
            "last": f"{day_text(end, 'j F')} {end:%H:%M}",
        }
    elif start.date() == last:
        days = _("le %s") % day_text(start, "j F")
    else:
        days = _("du %(first)s au %(last)s") % {
            "first": day_text(start, "j F"),
            "last": day_text(last, "j F"),
        }
    reason = f" ({absence.reason})" if absence.reason else ""
    return f"{_('Absence : %s') % absence.technician}, {days}{reason}"


def address_of(absence: Absence) -> str:
    """Return the address of the RDVs that an absence leaves alone."""
    return f"{reverse('planning:absent')}?{urlencode({'absence': absence.pk})}"
