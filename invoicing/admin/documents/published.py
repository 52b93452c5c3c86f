"""The « Non publique sur le site internet » button, for the public page of a document."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from invoicing.services.records.links import find_link, is_published, publish, token_of
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.site import site_address
from openfire_billing.web.users import user_of


class PublicationForm(forms.Form):
    """Whether the page is published. Shows its address, which may be renewed."""

    published = forms.BooleanField(label=_("Visible du client"), required=False)
    renew = forms.BooleanField(label=_("Nouveau lien"), required=False, help_text=_("L'ancien lien ne répondra plus."))

    def prepare(self, request: Any, documents: Any) -> None:
        link = find_link(documents[0])
        if link is None or not link.is_published:
            self.fields["published"].help_text = _(
                "L'adresse à donner au client s'affiche ici une fois la page publiée."
            )
            return
        self.fields["published"].initial = True
        address = site_address(f"/p/{token_of(link)}/")
        self.fields["published"].help_text = format_html('<a class="of-link" href="{0}">{0}</a>', address)


def _publish(request: HttpRequest, document: Any, data: dict[str, Any]) -> None:
    publish(document, by=user_of(request), published=data["published"], renew=data["renew"])


class PublishedMixin:
    """The publish action and its button, for a DocumentAdmin."""

    def all_actions(self) -> list[DocumentAction]:
        meta = self.model._meta  # type: ignore[attr-defined]
        action = DocumentAction(
            name="publish",
            label=_("Page du client"),
            icon="public",
            permission=f"{meta.app_label}.change_{meta.model_name}",
            explain=_(
                "Le client voit ce document à une adresse qui ne se devine pas, une facture dès qu'elle est comptabilisée "
                "et un RDV dès qu'il est confirmé. Décochée, la page n'existe pas."
            ),
            form=PublicationForm,
            run=_publish,
            confirm=_("Enregistrer"),
            done=_("page du client mise à jour"),
        )
        return [*super().all_actions(), action]  # type: ignore[misc]

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        buttons = super().smart_buttons(request, document)  # type: ignore[misc]
        meta = self.model._meta  # type: ignore[attr-defined]
        if request.user.has_perm(f"{meta.app_label}.change_{meta.model_name}"):
            url = reverse(f"admin:{meta.app_label}_{meta.model_name}_act", args=[document.pk, "publish"])
            is_public = is_published(document)
            if self.is_feminine:  # type: ignore[attr-defined]
                text = _("Publique") if is_public else _("Non publique")
            else:
                text = _("Publié") if is_public else _("Non publié")
            button = {"label": _("sur le site internet"), "icon": "public", "text": text, "url": url}
            buttons.append(button | {"is_sentence": True, "is_dialog": True, "is_usual": not is_public})
        return buttons
