"""The base of the pages of every record: company scope, journal, stale forms shown again with the typed values.

Mixins add files, notes and lists. `invoicing.admin.document_admin` is the base of the pages of documents.
"""

from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import INPUT_CLASSES

from invoicing.admin.filters import FromFilter
from invoicing.admin.form_changes import header_changes
from invoicing.admin.lists import ListMixin
from invoicing.admin.neighbours import neighbours_of
from invoicing.admin.office_form import office_form
from invoicing.admin.readable import ReadableMixin
from invoicing.admin.records.files import FilesMixin
from invoicing.admin.records.journal import ShownJournal, journal_of
from invoicing.admin.records.notes import NotesMixin
from invoicing.admin.shared_records import SharedRecordsMixin, kept_refusal
from invoicing.models import Company
from invoicing.services.parties.companies import default_company
from invoicing.services.records.acts import Once, Performed, perform, reading_only
from invoicing.services.records.attachments import attachments_of
from invoicing.services.records.history import record, version_of
from invoicing.services.records.saving import lock_for_form
from invoicing.services.records.shared import works_for_all
from openfire_billing.db.scope import company_path, visible
from openfire_billing.db.versions import Versioned, raise_parent, raise_version
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.actions import OPEN, PageShown, already_done, reverse_change
from openfire_billing.web.asked import Asked
from openfire_billing.web.choices import narrowed_formset
from openfire_billing.web.date_boxes import DayInput, SplitMomentInput
from openfire_billing.web.days import SplitMomentField, limit_days
from openfire_billing.web.number_fields import DecimalInputField, DecimalTextInput
from openfire_billing.web.place import with_place
from openfire_billing.web.record_select import RecordSelect, RecordsSelect
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.telephone_field import TelephoneInput, is_telephone
from openfire_billing.web.users import user_of

_NEXT = "_next"  # the button that saves a new record and goes on to its next page
NO_ANSWERS = frozenset(
    ["csrfmiddlewaretoken", "_act", "_addanother", "_continue", "_save", _NEXT, OPEN]
)  # a token, and buttons


