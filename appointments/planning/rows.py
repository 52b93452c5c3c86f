"""Which rows a user sees on the board, in which order and how large: asked for by the address, else as he left it.

What is kept stands where the saved filters of lists do, as two filters of the list « planning ».
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from django.contrib.auth.models import User
from django.db.models import CharField, Value
from django.db.models.functions import Cast
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from appointments.planning.changes import FIRST_READ, Cursor, first_cursor
from interventions.models import Sector, Team, Technician
from invoicing.models import Company, HistoryLine, SavedFilter
from invoicing.services.records.saved_filters import save_filter
from openfire_billing.db.counting import rows_together
from openfire_billing.kernel.formats import read_id

LIST, ROWS, ORDER = "planning", "rows", "order"  # of the saved filters
SMALL, USUAL, LARGE = 1, 2, 3
_MOST_TEXT = 480  # of the characters that a saved filter holds


@dataclass(frozen=True)
class Rows:
    """The rows asked for: ids, none for all. `sectors`: those that a technician serves on a day that is shown."""

    team: frozenset[int] = frozenset()
    technicians: frozenset[int] = frozenset()
    sectors: frozenset[int] = frozenset()

    @property
    def count(self) -> int:
        return len(self.team) + len(self.technicians) + len(self.sectors)

    def values(self) -> dict[str, str]:
        """Return what an address says of them."""
        return {name: _text(getattr(self, name)) for name in NAMES}


NAMES = ("team", "technicians", "sectors")
ALL_ROWS = Rows()


def _text(ids: Collection[int]) -> str:
    return ".".join(map(str, sorted(ids)))


def rows_in(values: Mapping[str, str]) -> Rows | None:
    """Read the rows that an address asks for; None when it asks for none in particular."""
    if not any(name in values for name in NAMES):
        return None
    return Rows(**{name: frozenset(ids_in(values.get(name, ""))) for name in NAMES})


def ids_in(text: str) -> list[int]:
    return [pk for part in text.split(".")[:200] if (pk := read_id(part)) is not None]


@dataclass(frozen=True)
class Kept:
    """What a user left: rows, their order (ids of technicians; the others follow by name), and the zoom."""

    rows: Rows = ALL_ROWS
    order: tuple[int, ...] = ()
    zoom: int = USUAL


@dataclass(frozen=True)
class Around:
    """What stands around the cells: (id, name) of teams and sectors, (id of a technician, id of his team), what the user
    left, the cursor of the journal.
    """

    cursor: Cursor
    members: frozenset[tuple[int, int]] = frozenset()
    teams: list[tuple[int, str]] = field(default_factory=list)
    sectors: list[tuple[int, str]] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)


def around(user: Any) -> Around:
    """Read what stands around the cells, in one query."""
    teams = Team.objects.filter(company__in=Company.objects.visible_to(user), is_active=True).order_by("name")
    questions: dict[str, Any] = {
        "teams": teams.values_list("pk", "name"),
        "members": Team.technicians.through.objects.filter(team__in=teams.order_by()).values_list(
            "technician", Cast("team", CharField())
        ),
        "sectors": Sector.objects.active().order_by("name").values_list("pk", "name"),
        "kept": SavedFilter.objects.filter(user=user, model=LIST).values_list("pk", "query"),
        "lines": HistoryLine.objects.order_by("-pk").values_list("pk", Value("", CharField()))[:FIRST_READ],
    }
    found: dict[str, list[tuple[int, str]]] = {name: [] for name in questions}
    for name, (pk, text) in rows_together(questions):
        found[name].append((int(pk), str(text)))
    kept = kept_in(text for _pk, text in found["kept"])
    members = frozenset((pk, int(team)) for pk, team in found["members"])
    return Around(first_cursor(pk for pk, _text in found["lines"]), members, found["teams"], found["sectors"], kept)


def kept_in(queries: Any) -> Kept:
    """Read what is kept from its saved filters."""
    values = dict(pair for query in queries for pair in parse_qsl(query, keep_blank_values=True))
    zoom = read_id(values.get("zoom"))
    return Kept(
        rows_in(values) or ALL_ROWS,
        tuple(ids_in(values.get("order", ""))),
        zoom if zoom in (SMALL, USUAL, LARGE) else USUAL,
    )


def kept_by(user: Any) -> Kept:
    """Return what a user left."""
    return kept_in(SavedFilter.objects.filter(user=user, model=LIST).values_list("query", flat=True))


def in_order(people: Sequence[Technician], order: Sequence[int]) -> list[Technician]:
    """Return technicians in an order of their ids; those it does not name follow as they are."""
    ranks = {pk: rank for rank, pk in enumerate(order)}
    return sorted(people, key=lambda person: ranks.get(person.pk, len(ranks)))


def narrowed(
    people: Sequence[Technician], rows: Rows, members: Collection[tuple[int, int]] | None = None
) -> list[Technician]:
    """Return the technicians asked for by name and by team; who serves a sector is told by the cells. `members`: (id of a
    technician, id of his team), read when it is None.
    """
    found = list(people)
    if rows.team:
        if members is None:
            of_team = Team.technicians.through.objects.filter(team__in=rows.team)
            members = set(of_team.values_list("technician", "team"))
        ids = {technician for technician, team in members if team in rows.team}
        found = [person for person in found if person.pk in ids]
    return [person for person in found if not rows.technicians or person.pk in rows.technicians]


def keep_rows(user: User, rows: Rows, zoom: int) -> None:
    """Keep the rows and the zoom. Raises BusinessError when they are too many for a saved filter."""
    save_filter(user=user, model=LIST, name=ROWS, query=urlencode({**rows.values(), "zoom": zoom}))


def keep_order(user: User, ids: Sequence[int]) -> None:
    """Keep the order of the rows; of a firm too large for a saved filter, of the first ones."""
    text = ".".join(map(str, ids))
    if len(text) > _MOST_TEXT:
        text = text[:_MOST_TEXT].rpartition(".")[0]
    save_filter(user=user, model=LIST, name=ORDER, query=f"order={text}")


def filters_of(
    rows: Rows, found: Around, people: Sequence[Technician], *, sectors: str
) -> list[tuple[str, str, list[tuple[int, str, bool]]]]:
    """Return (name, label, choices) of what narrows a page of the planning; a choice is (id, text, whether it is chosen).

    `sectors`: the label of sectors.
    """
    offered = [
        ("team", _("Équipes"), found.teams, rows.team),
        ("sectors", sectors, found.sectors, rows.sectors),
        ("technicians", _("Intervenants"), [(person.pk, person.name) for person in people], rows.technicians),
    ]
    return [
        (name, label, [(pk, text, pk in chosen) for pk, text in choices])
        for name, label, choices, chosen in offered
        if choices
    ]
