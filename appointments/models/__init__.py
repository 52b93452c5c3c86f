"""The models of appointments."""

from appointments.models.appointments import Appointment, AppointmentLine, Slot
from appointments.models.availability import Absence, ClosingDay, WorkingHours
from appointments.models.claims import AppointmentLineClaim

__all__ = [
    "Absence",
    "Appointment",
    "AppointmentLine",
    "AppointmentLineClaim",
    "ClosingDay",
    "Slot",
    "WorkingHours",
]
