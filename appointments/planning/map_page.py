"""The map of a day and of what is to place. What is drawn is in the page; the pictures under it come from MAP_TILES_URL."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from appointments.planning.dialogs import FILLS
from appointments.planning.map_reader import MOST, DayMap, MapTour, Point, map_asked_in, map_of
from appointments.planning.reader import technicians_of
from appointments.planning.rows import ALL_ROWS, around, filters_of, in_order, narrowed
from appointments.planning.shown import planner_page
from openfire_billing.kernel.formats import day_text
from openfire_billing.web.users import user_of


@planner_page
@require_GET
def map_page(request: HttpRequest) -> HttpResponse:
    """Show the map of the day `?from=`, of the rows that the address names. Its policy lets in pictures of the tiles."""
    if not settings.MAP_TILES_URL:
        return _shown(request)
    tiles = urlsplit(settings.MAP_TILES_URL)
    return csp_update({"img-src": [f"{tiles.scheme}://{tiles.netloc}"]})(_shown)(request)


def _shown(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    asked = map_asked_in(request.GET)
    board, found = asked.board, around(user)
    people = in_order(technicians_of(user), found.kept.order)
    shown = map_of(user, asked, narrowed(people, board.rows, found.members))
    tiles = {"url": settings.MAP_TILES_URL, "credit": settings.MAP_TILES_CREDIT} if settings.MAP_TILES_URL else None
    context = {
        **admin.site.each_context(request),
        "title": _("Carte"),
        "asked": asked,
        "heading": day_text(board.first, "l j F Y"),
        "before": f"?{asked.query(day=board.before)}",
        "now": f"?{asked.query(day=timezone.localdate())}",
        "after": f"?{asked.query(day=board.after)}",
        "chips": [
            (_("RDV du jour"), asked.has_rdvs, f"?{asked.query(has_rdvs=not asked.has_rdvs)}"),
            (_("À placer"), asked.has_waiting, f"?{asked.query(has_waiting=not asked.has_waiting)}"),
        ],
        "filters": filters_of(board.rows, found, people, sectors=_("Secteurs")),
        "filtered": board.rows.count,
        "everything": f"?{asked.query(rows=ALL_ROWS)}",
        "back": f"{reverse('planning:board')}?{board.query()}",
        "map": shown,
        "most": MOST,
        "missing": _missing(shown.missing),
        "addresses": _addresses(user),
        "data": {**drawn(shown), "tiles": tiles},
        "find": reverse("planning:find"),
        "may_find": user.has_perms(FILLS),
    }
    return TemplateResponse(request, "appointments/planning/map.html", context)


def drawn(shown: DayMap) -> dict[str, Any]:
    """Return what the script draws: `points` {key, at, kind, town, number, colour, who}, `ways` {technician, at, colour}
    and `bases` {at, name}. `at`: latitude and longitude, or a list of them.
    """
    bases: dict[Point, list[MapTour]] = {}
    for tour in shown.tours:
        if tour.base is not None:
            bases.setdefault(tour.base, []).append(tour)
    return {
        "points": list(_points(shown)),
        "ways": [
            {"technician": tour.technician.pk, "at": way, "colour": tour.colour}
            for tour in shown.tours
            if len(way := _way(tour)) > 1
        ],
        "bases": [{"at": at, "name": _base_name(tours)} for at, tours in bases.items()],
    }


def _points(shown: DayMap) -> Iterator[dict[str, Any]]:
    for tour in shown.tours:
        for stop in tour.stops:
            if stop.point is not None:
                yield {
                    "key": stop.key,
                    "at": stop.point,
                    "kind": "rdv",
                    "number": stop.number,
                    "colour": tour.colour,
                    "who": tour.technician.name,
                    "town": stop.card.appointment.city,
                }
    for one in shown.waiting:
        if one.point is not None:
            kind = "late" if one.row.is_late else "waiting"
            yield {"key": one.key, "at": one.point, "kind": kind, "town": one.row.town}


def _way(tour: MapTour) -> list[Point]:
    """Return the points of a technician's day in order, from his base to his base."""
    stops = [stop.point for stop in tour.stops if stop.point is not None]
    ends = [tour.base] if tour.base is not None and stops else []
    return [*ends, *stops, *ends]


def _base_name(tours: list[MapTour]) -> str:
    """Return « Base de Luc », « Base de 4 intervenants »."""
    names = {"n": len(tours), "who": tours[0].technician.name}
    return ngettext("Base de %(who)s", "Base de %(n)d intervenants", len(tours)) % names


def _missing(count: int) -> str:
    return ngettext("%d sans position", "%d sans position", count) % count if count else ""


def _addresses(user: Any) -> str:
    """Return the list of addresses without a position; "" to who may not see it."""
    if not user.has_perm("invoicing.view_address"):
        return ""
    return f"{reverse('admin:invoicing_address_changelist')}?view=missing"
