"""The models of appointments."""

from django.utils.translation import gettext_lazy as _

from appointments.models.appointments import Appointment, AppointmentLine, Slot
from appointments.models.availability import Absence, ClosingDay, OnCall, RecurringAbsence
from appointments.models.calendar_links import CalendarLink
from appointments.models.claims import AppointmentLineClaim
from appointments.models.tours import Tour
from appointments.models.travel import TravelPair
from appointments.models.weeks import DayHours, WorkingHours, WorkingWeek
from openfire_billing.db.areas import declare_area

__all__ = [
    "Absence",
    "Appointment",
    "AppointmentLine",
    "AppointmentLineClaim",
    "CalendarLink",
    "ClosingDay",
    "DayHours",
    "OnCall",
    "RecurringAbsence",
    "Slot",
    "Tour",
    "TravelPair",
    "WorkingHours",
    "WorkingWeek",
]

declare_area(
    "work",
    _("Interventions et RDV"),
    Appointment,
    AppointmentLine,
    Absence,
    ClosingDay,
    DayHours,
    OnCall,
    RecurringAbsence,
    Tour,
    WorkingHours,
    WorkingWeek,
)
