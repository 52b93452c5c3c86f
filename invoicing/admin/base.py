"""The admin every app uses: company scope, journal, files, stale forms refused with what was typed kept, French numbers.

`OfficeAdmin` for any record; `DocumentAdmin` adds status bar, smart buttons, actions, notebook and lines.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import INPUT_CLASSES

from invoicing.admin.lists import ListMixin
from invoicing.admin.notes import NotesMixin
from invoicing.models import Attachment, Company, FiscalPosition, HistoryLine, Product, Tax
from invoicing.services.catalogue import tax_for
from invoicing.services.documents.lines import LineEdit
from invoicing.services.parties.attachments import attach, attachments_of, detach
from invoicing.services.parties.history import record, refuse_stale, version_of
from openfire_billing.contributions import contributions_to
from openfire_billing.errors import BusinessError, refusals_shown
from openfire_billing.fields import DecimalInputField, DecimalTextInput
from openfire_billing.look.actions import ActionsMixin, reverse_change
from openfire_billing.look.lines import live_totals, totals_html
from openfire_billing.look.smart_buttons import origin_filter, smart_buttons
from openfire_billing.money import NOTHING, Totals


def default_company(user: Any) -> Company | None:
    """The company a new document of this user is for."""
    access = user.company_accesses.select_related("company").first() if user.is_authenticated else None
    return access.company if access else Company.objects.visible_to(user).first()


class FromFilter(SimpleListFilter):
    """The list behind a smart button: `?from=app.model-id`."""

    title = _("Origine")
    parameter_name = "from"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        value = request.GET.get(self.parameter_name)
        return [(value, _("documents liés"))] if value else [("", "")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return origin_filter(queryset.model)(queryset, self.value()) if self.value() else queryset


class ChipFilter(SimpleListFilter):
    """One-click filters people name aloud. `chips`: (slug, label, narrow(queryset, request))."""

    title = _("Vue")
    parameter_name = "vue"
    chips: ClassVar[Sequence[tuple[str, Any, Any]]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(slug, label) for slug, label, _narrow in self.chips]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        for slug, _label, narrow in self.chips:
            if slug == self.value():
                return narrow(queryset, request)
        return queryset if FromFilter.parameter_name in request.GET or self.value() else self.usual(queryset)

    def usual(self, queryset: Any) -> Any:
        """What the list shows before a chip is chosen."""
        return queryset


class OfficeAdmin(NotesMixin, ListMixin, ModelAdmin):
    """A record's page. `company_path`: lookup to the company a user must have on his account (None = shared)."""

    company_path: str | None = None
    change_form_template = "admin/office_form.html"
    list_before_template = "office/list_before.html"
    list_after_template = "office/list_after.html"
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    warn_unsaved_form = True
    has_journal = True
    empty_text: Any = _("Rien ici pour l'instant.")
    foot_totals: Sequence[tuple[str, Any]] = ()
    delete_confirmation_max_display = 20
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        models.DecimalField: {
            "form_class": DecimalInputField,
            "widget": DecimalTextInput({"class": " ".join(INPUT_CLASSES)}),
        },
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        queryset = super().get_queryset(request)
        if self.company_path and not request.user.is_superuser:
            visible = Company.objects.visible_to(request.user)
            owned = models.Q(**{f"{self.company_path}__in": visible})
            if self.company_is_optional():
                owned |= models.Q(**{f"{self.company_path}__isnull": True})
            queryset = queryset.filter(owned)
        return queryset

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The record, read once for a page that only shows it."""
        if request.method != "GET":
            return super().get_object(request, object_id, from_field)
        seen = request.__dict__.setdefault("office_objects", {})
        key = (self.model, object_id, from_field)
        if key not in seen:
            seen[key] = super().get_object(request, object_id, from_field)
        return seen[key]

    def company_is_optional(self) -> bool:
        return self.company_path == "company" and self.model._meta.get_field("company").null

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.related_model is Company:
            options.setdefault("queryset", Company.objects.visible_to(request.user))
            if self.company_path == db_field.name and not db_field.null:
                options.setdefault("initial", default_company(request.user))
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if field is not None and db_field.related_model is User:
            field.label_from_instance = lambda user: user.get_full_name() or user.username
        return field

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """A refusal met while saving is shown on the form, with all that was typed."""
        form = super().get_form(request, obj, change=change, **options)
        refusal = getattr(request, "office_refusal", None)
        if refusal is None:
            return form

        class RefusedForm(form):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                data = super().clean()
                self.add_error(None, ValidationError(refusal))
                return data

        return RefusedForm

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        context = {**(extra_context or {}), "office_now": timezone.localdate()}
        try:
            with transaction.atomic():
                if request.method == "POST" and object_id and "_version" in request.POST:
                    self._refuse_stale(request, object_id)
                return super().changeform_view(
                    request, object_id, form_url, {**context, **self.page_context(request, object_id)}
                )
        except BusinessError as refusal:
            request.office_refusal = str(refusal)  # type: ignore[attr-defined]
        return super().changeform_view(
            request, object_id, form_url, {**context, **self.page_context(request, object_id)}
        )

    def _refuse_stale(self, request: HttpRequest, object_id: str) -> None:
        document = self.get_object(request, object_id)
        if document is None:
            return
        list(type(document)._default_manager.select_for_update().filter(pk=document.pk).values_list("pk"))
        seen = request.POST.get("_version", "")
        refuse_stale(document, int(seen) if seen.isdigit() else 0)

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """What the page shows around the form: journal, files, version."""
        document = self.get_object(request, object_id) if object_id else None
        if document is None:
            return {"office_version": ""}
        meta = self.model._meta
        notes = self.notes_context(request, document) if self.has_journal else {}
        return notes | {
            "office_version": request.POST.get("_version") or version_of(document),
            "office_history": HistoryLine.objects.of(document)[:40] if self.has_journal else (),
            "office_files": attachments_of(document) if self.has_journal else (),
            "office_attach_url": reverse(f"admin:{meta.app_label}_{meta.model_name}_attach", args=[document.pk])
            if self.has_journal and request.user.has_perm("invoicing.add_attachment")
            else "",
        }

    # Saving ---------------------------------------------------------------------------------------------------

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.write_journal(request, form, change)

    def write_journal(self, request: HttpRequest, form: Any, change: bool) -> None:
        """One line for what the form changed of the record itself."""
        changes = header_changes(form)
        if not change:
            record(form.instance, "created", by=request.user, text=_("Fiche créée"))
        elif changes:
            record(form.instance, "changed", by=request.user, text=_("Fiche modifiée"), changes=changes)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        return []

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The journal is our own."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The journal is our own."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """The journal is our own."""

    # Files ----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        meta = self.model._meta
        name = f"{meta.app_label}_{meta.model_name}"
        view = self.admin_site.admin_view
        return [
            path("<path:object_id>/attach/", view(self.attach_view), name=f"{name}_attach"),
            path("<path:object_id>/files/<int:file_id>/", view(self.file_view), name=f"{name}_file"),
            path("<path:object_id>/files/<int:file_id>/detach/", view(self.detach_view), name=f"{name}_detach"),
            *super().get_urls(),
        ]

    def _visible(self, request: HttpRequest, object_id: str) -> Any:
        document = self.get_object(request, object_id)
        if document is None:
            raise Http404
        if not self.has_view_permission(request, document):
            raise PermissionDenied
        return document

    def attach_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        document = self._visible(request, object_id)
        if not request.user.has_perm("invoicing.add_attachment"):
            raise PermissionDenied
        if request.method == "POST":
            uploads = request.FILES.getlist("files")
            if not uploads:
                messages.error(request, _("Choisissez au moins un fichier à joindre."))
            for upload in uploads:
                with refusals_shown(request):
                    attach(document, upload, by=request.user)
                    messages.success(request, _("Fichier joint : %s") % upload.name)
        return HttpResponseRedirect(reverse_change(document) + "#fichiers")

    def _file(self, request: HttpRequest, object_id: str, file_id: int) -> Attachment:
        document = self._visible(request, object_id)
        attachment = attachments_of(document).filter(pk=file_id).first()
        if attachment is None:
            raise Http404
        return attachment

    def file_view(self, request: HttpRequest, object_id: str, file_id: int) -> FileResponse:
        attachment = self._file(request, object_id, file_id)
        return FileResponse(attachment.file.open("rb"), as_attachment=True, filename=attachment.name)

    def detach_view(self, request: HttpRequest, object_id: str, file_id: int) -> HttpResponse:
        attachment = self._file(request, object_id, file_id)
        if not request.user.has_perm("invoicing.delete_attachment"):
            raise PermissionDenied
        document = attachment.object
        if request.method == "POST":
            detach(attachment, by=request.user)
            messages.success(request, _("Fichier retiré : %s") % attachment.name)
        return HttpResponseRedirect(reverse_change(document) + "#fichiers")

    # Lists ----------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {
            **(extra_context or {}),
            **self.list_context(request),
            "office_chips": self.chips(request),
            "office_empty": self.empty_text,
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
        """Behind a smart button that counts one, the record itself."""
        cl = getattr(response, "context_data", None) and response.context_data.get("cl")
        if request.method == "GET" and cl and set(request.GET) == {FromFilter.parameter_name} and cl.result_count == 1:
            return cl.result_list[0]
        return None

    def chips(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The one-click filters above the list."""
        chosen = request.GET.get(ChipFilter.parameter_name, "")
        for item in self.get_list_filter(request):
            if isinstance(item, type) and issubclass(item, ChipFilter):
                chips = [{"slug": "", "label": _("Tous"), "is_chosen": not chosen}]
                chips += [{"slug": s, "label": label, "is_chosen": s == chosen} for s, label, _narrow in item.chips]
                return chips
        return []

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        """(label, amount) of what is shown, at the foot of the list."""
        return []


