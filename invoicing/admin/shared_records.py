"""Pages of records that all companies share: what their user may change and delete."""

from typing import Any

from django.db.models import Field
from django.http import HttpRequest

from invoicing.services.records.shared import (
    refusal_of_deletion,
    refusal_of_kept,
    refusal_of_shared,
    used_by_others,
    works_for_all,
)
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned
from openfire_billing.web.deletion import deleted_objects
from openfire_billing.web.users import user_of


def kept_refusal(request: HttpRequest, record: Any) -> Text:
    """Return why the user may not change the fields `KEPT_FOR_OTHERS` of a record; "" when he may. Read once a request."""
    if not isinstance(record, Versioned) or not record.pk or not record.KEPT_FOR_OTHERS:
        return ""
    texts = request.__dict__.setdefault("office_kept", {})
    key = (type(record), record.pk)
    if key not in texts:
        is_kept = used_by_others(record, user_of(request))
        texts[key] = refusal_of_kept(record, record.KEPT_FOR_OTHERS) if is_kept else ""
    text: Text = texts[key]
    return text


class SharedRecordsMixin:
    """Refuses, on the page of a shared record, what another company depends on."""

    @staticmethod
    def works_for_all(request: HttpRequest) -> bool:
        """Return whether the user works for every company; asked once for each page."""
        found = request.__dict__
        if "office_works_for_all" not in found:
            found["office_works_for_all"] = works_for_all(user_of(request))
        return bool(found["office_works_for_all"])

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not self._is_for_all(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not self._is_for_all(request, obj)  # type: ignore[misc]

    def _is_for_all(self, request: HttpRequest, obj: Any) -> bool:
        """Return whether a record serves all companies, and the user does not work for all of them."""
        return obj is not None and bool(refusal_of_shared(obj, changed=(), by=user_of(request)))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the fields that another company's use keeps, without boxes.

        A box that was sent all the same, by a page opened before that use, stays: its change is refused in a sentence.
        """
        fields = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        if not kept_refusal(request, obj):
            return fields
        kept = [
            name
            for name in obj.KEPT_FOR_OTHERS
            if isinstance(obj._meta.get_field(name), Field) and name not in request.POST
        ]
        return (*fields, *kept)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """As Django's, on what goes with deleted records. Those that the user may not see are counted, not named.

        A shared record that another company uses is not deleted: the reason stands among what forbids it.
        """
        nested, counts, missing, protected = deleted_objects(objs, request, self.admin_site)  # type: ignore[attr-defined]
        refusals = [str(text) for record in objs if (text := refusal_of_deletion(record, by=user_of(request)))]
        return nested, counts, missing, [*refusals, *protected]
