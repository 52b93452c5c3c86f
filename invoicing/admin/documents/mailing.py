"""« Envoyer par e-mail »: sends a document and its PDF to its customer, with a text that the user may change."""

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from invoicing.admin.forms import MessageForm
from invoicing.services.documents.mailing import Letter, mail_document
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.users import user_of


def mail_form(letter: Letter) -> type[forms.Form]:
    """Return the form of the e-mail, filled from the letter."""

    class DocumentMailForm(MessageForm):
        with_paper = forms.BooleanField(label=_("Joindre le PDF"), required=False, initial=True)

        def prepare(self, request: Any, documents: Any) -> None:
            to, subject, body = letter.text(documents[0])
            self.fields["to"].initial, self.fields["subject"].initial = to, subject
            self.fields["body"].initial = body
            self.fields["key"].initial = f"mail-{uuid4().hex}"
            if not letter.has_paper:
                del self.fields["with_paper"]

    return DocumentMailForm


def mail_action(letter: Letter, *, permission: str) -> DocumentAction:
    """Return the action for one kind of document."""
    return DocumentAction(
        name="message",
        label=_("Envoyer par e-mail"),
        icon="mail",
        permission=permission,
        states=letter.states or None,
        form=mail_form(letter),
        run=lambda request, document, data: mail_document(document, letter, by=user_of(request), **data) and None,
        confirm=_("Envoyer"),
        done=_("message mis à l'envoi"),
        order=45,
    )