def header_changes(form: Any) -> dict[str, list[str]]:
    """{label: [before, after]} of what a form changed, as people read it."""
    found = {}
    for name in form.changed_data:
        if name.startswith("_"):
            continue
        field = form.fields[name]
        found[str(field.label or name)] = [
            _shown(field, form.get_initial_for_field(field, name)),
            _shown(field, form.cleaned_data.get(name)),
        ]
    return found


def _shown(field: Any, value: Any) -> str:
    if value in (None, "", []):
        return "–"
    if isinstance(field, forms.ModelMultipleChoiceField):
        ids = [getattr(item, "pk", item) for item in value]
        return ", ".join(str(item) for item in field.queryset.model._default_manager.filter(pk__in=ids)) or "–"
    if isinstance(field, forms.ModelChoiceField) and not isinstance(value, models.Model):
        return str(field.queryset.model._default_manager.filter(pk=value).first() or value)
    if isinstance(field, forms.ChoiceField):
        return str(dict(field.choices).get(value, value))
    if isinstance(value, bool):
        return "oui" if value else "non"
    if hasattr(value, "strftime"):
        return value.strftime("%d/%m/%Y")
    return str(value)


class KnownAutocomplete(AutocompleteSelect):
    """An autocompletion that shows the article its form already loaded, instead of asking the database for each row."""

    known: ClassVar[dict[str, str]] = {}

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        chosen = [str(v) for v in value if v]
        if not all(v in self.known for v in chosen):
            return super().optgroups(name, value, attr)
        options = [self.create_option(name, "", "", False, 0)]
        options += [self.create_option(name, v, self.known[v], True, n) for n, v in enumerate(chosen, 1)]
        return [(None, options, 0)]


