"""Who may open the board, and how its parts are answered: cells that the script puts in place of those it has."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from appointments.planning.cells import cells_of
from appointments.planning.reader import Board
from openfire_billing.web.users import user_of


def planner_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Show a page to staff who see RDVs; 404 to who is not staff (a technician has `/mobile/`), 403 to other staff."""

    @never_cache
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect(f"{reverse('admin:login')}?{urlencode({'next': request.get_full_path()})}")
        user = user_of(request)
        if not (user.is_active and user.is_staff):
            raise Http404
        if not user.has_perm("appointments.view_appointment"):
            raise PermissionDenied
        return view(request, *args, **options)

    return page


def answered(request: HttpRequest, board: Board, *, touched: Iterable[int], cursor: str = "") -> HttpResponse:
    """Answer cells, and the messages of what was done. `touched`: ids of RDVs that left every other cell.

    `cursor`: up to where the journal was read; the browser keeps its own when it is empty.
    """
    context = {"cells": cells_of(board), "touched": " ".join(map(str, touched)), "cursor": cursor}
    return HttpResponse(render_to_string("appointments/planning/cells.html", context, request))
