"""Functions of every list: order, chips, totals, search, export as CSV or XLSX, saved filters."""

import csv
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from itertools import islice
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from unfold.admin import ModelAdmin, checkbox

from invoicing.admin.filters import ChipFilter
from invoicing.admin.office_list import OfficeList
from invoicing.models import SavedFilter
from invoicing.services.records.saved_filters import forget_filter, save_filter
from openfire_billing.db.search import holding, words_of
from openfire_billing.kernel.formats import number_text, read_decimal, value_text
from openfire_billing.web.columns import exported_columns
from openfire_billing.web.refusals import refusals_shown
from openfire_billing.web.users import user_of

_CHUNK = 1_000  # rows of an export read together
MOST_SHEET_ROWS = 100_000  # of an XLSX, which is made in memory
_NUMBERS = {0: "#,##0.00", -1: "#,##0.00", -2: "#,##0.00", -3: "#,##0.000"}  # by decimal places: amounts, quantities
# Spreadsheets run a cell that begins so, in half or full width, as a formula: the export puts an apostrophe before it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_BLANKS = (
    " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"
)


_NO_SIDE_FILTER = {ChipFilter.parameter_name, SEARCH_VAR, ORDER_VAR, PAGE_VAR, ALL_VAR, ERROR_FLAG}

CARD_PLACES = ("amount", "second", "second-right", "third", "third-right")  # of a record on a narrow screen: grid areas

Table = tuple[list[str], Iterator[list[Any]]]  # headings, rows of plain values


class _Echo:
    """A file object whose `write` returns its argument, for streaming."""

    def write(self, value: str) -> str:
        return value


def text_cell(value: Any) -> str:
    """Return a text as a spreadsheet shows it and runs none of it: an apostrophe before what it would take for a formula."""
    text = ILLEGAL_CHARACTERS_RE.sub("", str(value))
    first = unicodedata.normalize("NFKC", text.lstrip(_BLANKS)[:1])
    return f"'{text}" if first in _FORMULA and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        return text.startswith("-") and read_decimal(text) is not None
    except ValueError:
        return False


