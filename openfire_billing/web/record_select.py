"""Boxes that choose a record by typing: a select inside an element that static/openfire/office/choices.js brings to life."""

import json
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AutocompleteMixin, AutocompleteSelect, AutocompleteSelectMultiple
from django.utils.html import format_html
from django.utils.safestring import SafeString

from openfire_billing.kernel.formats import read_id


class ChoiceBox(AutocompleteMixin):
    """What both boxes share. Without script the select remains, with what is chosen."""

    media = forms.Media()

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> dict[str, Any]:
        return {**base_attrs, **(extra_attrs or {})}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        meta = self.field.model._meta
        asked = {"app_label": meta.app_label, "model_name": meta.model_name, "field_name": self.field.name}
        return format_html(
            '<of-choice class="of-choice" data-url="{}" data-asked="{}"{}>{}</of-choice>',
            self.get_url(),
            json.dumps(asked),
            SafeString(" data-required" if self.is_required else ""),
            super().render(name, value, attrs, renderer),
        )


class RecordSelect(ChoiceBox, AutocompleteSelect):
    """A choice of one record. A value that names no record chooses nothing, and the form says so.

    `known`: {key: name} of the records its form has loaded; they are shown without a query.
    """

    known: ClassVar[dict[str, str]] = {}

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        chosen = [v for v in value if read_id(v)]
        if not chosen or not all(str(v) in self.known for v in chosen):
            return super().optgroups(name, chosen or [""], attr)
        options = [self.create_option(name, "", "", False, 0)]
        options += [self.create_option(name, v, self.known[str(v)], True, n) for n, v in enumerate(chosen, 1)]
        return [(None, options, 0)]


class RecordsSelect(ChoiceBox, AutocompleteSelectMultiple):
    """A choice of several records. Values that cannot be keys are left out."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return [v for v in super().value_from_datadict(data, files, name) or () if read_id(v)]
