"""Panels that create a record from the choice box that searched for it: a few fields of its form, in a dialog."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from invoicing.admin.office_form import faults_by_field
from invoicing.admin.saving import rewinder
from invoicing.models import Partner
from invoicing.services.records.acts import Performed, perform
from invoicing.services.records.saving import save_record
from openfire_billing.db.scope import visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id
from openfire_billing.web.actions import PREFIX, PageShown
from openfire_billing.web.choice_view import details_of
from openfire_billing.web.fetched import is_fetched
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.refusals import shown_refusal
from openfire_billing.web.users import user_of

OWNERS = ("partner", "customer", "payer")  # boxes of a page that name the customer of a record created from it


class CreationMixin:
    """Gives a ModelAdmin the panel that creates a record from a choice box.

    GET shows the panel, filled from what was typed in the box (`term`). POST creates the record, once for the key of the
    panel, and answers it as a choice; with `_preview` it answers the similar records and writes nothing.
    `creation_fields`: the fields asked for. `is_of_customer`: the record belongs to the customer named by `partner`.
    """

    creation_fields: Sequence[str] = ()
    is_of_customer = False
    shows_similar = False

    def get_urls(self) -> list[Any]:
        meta = self.model._meta  # type: ignore[attr-defined]
        view = self.admin_site.admin_view(self.creation_view)  # type: ignore[attr-defined]
        return [path("new/", view, name=f"{meta.app_label}_{meta.model_name}_new"), *super().get_urls()]  # type: ignore[misc]

    def creation_offer(self, request: HttpRequest) -> dict[str, Any] | None:
        """Return the address and the title of the panel, and the boxes that may name its customer; None without the right."""
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            return None
        owners = OWNERS if self.is_of_customer else ()
        return {"url": self._creation_url(), "title": str(self.new_title), "owners": owners}  # type: ignore[attr-defined]

    def _creation_url(self) -> str:
        meta = self.model._meta  # type: ignore[attr-defined]
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_new")

    def creation_view(self, request: HttpRequest) -> HttpResponse:
        """Show the panel, answer what is similar, or create the record. A refusal is shown in the panel, with what was typed."""
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        customer = self._customer(request)
        if request.method != "POST":
            return self._panel(request, customer, self.creation_forms(request, customer))
        if "_preview" in request.POST:
            return TemplateResponse(request, "office/similar.html", {"similar": self._similar(request)})
        if self.is_of_customer and customer is None:
            return self._panel(request, customer, self.creation_forms(request, customer))
        forms: list[Any] = []

        def create() -> Any:
            forms[:] = self.creation_forms(request, customer)
            if not _are_valid(forms):
                raise PageShown(self._panel(request, customer, forms))
            return self.create_record(request, forms, customer)

        once = self.once(request, "new")  # type: ignore[attr-defined]
        try:
            done = perform(create, once=once, answer=lambda record: (0, record.pk), restore=rewinder(request))
        except PageShown as page:
            return page.response
        except (BusinessError, ValidationError) as refusal:
            forms = forms or self.creation_forms(request, customer)
            _show_faults(refusal, forms)
            return self._panel(request, customer, forms, refusal)
        return self._answer(request, done)

    def _answer(self, request: HttpRequest, done: Performed[Any]) -> HttpResponse:
        """Answer the record as a choice; without script, go to its page."""
        record = done.result or self.get_object(request, str(done.answer))  # type: ignore[attr-defined]
        if record is None:  # created by the first press, and deleted since
            raise Http404
        if is_fetched(request):
            return JsonResponse({"chosen": self._as_choice(record)})
        messages.success(request, _("%s : enregistré.") % record)
        return HttpResponseRedirect(reverse_change(record))

    def create_record(self, request: HttpRequest, forms: Sequence[Any], customer: Partner | None) -> Any:
        """Save the record of valid forms, and return it."""
        (form,) = forms
        owner = {"partner": customer} if self.is_of_customer else {}
        return save_record(self.model(), values=form.cleaned_data | owner, by=user_of(request))  # type: ignore[attr-defined]

    def creation_forms(self, request: HttpRequest, customer: Partner | None) -> list[Any]:
        """Return the forms of the panel, filled with what was sent; on a GET, from what was typed in the box."""
        return [self.creation_form(request, self.creation_fields, self.first_values(request, customer))]

    def creation_form(self, request: HttpRequest, fields: Sequence[str], initial: Any, prefix: str = PREFIX) -> Any:
        """Return some fields of the form of the record's own page."""
        kind = self.get_form(request, fields=list(fields))  # type: ignore[attr-defined]
        form = kind(request.POST if request.method == "POST" else None, initial=initial, prefix=prefix)
        for field in form.fields.values():
            if isinstance(field.widget, RelatedFieldWidgetWrapper):
                field.widget = field.widget.widget
        return form

    def first_values(self, request: HttpRequest, customer: Partner | None) -> dict[str, Any]:
        """Return what the boxes of the panel show first."""
        return {"name": request.GET.get("term", "").strip()}

    def similar_to(self, request: HttpRequest) -> list[Any]:
        """Return the existing records that the one being typed may be."""
        return []

    def _similar(self, request: HttpRequest) -> list[dict[str, Any]]:
        if not self.shows_similar or not self.has_view_permission(request):  # type: ignore[attr-defined]
            return []
        found = ((record, self._as_choice(record)) for record in self.similar_to(request))
        return [
            {"record": record, "url": reverse_change(record), "choice": choice, "json": json.dumps(choice)}
            for record, choice in found
        ]

    def _as_choice(self, record: Any) -> dict[str, Any]:
        return {"id": str(record.pk), "text": str(record)} | details_of(self, record)

    def _customer(self, request: HttpRequest) -> Partner | None:
        """Return the customer that the address of the panel names."""
        pk = read_id(request.GET.get("partner"))
        found = visible(Partner.objects.filter(is_active=True, merged_into=None), request.user)
        return found.filter(pk=pk).first() if pk else None

    def _panel(
        self,
        request: HttpRequest,
        customer: Partner | None,
        forms: Sequence[Any],
        refusal: BusinessError | ValidationError | None = None,
    ) -> HttpResponse:
        is_vain = self.is_of_customer and customer is None
        if is_vain:
            refusal = BusinessError(_("Choisissez d'abord le client : la fiche est créée chez lui."))
        if request.method != "POST":
            _focus_first_empty(forms)
        meta = self.model._meta  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": meta,
            "title": self.new_title,  # type: ignore[attr-defined]
            "customer": customer if self.is_of_customer else None,
            "forms": forms,
            "refusal": shown_refusal(refusal, request) if isinstance(refusal, BusinessError) else None,
            "is_vain": is_vain,
            "shows_similar": self.shows_similar,
            "similar": self._similar(request),
            "once": request.POST.get("_once") or uuid4(),
            "back": reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
        }
        return TemplateResponse(
            request, "office/creation.html", context, status=409 if refusal and request.method == "POST" else 200
        )


def _are_valid(forms: Sequence[Any]) -> bool:
    """Return whether every form is valid. Each is asked, to show its own faults."""
    return not [form for form in forms if not form.is_valid()]


def _show_faults(refusal: BusinessError | ValidationError, forms: Sequence[Any]) -> None:
    """Show each fault at its field, in the form that has it; the others above the first form."""
    _are_valid(forms)  # a form takes faults once it has looked for its own
    for name, sentences in faults_by_field(refusal).items():
        form = next((form for form in forms if name in form.fields), None)
        if form is None:
            forms[0].add_error(None, sentences)
        else:
            form.add_error(name, sentences)


def _focus_first_empty(forms: Sequence[Any]) -> None:
    """Give the focus to the first box that the typed text has not filled."""
    for form in forms:
        for bound in form.visible_fields():
            if not bound.value():
                bound.field.widget.attrs["autofocus"] = True
                return
