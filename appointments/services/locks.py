"""Locks of RDVs: each act locks the documents that promised the RDV's DI, the DI with its quotes, then the RDV.

The technicians whose time it takes come last.
"""

from collections.abc import Collection, Iterable
from datetime import date

from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment, Tour
from interventions.models import InterventionRequest, Technician
from interventions.services.locks import promises_of
from invoicing.services.records.history import refuse_stale
from openfire_billing.db.locks import Wanted, lock, lockable
from openfire_billing.kernel.errors import BusinessError


def _interventions_of(appointments: Collection[int]) -> Wanted:
    found = Appointment.objects.filter(pk__in=appointments, intervention__isnull=False)
    return _with_promises(set(found.values_list("intervention", flat=True)))


def _with_promises(interventions: Collection[int]) -> Wanted:
    """Return these DIs and the documents that promised them: an RDV may take its DI out of « Réalisée »."""
    return {InterventionRequest: interventions, **promises_of(interventions)}


lockable(
    Appointment,
    "appointment",
    rows=lambda: Appointment.objects.select_related(
        "company",
        "partner__bill_to",
        "bill_to",
        "address",
        "task",
        "template",
        "fiscal_position",
        "intervention",
        "lead",
    ),
    first=_interventions_of,
)
lockable(Tour, "tour", rows=lambda: Tour.objects.select_related("technician").prefetch_related("sectors"))
lockable(Technician, "technician", rows=lambda: Technician.objects.select_related("company").prefetch_related("tasks"))


def lock_appointments(appointments: Iterable[Appointment], *, interventions: Iterable[int] = ()) -> list[Appointment]:
    """Lock RDVs after their DIs, and after `interventions`; those that are gone are left out."""
    ids, more = {appointment.pk for appointment in appointments}, set(interventions)
    locked = lock(lambda: {Appointment: ids, **_with_promises(more)})
    for row in locked[Appointment].values():
        if row.intervention_id:
            row.intervention = locked[InterventionRequest][row.intervention_id]
    return [row for pk, row in locked[Appointment].items() if pk in ids]


def lock_appointment(
    appointment: Appointment, *, seen: int | None = None, interventions: Iterable[int] = ()
) -> Appointment:
    """Lock one RDV after its DI. Raises BusinessError when it is gone, StaleForm when it changed since `seen`."""
    locked = lock_appointments([appointment], interventions=interventions)
    if not locked:
        raise BusinessError(_("Ce RDV n'existe plus : il a été supprimé entre-temps. Revenez à la liste."))
    if seen is not None:
        refuse_stale(locked[0], seen)
    return locked[0]


def lock_technicians(technicians: Iterable[Technician]) -> list[Technician]:
    """Lock technicians by primary key."""
    ids = {technician.pk for technician in technicians}
    return list(lock(lambda: {Technician: ids})[Technician].values())


def lock_tours(
    technicians: Iterable[Technician], days: Iterable[date]
) -> tuple[list[Technician], dict[tuple[int, date], Tour]]:
    """Lock the tours of technicians on these days, then the technicians: nobody makes another one meanwhile.

    Returns the technicians, those that are gone left out, and {(id of a technician, day): tour}.
    """
    ids, wanted = {technician.pk for technician in technicians}, set(days)

    def find() -> Wanted:
        tours = Tour.objects.filter(technician__in=ids, on__in=wanted).order_by()
        return {Tour: set(tours.values_list("pk", flat=True)), Technician: ids}

    locked = lock(find)
    tours = {(tour.technician_id, tour.on): tour for tour in locked[Tour].values()}
    return list(locked[Technician].values()), tours
