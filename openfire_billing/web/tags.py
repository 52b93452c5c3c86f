"""Template tags and filters: notebook, badges, French numbers."""

from decimal import Decimal
from typing import Any

from django import template
from django.utils.dates import MONTHS
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from openfire_billing.kernel.formats import day_text, money_text, number_text
from openfire_billing.kernel.money import to_cents
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.web.periods import period_menu
from openfire_billing.web.record_links import link_to
from openfire_billing.web.refusals import ShownRefusal, shown_refusal
from openfire_billing.web.rows import list_of
from openfire_billing.web.summary import groups_as_text, has_boxes, is_empty_text
from openfire_billing.web.undo import undo_token

register = template.Library()
register.filter(undo_token)
register.filter(day_text)


@register.simple_tag
def badge(colour: str, text: Any, url: str | None = None, title: str = "") -> SafeString:
    """Return a coloured word: grey, blue, amber, green, red or violet. With `url`, a link to what it names (`title`)."""
    if url:
        return format_html('<a class="of-badge of-{}" href="{}" title="{}">{}</a>', colour, url, title, text)
    return format_html('<span class="of-badge of-{}">{}</span>', colour, text)


def stored_state(document: Any) -> tuple[str, Any]:
    """Return the colour and the label of a document's stored state."""
    return document.COLOURS[document.state], document.get_state_display()


@register.simple_tag
def badge_of_state(document: Any) -> SafeString:
    """Return the stored state of a document as a badge in the colour of its state."""
    return badge(*stored_state(document))


@register.filter
def euros(value: Any, currency: str = "EUR") -> str:
    """Return « 1 234,56 € » of a Decimal or a Money."""
    if value is None or value == "":
        return ""
    amount = getattr(value, "amount", value)
    return money_text(to_cents(Decimal(amount)), currency)


def amount(value: Any) -> SafeString:
    """Return an amount for a column of a list: on the right, on one line."""
    return on_right(euros(value))


def on_right(text: Any) -> SafeString:
    """Return what stands on the right of its column of a list, on one line."""
    return format_html('<span class="of-amount">{}</span>', text)


def nothing() -> SafeString:
    """Return what a column of figures shows where there is none."""
    return format_html('<span class="of-amount of-none">{}</span>', "–")


def days_waited(days: int, *, is_late: bool) -> SafeString:
    """Return « 12 j » for a column of a list: on the right, when it is late, in red with a word for screen readers."""
    if is_late:
        return format_html(
            '<span class="of-days of-late">{} j<span class="sr-only"> {}</span></span>', days, _("en retard")
        )
    return format_html('<span class="of-days">{} j</span>', days)


def nowrap(text: Any) -> SafeString:
    """Return text kept on one line of a list."""
    return format_html('<span class="of-nowrap">{}</span>', text)


@register.filter
def quantity(value: Any) -> str:
    """Return « 1 », « 2,5 », « 0,083 »."""
    return "" if value is None else number_text(Decimal(value), 0)


@register.filter
def price(value: Any) -> str:
    """Return « 175,00 », « 12,4567 »: two decimals at least."""
    return "" if value is None else number_text(Decimal(value), 2)


@register.filter
def minus(text: str) -> str:
    """Return a number for paper, with a minus sign instead of a hyphen: « −150,00 € »."""
    return text.replace("-", "\N{MINUS SIGN}")


@register.filter
def hours(value: Any) -> str:
    """Return « 1 h 30 » for 1.5."""
    minutes = round(Decimal(value or 0) * 60)
    return f"{minutes // 60} h {minutes % 60:02d}" if minutes % 60 else f"{minutes // 60} h"


@register.simple_tag
def notebook_pages(
    adminform: Any, inline_admin_formsets: Any, contributed: Any = (), opened: str = ""
) -> list[dict[str, Any]]:
    """Return the pages of a form's notebook, in the order of `model_admin.notebook`: (slug, title, members).

    A member is a fieldset by its name (its class is "notebook"), or an inline by "inline:PREFIX". Contributed tabs
    come where their order says. Each page counts its errors. `opened`: the page that is open, else the first.
    """
    fieldsets = {f.name: f for f in adminform if "notebook" in f.classes}
    inlines = {f"inline:{i.formset.prefix}": i for i in inline_admin_formsets}
    pages = []
    for rank, (slug, title, members) in enumerate(adminform.model_admin.notebook, 1):
        items = [
            ("inline", inlines[m]) if m in inlines else ("fieldset", fieldsets[m])
            for m in members
            if m in inlines or m in fieldsets
        ]
        if items:
            errors = sum(_errors(kind, part) for kind, part in items)
            page = {"slug": slug, "title": title, "items": items, "is_single": len(items) == 1}
            pages.append({**page, "errors": errors, "order": rank * 10})
    pages = sorted([*pages, *contributed], key=lambda page: page["order"])
    slugs = [page["slug"] for page in pages]
    for rank, page in enumerate(pages):
        page["is_open"] = rank == (slugs.index(opened) if opened in slugs else 0)
    return pages


def _errors(kind: str, part: Any) -> int:
    if kind == "inline":
        return part.formset.total_error_count() if part.formset.is_bound else 0
    return sum(bool(field.errors()) for line in part for field in line if hasattr(field, "errors"))


@register.filter
def groups(adminform: Any) -> list[Any]:
    """Return the fieldsets that stand above the notebook."""
    return [f for f in adminform if "notebook" not in f.classes]


@register.filter
def as_text(fieldsets: Any) -> list[Any]:
    """Return the fieldsets as labels and texts, those that hold something."""
    return groups_as_text(fieldsets)


@register.filter
def shown_rows(fieldset: Any, original: Any) -> list[list[Any]]:
    """Return the rows of a fieldset, each a list of fields. On a new record (`original` is None), fields that are only
    read and hold nothing yet are left out.
    """
    rows = [[field for field in line if original or not is_empty_text(field)] for line in fieldset]
    return [row for row in rows if row]


@register.filter
def may_change(fieldsets: Any) -> bool:
    """Return whether a field of the fieldsets may be changed."""
    return has_boxes(fieldsets)


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """Return mapping[key], or None."""
    return mapping.get(key, "") if mapping else ""


@register.filter
def months(numbers: Any) -> str:
    """Return « mars, octobre » for [3, 10]."""
    return ", ".join(str(MONTHS[number]) for number in numbers or ()) or "–"


@register.simple_tag
def stars(priority: int) -> SafeString:
    """Return the priority as stars, read aloud as a word."""
    return mark_safe(f'<span title="Priorité {int(priority)}">{"★" * int(priority)}</span>')  # noqa: S308 (digits only)


@register.simple_tag(takes_context=True)
def refused(context: Any, outcome: Outcome) -> ShownRefusal:
    """Return the refusal of one outcome of a report, with its steps and links."""
    if outcome.error is None:
        return ShownRefusal((outcome.refusal,))
    return shown_refusal(outcome.error, context["request"], outcome.document)


@register.simple_tag
def document_link(document: Any) -> Any:
    """Return a document as a link to its page, or as text when it has none."""
    return link_to(document)


@register.inclusion_tag("office/period.html")
def period_choices(changelist: Any) -> dict[str, Any]:
    """Show the menu « Période » of a list."""
    return {"period": period_menu(changelist)}


@register.inclusion_tag("office/list_rows.html", takes_context=True)
def list_rows(context: Any, changelist: Any) -> dict[str, Any]:
    """Show the head and the rows of a list."""
    return list_of(context, changelist)
