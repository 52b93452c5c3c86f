"""« Envoyer un SMS »: to the customer of a record or of many, from a template or not, with what it takes and who is left out."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from invoicing.models import SmsTemplate
from invoicing.services.documents.texts import Sending, TextSubject, plan_texts, refuse_unknown, send_text, send_texts
from invoicing.services.parties.companies import default_company
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.text_messages import simplified
from openfire_billing.web.actions import DocumentAction
from openfire_billing.web.date_boxes import SplitMomentInput
from openfire_billing.web.days import SplitMomentField
from openfire_billing.web.users import user_of

SEND, COMMERCIAL = "invoicing.send_sms", "invoicing.send_commercial"


class TemplateSelect(forms.Select):
    """A choice of a template, which puts its text in the box."""

    def create_option(self, name: str, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **options)
        template = getattr(value, "instance", None)
        if template is not None:
            option["attrs"]["data-body"] = template.body
        return option


class TextBox(forms.Textarea):
    """The box of a text message, with its variables as buttons: static/openfire/office/texts.js puts them in, and counts."""

    def __init__(self, subject: TextSubject[Any]) -> None:
        super().__init__({"rows": 4, "data-text": "", "maxlength": "1000"})
        self.subject = subject

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        names = format_html_join(
            "",
            '<button type="button" class="of-chip" data-variable="{{{}}}" title="{}">{}</button>',
            ((key, variable.label, key) for key, variable in self.subject.variables.items()),
        )
        return format_html(
            '<of-text>{}<p class="of-hint of-text-size" data-size aria-live="polite"></p>'
            '<div class="of-variables" role="group" aria-label="Variables">{}</div></of-text>',
            super().render(name, value, attrs, renderer),
            names,
        )


def text_form(model: type[Model], subject: TextSubject[Any]) -> type[forms.Form]:
    """Return the question of the act for a kind of record."""

    class TextForm(forms.Form):
        template = forms.ModelChoiceField(
            label=_("Modèle"),
            queryset=SmsTemplate.objects.none(),
            required=False,
            empty_label=_("Texte libre"),
            widget=TemplateSelect,
        )
        body = forms.CharField(label=_("Texte"), required=False, max_length=1000, widget=TextBox(subject))
        is_simple = forms.BooleanField(
            label=_("Remplacer les lettres coûteuses"),
            required=False,
            help_text=_("« ê », « œ », « ’ » et les émojis font tenir 70 lettres par SMS au lieu de 160."),
        )
        is_commercial = forms.BooleanField(
            label=_("Commercial"),
            required=False,
            help_text=_(
                "Part de 8 h à 20 h, ni le dimanche ni un jour férié, à qui a donné son accord et n'a pas dit STOP."
            ),
        )
        to_customers = forms.BooleanField(label=_("Aussi à nos clients, pour des services semblables"), required=False)
        at = SplitMomentField(
            label=_("Plus tard, le"), required=False, widget=SplitMomentInput, help_text=_("Vide : tout de suite.")
        )

        def prepare(self, request: HttpRequest, documents: Sequence[Any]) -> None:
            templates = visible(SmsTemplate.objects.filter(is_active=True, about=model._meta.label_lower), request.user)
            if not request.user.has_perm(COMMERCIAL):
                del self.fields["is_commercial"], self.fields["to_customers"]
                templates = templates.filter(is_commercial=False)
            self.fields["template"].queryset = templates
            if not templates.exists():
                del self.fields["template"]

        def clean(self) -> Any:
            data = super().clean()
            template = data.get("template")
            body = data.get("body") or (template.body if template else "")
            data["is_commercial"] = bool(data.get("is_commercial") or (template and template.is_commercial))
            data["body"] = simplified(body) if data.get("is_simple") else body
            if "body" not in self.errors:
                try:
                    refuse_unknown(data["body"], subject)
                except BusinessError as refusal:
                    self.add_error("body", ValidationError(str(refusal)))
            if data.get("at") and data["at"] <= timezone.now():
                self.add_error(
                    "at", ValidationError(_("Ce moment est passé : choisissez-en un à venir, ou laissez vide."))
                )
            return data

    return TextForm


def _sending(request: HttpRequest, data: dict[str, Any]) -> Sending:
    return Sending(
        body=data["body"],
        is_commercial=data["is_commercial"],
        to_customers=bool(data.get("to_customers")),
        at=data.get("at"),
        company=default_company(user_of(request)),
    )


def text_action(model: type[Model], subject: TextSubject[Any], *, section: int = 1, order: int = 47) -> DocumentAction:
    """Return the act for the records of a model, one or many."""

    def shown(request: HttpRequest, documents: Sequence[Any], data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if not data:
            return "invoicing/text_preview.html", {"plan": None, "many": documents}
        return "invoicing/text_preview.html", {"plan": plan_texts(documents, subject, _sending(request, data))}

    return DocumentAction(
        name="sms",
        label=_("Envoyer un SMS"),
        icon="sms",
        permission=SEND,
        section=section,
        order=order,
        is_of_whole=False,
        explain=_("Au mobile du client : celui du lieu d'abord, puis le sien."),
        form=text_form(model, subject),
        preview=lambda request, document, data: shown(request, [document], data),
        preview_many=shown,
        run=lambda request, document, data: send_text(document, subject, _sending(request, data), by=user_of(request)),
        run_many=lambda request, documents, data: send_texts(
            documents, subject, _sending(request, data), by=user_of(request), once=data["once"]
        ),
        explain_many=_("Un SMS par client choisi, chacun avec ses propres valeurs ; jamais deux au même numéro."),
        confirm=_("Envoyer"),
        done=_("SMS mis à l'envoi"),
    )
