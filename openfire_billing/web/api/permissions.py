"""Permissions of the API: a view names those its action needs; an action without them is closed."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS, BasePermission

from openfire_billing.db.areas import Right, area_of, areas

ACTS = {
    "list": "view",
    "retrieve": "view",
    "pdf": "view",
    "journal": "view",
    "create": "add",
    "partial_update": "change",
    "destroy": "delete",
}


def permission_of(model: Any, action: str) -> str:
    """Return "invoicing.view_invoice" for the list of invoices."""
    return f"{model._meta.app_label}.{ACTS[action]}_{model._meta.model_name}"


class KeyTooNarrow(PermissionDenied):
    """The key of a program leaves out what it asks for."""

    code = "key_too_narrow"


class MayDo(BasePermission):
    """Asks the view: `permissions_needed()` names the permissions, or None when the view decides by itself."""

    def has_permission(self, request: Any, view: Any) -> bool:
        if view.action in (None, "metadata"):  # a method that does not exist here: 405 says so
            return True
        self._refuse_beyond_key(request, view)
        return bool(request.user.has_perms(view.permissions_needed()))

    @staticmethod
    def _refuse_beyond_key(request: Any, view: Any) -> None:
        """Raise KeyTooNarrow when the key of a program does not open the area of the view to what is asked."""
        key = getattr(request.user, "service_key", None)
        if key is None:
            return
        code = area_of(view.queryset.model)
        right: Right = "read" if request.method in SAFE_METHODS else "write"
        if code and key.may(code, right):
            return
        label = next((area.label for area in areas() if area.code == code), view.queryset.model._meta.verbose_name)
        if right == "write":
            raise KeyTooNarrow(
                _("La clé « %(key)s » n'écrit pas dans « %(area)s ».") % {"key": key.name, "area": label}
            )
        raise KeyTooNarrow(_("La clé « %(key)s » ne lit pas « %(area)s ».") % {"key": key.name, "area": label})
