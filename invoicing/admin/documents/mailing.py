"""« Envoyer par e-mail »: sends a document and its PDF to its customer, with a text that the user may change; many at once."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from invoicing.admin.forms import MessageForm
from invoicing.services.documents.mailing import Letter, mail_document, mail_documents, plan_mailing
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.mail_addresses import AddressesField
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


def mail_many_form(letter: Letter) -> type[forms.Form]:
    """Return the form of the e-mails of many documents: each has the text of the letter."""

    class ManyMailsForm(forms.Form):
        cc = AddressesField(
            label=_("Copie à"),
            required=False,
            help_text=_("Chaque e-mail y est aussi envoyé : laissez vide d'habitude."),
        )
        with_paper = forms.BooleanField(label=_("Joindre le PDF"), required=False, initial=True)
        again = forms.BooleanField(label=_("Renvoyer ce qui est déjà parti"), required=False)

        def prepare(self, request: Any, documents: Any) -> None:
            if not letter.has_paper:
                del self.fields["with_paper"]

    return ManyMailsForm


def mail_action(
    letter: Letter,
    *,
    permission: str,
    many: Any = "",
    primary_when: Callable[[Any], bool] | None = None,
    button: Any = _("Envoyer"),
) -> DocumentAction:
    """Return the action for one kind of document. `many`: the sentence of its dialog in the list; "": it is not there.

    `primary_when`: whether it is a button of the header of a document. `button`: its label there, as DocumentAction's.
    """

    def preview(request: HttpRequest, documents: Sequence[Any], data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        plan = plan_mailing(documents, letter)
        first = next(iter((*plan.ready, *(document for document, _day in plan.sent))), None)
        return "invoicing/mail_preview.html", {"plan": plan, "sample": letter.text(first) if first else None}

    return DocumentAction(
        name="message",
        label=_("Envoyer par e-mail"),
        icon="mail",
        permission=permission,
        states=letter.states or None,
        primary_when=primary_when,
        button=button,
        form=mail_form(letter),
        run=lambda request, document, data: mail_document(document, letter, by=user_of(request), **data) and None,
        run_many=(
            lambda request, documents, data: mail_documents(
                documents,
                letter,
                again=data["again"],
                with_paper=data.get("with_paper", False),
                cc=data["cc"],
                by=user_of(request),
                once=data["once"],
            )
        )
        if many
        else None,
        form_many=mail_many_form(letter),
        preview_many=preview,
        explain_many=many,
        confirm=_("Envoyer"),
        done=_("message mis à l'envoi"),
        order=45,
    )