class LinesInline(TabularInline):
    """The lines of a document. Who may change the document may change its lines."""

    template = "office/lines.html"
    extra = 0
    autocomplete_fields = ("product",)
    has_discount = True
    with_state = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def _may(self, request: HttpRequest, obj: Any) -> bool:
        parent = self.admin_site.get_model_admin(self.parent_model)
        return parent.has_change_permission(request, obj) if obj else parent.has_add_permission(request)

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        formset = super().get_formset(request, obj, **options)
        # the service refuses to delete what is billed, and says what to do; Django's own check says neither
        formset.form.hand_clean_DELETE = lambda form: None
        fields = formset.form.base_fields
        if "product" in fields:
            fields["product"].widget = KnownAutocomplete(self.model._meta.get_field("product"), self.admin_site)
        if "tax" in fields:
            fields["tax"].widget = forms.Select(attrs={"class": "of-input of-tax"})
            fields["tax"].choices = [("", "–"), *self._taxes(request, obj)]
        return formset

    def _taxes(self, request: HttpRequest, obj: Any) -> list[tuple[int, str]]:
        """One list of choices for all the rows, read once for the page: those proposed, and those the lines bear."""
        kept = request.__dict__.setdefault("office_taxes", {})
        key = (self.model, obj and obj.pk)
        if key not in kept:
            parent = next(f.name for f in self.model._meta.fields if f.related_model is self.parent_model)
            borne = self.model.objects.filter(**{parent: obj}).order_by().values("tax") if obj and obj.pk else []
            taxes = Tax.objects.filter(models.Q(is_active=True) | models.Q(pk__in=borne))
            kept[key] = [(tax.pk, tax.name) for tax in taxes]
        return kept[key]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("product", "tax")


