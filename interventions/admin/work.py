"""Pages of types, tasks, templates, technicians and teams."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from interventions.admin.forms import explain_duration
from interventions.models import InterventionTemplate, InterventionType, Task, Team, Technician, TemplateLine
from interventions.services.templates import save_template
from invoicing.admin.base import OfficeAdmin
from invoicing.admin.document_admin import DocumentAdmin, values_of
from invoicing.admin.documents.paper import amounts_of_lines
from invoicing.admin.lines import LinesInline
from invoicing.admin.saving import seen_by
from invoicing.models.documents.lines import lines_totals
from invoicing.services.documents.lines import LineEdit
from invoicing.services.parties.companies import default_company
from openfire_billing.kernel.money import HALF_EVEN, Totals
from openfire_billing.web.actions import ActionsMixin
from openfire_billing.web.columns import column
from openfire_billing.web.lines import LineForm
from openfire_billing.web.tags import hours, nowrap
from openfire_billing.web.users import user_of


@admin.register(InterventionType)
class InterventionTypeAdmin(OfficeAdmin):
    new_title = _("Nouveau type d'intervention")
    list_display = ("name", "position", "is_active")
    search_fields = ("name",)


@admin.register(Task)
class TaskAdmin(OfficeAdmin):
    new_title = _("Nouvelle tâche")
    list_display = ("name", "type", "duration_text", "product", "granularity", "is_active")
    list_filter = ("is_active", "type")
    search_fields = ("name",)
    autocomplete_fields = ("product",)
    list_select_related = ("type", "product")
    empty_text = _("Ce que vos intervenants savent faire, avec la durée prévue.")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        return explain_duration(super().get_form(request, obj, change=change, **options))

    @column(_("Durée"), export={_("Durée (h)"): lambda task: task.duration}, ordering="duration")
    def duration_text(self, task: Task) -> Any:
        return nowrap(hours(task.duration))


class TemplateLineForm(LineForm):
    class Meta(LineForm.Meta):
        model = TemplateLine


class TemplateLineInline(LinesInline):
    model = TemplateLine
    form = TemplateLineForm


@admin.register(InterventionTemplate)
class InterventionTemplateAdmin(DocumentAdmin):
    """A template has lines, as a document has, but no state: it is a record."""

    new_title = _("Nouveau modèle d'intervention")
    list_display = ("name", "type", "task", "fiscal_position", "is_active")
    list_filter = ("is_active", "type")
    search_fields = ("name",)
    list_select_related = ("type", "task", "fiscal_position")
    autocomplete_fields = ("task",)
    inlines = (TemplateLineInline,)
    fieldsets = (
        (_("Quoi"), {"fields": ("name", "type", "task")}),
        (_("Conditions"), {"fields": ("fiscal_position", "company", "spans_break", "is_active")}),
        (_("Texte"), {"fields": ("description",), "classes": ("notebook",)}),
    )
    notebook = (
        ("lines", _("Facturation"), ("inline:lines",)),
        ("description", _("Description"), (_("Texte"),)),
    )

    def status(self, document: Any, days: Any = None) -> list[dict[str, Any]]:
        return []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return OfficeAdmin.has_delete_permission(self, request, obj)

    def totals_of(self, document: Any) -> Totals:
        return lines_totals(document.lines.select_related("tax"), HALF_EVEN)

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        template = self.get_object(request, object_id) if object_id else None
        if template is not None:
            context["office_amounts"] = amounts_of_lines(template.lines.select_related("tax"), HALF_EVEN)
        return context

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit]) -> InterventionTemplate:
        return save_template(
            InterventionTemplate(pk=form.instance.pk),
            values_of(form),
            edits=edits,
            usual_company=default_company(request.user),
            seen=seen_by(request),
            on=timezone.localdate(),
            by=user_of(request),
        )


@admin.register(Technician)
class TechnicianAdmin(ActionsMixin, OfficeAdmin):
    new_title = _("Nouvel intervenant")
    fields = (
        ("name", "phone"),
        ("user", "company"),
        "tasks",
        "sectors",
        "street",
        ("zip", "city"),
        ("latitude", "longitude"),
        "is_active",
    )
    list_display = ("name", "phone", "user", "company", "is_active")
    list_filter = ("is_active", "company")
    search_fields = Technician.SEARCHED
    autocomplete_fields = ("tasks", "sectors")
    list_select_related = ("user", "company")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        if "user" in form.base_fields:
            form.base_fields["user"].help_text = _(
                "Le compte avec lequel il ouvre ses RDV sur son téléphone. Décochez sur ce compte « Travaille au "
                "bureau » : il n'ouvre alors que les pages du téléphone."
            )
        return form


@admin.register(Team)
class TeamAdmin(OfficeAdmin):
    new_title = _("Nouvelle équipe")
    list_display = ("name", "company", "is_active")
    search_fields = ("name",)
    autocomplete_fields = ("technicians",)
    list_select_related = ("company",)
