"""Questions that the actions of a DI ask."""

import uuid
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.admin.forms import DateInput, MessageForm


class FinishForm(forms.Form):
    on = forms.DateField(label=_("Terminée le"), widget=DateInput, initial=timezone.localdate)


class InterventionMessageForm(MessageForm):
    """A mail to the customer about his DI, ready to be sent."""

    def prepare(self, request: Any, documents: Any) -> None:
        intervention = documents[0]
        self.fields["to"].initial = intervention.partner.email
        self.fields["subject"].initial = f"{intervention.company} : {intervention.title or intervention.task}"
        self.fields["body"].initial = _(
            "Bonjour,\n\nNous avons bien noté votre demande « %(what)s » au %(where)s, "
            "prévue entre le %(from)s et le %(to)s.\n\n%(company)s\n%(phone)s"
        ) % {
            "what": intervention.title or intervention.task,
            "where": intervention.address,
            "from": intervention.from_on.strftime("%d/%m/%Y"),
            "to": intervention.to_on.strftime("%d/%m/%Y"),
            "company": intervention.company,
            "phone": intervention.company.phone,
        }
        self.fields["key"].initial = f"di-{intervention.pk}-{uuid.uuid4().hex[:12]}"
