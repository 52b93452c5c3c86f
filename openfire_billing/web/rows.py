"""The rows of a list: what the theme draws, with heads, classes and links computed once for the page instead of for each row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from django.contrib.admin.templatetags.admin_list import _coerce_field_name
from django.contrib.admin.utils import lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import DateField, ForeignKey, TimeField
from django.urls import NoReverseMatch
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from unfold.templatetags.unfold_list import CHECKBOX_CLASSES, LINK_CLASSES, ROW_CLASSES, result_headers
from unfold.utils import display_for_field, display_for_value

_LINK = format_html('class="{}"', " ".join(LINK_CLASSES))


@dataclass(frozen=True)
class Column:
    """A column of a list. `opening`: its tag and classes; `narrow`: the same for a value that does not wrap."""

    name: Any
    opening: SafeString
    narrow: SafeString
    closing: SafeString
    is_link: bool


def list_of(context: dict[str, Any], changelist: Any) -> dict[str, Any]:
    """Return what the template of a list needs: its heads, and each row as the HTML of its cells.

    No list of the office is edited in place, ordered by hand or unfolded.
    """
    heads = list(result_headers(changelist))
    columns = columns_of(changelist, heads)
    return {
        "cl": changelist,
        "result_headers": heads,
        "num_sorted_fields": sum(1 for head in heads if head["sortable"] and head["sorted"]),
        "results": [SafeString("".join(cells_of(changelist, columns, record))) for record in changelist.result_list],
        "has_add_permission": changelist.model_admin.has_add_permission(context["request"]),
    }


def columns_of(changelist: Any, heads: Sequence[dict[str, Any]]) -> list[Column]:
    """Return the columns of a list, in the order of its heads."""
    links, columns, is_first = changelist.list_display_links, [], True
    for index, (name, head) in enumerate(zip(changelist.list_display, heads, strict=True)):
        is_link = links is not None and (name in links or (is_first and not links))
        tag = "th" if is_link and is_first else "td"
        is_first = is_first and not is_link
        classes = (
            CHECKBOX_CLASSES
            if name == "action_checkbox"
            else [f"field-{_coerce_field_name(name, index)}", *ROW_CLASSES]
        )
        label = head["text"] if index or is_link else _("Select record")
        opening = format_html('<{} class="{}" data-label="{}">', tag, " ".join(classes), label)
        narrow = format_html('<{} class="{}" data-label="{}">', tag, " ".join([*classes, "nowrap"]), label)
        columns.append(Column(name, opening, narrow, format_html("</{}>", tag), is_link))
    return columns


def cells_of(changelist: Any, columns: Sequence[Column], record: Any) -> Iterator[SafeString]:
    """Yield the cells of a record as HTML: those that the theme makes."""
    url = _url(changelist, record)
    for column in columns:
        shown, is_narrow = _shown(changelist.model_admin, column.name, record)
        text = conditional_escape(shown)
        if column.is_link and url:
            text = f'<a href="{url}" {_LINK}{_opener(changelist, record)}>{text}</a>'
        yield mark_safe(f"{column.narrow if is_narrow else column.opening}{text}{column.closing}")  # noqa: S308 (escaped)


def _url(changelist: Any, record: Any) -> str:
    """Return the address of a record, escaped; it carries the filters of the list. "" for a record without a page."""
    try:
        path, _mark, place = changelist.url_for_result(record).partition("?")
    except NoReverseMatch:
        return ""
    return conditional_escape(f"{path}?{'&'.join(filter(None, (changelist.preserved_filters, place)))}".rstrip("?"))


def _opener(changelist: Any, record: Any) -> SafeString | str:
    """Return the attribute that a pop-up window reads when a record is chosen; "" on a page."""
    if not changelist.is_popup:
        return ""
    attribute = str(changelist.to_field) if changelist.to_field else changelist.lookup_opts.pk.attname
    return format_html(' data-popup-opener="{}"', record.serializable_value(attribute))


def _shown(model_admin: Any, name: Any, record: Any) -> tuple[Any, bool]:
    """Return what a cell shows, and whether it does not wrap."""
    empty = model_admin.get_empty_value_display()
    try:
        field, attribute, value = lookup_field(name, record, model_admin)
    except ObjectDoesNotExist:
        return empty, False
    empty = getattr(attribute, "empty_value_display", empty)
    if field is None or field.auto_created:
        shown = display_for_value(value, empty, getattr(attribute, "boolean", False))
        return shown, isinstance(value, date | time)
    is_narrow = isinstance(field, DateField | TimeField | ForeignKey)
    if isinstance(field, ForeignKey):
        related = getattr(record, field.name)
        return (empty if related is None else related), is_narrow
    return display_for_field(value, field, empty), is_narrow