def _csv_cell(value: Any) -> str:
    """Return a value as a French spreadsheet reads it: « 1234,50 », « oui », « 24/11/2026 », « 24/11/2026 08:00 »."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return number_text(value).replace("\N{NO-BREAK SPACE}", "")
    return value_text(value) if isinstance(value, bool | int | date | time) else text_cell(value)


def _xlsx_cell(value: Any) -> Any:
    """Return a value for a typed cell. Instants are in local time."""
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None) if value.tzinfo else value
    if value is None or (isinstance(value, Decimal | int | date | time) and not isinstance(value, bool)):
        return value
    return value_text(value) if isinstance(value, bool) else text_cell(value)


def _formatted_cell(sheet: Any, value: Any) -> Any:
    """Return a cell that shows a day as in France, and an amount with its two decimals."""
    if isinstance(value, datetime):
        shown = "dd/mm/yyyy hh:mm"
    elif isinstance(value, date):
        shown = "dd/mm/yyyy"
    elif isinstance(value, Decimal):
        shown = _NUMBERS.get(int(value.as_tuple().exponent), "#,##0.00##")
    else:
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.number_format = shown
    return cell


@lru_cache(maxsize=1)
def _tick_box() -> tuple[str, str]:
    """Return what stands before and after the key of a record in the box that ticks it."""
    before, after = str(checkbox.render(ACTION_CHECKBOX_NAME, "<key>")).split("&lt;key&gt;")
    return mark_safe(before), mark_safe(after)  # noqa: S308 (drawn by the theme, without data)


class ListMixin:
    """Adds `export/` (?format=csv|xlsx and the filters of the list), saved filters and chips to a ModelAdmin.

    `list_lead`: the column that stands first on the page, in bold; an export keeps the order of `list_display`.
    `list_card`: the columns shown beside it on a narrow screen, one for each of `CARD_PLACES`, "" for none; the columns
    that follow the leading one, without an amount, when it is empty. `list_rights`: {column: the permission it asks}.
    """

    list_lead = ""
    list_card: Sequence[str] = ()
    list_rights: ClassVar[Mapping[str, str]] = {}

    def get_urls(self) -> list[Any]:
        meta = self.model._meta  # type: ignore[attr-defined]
        name = f"{meta.app_label}_{meta.model_name}"
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("export/", view(self.export_view), name=f"{name}_export"),
            path("filter/", view(require_POST(self.save_filter_view)), name=f"{name}_save_filter"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list of the request. Raises IncorrectLookupParameters for an unreadable filter."""
        try:
            return super().get_changelist_instance(request)  # type: ignore[misc]
        except (DataError, IndexError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters from error

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[OfficeList]:
        return OfficeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns of the page: the leading one, then the number of the record, under a short head."""
        closed = self._closed_columns(request)
        columns = [column for column in super().get_list_display(request) if column not in closed]  # type: ignore[misc]
        if not self.list_lead:
            return columns
        others = ("numbered" if column == "__str__" else column for column in columns if column != self.list_lead)
        return [self.list_lead, *others]

    def _closed_columns(self, request: HttpRequest) -> set[str]:
        """Return the columns that the user may not read."""
        return {name for name, permission in self.list_rights.items() if not user_of(request).has_perm(permission)}

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        if not self.list_lead:
            return super().get_list_display_links(request, list_display)  # type: ignore[misc]
        return [self.list_lead, "numbered", "number"]

    @admin.display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, record: Any) -> str:
        """Return the box that ticks a record: the theme's, whose template is rendered once for all records."""
        before, after = _tick_box()
        return format_html("{}{}{}", before, record.pk, after)

    @admin.display(description=_("Numéro"), ordering="pk")
    def numbered(self, record: Any) -> str:
        return str(record)

    def list_order(self, view: str) -> Sequence[Any]:
        """Return the order of the list, under the chip `view`, while no column sorts it; () for the model's own."""
        chips = self.chip_filter()
        return chips.orders.get(view, ()) if chips else ()

    def chip_filter(self) -> type[ChipFilter] | None:
        """Return the filter whose chips stand above the list."""
        kinds = (item for item in self.list_filter if isinstance(item, type))  # type: ignore[attr-defined]
        return next((kind for kind in kinds if issubclass(kind, ChipFilter)), None)

    def chips(self, request: HttpRequest, cl: OfficeList) -> list[dict[str, Any]]:
        """Return the one-click filters above the list, those that are counted with their count.

        They keep the search and the other filters of the list, whose rows alone they count.
        """
        kind = self.chip_filter()
        if kind is None or request.method != "GET":
            return []
        chosen = kind.chosen_in(request)
        beside = cl.get_queryset(request, exclude_parameters=[kind.parameter_name])
        counts = kind.counts(beside, request, shown=cl.result_count)
        kept = request.GET.copy()
        for name in (PAGE_VAR, ALL_VAR, ORDER_VAR, ERROR_FLAG, kind.parameter_name):
            kept.pop(name, None)

        def address(value: str) -> str:
            query = kept.copy()
            if value:
                query[kind.parameter_name] = value
            return f"?{query.urlencode()}"

        return [
            {"slug": "", "label": self._all_label(), "is_chosen": not chosen, "url": address("")},
            *(
                {
                    "slug": slug,
                    "label": label,
                    "is_chosen": slug in chosen,
                    "count": counts.get(slug),
                    "url": address(kind.with_chip(chosen, slug)),
                }
                for slug, label, _narrow in kind.chips
                if slug not in kind.linked or slug in chosen
            ),
        ]

    @property
    def is_feminine(self) -> bool:
        """Return the gender of what the page shows, from `new_title`: « une facture », « un RDV »."""
        return str(getattr(self, "new_title", "")).startswith("Nouvelle")

    def _all_label(self) -> Any:
        """Return the name of the chip of the whole list."""
        return _("Toutes") if self.is_feminine else _("Tous")

    def totals_of_list(self, request: HttpRequest, cl: Any) -> list[tuple[Any, Any]]:
        """Return (label, amount) of the rows shown, to stand beside the chips."""
        return []

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """As Django's, without regular expressions: one of them may keep a process busy for ever."""
        if lookup.rpartition("__")[2] in ("regex", "iregex"):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        return allowed

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Search each table separately. No row is repeated."""
        return holding(queryset, self.get_search_fields(request), words_of(search_term)), False  # type: ignore[attr-defined]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what stands above the list: exports, the user's filters, acts on many, columns."""
        meta = self.model._meta  # type: ignore[attr-defined]
        name = f"admin:{meta.app_label}_{meta.model_name}"
        export = reverse(f"{name}_export")
        query = request.GET.urlencode()
        hierarchy = self.date_hierarchy  # type: ignore[attr-defined]
        period = {name for name in request.GET if hierarchy and name.startswith(f"{hierarchy}__")}
        return {
            "office_exports": [
                {"label": label, "url": f"{export}?{query}&format={kind}" if query else f"{export}?format={kind}"}
                for kind, label in (("csv", "CSV"), ("xlsx", "Excel"))
            ],
            "office_filters": SavedFilter.objects.filter(user=user_of(request), model=meta.label_lower),
            "office_save_filter_url": reverse(f"{name}_save_filter"),
            "office_query": query,
            "office_may_keep": set(request.GET) - {ChipFilter.parameter_name, PAGE_VAR}
            or "." in request.GET.get(ChipFilter.parameter_name, ""),  # a chip alone is kept already
            "office_many": self.acts_on_many(request),
            "office_columns": self.columns(request),
            "office_card": self.card(request),
            "office_side_filters": set(request.GET) - _NO_SIDE_FILTER - period,
            "office_period": period,
        }

    def card(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return (column, place) of what a narrow screen shows of a record beside its leading column.

        What has nothing on its right takes the whole of its line.
        """
        shown = self.get_list_display(request)
        columns = self.list_card or ("", *shown[1:])
        places = {place: name for name, place in zip(columns, CARD_PLACES, strict=False) if name in shown}
        return [
            (name, place if f"{place}-right" not in CARD_PLACES or f"{place}-right" in places else f"{place}-whole")
            for place, name in places.items()
        ]

    def columns(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the columns that the user may hide, all but the leading one. The browser keeps those hidden in a cookie."""
        meta = self.model._meta  # type: ignore[attr-defined]
        hidden = request.COOKIES.get(f"columns-{meta.model_name}", "").split(".")
        return [
            {
                "name": name,
                "label": capfirst(label_for_field(name, self.model, self)),  # type: ignore[attr-defined]
                "is_hidden": name in hidden,
            }
            for name in self.get_list_display(request)[1:]
        ]

    def acts_on_many(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the acts on the records that are ticked, destructive acts last, for the buttons of the list."""
        known = {f"act_{act.name}": act for act in getattr(self, "all_actions", list)()}
        found = []
        for name, label in self.get_action_choices(request, default_choices=[]):  # type: ignore[attr-defined]
            if not name:
                continue
            act = known.get(name)
            found.append(
                {
                    "name": name,
                    "label": label,
                    "icon": act.icon if act else "",
                    "is_danger": act.is_danger if act else name == "delete_selected",
                }
            )
        return sorted(found, key=lambda act: bool(act["is_danger"]))

    def save_filter_view(self, request: HttpRequest) -> HttpResponse:
        """Save the filter of the list under a name, or delete one."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        meta = self.model._meta  # type: ignore[attr-defined]
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        if forgotten := request.POST.get("forget"):
            forget_filter(user=user_of(request), model=meta.label_lower, name=forgotten)
            messages.success(request, _("Filtre oublié : %s") % forgotten)
            return HttpResponseRedirect(url)
        query = request.POST.get("query", "")
        with refusals_shown(request):
            kept = save_filter(
                user=user_of(request), model=meta.label_lower, name=request.POST.get("name", ""), query=query
            )
            messages.success(request, _("Filtre enregistré : %s") % kept.name)
        return HttpResponseRedirect(f"{url}?{query}" if query else url)

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Answer all pages of the filtered list as CSV (semicolons, French numbers) or XLSX."""
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
        if kind == "xlsx" and (count := changelist.queryset.count()) > MOST_SHEET_ROWS:
            text = _("Cette liste a %(count)s lignes, un classeur en prend %(most)s : filtrez-la, ou prenez le CSV.")
            messages.error(request, text % {"count": count, "most": MOST_SHEET_ROWS})
            url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
            return HttpResponseRedirect(f"{url}?{filters.urlencode()}")
        labels, rows = self.table_of(changelist.queryset, but=self._closed_columns(request))
        name = f"{meta.verbose_name_plural} {timezone.localdate():%Y-%m-%d}"
        return _xlsx(labels, rows, name) if kind == "xlsx" else _csv(labels, rows, name)

    def table_of(self, queryset: Any, *, but: Collection[str] = ()) -> Table:
        """Return the export: headings, and a row of values for each record. `but`: columns left out."""
        columns = exported_columns(self, but=but)
        records = self._records(queryset)
        return [heading for heading, _value in columns], ([value(r) for _heading, value in columns] for r in records)

    def _records(self, queryset: Any) -> Iterator[Any]:
        """Yield the records of an export, completed by `read_together`."""
        records = queryset.iterator(chunk_size=_CHUNK)
        while chunk := list(islice(records, _CHUNK)):
            self.read_together(chunk)
            yield from chunk

    def read_together(self, records: Sequence[Any]) -> None:
        """Set on each of these records what columns show and its own query does not give, in a constant number of queries."""


def _csv(labels: list[str], rows: Iterator[list[Any]], name: str) -> StreamingHttpResponse:
    writer = csv.writer(_Echo(), delimiter=";")

    def lines() -> Iterator[str]:
        yield "\ufeff"  # byte order mark: spreadsheets then read UTF-8
        yield writer.writerow(labels)
        for row in rows:
            yield writer.writerow([_csv_cell(value) for value in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = _attached(name, "csv")
    return response


def _xlsx(labels: list[str], rows: Iterator[list[Any]], name: str) -> HttpResponse:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name[:31])
    sheet.append(labels)
    for row in rows:
        sheet.append([_formatted_cell(sheet, _xlsx_cell(value)) for value in row])
    content = BytesIO()
    book.save(content)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    response = HttpResponse(content.getvalue(), content_type=kind)
    response["Content-Disposition"] = _attached(name, "xlsx")
    return response


def _attached(name: str, ending: str) -> str:
    return f"attachment; filename*=UTF-8''{urlencode({'n': f'{name}.{ending}'})[2:].replace('+', '%20')}"
