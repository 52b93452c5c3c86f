"""Place many DIs at once, each in the first free slot of a technician able to do it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _

from appointments.availability import Calendar, Stretch, first_free
from appointments.models import Appointment
from appointments.services.booking import may_span
from appointments.services.calendars import calendars_of, hours_to_length, local
from appointments.services.locks import lock_technicians
from appointments.services.saving import appoint, refusal_of_planned
from interventions.models import InterventionRequest, Task, Technician
from interventions.services.locks import lock_interventions
from invoicing.services.records.acts import Once, perform_together
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome


@dataclass(frozen=True)
class Proposal:
    """Where a DI could be placed."""

    technician: Technician
    pieces: list[Stretch]

    @property
    def starts_at(self) -> datetime:
        return self.pieces[0][0]


def is_able(person: Technician, work: InterventionRequest | Appointment) -> bool:
    """Return whether a technician is there, of the company of a DI or an RDV, and can do its task."""
    tasks = person.tasks.all()
    return person.is_active and person.company_id == work.company_id and (not tasks or work.task in tasks)


def able_technicians(intervention: InterventionRequest, people: Sequence[Technician]) -> list[Technician]:
    """Return those of `people` that can do the task of a DI: active ones of its company, those named on it if there are any.

    `people`: with their tasks loaded.
    """
    named = {person.pk for person in intervention.technicians.all()}
    return [person for person in people if (not named or person.pk in named) and is_able(person, intervention)]


def people_for(documents: Iterable[InterventionRequest | Appointment]) -> list[Technician]:
    """Return the active technicians of the companies of these DIs or RDVs, with their tasks."""
    companies = {document.company_id for document in documents}
    return list(
        Technician.objects.filter(company__in=companies, is_active=True)
        .select_related("company")
        .prefetch_related(Prefetch("tasks", Task.objects.only("pk")))
        .order_by("pk")
    )


def _calendars(
    interventions: Sequence[InterventionRequest], people: Sequence[Technician], not_before: datetime
) -> dict[int, Calendar]:
    last = max(intervention.to_on for intervention in interventions)
    first = local(not_before).date()
    return calendars_of(people, first_day=first, last_day=max(first, last) + timedelta(days=31))


def first_slot(
    intervention: InterventionRequest,
    people: Sequence[Technician],
    calendars: dict[int, Calendar],
    not_before: datetime,
) -> Proposal | None:
    """Return the earliest slot within the DI's period among its able technicians."""
    zone = next(iter(calendars.values())).zone if calendars else not_before.tzinfo
    begins = datetime(intervention.from_on.year, intervention.from_on.month, intervention.from_on.day, tzinfo=zone)
    start = max(local(not_before), begins)
    length = hours_to_length(intervention.remaining_duration or intervention.duration)
    best: Proposal | None = None
    for person in able_technicians(intervention, people):
        if person.pk not in calendars:
            continue
        pieces = first_free(
            calendars[person.pk],
            length=length,
            not_before=start,
            last_day=intervention.to_on,
            spans=may_span(intervention),
        )
        if pieces and (best is None or pieces[0][0] < best.starts_at):
            best = Proposal(person, pieces)
    return best


def refusal_of_no_slot(intervention: InterventionRequest) -> BusinessError:
    """Return the refusal to plan a DI that no free time of its period holds."""
    text = _(
        "%(di)s : aucun créneau libre entre le %(start)s et le %(end)s pour un intervenant qui sait faire « %(task)s ». "
        "Élargissez la période."
    )
    period = {"start": f"{intervention.from_on:%d/%m/%Y}", "end": f"{intervention.to_on:%d/%m/%Y}"}
    return BusinessError(text % {**period, "di": intervention, "task": intervention.task}, code="no_free_slot")


def propose_slot(intervention: InterventionRequest, *, not_before: datetime) -> Proposal | None:
    """Return the first free slot of a DI from `not_before` on, within its period. Return None when no able technician
    has one.
    """
    people = people_for([intervention])
    return first_slot(intervention, people, _calendars([intervention], people, not_before), not_before)


def plan_interventions(
    interventions: Iterable[InterventionRequest], *, not_before: datetime, by: By, once: Once | None = None
) -> list[Outcome]:
    """Place each DI in the first free slot of an able technician within its period. One refusal never stops the others.

    `once`: the key of the act; each DI has a key under it.
    """
    wanted = list(interventions)
    if not wanted:
        return []

    def place(members: Sequence[InterventionRequest]) -> list[Outcome]:
        return _place_all(members, not_before, by=by)

    return perform_together(wanted, place, once=once)


def _place_all(wanted: Sequence[InterventionRequest], not_before: datetime, *, by: By) -> list[Outcome]:
    people = people_for(wanted)
    rows = {intervention.pk: intervention for intervention in lock_interventions(wanted, promises=True)}
    outcomes = [Outcome(i, refusal=str(_("%s n'existe plus.") % i)) for i in wanted if i.pk not in rows]
    found = [rows[intervention.pk] for intervention in wanted if intervention.pk in rows]
    lock_technicians(people)
    calendars = _calendars(found, people, not_before)
    for intervention in found:
        try:
            with atomic():
                outcomes.append(_place(intervention, people, calendars, not_before, by=by))
        except BusinessError as refusal:
            outcomes.append(Outcome.refused(intervention, refusal))
    return outcomes


def _place(
    intervention: InterventionRequest,
    people: Sequence[Technician],
    calendars: dict[int, Calendar],
    not_before: datetime,
    *,
    by: By,
) -> Outcome:
    if intervention.remaining_duration <= 0:
        raise refusal_of_planned(intervention)
    found = first_slot(intervention, people, calendars, not_before)
    if found is None:
        raise refusal_of_no_slot(intervention)
    made = appoint(
        intervention,
        technicians=[found.technician],
        starts_at=found.starts_at,
        on=local(not_before).date(),
        by=by,
        place=found.pieces,
    )
    calendars[found.technician.pk].taken.extend(found.pieces)
    when = local(found.starts_at)
    return Outcome(intervention, made=made, notes=(f"{found.technician}, {when:%d/%m/%Y %H:%M}",))