class OfficeAdmin(SharedRecordsMixin, FilesMixin, NotesMixin, ListMixin, ReadableMixin, ModelAdmin):
    """The page of a record. Its list, its choices and its filters show what the user may see (`db/scope.py`)."""

    change_form_template = "admin/office_form.html"
    change_list_template = "office/list_page.html"
    list_before_template = "office/list_before.html"
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    empty_value_display = "–"
    has_journal = True
    follows_documents = False  # whether its journal shows what became of the documents made from it
    is_saved_by_service = False
    has_checking_service = False  # whether its service checks the record and its constraints
    empty_text: Any = _("Rien ici pour l'instant.")
    opened_tab = ""  # of the notebook: where the work is; the first tab without it
    new_title: Any = ""  # of the page of a new record; "" for the name of the model
    next_label: Any = ""  # of a second button that saves a new record and opens `next_page`; "" for none
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

    def once(self, request: HttpRequest, act: str) -> Once | None:
        """Return the key of an act from the key of the page and the answers of the form; None without a key.

        Other answers make another act; another button on the same answers does not.
        """
        key = request.POST.get("_once", "")[:36]
        answers = sorted((name, values) for name, values in request.POST.lists() if name not in NO_ANSWERS)
        fingerprint = sha256(repr(answers).encode()).hexdigest()[:32]
        return Once(f"user:{request.user.pk}", f"{act}:{key}:{fingerprint}") if key else None

    def perform(self, request: HttpRequest, act: Callable[[], Any], *, once: Once | None = None) -> Performed[Any]:
        """Run `act` in one transaction. With `once`, run it only once, and store str(result) with that key as the answer.

        A repeated call with the same key returns the stored answer (`is_repeat`) and does not run `act`. After a conflict with
        another transaction, restore the request and run `act` again. Raises what `act` raises; Unavailable, a BusinessError,
        when the database is busy or unreachable.
        """
        return perform(act, once=once, answer=lambda made: (0, str(made)), restore=rewinder(request))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show the form, or save it in one transaction. A refusal is shown on the form, with the typed values.

        A form of a new record saves once: sent again, it redirects to the same page.
        """
        is_new = request.method == "POST" and object_id is None and IS_POPUP_VAR not in request.POST
        once = self.once(request, "add") if is_new else None
        return self.save_page(request, object_id, form_url, extra_context, once=once)

    def save_page(
        self,
        request: HttpRequest,
        object_id: str | None,
        form_url: str = "",
        extra_context: Any = None,
        *,
        once: Once | None = None,
        act: Callable[[], HttpResponse] | None = None,
    ) -> Any:
        """Save the posted form, then call `act` in the same transaction. Return its answer, or the form's without `act`.

        `once`: the key of both. Everything is rolled back when the form has faults, which is then the answer, or when
        `act` raises; a PageShown that it raises is the answer.
        """
        context = {**(extra_context or {}), "office_once": request.POST.get("_once") or uuid4()}
        change_form = partial(super().changeform_view, request, object_id, form_url, context)
        if request.method != "POST":
            return change_form()
        try:
            return self._save_then_act(request, object_id, change_form, once, act)
        except PageShown as page:
            return page.response
        except (BusinessError, ValidationError, PermissionDenied) as refusal:
            if closed := self._closed(request, object_id):
                return closed
            if isinstance(refusal, PermissionDenied):
                raise
            request.office_refusal = refusal  # type: ignore[attr-defined]
        with reading_only():
            return change_form()

    def _save_then_act(
        self,
        request: HttpRequest,
        object_id: str | None,
        change_form: Callable[[], Any],
        once: Once | None,
        act: Callable[[], HttpResponse] | None,
    ) -> Any:
        """Save the form by `change_form`, call `act`, and return the answer. Raises PageShown for a form with faults."""
        rewind = rewinder(request)

        def save() -> Any:
            if object_id and not self.is_saved_by_service:
                document = self.get_object(request, object_id)
                if document is not None:
                    lock_for_form(document, seen=seen_by(request))
            response = change_form()
            is_faulty = "adminform" in (getattr(response, "context_data", None) or {})
            if is_faulty and (once is not None or act is not None):
                raise PageShown(response)
            if act is None:
                return response
            rewind()  # the message of the form: the act has its own
            return act()

        done = perform(save, once=once, answer=lambda response: (0, response.url), restore=rewind)
        if not done.is_repeat:
            return done.result
        if act is not None:
            messages.info(request, already_done(self.get_object(request, str(object_id))))
        return HttpResponseRedirect(str(done.answer))

    def _closed(self, request: HttpRequest, object_id: str | None) -> HttpResponseRedirect | None:
        """Redirect to the page of a document whose new state has no form; None when it has one."""
        document = self.get_object(request, object_id) if object_id else None
        if document is None or not self.has_change_permission(request) or self.has_change_permission(request, document):
            return None
        text = _("%s a changé entre-temps et ne se modifie plus : rien de votre saisie n'est enregistré.") % document
        messages.error(request, text)
        return HttpResponseRedirect(reverse_change(document))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        """Render the page. Reads what surrounds the form here: a POST that redirects does not need it."""
        document = context.get("original")
        object_id = str(document.pk) if document is not None and document.pk else None
        context |= {"office_now": timezone.localdate(), **self.page_context(request, object_id)}
        context["office_neighbours"] = neighbours_of(self, request, document)
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
        journal = (
            journal_of(document, user_of(request), labels=self.field_labels, follows=self.follows_documents)
            if self.has_journal
            else ShownJournal()
        )
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

    # Saving ---------------------------------------------------------------------------------------------------

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        if {IS_POPUP_VAR, "_addanother"} & set(request.POST):
            return super().response_add(request, obj, post_url_continue)
        if _NEXT in request.POST and self.next_label:
            messages.success(request, _("%s : enregistré.") % obj)
            return HttpResponseRedirect(self.next_page(obj))
        return self._saved(request, obj)

    def next_page(self, obj: Any) -> str:
        """Return the address of the page where the work goes on after a new record is saved by its second button."""
        return reverse_change(obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if IS_POPUP_VAR in request.POST:
            return super().response_change(request, obj)
        return self._saved(request, obj)

    @staticmethod
    def _saved(request: HttpRequest, obj: Any) -> HttpResponse:
        """Say that the record is saved, and stay on its page."""
        messages.success(request, _("%s : enregistré.") % obj)
        return HttpResponseRedirect(with_place(request, reverse_change(obj)))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the record, which was read under its lock. One whose form changes nothing is not written."""
        if change and not form.changed_data:
            return
        if change and isinstance(obj, Versioned):
            obj.version += 1
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the rows. Rows with a version raise it."""
        formset.save(commit=False)
        for row, _fields in formset.changed_objects:
            if isinstance(row, Versioned):
                row.version += 1
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.write_journal(request, form, change)
        if isinstance(form.instance, Versioned):
            if change and not form.changed_data and any(formset.has_changed() for formset in formsets):
                raise_version(form.instance)
            if form.changed_data:
                raise_parent(form.instance)

    def write_journal(self, request: HttpRequest, form: Any, change: bool) -> None:
        """Write a journal line for the changes of the record itself."""
        changes = header_changes(form)
        if not change:
            record(form.instance, "created", by=user_of(request), text=_("Fiche créée"))
        elif changes:
            record(form.instance, "changed", by=user_of(request), text=_("Fiche modifiée"), changes=changes)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        return []

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Do nothing: the product has its own journal."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Do nothing: the product has its own journal."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Do nothing: the product has its own journal."""

    # Lists ----------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {
            "title": capfirst(self.model._meta.verbose_name_plural),
            **(extra_context or {}),
            **self.list_context(request),
            "office_chips": self.chips(request),
        }
        response = super().changelist_view(request, context)
        if only := self._only_record(request, response):
            return HttpResponseRedirect(reverse_change(only))
        cl = getattr(response, "context_data", None) and response.context_data.get("cl")
        if cl is not None:
            response.context_data["office_totals"] = self.totals_of_list(request, cl)
        return response

    @staticmethod
    def _only_record(request: HttpRequest, response: Any) -> Any:
        """Return the only record of a list that a smart button opened; None otherwise."""
        cl = getattr(response, "context_data", None) and response.context_data.get("cl")
        if request.method == "GET" and cl and set(request.GET) == {FromFilter.parameter_name} and cl.result_count == 1:
            return cl.result_list[0]
        return None


def seen_by(request: HttpRequest) -> int | None:
    """Return the version of the record that the page showed; None without one."""
    return read_id(request.POST.get("_version"))


def rewinder(request: HttpRequest) -> Callable[[], None]:
    """Return a function that restores a request before an act is repeated: files rewound, new messages and caches dropped."""
    storage: Any = get_messages(request)
    queued = len(getattr(storage, "_queued_messages", ()))

    def rewind() -> None:
        for files in request.FILES.lists():
            for file in files[1]:
                file.seek(0)
        del storage._queued_messages[queued:]
        for name in ("office_objects", "office_taxes", "office_kept"):
            request.__dict__.pop(name, None)

    return rewind
