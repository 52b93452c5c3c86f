"""What appointments add to the pages of an invoice and of a customer, and to the mails about an RDV."""

from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.services.ics import paper_of
from invoicing.models import Invoice, Partner
from openfire_billing.web.contributions import OpenItems, SmartButton, TimelineKind, contribute
from openfire_billing.web.tags import stored_state


def _when(appointment: Appointment) -> str:
    """Return when and with whom: « lundi 30 novembre à 8 h 30 · Yann Bellec · Ramonage »."""
    starts_at = timezone.localtime(appointment.starts_at)
    return f"{date_format(starts_at, 'l j F à H:i')} · {_what_and_who(appointment)}"


def _what_and_who(appointment: Appointment) -> str:
    """Return with whom and what: « Yann Bellec · Ramonage »."""
    people = ", ".join(str(technician) for technician in appointment.technicians.all())
    return " · ".join(filter(None, [people, appointment.title or str(appointment.task)]))


contribute(Appointment, paper_of=paper_of)

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
    open_items=[
        OpenItems(
            _("Prochain RDV"),
            "event",
            "appointments.view_appointment",
            lambda ids, today: (
                Appointment.objects.filter(Q(partner__in=ids) | Q(bill_to__in=ids))
                .filter(state__in=sorted(AppointmentState.open), ends_at__gte=timezone.now())
                .select_related("task")
                .prefetch_related("technicians")
                .order_by("starts_at", "pk")
            ),
            ("partner_id", "bill_to_id"),
            _when,
            most=1,
            order=5,
        )
    ],
    timeline=[
        TimelineKind(
            "appointments",
            _("RDV"),
            "event",
            "appointments.view_appointment",
            lambda partner, user: (
                Appointment.objects.filter(Q(partner=partner) | Q(bill_to=partner))
                .select_related("task")
                .prefetch_related("technicians")
            ),
            F("starts_at"),
            say=_what_and_who,
            state=stored_state,
            order=20,
        )
    ],
    origins={
        "appointments": lambda partner: Appointment.objects.filter(Q(partner=partner) | Q(bill_to=partner)).values(
            "pk"
        ),
    },
)
