"""Text messages about an appointment."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments.announced import hour_text
from appointments.models import Appointment
from appointments.services.announced import announced
from invoicing.choices import TextUse
from invoicing.services.documents.text_subjects import declare_subject, of_company, of_partner
from invoicing.services.documents.texts import TextSubject, Variable
from invoicing.services.records.links import publish_many, token_of
from openfire_billing.db.people import By
from openfire_billing.kernel.formats import day_text, names_text
from openfire_billing.web.site import site_address

_TELLS_WHEN = re.compile(r"\{(jour|heure|creneau|fin)\}")
_LINK = "{lien}"
_KEY_SHOWN = "…"  # of a page that is not published yet


def _day(rdv: Appointment) -> str:
    """Return « mardi 1er décembre »; « une date à fixer » without a day."""
    return day_text(rdv.day) if rdv.day else _("une date à fixer")


def _hour(moment: datetime | None) -> str:
    """Return « 8 h 30 », « 14 h »."""
    return "" if moment is None else hour_text(timezone.localtime(moment))


def _announced(rdv: Appointment) -> str:
    found = announced(rdv)
    return "" if found is None else found.words


def _link(rdv: Appointment) -> str:
    """Return the address of the customer's page; its key is left out while the page is not published."""
    link = next((link for link in rdv.links.all() if link.is_published), None)
    return site_address(f"/p/{token_of(link) if link else _KEY_SHOWN}/")


def _told_start(rdv: Appointment, body: str) -> datetime | None:
    return rdv.starts_at if _TELLS_WHEN.search(body) else None


def publish_linked(appointments: Sequence[Appointment], body: str, by: By) -> None:
    """Publish the customer's pages of RDVs when a text gives their address."""
    if _LINK in body:
        publish_many(appointments, by=by)


APPOINTMENT_TEXT = declare_subject(
    Appointment,
    TextSubject(
        variables={
            **of_partner(lambda rdv: rdv.partner),
            **of_company(lambda rdv: rdv.company),
            "jour": Variable(gettext_lazy("jour : mardi 1er décembre"), _day),
            "creneau": Variable(gettext_lazy("ce qui est annoncé : entre 8 h et 10 h"), _announced),
            "heure": Variable(gettext_lazy("heure de début : 8 h 30"), lambda rdv: _hour(rdv.starts_at)),
            "fin": Variable(gettext_lazy("heure de fin"), lambda rdv: _hour(rdv.ends_at)),
            "travail": Variable(gettext_lazy("titre, ou tâche"), lambda rdv: rdv.title or rdv.task.name),
            "adresse": Variable(gettext_lazy("adresse d'intervention"), lambda rdv: str(rdv.address)),
            "intervenants": Variable(
                gettext_lazy("noms des intervenants"),
                lambda rdv: names_text([p.name for p in rdv.technicians.all()], 9),
            ),
            "numero": Variable(gettext_lazy("numéro du RDV"), lambda rdv: rdv.number or ""),
            "lien": Variable(gettext_lazy("adresse de la page du client"), _link),
        },
        partner=lambda rdv: rdv.partner,
        place=lambda rdv: rdv.address,
        company=lambda rdv: rdv.company,
        related=("company", "partner", "address", "task", "technicians", "links"),
        asks_site=True,
        uses=frozenset(TextUse.values),
        announces=_told_start,
        prepare=publish_linked,
    ),
)
