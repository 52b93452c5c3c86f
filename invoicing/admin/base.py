"""The base of the pages of every record: company scope, journal, stale forms shown again with the typed values.

Mixins add files, notes and lists. `invoicing.admin.document_admin` is the base of the pages of documents.
"""

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import INPUT_CLASSES

from invoicing.admin.filters import FromFilter
from invoicing.admin.lists import ListMixin
from invoicing.admin.neighbours import neighbours_of
from invoicing.admin.office_form import office_form
from invoicing.admin.readable import ReadableMixin
from invoicing.admin.records.files import FilesMixin
from invoicing.admin.records.journal import ShownJournal, journal_of
from invoicing.admin.records.notes import NotesMixin
from invoicing.admin.saving import SavingMixin
from invoicing.admin.shared_records import SharedRecordsMixin, kept_refusal
from invoicing.models import Company, FiscalPosition
from invoicing.services.parties.companies import default_company
from invoicing.services.records.attachments import attachments_of
from invoicing.services.records.history import version_of
from invoicing.services.records.shared import works_for_all
from openfire_billing.db.narrowing import answers_kept
from openfire_billing.db.scope import company_path, visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.asked import Asked
from openfire_billing.web.choices import narrowed_formset
from openfire_billing.web.coded_select import CodedSelect
from openfire_billing.web.date_boxes import DayInput, HourInput, SplitMomentInput
from openfire_billing.web.days import SplitMomentField, limit_days
from openfire_billing.web.deletion import deletion_entry
from openfire_billing.web.number_fields import DecimalInputField, DecimalTextInput
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.record_select import RecordSelect, RecordsSelect
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.smart_buttons import counted_buttons
from openfire_billing.web.telephone_field import TelephoneInput, is_telephone
from openfire_billing.web.users import user_of


