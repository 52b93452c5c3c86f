"""What the tests of the planning board share: a client, what a page shows, a drop, and an RDV read back."""

import re
from typing import Any

from django.test import Client

from appointments.models import Appointment
from tests.factories import World
from tests.factories.appointments import at

WEEK = "/planning/?view=week&from=2026-11-23"
ASKED = {"view": "week", "from": "2026-11-23"}


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def cells(page: str) -> dict[str, str]:
    """{key: the HTML of a cell} of a page or of an answer."""
    return dict(re.findall(r'<td id="(c-[^"]+)"(.*?)</td>', page, re.DOTALL))


def cards(page: str) -> dict[str, list[str]]:
    """{key of a cell: the text of its cards}, of the cells that have some."""
    card = re.compile(r"<b>(.*?)</b> <span>(.*?)</span><small>(.*?)</small>")
    found = {
        key: [re.sub("<.*?>", "", f"{hours} {who} · {rest}") for hours, who, rest in card.findall(cell)]
        for key, cell in cells(page).items()
    }
    return {key: texts for key, texts in found.items() if texts}


def names(page: str) -> list[str]:
    """The names of the rows."""
    return re.findall(r'<th scope="row">.*?<summary>(.*?)</summary>', page, re.DOTALL)


def drop(world: World, rdv: Appointment, **values: Any) -> Any:
    """Post a move of an RDV, as the planner's page does."""
    wanted = {**ASKED, "seen": rdv.version, "key": f"{len(values)}", **values}
    return client_of(world.planner).post(f"/planning/appointments/{rdv.pk}/move/", wanted)


def when(rdv: Appointment) -> tuple[str, list[str]]:
    rdv = Appointment.objects.get(pk=rdv.pk)
    start = rdv.starts_at.astimezone(at(9).tzinfo) if rdv.starts_at else None
    return f"{start:%d/%m %H:%M}" if start else "", sorted(person.name for person in rdv.technicians.all())
