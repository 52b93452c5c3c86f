"""Marks of the fields that a form requires, or that a service will ask for: a star, words for screen readers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Asked:
    """Why a field is asked for, even when the form may be saved without it: « obligatoire pour facturer ».

    `when`: (name of another field, the values of it with which this one is asked for); always when it is None.
    `hint`: what the field is for, shown under it while it is empty.
    """

    why: Any
    when: tuple[str, frozenset[str]] | None = None
    hint: Any = ""


REQUIRED = Asked(_("obligatoire"))
ASKED_TO_BILL = Asked(_("obligatoire pour facturer"))
VAT_BY_POSITION = _("Donne le taux de TVA, selon les travaux et le logement.")
POSITION_TO_BILL = Asked(_("obligatoire pour facturer"), hint=VAT_BY_POSITION)


def mark_asked(form: forms.BaseForm, asks: Mapping[str, Asked] | None = None) -> None:
    """Mark the fields that the form requires, and those of `asks`, by name: in their labels and by `aria-required`."""
    for name, field in form.fields.items():
        asked = REQUIRED if field.required else (asks or {}).get(name)
        if asked is None or field.label is None:
            continue
        if asked.hint and not field.help_text and not _value(form, name):
            field.help_text = asked.hint
        is_asked = asked.when is None or _value(form, asked.when[0]) in asked.when[1]
        field.plain_label = field.label  # type: ignore[attr-defined]  # read where the mark does not belong
        field.label = format_html("{}{}", field.label, _mark(form, asked, is_asked))
        if is_asked:
            getattr(field.widget, "widget", field.widget).attrs["aria-required"] = "true"  # the box inside its buttons


def _value(form: forms.BaseForm, name: str) -> str:
    """Return the value of a field as it is typed, or as it is shown first."""
    if form.is_bound:
        return str(form.data.get(form.add_prefix(name), ""))
    return str(form.get_initial_for_field(form.fields[name], name) or "") if name in form.fields else ""


def _mark(form: forms.BaseForm, asked: Asked, is_asked: bool) -> SafeString:
    when = ""
    if asked.when is not None:
        name, values = asked.when
        when = format_html(' data-when="{}" data-values="{}"', form.add_prefix(name), " ".join(sorted(values)))
    return format_html(
        '<span class="of-must" title="{why}"{when}{hidden}><span aria-hidden="true">\u00a0*</span>'
        '<span class="sr-only"> {why}</span></span>',
        why=asked.why,
        when=when,
        hidden="" if is_asked else SafeString(" hidden"),
    )
