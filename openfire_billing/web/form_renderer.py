"""The renderer of forms: boxes, selects and labels are written here as Django's templates write them.

A page of a record has a hundred of them; through the templates they take a tenth of its time. The empty choice of a
select, « --------- » in Django's words, is « Choisir… ».
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db.models.fields import BLANK_CHOICE_DASH
from django.forms.renderers import TemplatesSetting
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _


class FormRenderer(TemplatesSetting):
    """Writes the templates of DRAWN, and renders the others."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        draw = DRAWN.get(template_name)
        return super().render(template_name, context, request) if draw is None else draw(context)


def _escaped(value: Any) -> str:
    return conditional_escape(str(value))


def _attributes(attributes: Mapping[str, Any]) -> str:
    return "".join(
        f" {_escaped(name)}" if value is True else f' {_escaped(name)}="{_escaped(value)}"'
        for name, value in attributes.items()
        if value is not False
    )


def _input(context: Mapping[str, Any]) -> SafeString:
    widget = context["widget"]
    value = "" if widget["value"] is None else f' value="{_escaped(widget["value"])}"'
    opening = f'<input type="{_escaped(widget["type"])}" name="{_escaped(widget["name"])}"'
    return mark_safe(f"{opening}{value}{_attributes(widget['attrs'])}>")  # noqa: S308 (each part is escaped)


def _textarea(context: Mapping[str, Any]) -> SafeString:
    widget = context["widget"]
    text = _escaped(widget["value"]) if widget["value"] else ""
    opening = f'<textarea name="{_escaped(widget["name"])}"{_attributes(widget["attrs"])}>'
    return mark_safe(f"{opening}\n{text}</textarea>")  # noqa: S308


def _select(context: Mapping[str, Any]) -> SafeString:
    widget = context["widget"]
    opening = f'<select name="{_escaped(widget["name"])}"{_attributes(widget["attrs"])}>'
    return mark_safe(f"{opening}{''.join(_options(widget['optgroups']))}</select>")  # noqa: S308


_LABELS = {BLANK_CHOICE_DASH[0][1]: _("Choisir…")}


def _options(groups: Any) -> Iterator[str]:
    for name, options, _index in groups:
        if name:
            yield format_html('<optgroup label="{}">', name)
        for option in options:
            value, label = _escaped(option["value"]), _escaped(_LABELS.get(option["label"], option["label"]))
            yield f'<option value="{value}"{_attributes(option["attrs"])}>{label}</option>'
        if name:
            yield "</optgroup>"


_ARROW = (
    "material-symbols-outlined absolute group-[.primary]:text-white pointer-events-none mr-[12px] right-0 text-base-400 "
    "top-0 top-1/2 hover:text-base-700 dark:text-base-500 dark:hover:text-base-200 -translate-y-1/2"
)


def _themed_select(context: Mapping[str, Any]) -> SafeString:
    arrow = f'<span class="{_ARROW}">expand_more</span>'
    return mark_safe(f'<div class="grow relative max-w-2xl">{_select(context)}{arrow}</div>')  # noqa: S308


def _label(context: Mapping[str, Any]) -> SafeString:
    text = _escaped(context["label"])
    if context["use_tag"]:
        tag = _escaped(context["tag"])
        text = f"<{tag}{_attributes(context['attrs'])}>{text}</{tag}>"
    return mark_safe(text)  # noqa: S308


_INPUTS = "text number email url password hidden date datetime time checkbox".split()

DRAWN: dict[str, Callable[[Mapping[str, Any]], SafeString]] = {
    **{f"django/forms/widgets/{name}.html": _input for name in _INPUTS},
    "django/forms/widgets/textarea.html": _textarea,
    "django/forms/widgets/select.html": _select,
    "unfold/widgets/select.html": _themed_select,
    "django/forms/label.html": _label,
}
