"""« Visites du mois »: the visits of a month proposed over the days of their sectors, then made as drafts.

A proposal writes and locks nothing. What is chosen of it is looked at again under the locks of `book_visits`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from appointments.availability import Calendar, Stretch, next_quarter, overlap, place
from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.querysets import AppointmentQuerySet
from appointments.services.booking import may_span
from appointments.services.calendars import calendars_of, hours_to_length, hours_to_minutes, local
from appointments.services.locks import lock_technicians
from appointments.services.planning import able_technicians
from appointments.services.saving import appoint, refusal_of_planned
from appointments.services.stops import later_than, location_at, stops_of
from appointments.services.tours import sectors_of_days
from appointments.spreading import Day, Spread, Stop, Visit, spread
from interventions.choices import InterventionState
from interventions.models import InterventionRequest, Technician
from interventions.querysets import InterventionQuerySet
from interventions.services.locks import lock_interventions
from interventions.services.promises import is_visit, last_days_of
from interventions.services.sectors import sector_ids_of
from invoicing.services.records.acts import Once, perform_together
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, StaleForm
from openfire_billing.kernel.formats import day_text
from openfire_billing.kernel.outcome import Outcome

MOST = 200  # visits of one proposal


@dataclass(frozen=True)
class MonthVisits:
    """What is proposed. `left_off`: how many visits wait for the next proposal. `visits`, `people`: by id.

    `has_days`: whether a technician has a day with a sector in what is left of the month.
    """

    spread: Spread
    visits: Mapping[int, InterventionRequest]
    people: Mapping[int, Technician]
    has_days: bool
    left_off: int = 0


@dataclass(frozen=True)
class Choice:
    """A visit to book: with whom, from when. `seen`: the version of its DI that was shown."""

    intervention: InterventionRequest
    technician: Technician
    starts_at: datetime
    seen: int


def spread_visits(
    interventions: InterventionQuerySet[InterventionRequest],
    people: Iterable[Technician],
    *,
    month: date,
    sectors: Collection[int] = (),
    now: datetime,
) -> MonthVisits:
    """Return where the visits among `interventions` could go in a month, in a constant number of queries.

    `people`: those who may be planned, with their company and tasks loaded. `month`: one of its days. `sectors`: ids, none
    for all. Ways are as the crow flies. Nothing is proposed before `now`, nor on a month that is over.
    """
    first, last = month.replace(day=1), _last_day(month)
    rows = interventions.active().filter(is_visit(), ~Exists(_appointments_of(OuterRef("pk"))), _TO_PLAN)
    rows = rows.filter(from_on__lte=last, to_on__gte=first)
    places = {
        pk: (address, zip_code)
        for pk, address, zip_code in rows.order_by().values_list("pk", "address", "address__zip")
    }
    served = last_days_of(places)
    sector_of = sector_ids_of(dict(places.values()))
    today = local(now).date()
    ids = [
        pk
        for pk, (address, _zip) in places.items()
        if served.get(pk, date.max) >= max(first, today) and (not sectors or sector_of[address] in sectors)
    ]
    found = rows.filter(pk__among=ids).select_related("partner", "address", "task", "template")
    shown = list(found.prefetch_related("technicians").order_by("to_on", "pk")[:MOST])
    people = list(people)
    able = _Able(people)
    visits = [_visit(one, sector_of[one.address_id], served, able) for one in shown]
    days = _days(people, max(first, today), last, now) if visits else []
    return MonthVisits(
        spread=spread(visits, days, first=max(first, today), last=last),
        visits={one.pk: one for one in shown},
        people={person.pk: person for person in people},
        has_days=bool(days),
        left_off=len(ids) - len(shown),
    )


_TO_PLAN = Q(state=InterventionState.TO_PLAN, planned_duration=0, duration__gt=0)


def _last_day(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _appointments_of(intervention: OuterRef | Collection[int]) -> AppointmentQuerySet[Appointment]:
    """Return the RDVs of DIs that were not given up."""
    of = {"intervention": intervention} if isinstance(intervention, OuterRef) else {"intervention__in": intervention}
    return Appointment.objects.filter(**of).exclude(state=AppointmentState.CANCELLED)


class _Able:
    """Who is able to do a DI, found once for each task and choice of technicians."""

    def __init__(self, people: Sequence[Technician]) -> None:
        self._people = people
        self._found: dict[tuple[int, int, frozenset[int]], frozenset[int]] = {}

    def __call__(self, one: InterventionRequest) -> frozenset[int]:
        key = one.company_id, one.task_id, frozenset(person.pk for person in one.technicians.all())
        if key not in self._found:
            self._found[key] = frozenset(person.pk for person in able_technicians(one, self._people))
        return self._found[key]


def _visit(one: InterventionRequest, sector: int | None, served: Mapping[int, date], able: _Able) -> Visit:
    return Visit(
        one.pk,
        work=hours_to_minutes(one.remaining_duration),
        opens=one.from_on,
        closes=min(one.to_on, served.get(one.pk, one.to_on)),
        location=location_at(one.address, pk=one.address_id, sector=sector),
        able=able(one),
        spans=may_span(one),
    )


def _days(people: Sequence[Technician], first: date, last: date, now: datetime) -> list[Day]:
    """Return the days of technicians that are kept for sectors, with what is free of them from `now` on."""
    if last < first:
        return []
    sectors = sectors_of_days(people, first, last)
    with_days = {technician for technician, _day in sectors}
    people = [person for person in people if person.pk in with_days]
    calendars = calendars_of(people, first_day=first, last_day=last) if people else {}
    stops = stops_of(people, first, last) if people else {}
    return [
        Day(
            technician,
            day,
            frozenset(sector.pk for sector in served),
            list(later_than(next_quarter(now), calendars[technician].free(day))),
            [Stop(local(stop.start), local(stop.end), stop.location) for stop in stops.get((technician, day), ())],
        )
        for (technician, day), served in sectors.items()
    ]


def book_visits(choices: Iterable[Choice], *, now: datetime, by: By, once: Once | None = None) -> list[Outcome]:
    """Make the draft RDV of each chosen visit, in one transaction. One refusal never stops the others.

    `once`: the key of the act; each DI has a key under it. Each visit is refused by name when its DI changed or was
    planned since it was shown, or its hour is past or no longer free.
    """
    wanted = {choice.intervention.pk: choice for choice in choices}

    def book(members: Sequence[InterventionRequest]) -> list[Outcome]:
        return _book_all([wanted[one.pk] for one in members], now, by=by)

    return perform_together([choice.intervention for choice in wanted.values()], book, once=once)


def _book_all(choices: Sequence[Choice], now: datetime, *, by: By) -> list[Outcome]:
    rows = {one.pk: one for one in lock_interventions([choice.intervention for choice in choices], promises=True)}
    people = {person.pk: person for person in lock_technicians([choice.technician for choice in choices])}
    planned = set(_appointments_of(rows).order_by().values_list("intervention", flat=True))
    days = [local(choice.starts_at).date() for choice in choices]
    calendars = calendars_of(people.values(), first_day=min(days), last_day=max(days)) if people else {}
    outcomes = []
    for choice in choices:
        try:
            with atomic():
                intervention = _still_to_plan(choice, rows, planned)
                pieces = _still_free(choice, intervention, people, calendars, now)
                made = appoint(
                    intervention,
                    technicians=[people[choice.technician.pk]],
                    starts_at=choice.starts_at,
                    on=local(now).date(),
                    by=by,
                    place=pieces,
                )
        except BusinessError as refusal:
            outcomes.append(Outcome.refused(choice.intervention, refusal))
        else:
            calendars[choice.technician.pk].taken.extend(pieces)
            outcomes.append(Outcome(choice.intervention, made=made))
    return outcomes


def _still_to_plan(
    choice: Choice, rows: Mapping[int, InterventionRequest], planned: Collection[int]
) -> InterventionRequest:
    """Return the locked DI of a choice. `planned`: ids of those that have an RDV. Raises BusinessError."""
    intervention = rows.get(choice.intervention.pk)
    if intervention is None:
        raise BusinessError(_("%s n'existe plus.") % choice.intervention, code="stale")
    if intervention.pk in planned:
        raise refusal_of_planned(intervention)
    if intervention.version != choice.seen:
        raise StaleForm(
            _("%s a changé depuis l'affichage : regardez la nouvelle proposition, puis confirmez-la.") % intervention
        )
    return intervention


def _still_free(
    choice: Choice,
    intervention: InterventionRequest,
    people: Mapping[int, Technician],
    calendars: Mapping[int, Calendar],
    now: datetime,
) -> list[Stretch]:
    """Return the time that the work takes from the hour chosen. Raises BusinessError when it is not free."""
    person, start = people.get(choice.technician.pk), local(choice.starts_at)
    names = {
        "di": intervention,
        "who": choice.technician,
        "when": _("%(day)s à %(hour)s") % {"day": day_text(start, "l j F"), "hour": f"{start:%H:%M}"},
    }
    if person is None or not able_technicians(intervention, [person]):
        raise BusinessError(
            _("%(di)s : %(who)s ne fait plus ce travail, une autre proposition le remplace.") % names,
            code="technician_unable",
        )
    if start < now:
        raise BusinessError(_("%(di)s : l'heure proposée, %(when)s, est passée.") % names)
    calendar = calendars[person.pk]
    length = hours_to_length(intervention.remaining_duration)
    pieces = place(start, length, calendar.working(start.date()), spans=may_span(intervention))
    if not pieces or any(overlap(piece, busy) for piece in pieces for busy in calendar.taken):
        raise BusinessError(
            _("%(di)s : %(who)s n'est plus libre %(when)s, la page propose une autre place.") % names, code="slot_taken"
        )
    return pieces
