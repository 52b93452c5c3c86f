"""The form of a record's page."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from invoicing.services.records.shared import refusal_of_shared
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.web.asked import Asked, mark_asked
from openfire_billing.web.choices import narrow_choices
from openfire_billing.web.known_relations import reuse_known


def office_form(
    form: Any,
    *,
    user: Any,
    refusal: BusinessError | ValidationError | None,
    leaves_constraints: bool,
    asks: Mapping[str, Asked],
) -> Any:
    """Return a form class whose choices are those of `user`, and that shows `refusal` with the typed values.

    It refuses a change of a record that all companies share by somebody who does not work for all of them.
    `leaves_constraints`: the service of the record checks its constraints. `asks`: {field: why it will be asked for}.
    """

    shown = faults_by_field(refusal) if refusal is not None else {}

    class OfficeForm(form):  # type: ignore[misc]
        def __init__(self, *args: Any, **values: Any) -> None:
            super().__init__(*args, **values)
            narrow_choices(self, user)
            reuse_known(self)
            self.instance.leaves_constraints = leaves_constraints
            mark_asked(self, asks)

        def clean(self) -> Any:
            data = super().clean()
            for field, errors in shown.items():
                self.add_error(field if field in self.fields else None, errors)
            if self.instance.pk:
                self._refuse_shared(self.changed_data)
            return data

        def _post_clean(self) -> None:
            super()._post_clean()
            if self.instance.pk is None:
                self._refuse_shared(())

        def _refuse_shared(self, changed: Iterable[str]) -> None:
            if text := refusal_of_shared(self.instance, changed=changed, by=user):
                self.add_error(None, str(text))

    return OfficeForm


def faults_by_field(refusal: BusinessError | ValidationError) -> dict[Any, Any]:
    """Return {field: sentences} of all the faults of a refusal; "" or « __all__ » for those that are about no field."""
    if isinstance(refusal, ValidationError):
        return refusal.message_dict
    found: dict[str, list[str]] = {}
    for fault in refusal.faults:
        found.setdefault(fault.field, []).append(str(fault))
    return found
