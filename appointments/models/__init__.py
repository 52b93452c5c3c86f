"""The models of appointments."""

from django.utils.translation import gettext_lazy as _

from appointments.models.appointments import Appointment, AppointmentLine, Slot
from appointments.models.availability import Absence, ClosingDay, WorkingHours
from appointments.models.claims import AppointmentLineClaim
from openfire_billing.db.areas import declare_area

__all__ = [
    "Absence",
    "Appointment",
    "AppointmentLine",
    "AppointmentLineClaim",
    "ClosingDay",
    "Slot",
    "WorkingHours",
]

declare_area("work", _("Interventions et RDV"), Appointment, AppointmentLine, Absence, ClosingDay, WorkingHours)
