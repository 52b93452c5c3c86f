"""What a request sends to a page of records: identifiers and values that cannot be read are left out."""

from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from openfire_billing.kernel.formats import read_id
from openfire_billing.web.days import MomentFormField, refuse_far_day


class ReadableMixin:
    """Reads the address of a record, the ticked rows of a list and the values that a link fills in a new form."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """As Django's; None for a text that is no identifier."""
        if from_field is None and read_id(object_id) is None:
            return None
        return super().get_object(request, object_id, from_field)  # type: ignore[misc]

    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        """As Django's, on the ticked rows whose identifier can be read."""
        sent = request.POST.copy()
        sent.setlist(ACTION_CHECKBOX_NAME, [pk for pk in sent.getlist(ACTION_CHECKBOX_NAME) if read_id(pk) is not None])
        request.POST = sent  # type: ignore[assignment]  # Django declares the one it makes, which cannot be changed
        return super().response_action(request, queryset)  # type: ignore[misc]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the address fills in a new form, {field: value}, without what its fields cannot read."""
        sent: dict[str, Any] = super().get_changeform_initial_data(request)  # type: ignore[misc]
        fields = self.get_form(request).base_fields if sent else {}  # type: ignore[attr-defined]
        read = {name: _read(fields[name], value) for name, value in sent.items() if name in fields}
        return {name: value for name, value in read.items() if value is not None}


def _read(field: forms.Field, value: Any) -> Any:
    """Return the first value of a form field from a text, or from texts for several records; None when it has none."""
    if isinstance(field, forms.ModelMultipleChoiceField):
        return [text for text in value if read_id(text) is not None]
    if isinstance(field, forms.ModelChoiceField):
        return read_id(value)
    try:
        if isinstance(field, forms.SplitDateTimeField):
            moment = MomentFormField(required=False).clean(value)
            if moment is not None:
                refuse_far_day(moment)
            return moment
        field.run_validators(field.to_python(value))
    except (ValidationError, ValueError, OverflowError):
        return None
    return value
