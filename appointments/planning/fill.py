"""« Remplir un créneau »: what would go well into a hole of a technician's day, and its planning, one after the other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment, Tour
from appointments.planning.acts import moment_at, say_placed
from appointments.planning.dialogs import slots_dialog
from appointments.planning.reader import DAY, Asked, Card, board_of, day_of, minutes_of
from appointments.services.calendars import hours_to_length, local
from appointments.services.saving import appoint
from appointments.services.slots import RADIUS, Found, Gap, Options, fill_proposals, free_gaps
from interventions.models import InterventionRequest, Sector, Task, Technician
from invoicing.choices import TagScope
from invoicing.models import Tag
from invoicing.services.records.acts import Once, Performed, perform
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import DAY_MINUTES, read_id, read_minutes
from openfire_billing.web.actions import PREFIX, already_done
from openfire_billing.web.choices import narrow_choices
from openfire_billing.web.fetched import go_to
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.record_select import RecordsSelect
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.tags import hours
from openfire_billing.web.users import user_of


@dataclass(frozen=True)
class Shown:
    """Free time of a technician on a day, with the cards before and after it; None for none."""

    gap: Gap
    before: Card | None
    after: Card | None

    @property
    def hours(self) -> str:
        return f"{self.gap.starts_at:%H:%M}–{self.gap.ends_at:%H:%M}"

    @property
    def length(self) -> str:
        return _length(self.gap.starts_at, self.gap.ends_at)

    @property
    def span(self) -> tuple[int, int]:
        """Its first and last minute of the day."""
        day = self.gap.starts_at.date()
        return minutes_of(self.gap.starts_at, day), minutes_of(self.gap.ends_at, day)


@dataclass(frozen=True)
class Part:
    """What the address names: a technician's day, minutes of it, the RDV whose page the dialog is over, the options that
    were chosen, as (name, value).
    """

    technician: Technician
    day: date
    span: tuple[int, int] | None
    over: Appointment | None
    options: Sequence[tuple[str, str]] = ()

    def address(self, span: tuple[int, int] | None) -> str:
        """Return the address of the dialog for other minutes of the day, with the same options."""
        found = [("technician", str(self.technician.pk)), ("day", self.day.isoformat())]
        if span is not None:
            found += zip(("start", "end"), map(str, span), strict=True)
        if self.over is not None:
            found.append(("appointment", str(self.over.pk)))
        return f"{reverse('planning:fill')}?{urlencode([*found, *self.options])}"


@dataclass(frozen=True)
class Offer:
    """A proposal as the dialog shows it. `value`: what its buttons send."""

    found: Found
    hours: str
    length: str
    value: str


class OptionsForm(forms.Form):
    """What is searched for."""

    radius = forms.IntegerField(
        label=_("Rayon (km)"), min_value=0, max_value=500, initial=RADIUS, help_text=_("0 : sans limite.")
    )
    sectors = forms.ModelMultipleChoiceField(
        label=_("Secteurs"),
        queryset=Sector.objects.active(),
        required=False,
        widget=RecordsSelect(Tour._meta.get_field("sectors"), admin.site),
    )
    tasks = forms.ModelMultipleChoiceField(
        label=_("Tâches"),
        queryset=Task.objects.filter(is_active=True),
        required=False,
        widget=RecordsSelect(Technician._meta.get_field("tasks"), admin.site),
    )
    tags = forms.ModelMultipleChoiceField(
        label=_("Étiquettes"),
        queryset=Tag.objects.filter(scope=TagScope.INTERVENTION),
        required=False,
        widget=RecordsSelect(InterventionRequest._meta.get_field("tags"), admin.site),
    )
    ignores_duration = forms.BooleanField(label=_("Ignorer la durée"), required=False)

    def sent_options(self) -> list[tuple[str, str]]:
        """Return (name, value) of what was chosen, as an address carries it; [] for the usual options."""
        if not (self.is_bound and self.is_valid() and self.has_changed()):
            return []
        names = [self.add_prefix(name) for name in self.fields]
        return [(name, value) for name in names for value in self.data.getlist(name)]  # type: ignore[attr-defined]  # a QueryDict

    def options(self) -> Options:
        """Return what was asked for; the usual options when the form was not sent."""
        if not self.is_bound:
            return Options()
        data = self.cleaned_data
        ids = {name: frozenset(row.pk for row in data[name]) for name in ("sectors", "tasks", "tags")}
        return Options(radius=data["radius"], ignores_duration=data["ignores_duration"], **ids)


@slots_dialog
def fill(request: HttpRequest) -> HttpResponse:
    """Show the proposals for a hole, or plan one of them. A POST without a choice searches with other options."""
    sent = request.POST if _RADIUS in request.POST else request.GET if _RADIUS in request.GET else None
    form = OptionsForm(sent, prefix=PREFIX)
    narrow_choices(form, request.user)
    is_valid = not form.is_bound or form.is_valid()
    part = _part(request, form)
    refusal = None
    choice = request.POST.get("_confirm") or request.POST.get("_following")
    if choice:
        try:
            return _plan(request, part, choice)
        except BusinessError as error:
            refusal = shown_refusal(error, request)
    holes = _holes(request, part)
    hole = _chosen(holes, part)
    found: list[Found] = []
    if hole is not None and is_valid:
        found = fill_proposals(hole.gap, options=form.options(), on=timezone.localdate())
    context = {
        **admin.site.each_context(request),
        "title": _("Remplir un créneau"),
        "technician": part.technician,
        "day": part.day,
        "hole": hole,
        "holes": [(one.hours, part.address(one.span), one is hole) for one in holes],
        "is_valid": is_valid,
        "form": form,
        "has_options": form.is_bound and form.has_changed(),
        "offers": [_offer(one) for one in found],
        "refusal": refusal,
        "once": uuid4(),
        "address": part.address(hole.span if hole else part.span),
        "back": reverse_change(part.over)
        if part.over
        else f"{reverse('planning:board')}?{urlencode({'from': part.day.isoformat()})}",
    }
    return TemplateResponse(request, "appointments/planning/fill.html", context, status=409 if refusal else 200)


_RADIUS = f"{PREFIX}-radius"  # sent with every search


def _part(request: HttpRequest, form: OptionsForm) -> Part:
    """Read the address. 404 for another company's technician or RDV, and for a day that is none."""
    user, over = user_of(request), None
    if "appointment" in request.GET:
        rows = visible(Appointment.objects.select_related("lead__company"), user)
        over = get_object_or_404(rows, pk=read_id(request.GET.get("appointment")))
    if over is not None and "technician" not in request.GET:
        if over.lead is None or over.ends_at is None:
            raise Http404
        ends = local(over.ends_at)
        return Part(over.lead, ends.date(), (minutes_of(ends, ends.date()), DAY_MINUTES), over)
    people = visible(Technician.objects.select_related("company").prefetch_related("tasks"), user)
    person = get_object_or_404(people, pk=read_id(request.GET.get("technician")))
    day = day_of(request.GET.get("day", ""))
    if day is None:
        raise Http404
    start, end = (read_minutes(request.GET.get(name)) for name in ("start", "end"))
    span = None if start is None or end is None else (start, end)
    return Part(person, day, span, over, form.sent_options())


