"""« Envoyer par e-mail »: a document to its customer, with its PDF, from a text ready to be changed."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from invoicing.admin.forms import MessageForm
from invoicing.services.parties.messages import queue_message
from openfire_billing.look.actions import DocumentAction

Text = Callable[[Any], tuple[str, str, str]]


def mail_form(text_of: Text, *, paper: bool) -> type[forms.Form]:
    """The question: to whom, what. `text_of(document)` gives (address, subject, body) to begin with."""

    class DocumentMailForm(MessageForm):
        with_paper = forms.BooleanField(label=_("Joindre le PDF"), required=False, initial=True)

        def prepare(self, request: Any, documents: Any) -> None:
            to, subject, body = text_of(documents[0])
            self.fields["to"].initial, self.fields["subject"].initial = to, subject
            self.fields["body"].initial = body
            self.fields["key"].initial = f"mail-{uuid4().hex}"
            if not paper:
                del self.fields["with_paper"]

    return DocumentMailForm


def mail_action(text_of: Text, *, permission: str, paper: bool = True, **options: Any) -> DocumentAction:
    """The action for a kind of document."""

    def run(request: HttpRequest, document: Any, data: dict[str, Any]) -> None:
        queue_message(
            document,
            key=data["key"],
            to=data["to"],
            subject=data["subject"],
            body=data["body"],
            with_paper=data.get("with_paper", False),
            by=request.user,
        )

    return DocumentAction(
        name="message",
        label=_("Envoyer par e-mail"),
        icon="mail",
        permission=permission,
        form=mail_form(text_of, paper=paper),
        run=run,
        confirm=_("Envoyer"),
        done=_("message mis à l'envoi"),
        order=45,
        **options,
    )


def signed(company: Any, text: Any) -> str:
    """A letter's body: greeting, text, the firm's name and telephone."""
    return f"Bonjour,\n\n{text}\n\n{company.name}\n{company.phone}".strip()
