"""Permissions of the API: a view names those its action needs; an action without them is closed."""

from typing import Any

from rest_framework.permissions import BasePermission

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


class MayDo(BasePermission):
    """Asks the view: `permissions_needed()` names the permissions, or None when the view decides by itself."""

    def has_permission(self, request: Any, view: Any) -> bool:
        if view.action in (None, "metadata"):  # a method that does not exist here: 405 says so
            return True
        return bool(request.user.has_perms(view.permissions_needed()))
