"""Boxes, selects and labels of forms are those that Django's own templates draw, to the letter but for spaces."""

import re
from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.safestring import mark_safe
from unfold.widgets import UnfoldAdminSelectWidget

from openfire_billing.web.coded_select import CodedSelect
from openfire_billing.web.form_renderer import DRAWN, FormRenderer

CHOICES: Any = [
    ("", "---------"),
    (1, "Père & fils « <b> »"),
    ("a'b", 'dit "le Grand"'),
    ("Groupe <1>", [(True, "Vrai"), (None, "Rien"), (3.5, "3,5")]),
]
ATTRS = {
    "id": "x",
    "required": True,
    "disabled": False,
    "data-rank": 2,
    "title": "<x> & 'y'",
    "class": mark_safe("a&amp;b"),
}
INPUTS: list[Any] = [
    forms.TextInput,
    forms.NumberInput,
    forms.EmailInput,
    forms.URLInput,
    forms.PasswordInput,
    forms.HiddenInput,
    forms.DateInput,
    forms.DateTimeInput,
    forms.TimeInput,
    forms.CheckboxInput,
    forms.Textarea,
]


class Disabled(forms.Select):
    """Its options carry attributes: true, false, a number, a text."""

    def create_option(self, *args: Any, **options: Any) -> Any:
        option = super().create_option(*args, **options)
        option["attrs"] |= {"disabled": True, "hidden": False, "data-rank": 2, "data-name": "<x> & y"}
        return option


def tidy(html: str) -> str:
    return re.sub(r">\s+<", "><", html.strip())


def both(template: str, context: dict[str, Any]) -> tuple[str, str]:
    """Return what we write for a template and what Django renders."""
    assert template in DRAWN
    return FormRenderer().render(template, context), DjangoTemplates().render(template, context)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("value", [None, "", "0", "1 < 2 & 3 > \"2\" 'x'", mark_safe("<i>"), 12, "deux\nlignes"])
def test_boxes_are_those_of_djangos_templates(kind: Any, value: Any) -> None:
    widget = kind()
    ours, theirs = both(widget.template_name, widget.get_context("a<b", value, dict(ATTRS)))
    assert ours.strip() == theirs.strip()


@pytest.mark.parametrize(
    "kind",
    [forms.Select, forms.SelectMultiple, Disabled, UnfoldAdminSelectWidget, CodedSelect],
    ids=lambda kind: kind.__name__,
)
@pytest.mark.parametrize("value", ["", 1, "a'b", True, None])
def test_selects_are_those_of_djangos_templates(kind: Any, value: Any) -> None:
    widget = kind(choices=CHOICES)
    ours, theirs = both(widget.template_name, widget.get_context("field", value, dict(ATTRS)))
    assert tidy(ours) == tidy(theirs).replace(">---------<", ">Choisir…<")
    assert ours.count(">Choisir…<") == 1
    assert "Père &amp; fils « &lt;b&gt; »</option>" in ours


@pytest.mark.parametrize("use_tag", [True, False])
@pytest.mark.parametrize("label", ["Nom & <prénom>", mark_safe("<b>Nom</b>")])
@pytest.mark.parametrize("attrs", [{}, {"for": "id_name", "class": "a b"}])
def test_labels_are_those_of_djangos_templates(use_tag: bool, label: str, attrs: dict[str, str]) -> None:
    context = {"field": None, "label": label, "attrs": attrs, "use_tag": use_tag, "tag": "label"}
    ours, theirs = both("django/forms/label.html", context)
    assert ours == theirs.strip()


def test_other_templates_are_rendered() -> None:
    shown = forms.RadioSelect(choices=[(1, "Un")]).render("field", 1, renderer=FormRenderer())
    assert '<input type="radio" name="field" value="1" required checked>'.replace(" required", "") in shown
