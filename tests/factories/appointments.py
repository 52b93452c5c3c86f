"""Appointments of the firm: on Wednesday 25 November 2026 at 9:00 unless told."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from appointments.models import Appointment, WorkingHours, WorkingWeek
from appointments.services.saving import appoint, save_appointment
from appointments.services.states import confirm_appointment, finish_appointment
from interventions.models import InterventionRequest, Technician
from invoicing.models import Company
from tests.factories.work import TechnicianFactory
from tests.factories.world import World

PARIS = ZoneInfo("Europe/Paris")


def at(hour: int, minute: int = 0, *, day: int = 25, month: int = 11) -> datetime:
    """An hour of a day of 2026, in France."""
    return datetime(2026, month, day, hour, minute, tzinfo=PARIS)


def technician(world: World, **values: Any) -> Technician:
    """A technician of the firm."""
    return TechnicianFactory(company=world.company, **values)


def working_week(
    owner: Company | Technician, *weeks: Mapping[int, Sequence[tuple[int, int]]], **values: Any
) -> WorkingWeek:
    """The hours of a company or a technician: {weekday: [(8, 12)]} for each week of the cycle, from Monday 5 January
    2026.
    """
    is_one_s_own = isinstance(owner, Technician)
    week = WorkingWeek.objects.create(
        company=owner.company if isinstance(owner, Technician) else owner,
        technician=owner if is_one_s_own else None,
        cycle=max(len(weeks), 1),
        **{"first_monday": date(2026, 1, 5), **values},
    )
    WorkingHours.objects.bulk_create(
        WorkingHours(week=week, rank=rank, weekday=weekday, starts=time(start), ends=time(end))
        for rank, days in enumerate(weeks, 1)
        for weekday, hours in days.items()
        for start, end in hours
    )
    return week


def book(
    world: World,
    intervention: InterventionRequest,
    *,
    who: Technician | None = None,
    starts_at: datetime | None = None,
    state: str = "done",
) -> Appointment:
    """The RDV of a DI, brought to `state`: draft, confirmed or done. Its technician is new unless told."""
    rdv = appoint(
        intervention,
        technicians=[who or technician(world)],
        starts_at=starts_at or at(9),
        on=world.today,
        by=world.planner,
    )
    if state in ("confirmed", "done"):
        rdv = confirm_appointment(rdv, by=world.planner)
    if state == "done":
        rdv = finish_appointment(rdv, at=min(at(11), timezone.now()), by=world.planner)
    return rdv


def alone(world: World, *, who: Technician | None = None, **values: Any) -> Appointment:
    """An RDV without a DI, in draft."""
    wanted = {
        "company": world.company,
        "partner": world.customer,
        "task": world.task,
        "starts_at": values.pop("starts_at", at(9)),
        **values,
    }
    people = [who or technician(world)]
    return save_appointment(None, wanted, technicians=people, on=world.today, by=world.planner)
