"""The pages of the templates of text messages, and of the numbers whose holders refuse commercial ones."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from invoicing.admin.base import OfficeAdmin
from invoicing.models import SmsStop, SmsTemplate
from invoicing.services.documents.text_subjects import subjects
from invoicing.services.documents.texts import lift_refusal, refuse_other_use, refuse_unknown
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.text_messages import size_of
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from openfire_billing.web.columns import column
from openfire_billing.web.users import user_of


def _kinds() -> list[tuple[str, str]]:
    """Return the choices of what a template is for."""
    return [(name, capfirst(model._meta.verbose_name)) for name, (model, _subject) in subjects().items()]


class SmsTemplateForm(forms.ModelForm):
    """Refuses a text with a variable that the records it is for do not have."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "about" in self.fields:
            self.fields["about"].widget.choices = self.fields["about"].choices = _kinds()

    def clean(self) -> Any:
        data = super().clean()
        found = subjects().get(data.get("about") or "")
        if found and data.get("body"):
            try:
                refuse_unknown(data["body"], found[1])
                refuse_other_use(data.get("use", ""), found[1], is_commercial=bool(data.get("is_commercial")))
            except BusinessError as refusal:
                self.add_error(refusal.field, ValidationError(str(refusal)))
        return data


@admin.register(SmsTemplate)
class SmsTemplateAdmin(OfficeAdmin):
    form = SmsTemplateForm
    new_title = _("Nouveau modèle de SMS")
    list_display = ("name", "about_text", "use", "size_text", "is_commercial", "is_active")
    list_filter = ("is_active", "use", "is_commercial")
    search_fields = ("name", "body")
    empty_text = _("Vos textes tout prêts : ils se choisissent dans « Envoyer un SMS ».")
    fields = ("name", "about", "use", "body", "variables", "is_commercial", "is_active", "company")
    readonly_fields = ("variables",)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "about":
            return forms.ChoiceField(label=_("Pour"), choices=_kinds, widget=UnfoldAdminSelectWidget)
        return super().formfield_for_dbfield(db_field, request, **options)

    @admin.display(description=_("Variables"))
    def variables(self, template: SmsTemplate) -> Any:
        """Return the variables of each kind of record."""
        return format_html_join(
            "",
            "<p>{} : {}</p>",
            (
                (capfirst(model._meta.verbose_name), " ".join(f"{{{name}}}" for name in subject.variables))
                for model, subject in subjects().values()
            ),
        )

    @admin.display(description=_("Pour"), ordering="about")
    def about_text(self, template: SmsTemplate) -> str:
        return dict(_kinds()).get(template.about, template.about)

    @column(_("SMS"), export=lambda template: size_of(template.body).parts)
    def size_text(self, template: SmsTemplate) -> Any:
        return str(size_of(template.body).parts)


@admin.register(SmsStop)
class SmsStopAdmin(ActionsMixin, OfficeAdmin):
    list_display = ("number", "company", "at", "source")
    search_fields = ("number",)
    empty_text = _("Aucun client n'a répondu STOP à vos SMS commerciaux.")
    fields = readonly_fields = ("number", "company", "at", "source")
    has_journal = False
    document_actions = (
        DocumentAction(
            name="lift",
            label=_("Autoriser de nouveau"),
            icon="undo",
            permission="invoicing.delete_smsstop",
            explain=_("Le client l'a demandé : les SMS commerciaux lui sont envoyés de nouveau."),
            leave=True,
            run=lambda request, stop, data: lift_refusal(stop, by=user_of(request)),
            done=_("autorisé de nouveau"),
        ),
    )

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        stop = self.get_object(request, object_id) if object_id else None
        return context if stop is None else context | {"office_menu": self.actions_for(request, stop)}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
