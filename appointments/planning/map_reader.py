"""What the map shows of a day and of what is to place: the RDVs of each technician in order, and where each of them is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from django.utils.http import urlencode

from appointments.models import Appointment
from appointments.planning.links import CARD, RDV, link_of
from appointments.planning.reader import DAY, Asked, Board, Card, asked_in, board_of
from appointments.planning.rows import NAMES, Rows
from appointments.planning.waiting import Waiting, waiting_of
from appointments.services.tour_orders import base_of
from interventions.models import Technician
from interventions.services.sectors import sector_ids_of
from invoicing.choices import LocationState
from openfire_billing.db.scope import visible

MOST = 500  # of what is to place
COLOURS = 9  # of technicians, one after the other
HIDDEN = "0"

Point: TypeAlias = tuple[float, float]  # latitude and longitude, in degrees


@dataclass(frozen=True)
class MapAsked:
    """What the address of the map asks for: a day with its rows, RDVs of the day, what is to place.

    `board.rows.sectors`: sectors that the places lie in, of RDVs as of what is to place.
    """

    board: Asked
    has_rdvs: bool = True
    has_waiting: bool = True

    def query(self, *, day: date | None = None, rows: Rows | None = None, **shown: bool) -> str:
        """Return the parameters of an address of the map. `shown`: `has_rdvs` or `has_waiting`, when it changes."""
        return map_query(
            self.board,
            day=day,
            rows=rows,
            has_rdvs=shown.get("has_rdvs", self.has_rdvs),
            has_waiting=shown.get("has_waiting", self.has_waiting),
        )


def map_query(
    asked: Asked, *, day: date | None = None, rows: Rows | None = None, has_rdvs: bool = True, has_waiting: bool = True
) -> str:
    """Return the parameters of the map of a day, with the rows of the board."""
    values = (asked.rows if rows is None else rows).values()
    hidden = [name for name, is_shown in (("appointments", has_rdvs), ("waiting", has_waiting)) if not is_shown]
    return urlencode(
        {
            "from": (day or asked.first).isoformat(),
            **{name: ids for name, ids in values.items() if ids},
            **dict.fromkeys(hidden, HIDDEN),
        }
    )


def map_asked_in(values: Any) -> MapAsked:
    """Read an address of the map, a QueryDict: ids stand one by one or joined, as the board writes them. A day that is
    missing or wrong: today.
    """
    ids = {name: ".".join(values.getlist(name)) for name in NAMES if name in values}
    board = asked_in({"view": DAY, "from": values.get("from", ""), **ids})
    return MapAsked(board, values.get("appointments") != HIDDEN, values.get("waiting") != HIDDEN)


@dataclass(frozen=True)
class Stop:
    """An RDV in the day of a technician. `number`: its rank there. `point`: None when nobody knows where it is; `is_town`:
    its town alone is known.
    """

    key: str
    number: int
    card: Card
    sector: int | None
    point: Point | None
    is_town: bool

    @property
    def url(self) -> str:
        """The address of the RDV over the page."""
        return link_of(CARD, self.card.appointment.pk)

    @property
    def record_url(self) -> str:
        return link_of(RDV, self.card.appointment.pk)


@dataclass(frozen=True)
class MapTour:
    """The day of a technician. `colour`: which of COLOURS. `base`: where he begins, None when that is not known."""

    technician: Technician
    colour: int
    base: Point | None
    stops: Sequence[Stop]


@dataclass(frozen=True)
class ToPlace:
    """A row of what is to place, and where it is."""

    key: str
    row: Waiting
    point: Point | None
    is_town: bool


@dataclass(frozen=True)
class DayMap:
    """The map. `has_more`: more than MOST are to place."""

    tours: Sequence[MapTour] = ()
    waiting: Sequence[ToPlace] = ()
    has_more: bool = False
    missing: int = field(init=False)  # rows without a position

    def __post_init__(self) -> None:
        object.__setattr__(self, "missing", sum(point is None for point in self._points()))

    def _points(self) -> Iterator[Point | None]:
        yield from (stop.point for tour in self.tours for stop in tour.stops)
        yield from (one.point for one in self.waiting)

    @property
    def is_located(self) -> bool:
        """Whether something has a position."""
        return any(point is not None for point in self._points())


def map_of(user: Any, asked: MapAsked, people: Sequence[Technician]) -> DayMap:
    """Read the map, in a constant number of queries. `people`: the technicians shown, in order, with their companies."""
    rows = asked.board.rows
    tours = _tours(user, asked.board, people) if asked.has_rdvs else []
    if not asked.has_waiting:
        return DayMap(tours)
    waiting, has_more = waiting_of(user, {}, most=MOST, sectors=rows.sectors)
    return DayMap(tours, [_to_place(row) for row in waiting], has_more)


def _tours(user: Any, asked: Asked, people: Sequence[Technician]) -> list[MapTour]:
    """Return the technicians who have RDVs that day, those of the sectors asked for alone; a rank counts the whole day."""
    everywhere = Asked(DAY, asked.first)
    board = board_of(user, everywhere, people=people)
    places = _places(user, board)
    wanted = asked.rows.sectors
    tours = []
    for cell in board.cells():
        stops = [
            Stop(f"r-{card.appointment.pk}-{cell.technician.pk}", number, card, *places[card.appointment.pk])
            for number, card in enumerate(cell.cards, 1)
            if card.appointment.pk in places
        ]
        stops = [stop for stop in stops if not wanted or stop.sector in wanted]
        if stops:
            tours.append(MapTour(cell.technician, len(tours) % COLOURS, _base(cell.technician), stops))
    return tours


def _places(user: Any, board: Board) -> Mapping[int, tuple[int | None, Point | None, bool]]:
    """Return {id of an RDV: (its sector, where it is, whether that is its town)}, of those that the user may see."""
    ids = {card.appointment.pk for cell in board.cells() for card in cell.cards}
    columns = ("pk", "address", *(f"address__{name}" for name in ("zip", "latitude", "longitude", "location_state")))
    rows = list(visible(Appointment.objects.filter(pk__among=sorted(ids)), user).order_by().values_list(*columns))
    sectors = sector_ids_of({address: zip_code for _pk, address, zip_code, *_place in rows})
    return {
        pk: (sectors[address], _point(latitude, longitude), state == LocationState.TOWN)
        for pk, address, _zip, latitude, longitude, state in rows
    }


def _to_place(row: Waiting) -> ToPlace:
    place = row.address
    key = f"{'d' if row.is_intervention else 'a'}-{row.pk}"
    is_town = place.location_state == LocationState.TOWN
    return ToPlace(key, row, _point(place.latitude, place.longitude), is_town)


def _base(technician: Technician) -> Point | None:
    base = base_of(technician)
    return _point(base.latitude, base.longitude) if base else None


def _point(latitude: Any, longitude: Any) -> Point | None:
    return None if latitude is None or longitude is None else (float(latitude), float(longitude))
