"""« Visites du mois »: contract visits proposed over the days of their sectors, made as drafts together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from django.contrib import admin, messages
from django.db.models import Prefetch, prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.planning.acts import act_named
from appointments.planning.dialogs import slots_dialog
from appointments.planning.reader import day_of, technicians_of
from appointments.querysets import day_bounds
from appointments.services.calendars import local
from appointments.services.month_visits import MOST, Choice, MonthVisits, book_visits, spread_visits
from appointments.spreading import Placed
from interventions.models import InterventionRequest, Sector, Task, Technician
from invoicing.services.records.acts import Once
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import day_text, read_id
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.users import user_of


@dataclass(frozen=True)
class Row:
    """A visit on the page. `value`: what its box sends."""

    visit: InterventionRequest
    hours: str
    value: str


@dataclass(frozen=True)
class Group:
    """The visits of a day of a technician. `before`, `after`: hours left of it."""

    day: date
    technician: Technician
    before: Decimal
    after: Decimal
    rows: list[Row]


@slots_dialog
def visits(request: HttpRequest) -> HttpResponse:
    """Show where the visits of `?month=2026-12` could go, those of `?sector=` alone when it is given; a POST makes the
    drafts of those that are ticked.
    """
    month = _month(request.GET.get("month", ""))
    sectors = list(Sector.objects.active().order_by("name", "pk"))
    sector = next((one for one in sectors if one.pk == read_id(request.GET.get("sector"))), None)
    here = address_of(month, sector)
    outcomes: list[Outcome] = []
    refusal = None
    if request.method == "POST":
        try:
            outcomes = _book(request, month)
        except BusinessError as error:
            refusal = shown_refusal(error, request)
        else:
            _say_made(request, outcomes, month)
            if not any(outcome.is_refused for outcome in outcomes):
                return HttpResponseRedirect(here)
    refused = [outcome for outcome in outcomes if outcome.is_refused]
    found = _proposal(request, month, sector)
    groups = _groups(found)
    drafts = _drafts(request, month)
    context = {
        **admin.site.each_context(request),
        "title": _("Visites du mois"),
        "heading": f"{day_text(month, 'F')} {month.year}",
        "before": address_of(_first(month, -1), sector) if month > _this_month() else "",
        "after": address_of(_first(month, 1), sector),
        "sectors": [(_("Tous les secteurs"), address_of(month), sector is None)]
        + [(one.name, address_of(month, one), one == sector) for one in sectors],
        "groups": groups,
        "count": sum(len(group.rows) for group in groups),
        "without_place": [(found.visits[one.visit.pk], one.why) for one in found.spread.refused],
        "has_days": found.has_days,
        "left_off": found.left_off,
        "days_url": _days_url(request, month, sectors, found),
        "days_label": _("Assigner un secteur") if sectors else _("Secteurs"),
        "refusal": refusal,
        "refused": refused,
        "drafts": drafts,
        "drafts_url": drafts_address(month),
        "here": here,
        "back": f"{reverse('planning:board')}?{urlencode({'view': 'month', 'from': month.isoformat()})}",
        "once": uuid4(),
    }
    status = 409 if refusal or refused else 200
    return TemplateResponse(request, "appointments/planning/visits.html", context, status=status)


def address_of(month: date, sector: Sector | None = None) -> str:
    """Return the address of the visits of a month, of one sector when it is given."""
    more = {"sector": sector.pk} if sector else {}
    return f"{reverse('planning:visits')}?{urlencode({'month': f'{month:%Y-%m}', **more})}"


def drafts_address(month: date) -> str:
    """Return the address of the list of RDVs to confirm in a month."""
    values = {"view": "to-confirm", "starts_at__year": month.year, "starts_at__month": month.month}
    return f"{reverse('admin:appointments_appointment_changelist')}?{urlencode(values)}"


def _this_month() -> date:
    return timezone.localdate().replace(day=1)


def _first(month: date, step: int) -> date:
    """Return the first day of the month after (1) or before (-1)."""
    return (month + timedelta(days=31 if step > 0 else -1)).replace(day=1)


def _month(text: str) -> date:
    """Read « 2026-12 » as its first day. The present month for anything else, and for a month that is over."""
    return max(day_of(f"{text}-01") or _this_month(), _this_month())


def _proposal(request: HttpRequest, month: date, sector: Sector | None) -> MonthVisits:
    people = technicians_of(request.user)
    prefetch_related_objects(people, Prefetch("tasks", Task.objects.only("pk")))
    wanted = visible(InterventionRequest.objects.all(), user_of(request))
    sectors = [sector.pk] if sector else []
    return spread_visits(wanted, people, month=month, sectors=sectors, now=timezone.localtime())


def _groups(found: MonthVisits) -> list[Group]:
    """Return the days that something is proposed on, in their order, then by the name of the technician."""
    by_day: dict[tuple[int, date], list[Placed]] = {}
    for one in found.spread.placed:
        by_day.setdefault((one.technician, one.on), []).append(one)
    order = sorted(by_day, key=lambda key: (key[1], found.people[key[0]].name, key[0]))
    return [
        Group(
            day,
            found.people[technician],
            _hours(found.spread.before[technician, day]),
            _hours(found.spread.after[technician, day]),
            [_row(one, found) for one in sorted(by_day[technician, day], key=lambda one: one.starts_at)],
        )
        for technician, day in order
    ]


def _row(one: Placed, found: MonthVisits) -> Row:
    visit = found.visits[one.visit.pk]
    value = f"{visit.pk}_{visit.version}_{one.technician}_{one.starts_at.isoformat()}"
    return Row(visit, f"{one.starts_at:%H:%M}–{one.ends_at:%H:%M}", value)


def _days_url(request: HttpRequest, month: date, sectors: Sequence[Sector], found: MonthVisits) -> str:
    """Return where the days of the month get their sectors; where sectors are made, when there is none; "" for who may
    not.
    """
    if not sectors:
        may_see = request.user.has_perm("interventions.view_sector")
        return reverse("admin:interventions_sector_changelist") if may_see else ""
    if not found.people or not act_named("sectors").is_allowed(request.user):
        return ""
    first, last = max(month, timezone.localdate()), _first(month, 1) - timedelta(days=1)
    values = {"technician": next(iter(found.people)), "first": first.isoformat(), "last": last.isoformat()}
    return f"{reverse('planning:sectors')}?{urlencode(values)}"


def _hours(minutes: int) -> Decimal:
    return Decimal(minutes) / 60


def _drafts(request: HttpRequest, month: date) -> int:
    """Return how many RDVs of the month wait to be confirmed."""
    start, end = day_bounds(month, (_first(month, 1) - month).days)
    rows = visible(Appointment.objects.all(), user_of(request))
    return rows.filter(state=AppointmentState.DRAFT, starts_at__gte=start, starts_at__lt=end).count()


def _book(request: HttpRequest, month: date) -> list[Outcome]:
    """Make the drafts of the boxes that are ticked, each once."""
    user = user_of(request)
    sent = [_choice(text) for text in request.POST.getlist("visit")[:MOST]]
    requests = visible(InterventionRequest.objects.all(), user).in_bulk([pk for pk, *_others in sent])
    people = visible(Technician.objects.all(), user).in_bulk({who for _pk, _seen, who, _start in sent})
    choices = []
    for pk, seen, who, start in sent:
        if pk not in requests or who not in people or local(start).date().replace(day=1) != month:
            raise Http404
        choices.append(Choice(requests[pk], people[who], start, seen))
    if not choices:
        raise BusinessError(_("Aucune visite n'est cochée : cochez au moins une visite."), code="missing_field")
    once = Once(f"user:{user.pk}", f"visits:{request.POST.get('_once', '')[:60]}")
    return book_visits(choices, now=timezone.localtime(), by=user, once=once)


def _choice(text: str) -> tuple[int, int, int, datetime]:
    """Read what a box sends: the DI, its version, the technician, the start."""
    pk, seen, who, moment = [*text.split("_", 3), "", "", ""][:4]
    try:
        start = datetime.fromisoformat(moment)
    except ValueError as wrong:
        raise Http404 from wrong
    if timezone.is_naive(start) or day_of(start.date().isoformat()) is None:
        raise Http404
    return read_id(pk) or 0, read_id(seen) or 0, read_id(who) or 0, start


def _say_made(request: HttpRequest, outcomes: Sequence[Outcome], month: date) -> None:
    count = sum(not outcome.is_refused for outcome in outcomes)
    if not count:
        return
    text = ngettext("%(n)d RDV créé en brouillon.", "%(n)d RDV créés en brouillon.", count) % {"n": count}
    link = '{} <a class="of-link" href="{}">{}</a>'
    messages.success(request, format_html(link, text, drafts_address(month), _("Les voir et les confirmer")))
