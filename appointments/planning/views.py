"""The pages of the board: a day, a week or a month; what is to place; an RDV over the board; what others changed."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from appointments.models import Appointment
from appointments.planning.absent import ABSENT
from appointments.planning.acts import ADD, CHANGE, act_named
from appointments.planning.cells import FIRST_HOUR, LAST_HOUR, cell_html
from appointments.planning.changes import changes_since
from appointments.planning.dialogs import FILLS
from appointments.planning.map_reader import map_query
from appointments.planning.reader import (
    DAY,
    MONTH,
    WEEK,
    Asked,
    Board,
    asked_in,
    board_of,
    cells_with,
    day_of,
    technicians_of,
)
from appointments.planning.rows import LARGE, SMALL, USUAL, around, filters_of, in_order, narrowed
from appointments.planning.shown import answered, planner_page
from appointments.planning.visits import address_of as visits_address
from appointments.planning.waiting import waiting_of
from appointments.services.announced import announced
from appointments.services.answers import answer_of
from openfire_billing.db.scope import visible
from openfire_billing.kernel.formats import day_text, read_id
from openfire_billing.web.summary import map_url
from openfire_billing.web.users import user_of


@planner_page
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Return the board that the address asks for, with the list of what is to place."""
    user = user_of(request)
    found_around = around(user)  # before the cells are read: a change in between is answered again
    kept = found_around.kept
    asked = asked_in(request.GET, kept.rows)
    people = in_order(technicians_of(user), kept.order)
    found = board_of(user, asked, people=narrowed(people, asked.rows, found_around.members))
    first, last, today = asked.days[0], asked.days[-1], timezone.localdate()
    next_day = min(max(first, today), last)  # the next one that is shown
    busy = {cell.day for cell in found.cells() if cell.worked or cell.cards or cell.is_on_call}
    context = {
        **admin.site.each_context(request),
        "title": _("Planning"),
        "asked": asked,
        "query": asked.query(with_rows=True),
        "cursor": found_around.cursor,
        "heading": _heading(asked),
        "days": [(day, day in busy, f"?{asked.query(view=DAY, first=day)}") for day in asked.days],
        "today": today,
        "absent_on": next_day.isoformat(),
        "days_shown": urlencode({"first": first.isoformat(), "last": last.isoformat()}),
        "absent_url": reverse("planning:absent"),
        "sectors_url": reverse("planning:sectors"),
        "rows": _rows(found),
        "hours": range(FIRST_HOUR, LAST_HOUR),
        "views": [(name, label, f"?{asked.query(view=name)}", name == asked.view) for name, label in _names()],
        "before": f"?{asked.query(first=asked.before)}",
        "now": f"?{asked.query(first=today)}",
        "after": f"?{asked.query(first=asked.after)}",
        "zoom": kept.zoom,
        "zooms": [(SMALL, _("Serré")), (USUAL, _("Normal")), (LARGE, _("Large"))],
        "filters": filters_of(asked.rows, found_around, people, sectors=_("Secteurs des journées")),
        "filtered": asked.rows.count,
        "on_map": f"{reverse('planning:map')}?{map_query(asked, day=next_day)}",
        "has_order": bool(kept.order),
        "has_list": asked.view != MONTH,
        "may_change": user.has_perm(CHANGE),
        "may_add": user.has_perm(ADD),
        "may_absent": user.has_perms([ABSENT, CHANGE]),
        "may_sectors": act_named("sectors").is_allowed(user),
        "may_fill": user.has_perms(FILLS),
        "visits_url": visits_address(last if asked.view == WEEK else first),
    }
    return TemplateResponse(request, "appointments/planning/board.html", context)


