"""The lines of a document in its form, and the edits of a sent form."""

import re
from typing import Any

from django import forms
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from invoicing.models import Company, Tax
from invoicing.services.documents.lines import LineEdit
from openfire_billing.db.scope import company_path
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import number_text, read_id
from openfire_billing.web.known_relations import know
from openfire_billing.web.record_select import RecordSelect


class LinesFormSet(forms.BaseInlineFormSet):
    """The forms of the lines, each with its loaded line."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if form.instance.pk:
            know(form.fields[self._pk_field.name], form.instance)  # type: ignore[attr-defined]


class RightsOfParentMixin:
    """The rows of a record: users who may change the record may change them."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def _may(self, request: HttpRequest, obj: Any) -> bool:
        parent = self.admin_site.get_model_admin(self.parent_model)  # type: ignore[attr-defined]
        return bool(parent.has_change_permission(request, obj) if obj else parent.has_add_permission(request))


class LinesInline(RightsOfParentMixin, TabularInline):
    """The lines of a document. Users who may change the document may change them."""

    template = "office/lines.html"
    formset = LinesFormSet
    extra = 0
    autocomplete_fields = ("product",)
    has_discount = True
    has_first_day = False

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        formset = super().get_formset(request, obj, **options)
        # the service refuses to delete a billed line and says what to do; Django's check does not
        formset.form.hand_clean_DELETE = lambda form: None
        fields = formset.form.base_fields
        if "product" in fields:
            fields["product"].widget = RecordSelect(self.model._meta.get_field("product"), self.admin_site)
        if "tax" in fields:
            fields["tax"].widget = forms.Select(attrs={"class": "of-input of-tax"})
            fields["tax"].choices = [("", "–"), *self._taxes(request, obj)]
        return formset

    def _taxes(self, request: HttpRequest, obj: Any) -> list[tuple[int, str]]:
        """Return the choices of taxes for all rows: active ones of the companies, and those of the lines. Reads them once."""
        cache = request.__dict__.setdefault("office_taxes", {})
        key = obj and obj.pk
        if key not in cache:
            of_companies = models.Q(company__isnull=True) | models.Q(company__in=self._companies(request, obj))
            wanted = models.Q(is_active=True) & of_companies
            if key:
                for used in self._taxes_of_lines(obj):
                    wanted |= models.Q(pk__in=used)
            cache[key] = [(tax.pk, tax_text(tax)) for tax in Tax.objects.filter(wanted)]
        return cache[key]

    def _taxes_of_lines(self, obj: Any) -> list[Any]:
        """Return querysets of the taxes of the lines of a document, one for each inline."""
        blocks = [inline.model for inline in self.admin_site.get_model_admin(self.parent_model).inlines]
        return [
            block.objects.filter(**{field.name: obj}).order_by().values("tax")
            for block in blocks
            for field in block._meta.fields
            if field.related_model is self.parent_model and hasattr(block, "tax_id")
        ]

    def _companies(self, request: HttpRequest, obj: Any) -> Any:
        """Return the company of the document, if the user has it; all his companies while none is chosen."""
        path = company_path(self.parent_model) or ""
        first, *rest = path.split("__")
        owner = getattr(obj, first, None) if obj and obj.pk and first else None
        if owner is None and first and (pk := read_id(request.POST.get(first) or request.GET.get(first))):
            related = self.parent_model._meta.get_field(first).related_model
            owner = related._default_manager.filter(pk=pk).first()
        for step in rest:
            owner = getattr(owner, step, None)
        visible = Company.objects.visible_to(request.user)
        return visible if owner is None else visible.filter(pk=owner.pk)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("product", "tax")


def tax_text(tax: Tax) -> str:
    """Return « 5,5 % · TVA collectée (vente) »: the rate comes first, since the column cuts long names."""
    name = re.sub(rf"\s*{re.escape(number_text(tax.rate, 0))}\s*%$", "", tax.name)
    return f"{tax.short} · {name}" if name else tax.short


def edits_of(formset: Any) -> list[LineEdit]:
    """Return the edits of a formset: changed fields of existing lines, all fields of new ones, deletions.

    Raises BusinessError for a line of another document.
    """
    edits = []
    for form in formset.initial_forms:
        if form.instance.pk is None:  # the id is that of a line of another document
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