class OfficeAdmin(SavingMixin, SharedRecordsMixin, FilesMixin, NotesMixin, ListMixin, ReadableMixin, ModelAdmin):
    """The page of a record. Its list, its choices and its filters show what the user may see (`db/scope.py`)."""

    change_form_template = "admin/office_form.html"
    change_list_template = "office/list_page.html"
    list_before_template = "office/list_before.html"
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    empty_value_display = "–"
    has_journal = True
    followed: ClassVar[Collection[str]] = ()  # origins of the documents made from it, whose lines its journal shows
    has_checking_service = False  # whether its service checks the record and its constraints
    empty_text: Any = _("Rien ici pour l'instant.")
    new_title: Any = ""  # of the page of a new record; "" for the name of the model
    field_labels: ClassVar[dict[str, Any]] = {}  # {field: label} that replace those of the model
    asks: ClassVar[dict[str, Asked]] = {}  # {field that may be left empty: why a service will ask for it}
    delete_confirmation_max_display = 20
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        models.DecimalField: {
            "form_class": DecimalInputField,
            "widget": DecimalTextInput({"class": " ".join(INPUT_CLASSES)}),
        },
        models.DateTimeField: {"form_class": SplitMomentField, "widget": SplitMomentInput},
        models.DateField: {"widget": DayInput},
        models.TimeField: {"widget": HourInput},
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return visible(super().get_queryset(request), request.user)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the record. A GET reads it once."""
        if request.method != "GET":
            return super().get_object(request, object_id, from_field)
        cache = request.__dict__.setdefault("office_objects", {})
        key = (self.model, object_id, from_field)
        if key not in cache:
            cache[key] = super().get_object(request, object_id, from_field)
        return cache[key]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if is_telephone(db_field):
            options["widget"] = TelephoneInput()
        field = super().formfield_for_dbfield(db_field, request, **options)
        limit_days([field])
        if field is not None and db_field.name in self.field_labels:
            field.label = self.field_labels[db_field.name]
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if (
            db_field.related_model is Company
            and db_field.name == company_path(self.model)
            and (not db_field.null or (getattr(self.model, "IS_RULE", False) and not works_for_all(request.user)))
        ):
            options.setdefault("initial", partial(default_company, request.user))
        if db_field.name in self.get_autocomplete_fields(request):
            options.setdefault("widget", RecordSelect(db_field, self.admin_site))
        elif db_field.related_model is FiscalPosition:
            options.setdefault("widget", CodedSelect())
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if field is not None and db_field.related_model is User:
            field.label_from_instance = lambda user: user.get_full_name() or user.username
        return field

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            options.setdefault("widget", RecordsSelect(db_field, self.admin_site))
        return super().formfield_for_manytomany(db_field, request, **options)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Return a form class that shows the refusal of the request, if any, with the typed values."""
        return office_form(
            super().get_form(request, obj, change=change, **options),
            user=request.user,
            refusal=getattr(request, "office_refusal", None),
            leaves_constraints=self.has_checking_service,
            asks=self.asks,
        )

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Any = None) -> Iterator[tuple[Any, Any]]:
        """Yield the formsets of the page, the choices of their rows narrowed to what the user may see."""
        for formset, inline in super().get_formsets_with_inlines(request, obj):
            yield narrowed_formset(formset, request.user), inline

    def _build_nested_formsets(self, *args: Any) -> None:
        """Do nothing: no row has rows of its own. The theme would draw an empty row of each inline to find that out."""

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        """Render the page. Reads what surrounds the form here: a POST that redirects does not need it."""
        document = context.get("original")
        object_id = str(document.pk) if document is not None and document.pk else None
        context |= {"office_now": timezone.localdate(), **self.page_context(request, object_id)}
        context["office_neighbours"] = neighbours_of(self, request, document)
        if object_id and not context.get("is_popup") and self.has_delete_permission(request, document):
            context["office_menu"] = [*context.get("office_menu", ()), deletion_entry(request, document)]
        refusal = getattr(request, "office_refusal", None)
        if isinstance(refusal, BusinessError):
            context["office_refusal"] = shown_refusal(refusal, request)
        return super().render_change_form(request, context, *args, **options)

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """Return what the page shows around the form: journal, files, version."""
        document = self.get_object(request, object_id) if object_id else None
        if document is None:
            title = self.new_title or self.model._meta.verbose_name.capitalize()
            return {
                "office_version": "",
                "office_next": self.next_label,
                "title": title,
                "show_save_and_continue": False,
            }
        meta = self.model._meta
        notes = self.notes_context(request, document) if self.has_journal else {}
        journal = self._journal(request, document) if self.has_journal else ShownJournal()
        return notes | {
            "show_save_and_continue": False,  # saving stays on the page
            "show_save_and_add_another": False,
            "office_version": request.POST.get("_version") or version_of(document),
            "office_kept_fields": kept_refusal(request, document),
            "office_history": journal.entries,
            "office_own_lines": journal.own,
            "office_files": attachments_of(document, user=user_of(request)) if self.has_journal else (),
            "office_attach_url": reverse(f"admin:{meta.app_label}_{meta.model_name}_attach", args=[document.pk])
            if self.has_journal and request.user.has_perm("invoicing.add_attachment")
            else "",
        }

    def _journal(self, request: HttpRequest, document: Any) -> ShownJournal:
        counted = counted_buttons(document, request) if self.followed else ()
        followed = [button for button, count in counted if count and button.origin in self.followed]
        return journal_of(document, user_of(request), labels=self.field_labels, followed=followed)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {
            "title": capfirst(self.model._meta.verbose_name_plural),
            **(extra_context or {}),
            **self.list_context(request),
        }
        with answers_kept() if request.method == "GET" else nullcontext():
            return self._list_page(request, context)

    def _list_page(self, request: HttpRequest, context: dict[str, Any]) -> Any:
        """Return the page of the list, with its chips and its totals."""
        response = super().changelist_view(request, context)
        if only := self._only_record(request, response):
            return HttpResponseRedirect(reverse_change(only))
        cl = getattr(response, "context_data", None) and response.context_data.get("cl")
        if cl is not None:
            response.context_data["office_chips"] = self.chips(request, cl)
            response.context_data["office_totals"] = self.totals_of_list(request, cl)
        return response

    @staticmethod
    def _only_record(request: HttpRequest, response: Any) -> Any:
        """Return the only record of a list that a smart button opened; None otherwise."""
        cl = getattr(response, "context_data", None) and response.context_data.get("cl")
        if request.method == "GET" and cl and set(request.GET) == {FromFilter.parameter_name} and cl.result_count == 1:
            return cl.result_list[0]
        return None