def edits_of(formset: Any) -> list[LineEdit]:
    """What a lines formset asks for: changed fields of old lines, all fields of new ones, deletions."""
    edits = []
    for form in formset.initial_forms:
        if form.instance.pk is None:  # the identifier sent is that of a line of another document
            raise BusinessError(
                _("%s : une des lignes envoyées n'est pas la sienne. Rechargez la page.") % formset.instance
            )
        if form in formset.deleted_forms:
            edits.append(LineEdit(pk=form.instance.pk, delete=True))
        elif form.has_changed():
            changed = {name: form.cleaned_data[name] for name in form.changed_data if name in form.cleaned_data}
            edits.append(LineEdit(pk=form.instance.pk, values=changed))
    for form in formset.extra_forms:
        if form.has_changed() and form not in formset.deleted_forms:
            skipped = {"id", "DELETE", formset.fk.name}
            values = {name: value for name, value in form.cleaned_data.items() if name not in skipped}
            edits.append(LineEdit(values=values))
    return edits


class DocumentAdmin(ActionsMixin, OfficeAdmin):
    """A document's page: status bar, smart buttons, Action menu, notebook with lines, live totals."""

    change_form_template = "admin/document_form.html"
    notebook: Sequence[tuple[str, Any, Sequence[str]]] = ()
    status_path: Sequence[str] = ()
    lines_prefix = "lines"
    list_display_links = ("__str__",)

    def get_urls(self) -> list[Any]:
        meta = self.model._meta
        name = f"{meta.app_label}_{meta.model_name}"
        view = self.admin_site.admin_view
        return [
            path("totals/", view(self.totals_view), name=f"{name}_totals"),
            path("line-defaults/", view(self.line_defaults_view), name=f"{name}_line_defaults"),
            path("defaults/", view(self.defaults_view), name=f"{name}_defaults"),
            *super().get_urls(),
        ]

    # No deletion outside the Action menu: it goes through a service that frees what was claimed.
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        meta = self.model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}"
        context |= {
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
            "office_totals_url": reverse(f"{name}_totals"),
            "office_line_defaults_url": reverse(f"{name}_line_defaults"),
            "office_defaults_url": reverse(f"{name}_defaults"),
            "office_status": self.status(None),
        }
        document = self.get_object(request, object_id) if object_id else None
        if document is None:
            return context | {"office_footer": totals_html(NOTHING)}
        actions = self.actions_for(request, document)
        return context | {
            "office_status": self.status(document),
            "office_buttons": self.smart_buttons(request, document),
            "office_primary": [a for a in actions if a["is_primary"]],
            "office_menu": actions,
            "office_tabs": self.tabs(request, document),
            "office_footer": totals_html(self.totals_of(document)),
        }

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        """The counters of the page; a document adds its switches."""
        return smart_buttons(document, request)

    def tabs(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        """Tabs contributed by upper apps."""
        return [
            {
                "slug": tab.slug,
                "title": tab.title,
                "template": tab.template,
                "context": tab.context(document, request.user),
                "order": tab.order,
                "items": [],
                "errors": 0,
            }
            for tab in contributions_to(self.model).tabs
        ]

    def totals_of(self, document: Any) -> Totals:
        return document.totals

    def status(self, document: Any) -> list[dict[str, Any]]:
        """The states as steps, the present one filled; a state off the path is shown alone at the end."""
        labels = dict(self.model._meta.get_field("state").choices)
        current = document.state if document else self.model._meta.get_field("state").default
        steps = [*self.status_path] if current in self.status_path else [*self.status_path, current]
        return [{"code": str(s), "label": labels[s], "is_current": str(s) == str(current)} for s in steps]

    # Live totals and defaults ---------------------------------------------------------------------------------

    def totals_view(self, request: HttpRequest) -> JsonResponse:
        """Amounts of the form being typed. Reads only."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        company = Company.objects.visible_to(request.user).filter(
            pk=request.POST.get("company") if str(request.POST.get("company", "")).isdigit() else None
        ).first() or default_company(request.user)
        taxes = {str(tax.pk): tax for tax in Tax.objects.all()}
        return live_totals(
            request, prefix=self.lines_prefix, taxes=taxes, rounding=company.rounding if company else "half_even"
        )

    def line_defaults_view(self, request: HttpRequest) -> JsonResponse:
        """What choosing an article fills: description, price, tax under the fiscal position."""
        return self.line_defaults(request, price="unit_price")

    def line_defaults(self, request: HttpRequest, *, price: str) -> JsonResponse:
        """{article id: {label, unit_price, tax}}, `price` being the article's field to take."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ids = [i for i in request.GET.get("product", "").split(",") if i.isdigit()]
        position = _position(request.GET.get("fiscal_position", ""))
        today = timezone.localdate()
        return JsonResponse(
            {
                str(product.pk): {
                    "label": product.label,
                    "unit_price": DecimalTextInput().format_value(getattr(product, price)),
                    "tax": tax_for(product, position, today).pk,
                }
                for product in Product.objects.filter(pk__in=ids).select_related("tax__replaced_by")
            }
        )

    def defaults_view(self, request: HttpRequest) -> JsonResponse:
        """What choosing a header field fills in the others: {field: {value, text}}."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse(self.defaults_from(request, request.GET))

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        return {}

    # Saving: a document is saved by its service, with its lines ---------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing here: `save_document` saves header and lines together."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        edits = [edit for formset in formsets if formset.prefix == self.lines_prefix for edit in edits_of(formset)]
        self.save_document(request, form, edits, change)

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit], change: bool) -> None:
        raise TypeError(f"{type(self).__name__} does not say how it saves.")

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        if "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.success(request, _("%s : enregistré.") % obj)
        return HttpResponseRedirect(reverse_change(obj))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        messages.success(request, _("%s : enregistré.") % obj)
        return HttpResponseRedirect(reverse_change(obj))


def _position(value: str) -> Any:
    if not value.isdigit():
        return None
    return FiscalPosition.objects.prefetch_related("mappings__target__replaced_by").filter(pk=value).first()


def one(queryset: Any, pk: str | None) -> Any:
    """The record a form's field names, or None."""
    return queryset.filter(pk=pk).first() if pk and pk.isdigit() else None


def put(found: dict[str, Any], **objects: Any) -> None:
    """Add records to the defaults a form asks for; the first to say something about a field wins."""
    for name, item in objects.items():
        if item is not None and name not in found:
            found[name] = {"value": item.pk, "text": str(item)}