@planner_page
@require_GET
def changes(request: HttpRequest) -> HttpResponse:
    """Answer the cells that others changed since `?since=`; 304 when nothing did, with the next cursor in its header.
    `?done=`: an act was just tried over the board, whose message is answered too.
    """
    found = changes_since(request.GET.get("since", ""), user_of(request))
    asked = asked_in(request.GET)
    cursor = str(found.cursor)
    if found.is_nothing and "done" in request.GET and len(messages.get_messages(request)):
        return answered(request, Board(asked, []), touched=[], cursor=cursor)  # an act that was refused changed nothing
    if found.is_nothing:
        return HttpResponse(status=304, headers={"X-Cursor": cursor})
    shown = (
        board_of(request.user, asked) if found.is_everything else cells_with(request.user, asked, found.appointments)
    )
    return answered(request, shown, touched=sorted(found.appointments), cursor=cursor)


@planner_page
@require_GET
def cells(request: HttpRequest) -> HttpResponse:
    """Answer the cells that `?cells=12:2026-11-30,…` names."""
    only = set()
    for part in request.GET.get("cells", "").split(",")[:2000]:
        technician, _colon, day = part.partition(":")
        person, on = read_id(technician), day_of(day)
        if person is not None and on is not None:
            only.add((person, on))
    return answered(request, board_of(request.user, asked_in(request.GET), only=only), touched=[])


@planner_page
@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """Answer the list of what is to place, narrowed: its rows to the script of the board, a page to others."""
    rows, has_more = waiting_of(user_of(request), request.GET)
    is_narrowed = bool(request.GET.get("q") or request.GET.get("late"))
    context = {"waiting": rows, "has_more": has_more, "is_narrowed": is_narrowed}
    if request.headers.get("X-Requested-With") == "fetch":
        return TemplateResponse(request, "appointments/planning/waiting_rows.html", context)
    page = {**admin.site.each_context(request), "title": _("À placer"), **context}
    return TemplateResponse(request, "appointments/planning/waiting.html", page)


@planner_page
@require_GET
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an RDV over the board: customer, place, work, and its acts."""
    rows = Appointment.objects.select_related(
        "partner", "address", "task", "lead", "intervention", "equipment", "company"
    ).prefetch_related("technicians", "lines__request_line", "lines__product")
    appointment = get_object_or_404(visible(rows, user_of(request)), pk=pk)
    page: Any = admin.site.get_model_admin(Appointment)
    place = appointment.address
    context = {
        **admin.site.each_context(request),
        "title": str(appointment),
        "rdv": appointment,
        "telephone": place.phone or appointment.partner.mobile or appointment.partner.phone,
        "map_url": map_url(place),
        "acts": page.actions_for(request, appointment),
        "announced": announced(appointment),
        "answer": answer_of(appointment),
        "lines": [line for line in appointment.lines.all() if line.terms.is_article],
    }
    return TemplateResponse(request, "appointments/planning/card.html", context)


def _names() -> list[tuple[str, str]]:
    return [(DAY, _("Jour")), (WEEK, _("Semaine")), (MONTH, _("Mois"))]


def _heading(asked: Asked) -> str:
    is_this_year = asked.first.year == timezone.localdate().year
    if asked.view == DAY:
        return day_text(asked.first, "l j F" if is_this_year else "l j F Y")
    if asked.view == MONTH:
        return date_format(asked.first, "F Y")
    return _("Semaine du %s") % day_text(asked.first, "j F" if is_this_year else "j F Y")


def _rows(found: Board) -> list[dict[str, Any]]:
    """Return the rows of the page, each with what its menu sends to put it before its neighbour, or after."""
    ids = [technician.pk for technician, _cells in found.rows]
    pairs = zip([None, *ids], ids, [*ids[1:], None], strict=False)
    return [
        {
            "technician": technician,
            "cells": [cell_html(cell, found.asked.view) for cell in cells],
            "up": f"{pk}.{above}" if above else "",
            "down": f"{below}.{pk}" if below else "",
        }
        for (technician, cells), (above, pk, below) in zip(found.rows, pairs, strict=True)
    ]
