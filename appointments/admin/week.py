"""The week: technicians × days, each stretch of an RDV a link to its page."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Slot
from appointments.querysets import day_bounds
from appointments.services.calendars import calendars_of
from appointments.services.days import days_by_technician, end_text, split_by_day
from interventions.models import Technician
from invoicing.models import Company
from openfire_billing.web.days import refuse_far_day


def _monday(text: str) -> date:
    """Return the Monday of the week asked for; of this week when it is no day, or outside the product's calendar."""
    try:
        day = date.fromisoformat(text)
        refuse_far_day(day)
    except (ValueError, ValidationError):
        day = timezone.localdate()
    return day - timedelta(days=day.weekday())


def _cells(slots: Sequence[Slot]) -> dict[tuple[int, date], list[dict[str, Any]]]:
    """Return {(id of a technician, day): its stretches}: the RDV, the hours, « jour 2 sur 3 »."""
    days = days_by_technician({slot.appointment for slot in slots})
    cells: dict[tuple[int, date], list[dict[str, Any]]] = defaultdict(list)
    for slot in slots:
        ranks = {of.day: of.rank_text for of in days[slot.appointment_id, slot.technician_id]}
        for day, start, end in split_by_day(slot.starts_at, slot.ends_at):
            cells[slot.technician_id, day].append(
                {"rdv": slot.appointment, "hours": f"{start:%H:%M}–{end_text(day, end)}", "rank_text": ranks[day]}
            )
    return cells


def week_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Return the page of one week: one row per active technician of the user's companies, one column per day.

    `?from=YYYY-MM-DD` chooses the week; a missing or invalid day means this week. The number of queries does not depend on
    the number of technicians or appointments. Raises PermissionDenied without the view permission.
    """
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    monday = _monday(request.GET.get("from", ""))
    days = [monday + timedelta(days=n) for n in range(7)]
    companies = Company.objects.visible_to(request.user)
    people = list(Technician.objects.filter(company__in=companies, is_active=True).select_related("company"))
    start, end = day_bounds(monday, 7)
    slots = list(
        Slot.objects.filter(technician__in=people, starts_at__lt=end, ends_at__gt=start)
        .filter(appointment__state__in=sorted(AppointmentState.occupying))
        .select_related("appointment__partner", "appointment__address", "appointment__task")
        .order_by("starts_at")
    )
    cells = _cells(slots)
    calendars = calendars_of(people, first_day=monday, last_day=days[-1])
    rows = [
        {
            "technician": person,
            "days": [
                {"day": day, "stretches": cells[person.pk, day], "is_off": not calendars[person.pk].working(day)}
                for day in days
            ],
        }
        for person in people
    ]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": _("Semaine du %s") % date_format(monday, "j F Y"),
        "days": days,
        "rows": rows,
        "today": timezone.localdate(),
        "before": (monday - timedelta(days=7)).isoformat(),
        "after": (monday + timedelta(days=7)).isoformat(),
        "has_add_permission": model_admin.has_add_permission(request),
    }
    return TemplateResponse(request, "appointments/week.html", context)
