"""Text messages about an intervention request."""

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from interventions.models import InterventionRequest
from invoicing.services.documents.text_subjects import declare_subject, of_company, of_partner
from invoicing.services.documents.texts import TextSubject, Variable

INTERVENTION_TEXT = declare_subject(
    InterventionRequest,
    TextSubject(
        variables={
            **of_partner(lambda di: di.partner),
            **of_company(lambda di: di.company),
            "numero": Variable(_("numéro de la DI"), lambda di: di.number or ""),
            "travail": Variable(_("titre, ou tâche"), lambda di: di.title or di.task.name),
            "adresse": Variable(_("adresse d'intervention"), lambda di: str(di.address)),
            "du": Variable(_("début de la période"), lambda di: date_format(di.from_on, "d/m/Y")),
            "au": Variable(_("fin de la période"), lambda di: date_format(di.to_on, "d/m/Y")),
        },
        partner=lambda di: di.partner,
        place=lambda di: di.address,
        company=lambda di: di.company,
        related=("company", "partner", "address", "task"),
        asks_site=True,
    ),
)
