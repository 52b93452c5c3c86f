"""The text of a message about an intervention request."""

from django.utils.translation import gettext_lazy as _

from interventions.models import InterventionRequest
from invoicing.services.documents.mailing import Letter, signed


def _text(intervention: InterventionRequest) -> tuple[str, str, str]:
    text = _("Nous avons bien noté votre demande « %(what)s » au %(where)s, prévue entre le %(from)s et le %(to)s.") % {
        "what": intervention.title or intervention.task,
        "where": intervention.address,
        "from": intervention.from_on.strftime("%d/%m/%Y"),
        "to": intervention.to_on.strftime("%d/%m/%Y"),
    }
    company = intervention.company
    return intervention.partner.email, f"{company} : {intervention.title or intervention.task}", signed(company, text)


INTERVENTION_LETTER = Letter(text=_text, recipient=lambda intervention: intervention.partner)
