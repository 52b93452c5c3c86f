"""What every list can do: be searched, taken away as CSV or XLSX as it is filtered, and keep a filter under a name."""

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from invoicing.models import SavedFilter
from invoicing.services.records.saved_filters import forget_filter, save_filter
from openfire_billing.db.search import holding, words_of
from openfire_billing.web.refusals import refusals_shown

_AMOUNT = re.compile(r"^-?[\d\s\u202f\xa0]+,\d{2,4} (€|[A-Z]{3})$")
_NUMBER = re.compile(r"-[\d\s\u202f\xa0]*\d(,\d+)?")
# A spreadsheet runs a cell that begins so: it is kept as text.
_FORMULA = ("=", "+", "@", "\t", "\r")


Table = tuple[list[str], Iterator[list[Any]]]  # titles, rows


class _Echo:
    """A file that hands back what is written to it, for streaming."""

    def write(self, value: str) -> str:
        return value


def cell(model_admin: Any, record: Any, column: str) -> Any:
    """The value of a column, as text, date or Decimal."""
    try:
        _field, _attribute, value = lookup_field(column, record, model_admin)
    except ObjectDoesNotExist:
        return ""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(_("oui") if value else _("non"))
    if hasattr(value, "strftime"):
        return timezone.localtime(value).replace(tzinfo=None) if hasattr(value, "hour") else value
    if isinstance(value, Decimal | int):
        return value
    field = _field
    if field is not None and getattr(field, "choices", None):
        value = dict(field.flatchoices).get(value, value)
    text = " ".join(strip_tags(str(value)).split())
    if _AMOUNT.match(text):
        return Decimal(re.sub(r"[\s\u202f\xa0€A-Z]", "", text).replace(",", "."))
    return "" if text == "–" else text


def _as_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value).replace(".", ",")
    if hasattr(value, "hour"):
        return str(value.strftime("%d/%m/%Y %H:%M"))
    if hasattr(value, "strftime"):
        return str(value.strftime("%d/%m/%Y"))
    text = ILLEGAL_CHARACTERS_RE.sub("", str(value))
    is_formula = text.startswith(_FORMULA) or (text.startswith("-") and not _NUMBER.fullmatch(text))
    return f"'{text}" if is_formula else text


class ListMixin:
    """For a ModelAdmin: `export/` (?format=csv|xlsx and the list's own filters) and saved filters."""

    def get_urls(self) -> list[Any]:
        meta = self.model._meta  # type: ignore[attr-defined]
        name = f"{meta.app_label}_{meta.model_name}"
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("export/", view(self.export_view), name=f"{name}_export"),
            path("filtre/", view(require_POST(self.save_filter_view)), name=f"{name}_save_filter"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list as asked for. Raise IncorrectLookupParameters for a filter made by hand that cannot be read."""
        try:
            return super().get_changelist_instance(request)  # type: ignore[misc]
        except (DataError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters from error

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Each table searched apart. No row comes twice."""
        return holding(queryset, self.get_search_fields(request), words_of(search_term)), False  # type: ignore[attr-defined]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Links to take the list away, and the user's filters on it."""
        meta = self.model._meta  # type: ignore[attr-defined]
        name = f"admin:{meta.app_label}_{meta.model_name}"
        export = reverse(f"{name}_export")
        query = request.GET.urlencode()
        return {
            "office_exports": [
                {"label": label, "url": f"{export}?{query}&format={kind}" if query else f"{export}?format={kind}"}
                for kind, label in (("csv", "CSV"), ("xlsx", "Excel"))
            ],
            "office_filters": SavedFilter.objects.filter(user=request.user, model=meta.label_lower),
            "office_save_filter_url": reverse(f"{name}_save_filter"),
            "office_query": query,
        }

    def save_filter_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the list's filter under a name, or forget one."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        meta = self.model._meta  # type: ignore[attr-defined]
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        if forgotten := request.POST.get("forget"):
            forget_filter(user=request.user, model=meta.label_lower, name=forgotten)
            messages.success(request, _("Filtre oublié : %s") % forgotten)
            return HttpResponseRedirect(url)
        query = request.POST.get("query", "")
        with refusals_shown(request):
            kept = save_filter(
                user=request.user, model=meta.label_lower, name=request.POST.get("name", ""), query=query
            )
            messages.success(request, _("Filtre enregistré : %s") % kept.name)
        return HttpResponseRedirect(f"{url}?{query}" if query else url)

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The list as filtered, all its pages, as CSV (semicolons, French numbers) or XLSX."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        kind = request.GET.get("format", "csv")
        filters = request.GET.copy()
        filters.pop("format", None)
        request.GET = filters  # type: ignore[assignment]
        meta = self.model._meta  # type: ignore[attr-defined]
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            messages.error(request, _("Ce filtre n'est pas lisible : choisissez-le dans la liste."))
            return HttpResponseRedirect(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))
        labels, rows = self.table_of(changelist.queryset)
        name = f"{meta.verbose_name_plural} {timezone.localdate():%Y-%m-%d}"
        return _xlsx(labels, rows, name) if kind == "xlsx" else _csv(labels, rows, name)

    def table_of(self, queryset: Any) -> Table:
        """What is taken away: the list's columns, a row for each record."""
        columns = [c for c in self.list_display if c != "action_checkbox"]  # type: ignore[attr-defined]
        labels = [str(capfirst(label_for_field(c, self.model, self))) for c in columns]  # type: ignore[attr-defined]
        records = queryset.iterator(chunk_size=1000)
        return labels, ([cell(self, record, column) for column in columns] for record in records)


def _csv(labels: list[str], rows: Iterator[list[Any]], name: str) -> StreamingHttpResponse:
    writer = csv.writer(_Echo(), delimiter=";")

    def lines() -> Iterator[str]:
        yield "\ufeff"  # so that spreadsheets read the accents
        yield writer.writerow(labels)
        for row in rows:
            yield writer.writerow([_as_text(value) for value in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = _attached(name, "csv")
    return response


def _xlsx(labels: list[str], rows: Iterator[list[Any]], name: str) -> HttpResponse:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name[:31])
    sheet.append(labels)
    for row in rows:
        sheet.append([_as_text(v) if isinstance(v, str) else v for v in row])
    content = BytesIO()
    book.save(content)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    response = HttpResponse(content.getvalue(), content_type=kind)
    response["Content-Disposition"] = _attached(name, "xlsx")
    return response


def _attached(name: str, ending: str) -> str:
    return f"attachment; filename*=UTF-8''{urlencode({'n': f'{name}.{ending}'})[2:].replace('+', '%20')}"
