"""The base of the pages of documents: status bar, smart buttons, Action menu, notebook with lines, live totals.

The service of a document saves its header and lines together.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.admin.base import OfficeAdmin
from invoicing.admin.lines import edits_of
from invoicing.admin.notebook import NotebookMixin
from invoicing.admin.records.journal import SHOWN_LINES
from invoicing.models import Company, FiscalPosition, HistoryLine, Partner, Product, Tax
from invoicing.services.catalogue import default_term, tax_for, usual_terms
from invoicing.services.documents.lines import LineEdit
from invoicing.services.parties.companies import default_company
from invoicing.services.records.history import days_of_states, state_lines
from openfire_billing.db.scope import visible
from openfire_billing.kernel.formats import read_id
from openfire_billing.kernel.money import NOTHING, Totals
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from openfire_billing.web.lines import live_totals, totals_html
from openfire_billing.web.number_fields import DecimalTextInput
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.smart_buttons import smart_buttons
from openfire_billing.web.tags import euros

MOST_CODES = 200  # of rows pasted at once


class DocumentAdmin(NotebookMixin, ActionsMixin, OfficeAdmin):
    """The page of a document: status bar, smart buttons, Action menu, notebook with lines, live totals."""

    new_act = ""  # the act of the second button of a new document: « Enregistrer et valider »
    status_path: Sequence[str] = ()
    lines_prefix = "lines"
    has_fields_first = False
    is_saved_by_service = True
    followed: ClassVar[Collection[str]] = ("quotes", "invoices", "purchases", "supplier_bills")
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

    # Documents are deleted from the Action menu alone, by a service that releases their claims.
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def page_context(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        context = super().page_context(request, object_id)
        meta = self.model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}"
        context |= {
            "show_save_and_add_another": False,
            "office_totals_url": reverse(f"{name}_totals"),
            "office_line_defaults_url": reverse(f"{name}_line_defaults"),
            "office_defaults_url": reverse(f"{name}_defaults"),
            "office_status": self.status(None),
        }
        document = self.get_object(request, object_id) if object_id else None
        if document is None:
            return context | {"office_footer": totals_html(NOTHING), "office_new_act": self._new_act(request)}
        actions = self.actions_for(request, document)
        return context | {
            "office_status": self.status(document, self._days_of_states(document, context["office_own_lines"])),
            "office_buttons": self.smart_buttons(request, document),
            "office_primary": sorted((a for a in actions if a["is_primary"]), key=lambda a: a["rank"]),
            "office_menu": actions,
            "office_footer": totals_html(self.totals_of(document)),
        }

    @staticmethod
    def without_button(context: dict[str, Any], name: str) -> None:
        """Take an act out of the header: it stays in the menu, for lines typed since."""
        context["office_primary"] = [act for act in context["office_primary"] if act["name"] != name]

    @staticmethod
    def order_buttons(context: dict[str, Any], names: Sequence[str]) -> None:
        """Put these acts first in the header, in this order: the first is the filled button."""
        ranks = {name: rank for rank, name in enumerate(names)}
        context["office_primary"] = sorted(
            context["office_primary"], key=lambda act: ranks.get(act["name"], len(ranks))
        )

    def _new_act(self, request: HttpRequest) -> DocumentAction | None:
        """Return the act that a new document may be saved with; None when the user may not do it."""
        action = next((a for a in self.all_actions() if a.name == self.new_act), None)
        return action if action and action.is_allowed(request.user) else None

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Do the act that was pressed with the save, in its transaction: refused, the document is not saved either."""
        action = self._new_act(request)
        is_pressed = request.POST.get("_act") == self.new_act and IS_POPUP_VAR not in request.POST
        if action is None or action.run is None or not is_pressed:
            return super().response_add(request, obj, post_url_continue)
        made = action.run(request, obj, {"seen": obj.version})
        messages.success(request, self._done(action, obj, made))
        return HttpResponseRedirect(reverse_change(obj))

    def smart_buttons(self, request: HttpRequest, document: Any) -> list[dict[str, Any]]:
        """Return the counters of the page. A subclass adds its switches."""
        return smart_buttons(document, request)

    def totals_of(self, document: Any) -> Totals:
        return document.totals

    def gross_of(self, document: Any) -> Decimal | None:
        return self.totals_of(document).gross or None

    def amount_of(self, document: Any) -> str:
        gross = self.totals_of(document).gross
        return str(_("%s TTC") % euros(gross)) if gross else ""

    @staticmethod
    def _days_of_states(document: Any, own: Sequence[HistoryLine]) -> dict[str, date]:
        """Return the day of each state, from the lines of its journal that the page reads; when there are more, from its moves."""
        if not hasattr(document, "get_state_display"):
            return {}
        is_whole = len(own) < SHOWN_LINES
        return days_of_states(document, own if is_whole else state_lines(document))

    def status(self, document: Any, days: Mapping[str, date] | None = None) -> list[dict[str, Any]]:
        """Return the steps of the status bar. A state outside `status_path` comes last, while it is the current one."""
        labels = dict(self.model._meta.get_field("state").choices)
        current = document.state if document else self.model._meta.get_field("state").default
        steps = [*self.status_path] if current in self.status_path else [*self.status_path, current]
        at = [str(step) for step in steps].index(str(current))
        return [
            {
                "code": str(step),
                "label": labels[step],
                "is_current": rank == at,
                "on": (days or {}).get(str(labels[step])) if rank <= at else None,  # what was undone is ahead again
            }
            for rank, step in enumerate(steps)
        ]

    # Live totals and defaults ---------------------------------------------------------------------------------

    def totals_view(self, request: HttpRequest) -> JsonResponse:
        """Answer the totals of the form being typed. Writes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        company = record_of(Company.objects.all(), request.POST.get("company"), request.user) or default_company(
            request.user
        )
        taxes = {str(tax.pk): tax for tax in visible(Tax.objects.all(), request.user)}
        return live_totals(
            request, prefix=self.lines_prefix, taxes=taxes, rounding=company.rounding if company else "half_even"
        )

    def line_defaults_view(self, request: HttpRequest) -> JsonResponse:
        """Answer what an article fills on its line: description, price, tax under the fiscal position."""
        return self.line_defaults(request, price="unit_price")

    def line_defaults(self, request: HttpRequest, *, price: str) -> JsonResponse:
        """Answer {article id: {code, text, label, unit_price, tax}} of the articles named by id or, pasted, by code.

        `price`: the field of the article that gives the price. A long list of codes comes by POST; nothing is written.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else request.GET
        texts = [text for text in data.get("product", "").split(",") if text]
        ids = [pk for text in texts if (pk := read_id(text))]
        codes = [code.strip().lower() for code in data.getlist("code")[:MOST_CODES]]
        if len(ids) < len(texts):
            return JsonResponse(
                {"detail": _("L'article demandé n'existe pas : choisissez-le dans la liste.")}, status=400
            )
        position = record_of(
            FiscalPosition.objects.prefetch_related("mappings__target__replaced_by"),
            data.get("fiscal_position"),
            request.user,
        )
        today = timezone.localdate()
        wanted = Q(pk__in=ids)
        if codes:
            wanted |= Q(is_active=True, folded__in=codes)
        products = Product.objects.alias(folded=Lower("code")).filter(wanted).select_related("tax__replaced_by")
        return JsonResponse(
            {
                str(product.pk): {
                    "code": product.code,
                    "text": str(product),
                    "label": product.label,
                    "unit_price": DecimalTextInput().format_value(getattr(product, price)),
                    "tax": tax_for(product, position, today).pk,
                }
                for product in visible(products, request.user)
            }
        )

    def defaults_view(self, request: HttpRequest) -> JsonResponse:
        """Answer what a header field fills in the others: {field: {value, text}}."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse(self.defaults_from(request, request.GET))

    def defaults_from(self, request: HttpRequest, data: Any) -> dict[str, Any]:
        return {}

    # Saving: a document is saved by its service, with its lines ---------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing: `save_document` saves header and lines together."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        edits = [edit for formset in formsets if formset.prefix == self.lines_prefix for edit in edits_of(formset)]
        saved = self.save_document(request, form, edits)
        vars(form.instance).update(vars(saved))

    def save_document(self, request: HttpRequest, form: Any, edits: list[LineEdit]) -> Any:
        """Save the header (`values_of(form)`) and the lines (`edits`) by the document's service. Returns the document."""
        raise TypeError(f"{type(self).__name__} does not say how it saves.")


def values_of(form: Any) -> dict[str, Any]:
    """Return {field: value} of a document's form. The service writes those that differ from the locked row."""
    own = {field.name for field in (*form.instance._meta.concrete_fields, *form.instance._meta.many_to_many)}
    return {name: value for name, value in form.cleaned_data.items() if name in own}


def record_of(queryset: Any, pk: str | None, user: Any) -> Any:
    """Return the record that a form field names; None when it names none that the user may see."""
    record_id = read_id(pk)
    return visible(queryset, user).filter(pk=record_id).first() if record_id else None


def terms_of(payer: Partner) -> dict[str, Any]:
    """Return the billing address, fiscal position and payment term of a payer."""
    terms = usual_terms(payer)
    return {
        "billing_address": payer.billing_address(),
        "fiscal_position": terms.fiscal_position,
        "payment_term": terms.payment_term or default_term(),
    }


def add_defaults(defaults: dict[str, Any], **objects: Any) -> None:
    """Add records to the defaults of a form, {field: {value, text}}. The first value of a field stays."""
    for name, item in objects.items():
        if item is not None and name not in defaults:
            defaults[name] = {"value": item.pk, "text": str(item)}
