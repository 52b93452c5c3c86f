"""What appointments add to the pages of an invoice and of a customer."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment
from invoicing.models import Invoice, Partner
from openfire_billing.web.contributions import SmartButton, contribute

contribute(
    Invoice,
    smart_buttons=[SmartButton("appointments", _("RDV"), "event", "appointments.Appointment", order=6)],
    origins={
        "appointments": lambda invoice: Appointment.objects.filter(lines__claims__invoice_line__invoice=invoice).values(
            "pk"
        ),
    },
)

contribute(
    Partner,
    smart_buttons=[SmartButton("appointments", _("RDV"), "event", "appointments.Appointment", order=20)],
    origins={
        "appointments": lambda partner: Appointment.objects.filter(Q(partner=partner) | Q(bill_to=partner)).values(
            "pk"
        ),
    },
)
