"""Text messages about an appointment."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments.models import Appointment
from invoicing.services.documents.text_subjects import declare_subject, of_company, of_partner
from invoicing.services.documents.texts import TextSubject, Variable
from openfire_billing.kernel.formats import names_text


def _day(rdv: Appointment) -> str:
    """Return « mardi 1er décembre »; « une date à fixer » without a day."""
    if rdv.starts_at is None:
        return _("une date à fixer")
    moment = timezone.localtime(rdv.starts_at)
    return f"{date_format(moment, 'l')} {moment.day}{'er' if moment.day == 1 else ''} {date_format(moment, 'F')}"


def _hour(moment: datetime | None) -> str:
    """Return « 8 h 30 », « 14 h »."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return f"{local.hour} h {local.minute:02d}" if local.minute else f"{local.hour} h"


APPOINTMENT_TEXT = declare_subject(
    Appointment,
    TextSubject(
        variables={
            **of_partner(lambda rdv: rdv.partner),
            **of_company(lambda rdv: rdv.company),
            "jour": Variable(gettext_lazy("jour : mardi 1er décembre"), _day),
            "heure": Variable(gettext_lazy("heure de début : 8 h 30"), lambda rdv: _hour(rdv.starts_at)),
            "fin": Variable(gettext_lazy("heure de fin"), lambda rdv: _hour(rdv.ends_at)),
            "travail": Variable(gettext_lazy("titre, ou tâche"), lambda rdv: rdv.title or rdv.task.name),
            "adresse": Variable(gettext_lazy("adresse d'intervention"), lambda rdv: str(rdv.address)),
            "intervenants": Variable(
                gettext_lazy("noms des intervenants"),
                lambda rdv: names_text([p.name for p in rdv.technicians.all()], 9),
            ),
            "numero": Variable(gettext_lazy("numéro du RDV"), lambda rdv: rdv.number or ""),
        },
        partner=lambda rdv: rdv.partner,
        place=lambda rdv: rdv.address,
        company=lambda rdv: rdv.company,
        related=("company", "partner", "address", "task", "technicians"),
        asks_site=True,
    ),
)
