"""The door that keeps how a user wants the board: which rows, their order, the zoom. Opening the board changes nothing."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from appointments.planning.reader import technicians_of
from appointments.planning.rows import (
    ALL_ROWS,
    LARGE,
    NAMES,
    SMALL,
    USUAL,
    Rows,
    ids_in,
    in_order,
    keep_order,
    keep_rows,
    kept_by,
)
from appointments.planning.shown import planner_page
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.refusals import refusals_shown
from openfire_billing.web.users import user_of


@planner_page
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep how a user wants the board: `rows`, `zoom`, `move` (« 12.7 »: 12 before 7) or `by_name`."""
    user, sent = user_of(request), request.POST
    kept = kept_by(user)
    with refusals_shown(request):
        if "rows" in sent:
            rows = Rows(**{name: frozenset(filter(None, map(read_id, sent.getlist(name)))) for name in NAMES})
            keep_rows(user, rows, kept.zoom)
        elif "none" in sent:
            keep_rows(user, ALL_ROWS, kept.zoom)
        elif (zoom := read_id(sent.get("zoom"))) in (SMALL, USUAL, LARGE):
            keep_rows(user, kept.rows, zoom)
    if "by_name" in sent:
        keep_order(user, [])
    elif len(pair := ids_in(sent.get("move", ""))) == 2:
        ids = [person.pk for person in in_order(technicians_of(user), kept.order)]
        if set(pair) <= set(ids) and pair[0] != pair[1]:
            ids.remove(pair[0])
            ids.insert(ids.index(pair[1]), pair[0])
            keep_order(user, ids)
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    here = {name: sent[name] for name in ("view", "from") if sent.get(name)}
    return HttpResponseRedirect(f"{reverse('planning:board')}?{urlencode(here)}")