def _holes(request: HttpRequest, part: Part) -> list[Shown]:
    """Return the holes of the day; that in which the part begins that the address names, from there on."""
    begins = None if part.span is None else moment_at(part.day, part.span[0])
    gaps = free_gaps(part.technician, part.day, not_before=timezone.localtime(), begins=begins)
    day = board_of(request.user, Asked(DAY, part.day), only={(part.technician.pk, part.day)})
    cards = [card for cell in day.cells() for card in cell.cards]
    return [
        Shown(
            gap,
            next((card for card in reversed(cards) if card.ends <= gap.starts_at), None),
            next((card for card in cards if gap.ends_at <= card.starts), None),
        )
        for gap in gaps
    ]


def _chosen(holes: Sequence[Shown], part: Part) -> Shown | None:
    """Return the first hole of the part that the address names; None when that time is taken meanwhile."""
    if part.span is None:
        return holes[0] if holes else None
    first, last = (moment_at(part.day, minute) for minute in part.span)
    return next((hole for hole in holes if first <= hole.gap.starts_at < last), None)


def _length(start: datetime, end: datetime) -> str:
    return hours(Decimal((end - start) // timedelta(minutes=1)) / 60)


def _offer(found: Found) -> Offer:
    start, end = local(found.starts_at), local(found.ends_at)
    choice = (found.intervention.pk, minutes_of(start, start.date()), found.ranked.candidate.work)
    value = "-".join(map(str, (*choice, found.intervention.version)))
    return Offer(found, f"{start:%H:%M}–{end:%H:%M}", _length(start, end), value)


def _plan(request: HttpRequest, part: Part, choice: str) -> HttpResponse:
    """Make the draft RDV of a proposal, once, and go on in what is left of the hole, or back to where one was."""
    sent = re.fullmatch(r"(\d{1,18})-(\d{1,4})-(\d{1,6})-(\d{1,9})", choice, re.ASCII)
    pk, start, work, seen = map(int, sent.groups()) if sent else (0, 0, 0, 0)
    if start > DAY_MINUTES:
        raise Http404
    intervention = get_object_or_404(visible(InterventionRequest.objects.all(), user_of(request)), pk=pk)

    def act() -> Appointment:
        return appoint(
            intervention,
            technicians=[part.technician],
            starts_at=moment_at(part.day, start),
            duration=_duration(intervention, work),
            is_for_rest=True,
            seen=seen,
            on=timezone.localdate(),
            by=user_of(request),
        )

    def stored(made: Appointment) -> tuple[int, object]:
        assert made.ends_at is not None
        return 0, [made.pk, minutes_of(made.ends_at, part.day)]

    once = Once(f"user:{request.user.pk}", f"fill:{request.POST.get('_once', '')[:60]}:{pk}")
    made: int
    end: int
    done: Performed[Appointment] = perform(act, once=once, answer=stored)
    if done.result is None:
        messages.info(request, already_done(intervention))
        made, end = done.answer  # type: ignore[misc]  # what `stored` returned
    else:
        say_placed(request, done.result)
        made, end = stored(done.result)[1]  # type: ignore[misc]
    if "_following" in request.POST:
        left = replace(part, span=(end, part.span[1] if part.span else DAY_MINUTES))
        hole = _chosen(_holes(request, left), left)
        if hole is not None:
            return HttpResponseRedirect(left.address(hole.span))
        messages.info(request, _("Le créneau est rempli."))
    url = reverse_change(part.over) if part.over else reverse("admin:appointments_appointment_change", args=[made])
    return go_to(request, url)


def _duration(intervention: InterventionRequest, work: int) -> Decimal | None:
    """Return the hours of work cut to the hole; None when all that remains is planned."""
    remaining = hours_to_length(intervention.remaining_duration or intervention.duration)
    return Decimal((100 * work + 30) // 60) / 100 if timedelta(minutes=work + 1) <= remaining else None
