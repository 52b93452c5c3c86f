"""What appointments add to the page of an invoice."""

from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment
from invoicing.models import Invoice
from openfire_billing.contributions import SmartButton, contribute

contribute(
    Invoice,
    smart_buttons=[SmartButton("appointments", _("RDV"), "event", "appointments.Appointment", order=6)],
    origins={
        "appointments": lambda invoice: Appointment.objects.filter(lines__claims__invoice_line__invoice=invoice).values(
            "pk"
        ),
    },
)
