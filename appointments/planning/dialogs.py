"""What « Remplir un créneau » and « Chercher un créneau » share: who may open them, an hour as it is said on the phone."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from appointments.planning.acts import ADD
from appointments.planning.shown import planner_page
from openfire_billing.kernel.formats import day_text

FILLS = (ADD, "interventions.view_interventionrequest")


def slots_dialog(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Show a dialog of the planning to those who may make RDVs and see DIs; 403 to others who see the planning."""

    @planner_page
    @require_http_methods(["GET", "POST"])
    @wraps(view)
    def dialog(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if not request.user.has_perms(FILLS):
            raise PermissionDenied
        return view(request, *args, **options)

    return dialog


def spoken(moment: datetime) -> str:
    """Return « mardi 1er décembre, 8 h 30 »."""
    hour = f"{moment.hour}\N{NO-BREAK SPACE}h" + (f"\N{NO-BREAK SPACE}{moment:%M}" if moment.minute else "")
    return f"{day_text(moment)}, {hour}"
