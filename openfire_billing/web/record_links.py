"""The page of a record: its address, a link to it, the record named with its kind."""

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst


def reverse_change(document: Any) -> str:
    """Return the address of a document's page in the back office."""
    meta = document._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[document.pk])


def kind_of(document: Any) -> str:
    """Return what a document is, « Devis »; "" when its name says it already (« Facture en brouillon n° 3 »)."""
    kind = str(capfirst(document._meta.verbose_name))
    return "" if str(document).startswith(kind) else kind


def link_to(document: Any) -> Any:
    """Return a document as a link to its page, or as text when it has none."""
    url = page_of(document)
    return format_html('<a class="of-link" href="{}">{}</a>', url, document) if url else str(document)


def page_of(document: Any) -> str:
    """Return the address of the page of a document, "" for what has none."""
    if not hasattr(document, "_meta"):
        return ""
    try:
        return reverse_change(document)
    except NoReverseMatch:
        return ""
