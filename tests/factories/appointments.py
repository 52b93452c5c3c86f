"""Appointments of the firm: on Wednesday 25 November 2026 at 9:00 unless told."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from appointments.models import Appointment
from appointments.services.saving import appoint, save_appointment
from appointments.services.states import confirm_appointment, finish_appointment
from interventions.models import InterventionRequest, Technician
from tests.factories.work import TechnicianFactory
from tests.factories.world import World

PARIS = ZoneInfo("Europe/Paris")


def at(hour: int, minute: int = 0, *, day: int = 25, month: int = 11) -> datetime:
    """An hour of a day of 2026, in France."""
    return datetime(2026, month, day, hour, minute, tzinfo=PARIS)


def technician(world: World, **values: Any) -> Technician:
    """A technician of the firm."""
    return TechnicianFactory(company=world.company, **values)


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
