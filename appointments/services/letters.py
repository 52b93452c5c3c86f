"""The text of a message about an appointment."""

from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Appointment
from appointments.services.announced import when_text
from invoicing.services.documents.mailing import Letter, signed
from openfire_billing.kernel.errors import BusinessError, Step, WrongState


def _text(rdv: Appointment) -> tuple[str, str, str]:
    text = _("Nous passerons %(when)s pour : %(what)s, au %(where)s.") % {
        "when": when_text(rdv),
        "what": rdv.title or rdv.task,
        "where": rdv.address,
    }
    return rdv.partner.email, f"{rdv.company} : votre rendez-vous", signed(rdv.company, text)


def _refusal_of_unconfirmed(rdv: Appointment) -> BusinessError | None:
    if rdv.state == AppointmentState.CONFIRMED:
        return None
    return WrongState(
        _("%s n'est pas confirmé : confirmez-le avant de l'envoyer.") % rdv,
        step=Step(_("Confirmer le RDV"), rdv, act="confirm") if rdv.state == AppointmentState.DRAFT else None,
    )


APPOINTMENT_LETTER = Letter(
    text=_text,
    recipient=lambda rdv: rdv.partner,
    states=frozenset({AppointmentState.CONFIRMED}),
    refusal=_refusal_of_unconfirmed,
    announces=lambda rdv: rdv.starts_at,
)
