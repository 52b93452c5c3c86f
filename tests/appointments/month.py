"""What the tests of « Visites du mois » share: contract visits to plan, days of a sector, the page read and its form sent."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from html import unescape
from itertools import count
from typing import Any

from django.test import Client

from appointments.services.tours import assign_sectors
from contracts.models import Contract, ContractRequest
from interventions.models import InterventionRequest, Sector, Technician
from tests.contracts.contract_builders import make_contract
from tests.factories import AddressFactory, World

PAGE = "/planning/visits/?month=2026-12"
_years = count(1)


def visit(world: World, *, contract: Contract | None = None, **values: Any) -> InterventionRequest:
    """The DI of a contract visit: an hour, from 1 to 24 December 2026, at Thorigné-Fouillard, unless told."""
    site = values.pop("address", None) or AddressFactory(partner=values.get("partner") or world.customer)
    kind = values.pop("kind", "visit")
    usual = {"duration": Decimal(1), "from_on": date(2026, 12, 1), "to_on": date(2026, 12, 24)}
    found = world.intervention(address=site, **{**usual, **values})
    contract = contract or Contract.objects.first() or make_contract(world)
    line = contract.lines.get()
    rank = {"rank": 1, "of": 1} if kind == "visit" else {}
    ContractRequest.objects.create(line=line, chain=line, intervention=found, kind=kind, year=next(_years), **rank)
    return found


def days_of(world: World, who: Technician, sector: Sector, *days: int) -> None:
    """Keep these days of December 2026 for a sector."""
    assign_sectors([who], [date(2026, 12, day) for day in days], [sector], by=world.planner)


def boxes(page: str) -> list[str]:
    """The values of the boxes of a page, in their order."""
    return re.findall(r'name="visit" value="([^"]+)"', page)


def lines_of(page: str) -> list[str]:
    """The rows of the tables of a page as text, without their heads."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page.partition("<of-visits")[2], re.DOTALL)
    texts = (
        " | ".join(re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL))
        for row in rows
        if "<td" in row or "rowgroup" in row
    )
    return [" ".join(unescape(re.sub(r"<[^>]+>", "", text)).split()) for text in texts]


def press(client: Client, chosen: Iterable[str], *, key: str = "k", url: str = PAGE) -> Any:
    """Press « Créer » with these boxes ticked."""
    return client.post(url, {"visit": list(chosen), "_once": key})
