"""A technician's day on the road, from his base to his base, and « Optimiser la tournée »: an order with less of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLine, Slot
from appointments.querysets import day_bounds
from appointments.services.announced import announced
from appointments.services.booking import free_time
from appointments.services.calendars import calendars_of, local
from appointments.services.locks import lock_appointments, lock_technicians
from appointments.services.moving import forced_end_at
from appointments.services.roads import Ways, ways_between
from appointments.services.saving import move_appointment
from appointments.services.stops import location_at
from appointments.tour_order import Order, Stretch, Work, better_order, order_as_it_is, timed
from appointments.travel import Location, Travel
from interventions.models import Technician
from interventions.services.sectors import sector_ids_of
from invoicing.choices import MessageState
from invoicing.models import Message
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, StaleForm

_NO_WAY = Travel(0, 0.0)


@dataclass(frozen=True)
class TourStop:
    """An RDV of the day. `way`: to it from the stop before. `fixed`: why it stays at its minute, in words; "" when it may
    move. `window`: when its customer expects it to begin; None when he was sent nothing but an hour, or nothing.
    """

    appointment: Appointment
    starts_at: datetime
    ends_at: datetime
    location: Location
    fixed: str = ""
    window: tuple[datetime, datetime] | None = None
    way: Travel = _NO_WAY

    @property
    def hours(self) -> str:
        """Return « 08:00–09:30 »."""
        return f"{local(self.starts_at):%H:%M}–{local(self.ends_at):%H:%M}"


@dataclass(frozen=True)
class DayTour:
    """The day of a technician in its order. `base`: None when nobody says where he begins. `back`: the way to it."""

    technician: Technician
    day: date
    base: Location | None
    stops: Sequence[TourStop]
    back: Travel
    hours: Sequence[Stretch]  # minutes of the day that he works
    ways: Ways

    @property
    def minutes(self) -> int:
        """The minutes on the road."""
        return sum(stop.way.minutes for stop in self.stops) + self.back.minutes

    @property
    def km(self) -> float:
        """The kilometres of the ways that are known."""
        return sum(stop.way.km or 0.0 for stop in self.stops) + (self.back.km or 0.0)

    @property
    def is_estimated(self) -> bool:
        """Whether a way is not known by coordinates."""
        return any(way.is_estimated for way in (self.back, *(stop.way for stop in self.stops)))

    @property
    def versions(self) -> dict[int, int]:
        """Return {id of an RDV: its version}."""
        return {stop.appointment.pk: stop.appointment.version for stop in self.stops}


@dataclass(frozen=True)
class Moved:
    """An RDV whose hour another order changes."""

    appointment: Appointment
    before: datetime
    after: datetime


@dataclass(frozen=True)
class Proposal:
    """A day as it is, and in an order with less time on the road; `after` None when the present order is the best."""

    before: DayTour
    after: DayTour | None

    @property
    def moved(self) -> list[Moved]:
        """The RDVs whose hour changes, by their new one."""
        known = {stop.appointment.pk: stop.starts_at for stop in self.before.stops}
        return [
            Moved(stop.appointment, known[stop.appointment.pk], stop.starts_at)
            for stop in (self.after.stops if self.after else ())
            if known[stop.appointment.pk] != stop.starts_at
        ]


def tour_of(technician: Technician, day: date, *, now: datetime, is_asked: bool = True) -> DayTour:
    """Return the day of a technician, with the ways of the router. `technician`: with his company loaded.

    What has begun by `now` is fixed. `is_asked` False inside a transaction: the router is not asked.
    """
    stops = _stops(technician, day, now)
    base = base_of(technician)
    ways = ways_between([base, *(stop.location for stop in stops)], is_asked=is_asked)
    calendar = calendars_of([technician], first_day=day, last_day=day)[technician.pk]
    hours = [(_minute(start, day), _minute(end, day)) for start, end in calendar.working(day)]
    return _driven(DayTour(technician, day, base, stops, _NO_WAY, hours, ways))


def base_of(technician: Technician) -> Location | None:
    """Return where a technician's day begins and ends: at his address, else at his company's."""
    for place in (technician, technician.company):
        location = location_at(place)
        if location.is_located or location.city:
            return location
    return None


def _driven(tour: DayTour) -> DayTour:
    """Return a day with the ways between its stops."""
    stops: list[TourStop] = []
    before = tour.base
    for stop in tour.stops:
        way = tour.ways(before, stop.location) if before else _NO_WAY
        stops.append(replace(stop, way=way))
        before = stop.location
    back = tour.ways(before, tour.base) if stops and before and tour.base else _NO_WAY
    return DayTour(tour.technician, tour.day, tour.base, stops, back, tour.hours, tour.ways)


def _stops(technician: Technician, day: date, now: datetime) -> list[TourStop]:
    """Return the RDVs that take time of a technician on a day, in their order, without their ways; in six queries."""
    first, last = day_bounds(day)
    slots = Slot.objects.filter(technician=technician, starts_at__lt=last, ends_at__gt=first)
    times: dict[int, list[tuple[datetime, datetime]]] = {}
    for pk, starts_at, ends_at in slots.order_by("starts_at", "pk").values_list("appointment", "starts_at", "ends_at"):
        times.setdefault(pk, []).append((max(starts_at, first), min(ends_at, last)))
    rows = Appointment.objects.select_related(
        "partner", "address", "task", "template", "lead", "intervention", "company"
    )
    found = rows.prefetch_related("technicians").in_bulk(list(times))
    billed, informed = _billed(found), _informed(found)
    sectors = sector_ids_of({rdv.address_id: rdv.address.zip for rdv in found.values()})
    stops = []
    for pk, pieces in times.items():
        rdv = found[pk]
        location = location_at(rdv.address, pk=rdv.address_id, sector=sectors[rdv.address_id])
        window = _window(rdv) if pk in informed else None
        is_hour_announced = pk in informed and window is None
        fixed = _fixed(rdv, pieces, now=now, is_billed=pk in billed, is_hour_announced=is_hour_announced)
        stops.append(TourStop(rdv, pieces[0][0], pieces[-1][1], location, fixed, window))
    return stops


def _window(rdv: Appointment) -> tuple[datetime, datetime] | None:
    """Return the stretch that is announced of an RDV; None when it is one hour."""
    found = announced(rdv)
    return (found.starts, found.ends) if found is not None and found.ends is not None else None


def _fixed(
    rdv: Appointment,
    pieces: Sequence[tuple[datetime, datetime]],
    *,
    now: datetime,
    is_billed: bool,
    is_hour_announced: bool,
) -> str:
    """Return why an RDV stays at its minute; "" when it may move."""
    if rdv.state not in AppointmentState.open:
        return _("terminé")
    if pieces[0][0] <= now:
        return _("commencé")
    if is_billed:
        return _("facturé")
    if len(rdv.technicians.all()) > 1:
        return _("plusieurs intervenants")
    if rdv.day != rdv.last_day:
        return _("sur plusieurs jours")
    if rdv.is_all_day or len(pieces) > 1:
        return _("pause comprise")
    if rdv.override:
        return _("dérogation")
    if is_hour_announced:
        return _("heure annoncée au client")
    return ""


def _billed(found: Mapping[int, Appointment]) -> set[int]:
    """Return the ids of the RDVs of which an invoice bills something."""
    lines = AppointmentLine.objects.filter(appointment__in=list(found)).order_by().with_billed()
    return {line.appointment_id for line in lines if line.billed}


def _informed(found: Mapping[int, Appointment]) -> set[int]:
    """Return the ids of the confirmed RDVs about which a message was sent, or waits to be."""
    confirmed = [pk for pk, rdv in found.items() if rdv.state == AppointmentState.CONFIRMED]
    messages = Message.objects.filter(
        content_type=ContentType.objects.get_for_model(Appointment), object_id__in=confirmed
    ).exclude(state__in=[MessageState.FAILED, MessageState.UNDELIVERED])
    return {pk for pk in messages.order_by().values_list("object_id", flat=True) if pk is not None}


def propose_order(technician: Technician, day: date, *, now: datetime) -> Proposal:
    """Return the day of a technician as it is and in a better order. Nothing is written; the router may be asked."""
    tour = tour_of(technician, day, now=now)
    works = _works(tour)
    order = better_order(works, tour.hours, _Minutes(tour))
    return Proposal(tour, _in_order(tour, order) if order else None)


def _works(tour: DayTour) -> list[Work]:
    works = []
    for stop in tour.stops:
        start, end = _minute(stop.starts_at, tour.day), _minute(stop.ends_at, tour.day)
        window = stop.window
        works.append(
            Work(
                stop.appointment.pk,
                start,
                end - start,
                is_fixed=bool(stop.fixed),
                window=(_minute(window[0], tour.day), _minute(window[1], tour.day)) if window else None,
            )
        )
    return works


class _Minutes:
    """The minutes from one stop of a day to another, by their ranks; BASE is the base."""

    def __init__(self, tour: DayTour) -> None:
        self._places = [*(stop.location for stop in tour.stops), tour.base]  # the last is also at -1
        self._ways = tour.ways

    def __call__(self, start: int, end: int) -> int:
        before, after = self._places[start], self._places[end]
        return 0 if before is None or after is None else self._ways(before, after).minutes


def _in_order(tour: DayTour, order: Order) -> DayTour:
    """Return a day whose stops are in another order, at other hours."""
    stops = []
    for rank, start in zip(order.ranks, order.starts, strict=True):
        stop = tour.stops[rank]
        starts_at = _moment(tour.day, start)
        ends_at = starts_at + (stop.ends_at - stop.starts_at)
        stops.append(TourStop(stop.appointment, starts_at, ends_at, stop.location, stop.fixed))
    return _driven(DayTour(tour.technician, tour.day, tour.base, stops, _NO_WAY, tour.hours, tour.ways))


def apply_order(
    technician: Technician,
    day: date,
    *,
    order: Sequence[int],
    versions: Mapping[int, int],
    now: datetime,
    by: By,
) -> Proposal:
    """Give the RDVs of a day this order, all or none, and return what was done. `order`: their ids.

    `versions`: {id of an RDV: the version that the preview showed}. Raises StaleForm when one of them changed, came or left
    since; BusinessError when the order is no better than the present one, and what `move_appointment` raises.
    """
    with atomic():
        rdvs = lock_appointments([Appointment(pk=pk) for pk in versions])
        lock_technicians([technician])
        tour = tour_of(technician, day, now=now, is_asked=False)
        if tour.versions != dict(versions) or len(rdvs) != len(versions) or sorted(order) != sorted(versions):
            raise StaleForm(
                _(
                    "La journée de %s a changé depuis l'aperçu : rien n'est déplacé. "
                    "Ouvrez de nouveau « Optimiser la tournée »."
                )
                % technician
            )
        proposal = Proposal(tour, _better(tour, order))
        if proposal.after is None:
            raise refusal_of_best(technician)
        free_time([moved.appointment for moved in proposal.moved])  # they take each other's hours
        for moved in proposal.moved:
            move_appointment(
                moved.appointment,
                starts_at=moved.after,
                ends_at=forced_end_at(moved.appointment, moved.after),
                seen=versions[moved.appointment.pk],
                on=local(now).date(),
                by=by,
            )
    return proposal


def _better(tour: DayTour, order: Sequence[int]) -> DayTour | None:
    """Return a day in this order; None when it does not fit, or is no shorter."""
    works, ways = _works(tour), _Minutes(tour)
    ranks = {work.pk: rank for rank, work in enumerate(works)}
    found = timed([ranks[pk] for pk in order], works, tour.hours, ways)
    if found is None or not found.is_better_than(order_as_it_is(works, ways)):
        return None
    return _in_order(tour, found)


def refusal_of_best(technician: Technician) -> BusinessError:
    """Return the refusal of an order that is no better than the present one."""
    return BusinessError(_("%s : l'ordre actuel est déjà le meilleur.") % technician, code="already_best")


def _minute(moment: datetime, day: date) -> int:
    """Return the minute of a day, by the clock of the wall."""
    there = local(moment)
    return (there.date() - day).days * 1440 + there.hour * 60 + there.minute


def _moment(day: date, minute: int) -> datetime:
    start, _end = day_bounds(day)
    return datetime.combine(day, datetime.min.time(), tzinfo=start.tzinfo) + timedelta(minutes=minute)
