"""The print of a day: a page for each technician who has RDVs, to take along."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from appointments.models import Appointment
from appointments.planning.reader import DAY, Asked, asked_in, board_of
from appointments.planning.shown import planner_page
from openfire_billing.kernel.formats import day_text
from openfire_billing.web.users import user_of


@planner_page
@require_GET
def print_day(request: HttpRequest) -> HttpResponse:
    """Show the RDVs of the day `?from=`, of the rows that the address names: a page a technician, in order of the day."""
    asked = asked_in({**request.GET.dict(), "view": DAY})
    context = {
        **admin.site.each_context(request),
        "title": _("Journée du %s") % day_text(asked.first, "l j F Y"),
        "day": asked.first,
        "pages": _pages(user_of(request), asked),
        "back": asked.query(),
    }
    return TemplateResponse(request, "appointments/planning/print.html", context)


def _pages(user: Any, asked: Asked) -> list[dict[str, Any]]:
    """Return the pages, {technician, sectors, cards}; a card is an RDV with what is said of it on paper."""
    cells = [cell for cell in board_of(user, asked).cells() if cell.cards]
    ids = {card.appointment.pk for cell in cells for card in cell.cards}
    rows = Appointment.objects.select_related("partner", "address", "task", "equipment", "lead")
    found = rows.prefetch_related("technicians", "lines__request_line", "lines__product").in_bulk(sorted(ids))
    return [
        {
            "technician": cell.technician,
            "sectors": cell.sectors,
            "cards": [
                {
                    "rdv": rdv,
                    "hours": card.hours,
                    "rank": card.rank_text,
                    "telephone": rdv.address.phone or rdv.partner.mobile or rdv.partner.phone,
                    "others": [person.name for person in rdv.technicians.all() if person != cell.technician],
                    "lines": [line for line in rdv.lines.all() if line.terms.is_article],
                }
                for card in cell.cards
                for rdv in [found[card.appointment.pk]]
            ],
        }
        for cell in cells
    ]
